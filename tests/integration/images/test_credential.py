"""A personal access token buys access tokens in time; a legacy token is sent as it is."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from backend.errors import (
    ImageNotFound,
    LabelStudioRefuses,
    LabelStudioUnavailable,
    SettingsError,
)
from backend.images.reference import parse_image_ref
from backend.label_studio.credential import LabelStudioCredential
from backend.settings import Settings
from tests.integration.images.conftest import MakeFetcher
from tests.integration.images.servers import LocalServer, answer, as_json, jwt, png

LEGACY = "0123456789abcdef0123456789abcdef01234567"
PAT = jwt(token_type="refresh", exp=9_999_999_999, jti="personal")
REFRESH = "/api/token/refresh"


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Tokens:
    """Label Studio's token endpoint: a new access token each time; `valid` ones open the upload."""

    def __init__(self, server: LocalServer, life_s: int = 300) -> None:
        self.life_s = life_s
        self.given: list[str] = []
        self.revoked: set[str] = set()
        self.bodies: list[Any] = []
        server.routes[REFRESH] = self._give
        server.routes["/data/upload/1/a.png"] = self._open

    def _give(self, handler: BaseHTTPRequestHandler) -> None:
        self.bodies.append(json.loads(handler.body))  # type: ignore[attr-defined]
        number = len(self.given)
        self.given.append(jwt(token_type="access", iat=50, exp=50 + self.life_s, jti=number))
        time.sleep(0.02)
        as_json({"access": self.given[-1]})(handler)

    def _open(self, handler: BaseHTTPRequestHandler) -> None:
        token = handler.headers.get("Authorization", "").removeprefix("Bearer ")
        good = token in self.given and token not in self.revoked
        (answer(png()) if good else answer(b"", 401))(handler)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def tokens(label_studio: LocalServer) -> Tokens:
    return Tokens(label_studio)


@pytest.fixture
def credential(label_studio: LocalServer, clock: Clock) -> LabelStudioCredential:
    # The made-up name is known to the fetcher's resolver alone; the token request looks up the real way.
    url = f"http://127.0.0.1:{label_studio.port}"
    return LabelStudioCredential(url, SecretStr(PAT), clock=clock, timeout_s=120.0)


def test_a_personal_access_token_is_exchanged(
    credential: LabelStudioCredential, tokens: Tokens
) -> None:
    assert credential.headers() == {"Authorization": f"Bearer {tokens.given[0]}"}
    assert tokens.bodies == [{"refresh": PAT}]


def test_an_access_token_is_kept_until_shortly_before_its_end(
    credential: LabelStudioCredential, tokens: Tokens, clock: Clock
) -> None:
    first = credential.headers()
    clock.now += 200
    assert credential.headers() == first
    clock.now += 45
    assert credential.headers() != first
    assert len(tokens.given) == 2


def test_many_threads_cause_one_exchange(credential: LabelStudioCredential, tokens: Tokens) -> None:
    with ThreadPoolExecutor(16) as pool:
        found = list(pool.map(lambda _: credential.headers()["Authorization"], range(64)))
    assert len(set(found)) == 1
    assert len(tokens.given) == 1


def test_a_legacy_token_is_sent_as_it_is(label_studio: LocalServer) -> None:
    credential = LabelStudioCredential(label_studio.url, SecretStr(f" {LEGACY}\n"))
    assert credential.headers() == {"Authorization": f"Token {LEGACY}"}
    assert credential.renew(credential.headers()) is False
    assert label_studio.seen == []


def test_a_rejected_token_is_replaced_once(
    credential: LabelStudioCredential, tokens: Tokens, make_fetcher: MakeFetcher
) -> None:
    fetcher = make_fetcher(credential)
    ref = parse_image_ref("/data/upload/1/a.png", task_id=1)
    assert fetcher.fetch(ref).data == png()
    tokens.revoked.update(tokens.given)
    assert fetcher.fetch(ref).data == png()
    assert len(tokens.given) == 2


def test_when_the_new_token_is_rejected_too_it_ends(
    credential: LabelStudioCredential,
    tokens: Tokens,
    label_studio: LocalServer,
    make_fetcher: MakeFetcher,
) -> None:
    label_studio.routes["/data/upload/1/a.png"] = answer(b"", 401)
    with pytest.raises(ImageNotFound, match="FIRSTPASS_LABEL_STUDIO_API_KEY"):
        make_fetcher(credential).fetch(parse_image_ref("/data/upload/1/a.png", task_id=1))
    assert len(tokens.given) == 2


def test_a_token_that_another_thread_replaced_is_not_thrown_away(
    credential: LabelStudioCredential, tokens: Tokens
) -> None:
    old = credential.headers()
    credential.renew(old)
    new = credential.headers()
    assert credential.renew(old) is True
    assert credential.headers() == new
    assert len(tokens.given) == 2


@pytest.mark.parametrize(
    ("route", "kind", "words"),
    [
        (as_json({"detail": "expired"}, 401), LabelStudioRefuses, "refuses the personal access"),
        (answer(b"", 301, {"Location": "https://x/"}), LabelStudioRefuses, "LABEL_STUDIO_URL"),
        (answer(b"", 503), LabelStudioUnavailable, "answers 503"),
        (answer(b"<html>"), LabelStudioUnavailable, "without an access token"),
        (as_json([]), LabelStudioUnavailable, "without an access token"),
        (as_json({"access": 5}), LabelStudioUnavailable, "without an access token"),
        (as_json({"access": "a\r\nX-Evil: 1"}), LabelStudioUnavailable, "without an access token"),
    ],
)
def test_what_is_wrong_is_said_without_the_token(
    route: Callable[..., None],
    kind: type[Exception],
    words: str,
    credential: LabelStudioCredential,
    label_studio: LocalServer,
) -> None:
    label_studio.routes[REFRESH] = route
    for _ in range(2):
        with pytest.raises(kind, match=words) as caught:
            credential.headers()
        assert PAT not in str(caught.value)


def test_nobody_there_is_said_and_not_asked_again_at_once(clock: Clock) -> None:
    with LocalServer() as gone:
        url = gone.url
    credential = LabelStudioCredential(url, SecretStr(PAT), clock=clock, timeout_s=120.0)
    for _ in range(3):
        with pytest.raises(LabelStudioUnavailable, match="does not answer"):
            credential.headers()


def test_after_a_failure_the_next_exchange_waits_a_moment(
    credential: LabelStudioCredential, label_studio: LocalServer, clock: Clock
) -> None:
    label_studio.routes[REFRESH] = answer(b"", 503)
    for _ in range(5):
        with pytest.raises(LabelStudioUnavailable):
            credential.headers()
    assert len(label_studio.seen) == 1
    tokens = Tokens(label_studio)
    clock.now += 6
    assert credential.headers()["Authorization"] == f"Bearer {tokens.given[0]}"


def test_proxies_of_the_environment_do_not_see_the_token(
    credential: LabelStudioCredential,
    tokens: Tokens,
    inside: LocalServer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("http_proxy", inside.url)
    monkeypatch.setenv("no_proxy", "")
    credential.headers()
    assert inside.connections() == 0
    assert tokens.given


@pytest.mark.parametrize("key", [PAT, LEGACY])
def test_the_key_does_not_print(key: str) -> None:
    credential = LabelStudioCredential("http://ls", SecretStr(key))
    for text in (repr(credential), str(credential), str(vars(credential))):
        assert key not in text


@pytest.mark.parametrize(
    ("key", "words"),
    [
        ("", "another shape"),
        ("hunter2", "another shape"),
        ("a.b", "another shape"),
        ("g" * 40, "another shape"),
        (f"Token {LEGACY}", "another shape"),
        (jwt(token_type="access"), "lives a few minutes"),
    ],
)
def test_a_key_of_another_shape_stops_the_start(key: str, words: str) -> None:
    with pytest.raises(SettingsError, match=words) as caught:
        LabelStudioCredential("http://ls", SecretStr(key))
    assert not key or key not in str(caught.value)


def test_without_both_settings_there_is_no_credential() -> None:
    key = SecretStr(LEGACY)
    make = LabelStudioCredential.from_settings
    assert make(Settings()) is None
    assert make(Settings(label_studio_url="http://ls")) is None
    assert make(Settings(label_studio_api_key=key)) is None
    found = make(Settings(label_studio_url="http://ls", label_studio_api_key=key))
    assert found is not None
    assert found.headers() == {"Authorization": f"Token {LEGACY}"}


def test_the_key_may_stand_in_a_file(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text(f"{LEGACY}\n")
    settings = Settings(label_studio_url="http://ls", label_studio_api_key_file=file)
    found = LabelStudioCredential.from_settings(settings)
    assert found is not None
    assert found.headers() == {"Authorization": f"Token {LEGACY}"}
    assert found.kind == "legacy token"


def test_a_key_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    settings = Settings(label_studio_url="http://ls", label_studio_api_key_file=tmp_path / "none")
    with pytest.raises(SettingsError, match=r"API_KEY_FILE.*none: No such file"):
        LabelStudioCredential.from_settings(settings)


def test_a_key_and_a_key_file_together_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="two places for one token"):
        Settings(label_studio_api_key=SecretStr(LEGACY), label_studio_api_key_file=tmp_path)
