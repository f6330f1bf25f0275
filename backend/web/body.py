"""Reading a request's body, no further than the limit."""

from __future__ import annotations

from fastapi import Request

from backend.errors import BadRequest

__all__ = ["BodyTooLarge", "read_body"]


class BodyTooLarge(BadRequest):
    """The request's body is over the limit."""


async def read_body(request: Request, most: int) -> bytes:
    """The whole body. Raises `BodyTooLarge` past `most` bytes, before the rest is read."""
    too_large = BodyTooLarge(
        f"expected a body of at most {most} bytes (FIRSTPASS_MAX_BODY_BYTES), got more"
    )
    announced = request.headers.get("Content-Length", "")
    if announced.isascii() and announced.isdigit() and int(announced) > most:
        raise too_large
    parts: list[bytes] = []
    size = 0
    async for part in request.stream():
        size += len(part)
        if size > most:
            raise too_large
        parts.append(part)
    return b"".join(parts)
