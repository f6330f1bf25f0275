"""Reading requests' bodies: no further than the limit, no longer than the time, not too many at once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import Request
from starlette.requests import ClientDisconnect

from backend.errors import BadRequest, OperatorError
from backend.settings import Settings

__all__ = ["Bodies", "BodyTooLarge", "BodyTooSlow", "CallerGone", "TooManyBodies"]

#: Bodies of the largest size that may be in hand at once, over all requests.
LARGEST_AT_ONCE = 4


class BodyTooLarge(BadRequest):
    """The request's body is over the limit."""


class BodyTooSlow(BadRequest):
    """The request's body did not come in time."""


class CallerGone(BadRequest):
    """The caller hung up before its body was here; nobody reads an answer."""


class TooManyBodies(OperatorError):
    """Others' bodies take all the room that there is for them; try later."""

    transient = True


class Bodies:
    """The bodies that one process has in hand. For the event loop's thread."""

    def __init__(self, settings: Settings) -> None:
        self._most = settings.max_body_bytes
        self._within_s = settings.body_timeout_s
        self._room = LARGEST_AT_ONCE * self._most

    @asynccontextmanager
    async def of(self, request: Request) -> AsyncIterator[bytes]:
        """The whole body, which counts as in hand within the block.

        Raises `BodyTooLarge` before what is over the limit is read, `BodyTooSlow`, `TooManyBodies`, and
        `CallerGone`.
        """
        parts: list[bytes] = []
        try:
            await self._read(request, parts)
            yield b"".join(parts)
        finally:
            self._room += sum(map(len, parts))

    async def _read(self, request: Request, parts: list[bytes]) -> None:
        try:
            async with asyncio.timeout(self._within_s):
                async for part in self._parts(request):
                    parts.append(part)
                    self._room -= len(part)
        except TimeoutError as error:
            raise BodyTooSlow(
                f"expected the whole body within {self._within_s:g} s (FIRSTPASS_BODY_TIMEOUT_S)"
            ) from error
        except ClientDisconnect as error:
            raise CallerGone("the caller hung up before its body was here") from error

    async def _parts(self, request: Request) -> AsyncIterator[bytes]:
        too_large = BodyTooLarge(
            f"expected a body of at most {self._most} bytes (FIRSTPASS_MAX_BODY_BYTES), got more"
        )
        announced = request.headers.get("Content-Length", "")
        if announced.isdecimal() and (len(announced) > 18 or int(announced) > self._most):
            raise too_large
        size = 0
        async for part in request.stream():
            size += len(part)
            if size > self._most:
                raise too_large
            if len(part) > self._room:
                raise TooManyBodies("too many large bodies are in hand already; try again later")
            yield part
