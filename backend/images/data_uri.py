"""`data:` URIs: the bytes they carry, and their one canonical spelling. Pure."""

from __future__ import annotations

import base64
import binascii
import re
import string
from urllib.parse import unquote_to_bytes

from backend.errors import ImageRefused

__all__ = ["canonical_data_uri", "decode_data_uri"]

_IMAGE_TYPE = re.compile(r"image/[a-z0-9][a-z0-9.+-]{0,60}")
_WHITESPACE = string.whitespace.encode()
# Base64 in URLs is often written with the URL-safe letters; both spell the same bytes.
_FROM_URL_SAFE = bytes.maketrans(b"-_", b"+/")


def decode_data_uri(uri: str) -> tuple[str, bytes]:
    """The media type (lower case) and the bytes of a `data:` URI, base64 or percent-encoded.

    >>> decode_data_uri("data:image/gif;base64,R0lG")
    ('image/gif', b'GIF')

    Raises `ImageRefused` when the URI has no comma, is not an image by its own account, or is not
    valid base64.
    """
    head, comma, body = uri[len("data:") :].partition(",")
    if not comma:
        raise ImageRefused("a data: URI needs a comma between its media type and its data")
    media_type, *parameters = (part.strip().lower() for part in head.split(";"))
    if _IMAGE_TYPE.fullmatch(media_type) is None:
        raise ImageRefused("expected a data: URI of an image (data:image/png;base64,...)")
    raw = unquote_to_bytes(body)
    return media_type, _from_base64(raw) if "base64" in parameters else raw


def canonical_data_uri(uri: str) -> str:
    """The same bytes and media type as plain base64, so that equal URIs are equal strings.

    >>> canonical_data_uri("DATA:image/GIF;charset=x,GIF")
    'data:image/gif;base64,R0lG'

    Raises `ImageRefused` as `decode_data_uri` does.
    """
    media_type, data = decode_data_uri(uri)
    return f"data:{media_type};base64,{base64.b64encode(data).decode('ascii')}"


def _from_base64(raw: bytes) -> bytes:
    compact = raw.translate(_FROM_URL_SAFE, delete=_WHITESPACE).rstrip(b"=")
    try:
        return base64.b64decode(compact + b"=" * (-len(compact) % 4), validate=True)
    except binascii.Error as error:
        raise ImageRefused(f"the data: URI is not valid base64 ({error})") from error
