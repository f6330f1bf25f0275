"""What a server says of a file goes into no request, header or record unchecked."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from http.server import BaseHTTPRequestHandler

import pytest
import redis

from backend.errors import ImageRefused, ImageUnreachable
from backend.images.download import Validators
from backend.images.reference import parse_image_ref
from backend.inference.output_cache import KnownContent, OutputCache
from backend.queue.bounded_store import BoundedStore, StoreLimits
from backend.queue.keys import cache_key
from models.types import ImageSize
from tests.integration.images.conftest import MakeFetcher
from tests.integration.images.servers import LocalServer, answer, png

#: As bytes on the wire, in latin-1.
ODD = ("\xe9", '"caf\xc3\xa9"', '"\x80"', "\xff\xfe", '"a\tb"', '"\x7f"', '"a\x01b"', "x" * 10_000)


def raw(headers: bytes, status: bytes = b"200 OK") -> Callable[[BaseHTTPRequestHandler], None]:
    def route(handler: BaseHTTPRequestHandler) -> None:
        handler.close_connection = True
        handler.wfile.write(
            b"HTTP/1.1 " + status + b"\r\n" + headers + b"Connection: close\r\n\r\n" + png()
        )

    return route


@pytest.mark.parametrize("name", ["ETag", "Last-Modified"])
@pytest.mark.parametrize("value", ODD)
def test_a_validator_that_cannot_be_sent_back_is_not_kept(
    name: str, value: str, outside: LocalServer, make_fetcher: MakeFetcher
) -> None:
    """The file is read each time, instead of never again."""
    outside.routes["/x.png"] = raw(f"{name}: ".encode() + value.encode("latin-1") + b"\r\n")
    ref = parse_image_ref(f"{outside.url}/x.png", task_id=1)
    fetcher = make_fetcher()
    try:
        fetched = fetcher.fetch(ref)
    except ImageUnreachable:
        return  # control characters in a header are no HTTP

    assert fetched.validators == Validators()
    again = fetcher.fetch_if_changed(ref, fetched.validators)
    assert again is not None
    assert again.data == fetched.data


@pytest.mark.parametrize("value", ODD)
def test_one_that_was_kept_before_is_not_sent(
    value: str, outside: LocalServer, make_fetcher: MakeFetcher
) -> None:
    """Records live for a week, and Redis is not ours alone."""
    kept = Validators(etag=value, last_modified=value)
    outside.routes["/x.png"] = answer(png())
    ref = parse_image_ref(f"{outside.url}/x.png", task_id=1)

    found = make_fetcher().fetch_if_changed(ref, kept)

    assert found is not None
    assert kept.headers() == {}


def test_good_validators_are_kept(outside: LocalServer, make_fetcher: MakeFetcher) -> None:
    headers = {"ETag": 'W/"abc-1"', "Last-Modified": "Tue, 15 Nov 1994 12:45:26 GMT"}
    outside.routes["/x.png"] = answer(png(), headers=headers)

    validators = make_fetcher().fetch(parse_image_ref(f"{outside.url}/x.png", task_id=1)).validators

    assert validators.headers() == {
        "If-None-Match": headers["ETag"],
        "If-Modified-Since": headers["Last-Modified"],
    }


@pytest.mark.parametrize(
    "headers",
    [
        b"Content-Encoding: \xb2\r\n",
        b"Content-Type: \xff\xfe\r\n",
        b"Content-Encoding: \xe9dentity\r\n",
        b"X-Odd: \xe2\x80\xa8\r\n",
        b"Content-Length: \xb2\r\n",
    ],
)
def test_other_headers_beyond_ascii_are_no_bug(
    headers: bytes, outside: LocalServer, make_fetcher: MakeFetcher
) -> None:
    """The file, or one of our own reasons."""
    outside.routes["/x.png"] = raw(headers)
    with suppress(ImageRefused, ImageUnreachable):
        make_fetcher().fetch(parse_image_ref(f"{outside.url}/x.png", task_id=1))


@pytest.mark.parametrize(
    ("location", "asked"),
    [
        ("/caf\u00e9.png".encode(), "/caf%C3%A9.png"),
        (
            "/\u65e5\u672c\u8a9e.png?\u540d=1".encode(),
            "/%E6%97%A5%E6%9C%AC%E8%AA%9E.png?%E5%90%8D=1",
        ),
        ("/\U0001f600.png".encode(), "/%F0%9F%98%80.png"),
        ("/\u0440\u0443\u0441.png#\u0444".encode(), "/%D1%80%D1%83%D1%81.png"),
        (b"/caf\xe9.png", "/caf%E9.png"),
        (b"/\xff\xfe.png", "/%FF%FE.png"),
        (b"/a b.png", "/a%20b.png"),
        (b"/caf%C3%A9.png", "/caf%C3%A9.png"),
    ],
)
def test_a_redirect_in_raw_bytes_is_followed_as_browsers_do(
    location: bytes, asked: str, outside: LocalServer, make_fetcher: MakeFetcher
) -> None:
    """UTF-8 where it is that, else each byte for itself."""
    outside.routes["/x.png"] = raw(b"Location: " + location + b"\r\n", b"302 Found")
    outside.routes[asked.partition("?")[0]] = answer(png())

    found = make_fetcher().fetch(parse_image_ref(f"{outside.url}/x.png", task_id=1))

    assert found.data == png()
    assert outside.seen[-1].path == asked


@pytest.mark.parametrize(
    "location",
    [
        "http://127.0.0.1:1/\u00e9.png".encode(),
        "http://\u2460\u2461\u2466.0.0.1/a.png".encode(),  # circled digits: 127.0.0.1 to some
        "http://\u00e9vil.test@inside.test/".encode(),
        "//\u65e5\u672c.inside.test/a.png".encode(),
        "/a\u2028b.png".encode(),
        "/a\u0085b.png".encode(),
        b"http://\xff\xfe/a.png",
        "file:///\u00e9".encode(),
    ],
)
def test_such_a_redirect_is_guarded_like_any(
    location: bytes, outside: LocalServer, inside: LocalServer, make_fetcher: MakeFetcher
) -> None:
    outside.routes["/x.png"] = raw(b"Location: " + location + b"\r\n", b"302 Found")

    with pytest.raises((ImageRefused, ImageUnreachable)) as refused:
        make_fetcher().fetch(parse_image_ref(f"{outside.url}/x.png", task_id=1))

    assert str(refused.value).isprintable()
    assert inside.seen == []


@pytest.mark.redis
@pytest.mark.parametrize(
    "stored",
    [
        b"",
        b"\xff",
        b"null",
        b"[]",
        b'{"sha256": 1}',
        b'{"sha256": "a", "size": {"width": -1}, "validators": {}}',
        b'{"sha256": "a", "size": {"width": 1, "height": 1}, "validators": {"etag": 5}}',
        b'{"sha256": "a", "size": {"width": "x", "height": 1}, "validators": {}}',
        b'{"sha256": "a", "size": [], "validators": {}}',
        b"9" * 5000,
    ],
)
def test_a_record_that_somebody_else_wrote_is_none(
    stored: bytes, redis_connection: redis.Redis
) -> None:
    """Then the file is fetched; the same record in our own hand is read."""
    cache = OutputCache(BoundedStore(redis_connection, StoreLimits(60, 10)), "engine")
    ref = parse_image_ref("http://outside.test/x.png", task_id=1)
    content = KnownContent("a", ImageSize(2, 3), Validators('"e"'))
    cache.remember(ref, content)
    assert cache.known(ref) == content
    (key,) = redis_connection.keys(cache_key("content:*"))

    redis_connection.set(key, stored)

    assert cache.known(ref) is None
