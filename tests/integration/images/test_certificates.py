"""Images and Label Studio over https: whose certificates count, and what a wrong one leads to."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
import trustme
from pydantic import SecretStr

from backend.errors import ImageUnreachable, LabelStudioUnavailable
from backend.images.fetch import ImageFetcher
from backend.images.reference import parse_image_ref
from backend.label_studio.api import LabelStudioApi
from backend.settings import Settings
from tests.integration.images.servers import LocalServer, answer, as_json, jwt, png, resolve

PAT = jwt(token_type="refresh", exp=9_999_999_999, jti="personal")

#: Starts a server of a name whose certificate is for another name, or the same.
Serve = Callable[[str, str], LocalServer]


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    """A certificate authority of a company's own."""
    return trustme.CA()


@pytest.fixture
def serve(authority: trustme.CA) -> Iterator[Serve]:
    with ExitStack() as stack:

        def start(name: str, certified: str) -> LocalServer:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            authority.issue_cert(certified).configure_cert(context)
            server = stack.enter_context(LocalServer(name, tls=context))
            server.routes["/a.png"] = answer(png())
            return server

        yield start


@pytest.fixture
def trusted(authority: trustme.CA, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As an operator says it: in the environment."""
    file = tmp_path / "authority.pem"
    authority.cert_pem.write_to_path(str(file))
    monkeypatch.setenv("SSL_CERT_FILE", str(file))


def fetched(server: LocalServer) -> bytes:
    settings = Settings(image_allow=(server.address,), image_timeout_s=30)
    with ImageFetcher(settings, None, resolve=resolve) as fetcher:
        url = f"{server.url}/a.png"
        return fetcher.fetch(parse_image_ref(url, task_id=1, label_studio_url=None)).data


@pytest.mark.usefixtures("trusted")
def test_a_trusted_authoritys_server_is_read_over_https(serve: Serve) -> None:
    """The address was looked up and checked by us; the certificate is for the name all the same."""
    assert fetched(serve("outside.test", "outside.test")) == png()


@pytest.mark.usefixtures("trusted")
def test_a_certificate_for_another_name_is_refused(serve: Serve) -> None:
    """Whoever answers at a checked address is not yet whom the URL names."""
    server = serve("outside.test", "other.test")

    with pytest.raises(ImageUnreachable, match="Hostname mismatch"):
        fetched(server)
    assert server.seen == []


def test_an_unknown_authoritys_server_is_refused_and_the_error_says_how_to_trust_it(
    serve: Serve,
) -> None:
    """Nothing is asked of it."""
    server = serve("outside.test", "outside.test")

    with pytest.raises(ImageUnreachable, match="SSL_CERT_FILE"):
        fetched(server)
    assert server.seen == []


@pytest.mark.usefixtures("trusted")
def test_label_studio_is_spoken_to_over_https(serve: Serve) -> None:
    """Access token and projects come from a server with a certificate of a company's own authority."""
    server = serve("127.0.0.1", "127.0.0.1")
    server.routes["/api/token/refresh"] = as_json({"access": jwt(token_type="access")})
    server.routes["/api/projects/7/model-versions/"] = as_json({"static": []})

    with api_of(server) as api:
        assert api.model_versions(7) == {}


def test_a_label_studio_of_an_unknown_authority_gets_no_token(serve: Serve) -> None:
    """The error says how to trust it, and the token was not sent."""
    server = serve("127.0.0.1", "127.0.0.1")

    with api_of(server) as api, pytest.raises(LabelStudioUnavailable, match="SSL_CERT_FILE"):
        api.project(7)
    assert server.seen == []


def api_of(server: LocalServer) -> LabelStudioApi:
    settings = Settings(label_studio_url=server.url, label_studio_api_key=SecretStr(PAT))
    return LabelStudioApi.from_settings(settings)
