"""Foreign values in Redis that keep one thing from being done and no other: said once each."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import structlog

from backend.errors import ForeignValue

__all__ = ["Complaints"]

log = structlog.get_logger()


class Complaints:
    """For one thread. The same is said again only after it was over."""

    def __init__(self) -> None:
        self._said: str | None = None

    @contextmanager
    def hearing(self) -> Iterator[None]:
        """What a foreign value keeps from being done in the block is left undone."""
        try:
            yield
        except ForeignValue as error:
            self.say(error)
        else:
            self.end()

    def say(self, error: ForeignValue) -> None:
        """Say it, unless it is what was said last."""
        if str(error) != self._said:
            log.error("left undone", reason=str(error))
        self._said = str(error)

    def end(self) -> None:
        """It is over."""
        self._said = None
