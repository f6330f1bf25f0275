"""Writes in a thread of its own, while its owner goes on predicting: both take about as long."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Generic, TypeVar

from backend.delivery.rows import Row

__all__ = ["Outbox"]

T = TypeVar("T")

#: Parcels that wait or are being written; a full outbox holds its owner up.
ROOM = 3


class Outbox(Generic[T]):
    """Parcels of rows, written one after another in the order sent. A context manager."""

    def __init__(self, write: Callable[[Sequence[Row]], T]) -> None:
        """`write` is called in the outbox's thread; what it raises comes out of `written`."""
        self._write = write
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="outbox")
        self._sent: deque[Future[T]] = deque()

    def __enter__(self) -> Outbox[T]:
        return self

    def __exit__(self, *exc_info: object) -> None:
        # A parcel that is being written is; those that wait are not begun.
        self._thread.shutdown(wait=True, cancel_futures=True)

    def send(self, rows: Sequence[Row]) -> None:
        """Have these written."""
        self._sent.append(self._thread.submit(self._write, rows))

    def written(self, *, all_of_them: bool = False) -> Iterator[T]:
        """What came of the parcels that are written by now; waits while there is no room for more.

        With `all_of_them` it waits for every one.
        """
        while self._sent and (all_of_them or len(self._sent) >= ROOM or self._sent[0].done()):
            yield self._sent.popleft().result()
