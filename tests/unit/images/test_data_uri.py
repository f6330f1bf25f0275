"""data: URIs carry the bytes they say, in one spelling."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.errors import ImageRefused
from backend.images.data_uri import canonical_data_uri, decode_data_uri


@pytest.mark.parametrize(
    ("uri", "data"),
    [
        ("data:image/png;base64,AAEC", b"\x00\x01\x02"),
        ("data:image/png;charset=utf-8;base64,AAEC", b"\x00\x01\x02"),
        ("data:IMAGE/PNG;BASE64,AAEC", b"\x00\x01\x02"),
        ("data:image/png;base64,AA%45C", b"\x00\x01\x02"),
        ("data:image/png;base64,AA\r\n EC", b"\x00\x01\x02"),
        ("data:image/png;base64,-_8", b"\xfb\xff"),
        ("data:image/png;base64,%2B/8%3D", b"\xfb\xff"),
        ("data:image/png;base64,", b""),
        ("data:image/png,%00%ff", b"\x00\xff"),
        ("data:image/png,a,b", b"a,b"),
    ],
)
def test_bytes(uri: str, data: bytes) -> None:
    assert decode_data_uri(uri) == ("image/png", data)


@pytest.mark.parametrize(
    "uri",
    ["data:", "data:image/png", "data:,x", "data:text/plain,x", "data:image/,x", "data:image,x"],
)
def test_without_an_image_type_or_a_comma_it_is_refused(uri: str) -> None:
    with pytest.raises(ImageRefused):
        decode_data_uri(uri)


@pytest.mark.parametrize("body", ["A", "AAAAA", "A*==", "AAEC!", "ÄÄ"])
def test_broken_base64_is_refused(body: str) -> None:
    with pytest.raises(ImageRefused, match="base64"):
        decode_data_uri(f"data:image/png;base64,{body}")


@given(st.binary())
def test_the_canonical_form_keeps_the_bytes_and_is_stable(data: bytes) -> None:
    canonical = canonical_data_uri(f"data:image/x-odd;base64,{base64.b64encode(data).decode()}")
    assert decode_data_uri(canonical) == ("image/x-odd", data)
    assert canonical_data_uri(canonical) == canonical
