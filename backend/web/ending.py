"""How the web process ends: those who wait are answered, nobody is kept, and it takes no longer than it may.

    signal -> pending is answered as pending -> what is not answered yet gets a 503 -> the end

A request that waits for workers is answered as one that was not ready in time, so the courier has its tasks.
Only what Redis or a slow caller holds up is told to ask again.
"""

from __future__ import annotations

import asyncio
import os
import threading
import time
from collections.abc import Callable
from types import FrameType
from typing import TYPE_CHECKING

import structlog
import uvicorn

from backend.web.replies import error_reply

if TYPE_CHECKING:
    import socket

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

__all__ = ["AnswersAtTheEnd", "Ending", "EndingServer"]

log = structlog.get_logger()

#: Seconds after the signal in which requests are answered as usual; after that their answer is a 503.
ANSWER_S = 1.6
#: What callers who are connected already have just sent is read, before connections without a request end.
READ_S = 0.1
#: By then the process has ended, whatever Redis and callers do: threads that wait for them are left.
END_S = 2.5


class Ending:
    """Whether this process is ending, and the requests under way. For the event loop's thread."""

    def __init__(self, release: Callable[[], None]) -> None:
        """`release` ends the waiting of all requests that wait for workers."""
        self._release = release
        self._under_way: set[asyncio.Future[None]] = set()
        self.begun = False

    def begin(self) -> None:
        """From now on nobody is waited for."""
        self.begun = True
        log.info("ending", requests=len(self._under_way))
        self._release()

    def give_up(self) -> None:
        """Have all requests that are still under way answered with a 503."""
        if self._under_way:
            log.warning("ending without their answers", requests=len(self._under_way))
        for given_up in self._under_way:
            if not given_up.done():
                given_up.set_result(None)

    def enter(self) -> asyncio.Future[None]:
        """A request is under way; what is given is done when the request is given up. `leave` it after."""
        given_up = asyncio.get_running_loop().create_future()
        self._under_way.add(given_up)
        return given_up

    def leave(self, given_up: asyncio.Future[None]) -> None:
        """The request is answered."""
        self._under_way.discard(given_up)


class AnswersAtTheEnd:
    """ASGI middleware, the outermost: a request that `Ending` gives up gets a 503, not silence."""

    def __init__(self, app: ASGIApp, ending: Ending) -> None:
        self._app, self._ending = app, ending

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        answered = over = False

        async def answer(message: Message) -> None:
            nonlocal answered
            answered = True
            if not over:
                await send(message)

        given_up = self._ending.enter()
        task = asyncio.ensure_future(self._app(scope, receive, answer))
        try:
            await asyncio.wait({task, given_up}, return_when=asyncio.FIRST_COMPLETED)
            if task.done():
                await task
            elif not answered:
                # The task is left as it is: to cancel hundreds takes longer than there is time.
                over = True
                reply = error_reply(503, "Ending", "this web process ends; ask again in a moment")
                reply.headers["Connection"] = "close"
                await reply(scope, receive, send)
        finally:
            self._ending.leave(given_up)


class EndingServer(uvicorn.Server):
    """uvicorn's server, which ends with code 0 within `END_S`, and at once at a second signal."""

    def __init__(self, config: uvicorn.Config, ending: Ending) -> None:
        super().__init__(config)
        self._ending = ending
        self._asked = threading.Event()
        # Made now: a signal handler must not start a thread, whose locks its own thread may hold.
        threading.Thread(target=self._end_in_time, name="ending", daemon=True).start()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Not uvicorn's own, which sends itself the signal anew in the end, and so does not end with 0."""
        if self.should_exit:
            os._exit(128 + sig)
        self.should_exit = True
        self._asked.set()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """uvicorn's, while those who wait are answered."""
        asyncio.get_running_loop().call_later(ANSWER_S, self._ending.give_up)
        for server in self.servers:
            server.close()
        self._ending.begin()
        await asyncio.sleep(READ_S)
        await super().shutdown(sockets)
        log.info("ended")
        os._exit(0)  # the interpreter would take a second to put hundreds of threads away

    def _end_in_time(self) -> None:
        self._asked.wait()
        time.sleep(END_S)
        log.warning("ended before all was closed")
        os._exit(0)
