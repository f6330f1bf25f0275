"""Bytes, seconds and redirects are bounded whatever a server does."""

from __future__ import annotations

import gzip
import socket
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler

import pytest
from PIL import ImageFile

from backend.errors import (
    FirstpassError,
    ImageNotFound,
    ImageRefused,
    ImageUnreachable,
    ImageUnreadable,
)
from backend.images.decode import decode_image
from backend.images.fetch import ImageFetcher
from backend.images.reference import ImageRef, parse_image_ref
from backend.settings import Settings
from tests.integration.images.conftest import MakeFetcher
from tests.integration.images.servers import LocalServer, answer, png, redirect
from tests.unit.images.pictures import png_bomb

LIMIT = 65_536
SHORT_S = 0.3
#: Longer than the machine pauses, and shorter than the time limit of tests that set none.
GOES_ON_S = 60.0


def on(server: LocalServer, path: str) -> ImageRef:
    return parse_image_ref(f"{server.url}{path}", task_id=1)


@contextmanager
def before_the_server_is_done() -> Iterator[None]:
    """Fails when the block went on for as long as `raw` routes go on by themselves."""
    started = time.monotonic()
    yield
    assert time.monotonic() - started < GOES_ON_S - 1


def raw(*pieces: bytes, every_s: float = 0.0, forever: bool = False) -> Callable[..., None]:
    """A route that writes these bytes as they are, again and again with `forever`, then hangs up."""

    def route(handler: BaseHTTPRequestHandler) -> None:
        handler.close_connection = True
        until = time.monotonic() + GOES_ON_S
        rest = list(pieces)
        while rest and time.monotonic() < until:
            handler.wfile.write(rest[0])
            if not (forever and len(rest) == 1):
                del rest[0]
            time.sleep(every_s)

    return route


OK = b"HTTP/1.1 200 OK\r\n"


def test_a_body_within_the_limit_comes_whole(
    outside: LocalServer, make_fetcher: MakeFetcher
) -> None:
    outside.routes["/x"] = answer(b"x" * LIMIT)
    assert make_fetcher().fetch(on(outside, "/x")).data == b"x" * LIMIT


def test_the_sha256_is_of_the_bytes(outside: LocalServer, make_fetcher: MakeFetcher) -> None:
    outside.routes["/x"] = answer(b"abc")
    found = make_fetcher().fetch(on(outside, "/x"))
    assert found.sha256 == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert "abc" not in repr(found)


@pytest.mark.parametrize(
    "route",
    [
        pytest.param(answer(b"x" * (LIMIT + 1)), id="one byte too many"),
        pytest.param(raw(OK + b"Content-Length: 99999999999\r\n\r\n", b"x"), id="announced"),
        pytest.param(raw(OK + b"\r\n", b"x" * 9999, forever=True), id="endless"),
        pytest.param(
            raw(
                OK + b"Transfer-Encoding: chunked\r\n\r\n",
                b"2710\r\n" + b"x" * 10_000 + b"\r\n",
                forever=True,
            ),
            id="endless chunks",
        ),
        pytest.param(
            answer(gzip.compress(bytes(10_000_000)), headers={"Content-Encoding": "gzip"}),
            id="gzip bomb",
        ),
        pytest.param(
            answer(png(), headers={"Content-Encoding": "br, gzip"}), id="several encodings"
        ),
    ],
)
def test_too_much_is_refused(
    route: Callable[..., None], outside: LocalServer, make_fetcher: MakeFetcher
) -> None:
    outside.routes["/x"] = route
    with before_the_server_is_done(), pytest.raises(ImageRefused):
        make_fetcher().fetch(on(outside, "/x"))


@pytest.mark.parametrize(
    "route",
    [
        pytest.param(raw(OK + b"Content-Length: 500\r\n\r\n", b"x"), id="fewer bytes than said"),
        pytest.param(
            raw(OK + b"Transfer-Encoding: chunked\r\n\r\n", b"5\r\nab"), id="broken chunk"
        ),
        pytest.param(
            raw(OK + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nabcde"), id="two lengths"
        ),
        pytest.param(raw(OK + b"Content-Length: -5\r\n\r\nabcde"), id="negative length"),
        pytest.param(raw(OK + b"X: " + b"y" * 200_000 + b"\r\n\r\n"), id="huge header"),
        pytest.param(raw(b"SSH-2.0-OpenSSH_9.6\r\n"), id="not HTTP"),
        pytest.param(raw(b"HTTP/1.1 200 OK\x00\r\n\x1b[2J\r\n\r\n"), id="control characters"),
        pytest.param(raw(), id="hangs up"),
        pytest.param(answer(b"", 500), id="500"),
        pytest.param(answer(b"has_permission", 500), id="500 elsewhere"),
        pytest.param(answer(b"", 429), id="429"),
    ],
)
def test_broken_answers_are_unreachable(
    route: Callable[..., None], outside: LocalServer, make_fetcher: MakeFetcher
) -> None:
    outside.routes["/x"] = route
    with before_the_server_is_done(), pytest.raises(ImageUnreachable) as caught:
        make_fetcher().fetch(on(outside, "/x"))
    assert str(caught.value).isprintable()


@pytest.mark.parametrize(
    "route",
    [
        pytest.param(raw(b"", every_s=GOES_ON_S), id="no answer"),
        pytest.param(
            raw(b"HTTP/1.1 200 OK\r\nX", b"y", every_s=0.02, forever=True), id="header drips"
        ),
        pytest.param(raw(OK + b"\r\n", b"x", every_s=0.02, forever=True), id="body drips"),
        pytest.param(
            raw(b"HTTP/1.1 102 Wait\r\n\r\n", every_s=0.02, forever=True), id="never final"
        ),
        pytest.param(
            raw(b"HTTP/1.1 404 No\r\n\r\n", b"x", every_s=0.02, forever=True), id="error drips"
        ),
    ],
)
def test_slow_answers_end_at_the_time_limit(
    route: Callable[..., None], outside: LocalServer, make_fetcher: MakeFetcher
) -> None:
    outside.routes["/x"] = route
    timed_out = pytest.raises(ImageUnreachable, match="FIRSTPASS_IMAGE_TIMEOUT_S")
    with before_the_server_is_done(), timed_out:
        make_fetcher(image_timeout_s=SHORT_S).fetch(on(outside, "/x"))


def test_the_time_limit_is_for_all_hops_together(
    outside: LocalServer, make_fetcher: MakeFetcher
) -> None:
    def slowly(handler: BaseHTTPRequestHandler) -> None:
        time.sleep(SHORT_S * 0.45)
        redirect("/x")(handler)

    outside.routes["/x"] = slowly
    with pytest.raises(ImageUnreachable, match="FIRSTPASS_IMAGE_TIMEOUT_S"):
        make_fetcher(image_timeout_s=SHORT_S, image_max_redirects=50).fetch(on(outside, "/x"))


def test_nobody_listening_is_unreachable(outside: LocalServer, make_fetcher: MakeFetcher) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"outside.test:{free.getsockname()[1]}"
    with pytest.raises(ImageUnreachable):
        make_fetcher(image_allow=(address,)).fetch(
            parse_image_ref(f"http://{address}/x", task_id=1)
        )


def test_plain_http_behind_https_is_unreachable(
    outside: LocalServer, make_fetcher: MakeFetcher
) -> None:
    with before_the_server_is_done(), pytest.raises(ImageUnreachable):
        make_fetcher().fetch(parse_image_ref(f"https://{outside.address}/a.png", task_id=1))


def test_an_unknown_host_is_unreachable() -> None:
    def nowhere(host: str, port: int) -> list[str]:
        raise OSError("Name or service not known")

    ref = parse_image_ref("http://nowhere.test/x", task_id=1)
    with (
        ImageFetcher(Settings(), None, resolve=nowhere) as fetcher,
        pytest.raises(ImageUnreachable, match=r"nowhere\.test cannot be looked up"),
    ):
        fetcher.fetch(ref)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirects_are_followed_up_to_the_limit(
    status: int, outside: LocalServer, make_fetcher: MakeFetcher
) -> None:
    for step in range(3):
        outside.routes[f"/{step}"] = redirect(f"/{step + 1}", status)
    outside.routes["/3"] = answer(png())
    assert make_fetcher().fetch(on(outside, "/0")).data == png()
    with pytest.raises(ImageRefused, match="more than 2 times"):
        make_fetcher(image_max_redirects=2).fetch(on(outside, "/0"))


def test_a_redirect_loop_ends(outside: LocalServer, make_fetcher: MakeFetcher) -> None:
    outside.routes["/x"] = redirect("/y")
    outside.routes["/y"] = redirect("/x")
    with pytest.raises(ImageRefused, match="FIRSTPASS_IMAGE_MAX_REDIRECTS"):
        make_fetcher().fetch(on(outside, "/x"))
    assert len(outside.seen) == 4


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (204, ImageNotFound),
        (206, ImageNotFound),
        (302, ImageNotFound),
        (304, ImageNotFound),
        (401, ImageNotFound),
        (403, ImageNotFound),
        (404, ImageNotFound),
        (410, ImageNotFound),
        (502, ImageUnreachable),
    ],
)
def test_a_status_other_than_200_is_an_error(
    status: int, kind: type[FirstpassError], outside: LocalServer, make_fetcher: MakeFetcher
) -> None:
    outside.routes["/x"] = answer(b"", status)
    with pytest.raises(kind, match=str(status)):
        make_fetcher().fetch(on(outside, "/x"))


def test_huge_dimensions_in_a_small_file_are_refused_before_any_pixel_is_decoded(
    outside: LocalServer, make_fetcher: MakeFetcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    def load(image: ImageFile.ImageFile) -> None:
        pytest.fail("it was decoded")

    monkeypatch.setattr(ImageFile.ImageFile, "load", load)
    outside.routes["/x"] = answer(png_bomb(12_000, 12_000))
    fetched = make_fetcher().fetch(on(outside, "/x"))
    with pytest.raises(ImageRefused, match="pixels"):
        decode_image(fetched.data, 100_000_000)


def test_a_login_page_named_jpg_is_no_image(
    outside: LocalServer, make_fetcher: MakeFetcher
) -> None:
    outside.routes["/x.jpg"] = answer(
        b"<!DOCTYPE html><html>", headers={"Content-Type": "image/jpeg"}
    )
    fetched = make_fetcher().fetch(on(outside, "/x.jpg"))
    with pytest.raises(ImageUnreadable, match="HTML page"):
        decode_image(fetched.data, 1000)


def test_data_uris_are_held_to_the_limit(make_fetcher: MakeFetcher) -> None:
    fetcher = make_fetcher()
    small = parse_image_ref(f"data:image/png,{'x' * LIMIT}", task_id=1)
    assert len(fetcher.fetch(small).data) == LIMIT
    with pytest.raises(ImageRefused, match="FIRSTPASS_IMAGE_MAX_BYTES"):
        fetcher.fetch(parse_image_ref(f"data:image/png,{'x' * (LIMIT + 1)}", task_id=1))


def test_connections_are_kept(outside: LocalServer, make_fetcher: MakeFetcher) -> None:
    fetcher = make_fetcher()
    for _ in range(5):
        fetcher.fetch(on(outside, "/a.png"))
    assert outside.connections() == 1


def test_a_kept_connection_that_died_is_replaced(
    outside: LocalServer, make_fetcher: MakeFetcher
) -> None:
    def once(handler: BaseHTTPRequestHandler) -> None:
        answer(png())(handler)
        handler.close_connection = True

    outside.routes["/x"] = once
    fetcher = make_fetcher()
    for _ in range(5):
        assert fetcher.fetch(on(outside, "/x")).data == png()


def test_many_threads_share_one_fetcher(outside: LocalServer, make_fetcher: MakeFetcher) -> None:
    for index in range(64):
        outside.routes[f"/{index}"] = answer(png(index + 1, 2))
    fetcher = make_fetcher()

    def width(index: int) -> int:
        return decode_image(fetcher.fetch(on(outside, f"/{index}")).data, 1000).width

    with ThreadPoolExecutor(16) as pool:
        assert list(pool.map(width, range(64))) == list(range(1, 65))


def test_accept_encoding_asks_for_the_bytes_as_they_are(
    outside: LocalServer, make_fetcher: MakeFetcher
) -> None:
    make_fetcher().fetch(on(outside, "/a.png"))
    headers = outside.seen[0].headers
    assert headers["accept-encoding"] == "identity"
    assert headers["host"] == outside.address
    assert "cookie" not in headers
