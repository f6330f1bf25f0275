"""Why images are not read, each reason with its remedy followed as it is written in the sentence.

A test gets the sentence, takes the variable, value or format out of it, does that, and sees it work.
"""

from __future__ import annotations

import io
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import trustme
from PIL import Image

from backend.errors import FirstpassError
from backend.images.decode import decode_image
from backend.images.fetch import ImageFetcher
from backend.images.reference import parse_image_ref
from backend.label_studio.credential import LabelStudioCredential
from backend.settings import load_settings
from tests.integration.following import Follow, taken
from tests.integration.images.servers import LocalServer, answer, png

TOKEN = "0123456789" * 4


def fetched(address: str) -> bytes:
    """The file that a task points to, read as the environment says."""
    settings = load_settings()
    credential = LabelStudioCredential.from_settings(settings)
    with ImageFetcher(settings, credential) as fetcher:
        home = settings.label_studio_url
        return fetcher.fetch(parse_image_ref(address, task_id=1, label_studio_url=home)).data


def refused(address: str) -> str:
    with pytest.raises(FirstpassError) as caught:
        fetched(address)
    return str(caught.value)


@pytest.fixture
def server() -> Iterator[LocalServer]:
    with LocalServer() as served:
        served.routes["/a.png"] = answer(png())
        yield served


def test_an_inside_address_is_allowed_by_what_is_said(server: LocalServer, follow: Follow) -> None:
    said = refused(f"{server.url}/a.png")

    follow(taken(said, r"to (FIRSTPASS_\w+)"), taken(said, r"add `([^`]+)`"))
    assert fetched(f"{server.url}/a.png") == png()


def test_an_upload_is_read_with_the_address_and_token_that_are_asked_for(
    server: LocalServer, follow: Follow
) -> None:
    """First the one is missing, then the other."""

    def upload(handler: Any) -> None:
        allowed = handler.headers.get("Authorization") == f"Token {TOKEN}"
        (answer(png()) if allowed else answer(status=401))(handler)

    server.routes["/data/upload/1/a.png"] = upload
    said = refused("/data/upload/1/a.png")
    follow(taken(said, r"set (FIRSTPASS_\w+)"), server.url)

    said = refused("/data/upload/1/a.png")
    follow(taken(said, r"set (FIRSTPASS_\w+)"), TOKEN)
    assert fetched("/data/upload/1/a.png") == png()


def test_a_local_file_is_found_under_the_root_that_is_meant(tmp_path: Path, follow: Follow) -> None:
    """And one outside of it when it is put there."""
    root, outside = tmp_path / "documents", tmp_path / "outside.png"
    (root / "photos").mkdir(parents=True)
    (root / "photos" / "a.png").write_bytes(png())
    outside.write_bytes(png(3, 3))
    (root / "photos" / "b.png").symlink_to(outside)
    follow("FIRSTPASS_LOCAL_FILES_ROOT", root / "photos")
    said = refused("/data/local-files/?d=photos/a.png")
    assert "the folder that Label Studio calls LOCAL_FILES_DOCUMENT_ROOT" in said
    follow(taken(said, r"under (FIRSTPASS_\w+)"), root)
    assert fetched("/data/local-files/?d=photos/a.png") == png()

    said = refused("/data/local-files/?d=photos/b.png")
    assert "put the file itself there" in said
    outside.replace(root / "photos" / "b.png")
    assert fetched("/data/local-files/?d=photos/b.png") == png(3, 3)


def test_a_larger_image_is_read_with_a_larger_limit(tmp_path: Path, follow: Follow) -> None:
    """In pixels and in bytes."""
    (tmp_path / "a.png").write_bytes(png(900, 700) + b"\0" * 2000)
    follow("FIRSTPASS_LOCAL_FILES_ROOT", tmp_path)
    follow("FIRSTPASS_IMAGE_MAX_BYTES", 1024)
    follow("FIRSTPASS_IMAGE_MAX_PIXELS", 1000)

    said = refused("/data/local-files/?d=a.png")
    follow(taken(said, r"\((FIRSTPASS_\w+)\)"), 10 * int(taken(said, r"larger than (\d+) bytes")))
    data = fetched("/data/local-files/?d=a.png")
    with pytest.raises(FirstpassError) as caught:
        decode_image(data, load_settings().image_max_pixels)

    width, height = taken(str(caught.value), r"has (\d+x\d+) pixels").split("x")
    follow(taken(str(caught.value), r"\((FIRSTPASS_\w+)\)"), int(width) * int(height))
    assert decode_image(data, load_settings().image_max_pixels).size == (900, 700)


def test_a_certificate_is_trusted_by_the_file_that_is_asked_for(
    tmp_path: Path, follow: Follow
) -> None:
    authority, context = trustme.CA(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    file = tmp_path / "authority.pem"
    authority.cert_pem.write_to_path(str(file))
    with LocalServer(tls=context) as server:
        server.routes["/a.png"] = answer(png())
        follow("FIRSTPASS_IMAGE_ALLOW", server.address)
        said = refused(f"{server.url}/a.png")

        follow(taken(said, r"name that authority's file in (\w+)"), file)
        assert fetched(f"{server.url}/a.png") == png()


@pytest.mark.parametrize("way", ["JPEG2000", "PPM", "ICO", "SGI"])
def test_an_image_of_another_format_is_read_when_saved_as_is_said(way: str) -> None:
    """Whatever it came as; of what is not recognised the formats that are read are named."""
    picture = Image.new("RGB", (32, 32), "teal")
    came = io.BytesIO()
    picture.save(came, way)
    with pytest.raises(FirstpassError) as caught:
        decode_image(came.getvalue(), 10_000)

    said, anew = str(caught.value), io.BytesIO()
    pattern = r"expected an image \((\w+)," if way == "SGI" else r"save it anew as (\w+) or"
    picture.save(anew, taken(said, pattern))
    assert decode_image(anew.getvalue(), 10_000).size == (32, 32)
