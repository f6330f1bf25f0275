"""Learned heads where every process finds them: in Redis, and as files under FIRSTPASS_HOME.

Redis is where workers on other machines look; the file outlives a Redis that was emptied, and puts the head
back. A head that no label config names any more does no harm: nobody asks for it.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import redis
import structlog

from backend.errors import ForeignValue, QueueUnavailable
from backend.queue.connection import queue_errors
from backend.queue.keys import HEADS, head_key
from models.heads import HeadCard, HeadUnusable, is_head_fingerprint, read_card

__all__ = ["LOOK_AGAIN_S", "MOST_HEADS", "HeadShelf"]

log = structlog.get_logger()

#: Heads in Redis, each of at most 8 MiB; beyond these the longest unwritten go, and stay as files.
MOST_HEADS = 64
#: A head that was found whole is looked at again after so many seconds; `inference.handler` says so.
LOOK_AGAIN_S = 10.0


class HeadShelf:
    """Keeps heads by their fingerprint. Safe to share between threads."""

    def __init__(
        self,
        connection: redis.Redis | None,
        home: Path,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Without a connection the files alone are looked at."""
        self._connection = connection
        self._folder = home / "heads"
        self._clock = clock
        self._whole: dict[str, tuple[float, HeadCard]] = {}

    def card(self, fingerprint: str) -> HeadCard:
        """The card of a head that is there and whole. Raises `HeadUnusable` with the reason.

        While Redis does not answer nobody knows whether it is there: the card that was found last stays, and
        where there is none `QueueUnavailable` is raised. Else predictions would go on under another version.
        """
        found = self._whole.get(fingerprint)
        if found is not None and self._clock() - found[0] < LOOK_AGAIN_S:
            return found[1]
        if not is_head_fingerprint(fingerprint):
            raise HeadUnusable(f"expected 32 hexadecimal digits, got {fingerprint[:40]!r}")
        try:
            data = self._look(fingerprint)
        except QueueUnavailable:
            if found is None:
                raise
            return found[1]
        self._whole.pop(fingerprint, None)
        if data is None:
            where = "Redis" if self._connection is not None else "this machine"
            raise HeadUnusable(f"it is neither in {where} nor among the files of FIRSTPASS_HOME")
        card = read_card(data, fingerprint)
        if len(self._whole) > MOST_HEADS:
            self._whole.clear()
        self._whole[fingerprint] = self._clock(), card
        return card

    def get(self, fingerprint: str) -> bytes | None:
        """The bytes of a head, `None` where it is not there; those that are not whole where no others are there."""
        if not is_head_fingerprint(fingerprint):
            return None
        try:
            return self._look(fingerprint)
        except QueueUnavailable as error:
            log.warning("learned head not read", head=fingerprint, error=str(error))
            return None

    def _look(self, fingerprint: str) -> bytes | None:
        """As `get`. Raises `QueueUnavailable` where Redis does not answer and there is no whole file."""
        kept: bytes | None = None
        silent: QueueUnavailable | None = None
        try:
            kept = self._in_redis(fingerprint)
        except QueueUnavailable as error:
            silent = error
        if kept is not None and _is_whole(kept, fingerprint):
            return kept
        filed = self._in_file(fingerprint)
        if filed is None or not _is_whole(filed, fingerprint):
            if silent is not None:
                raise silent
            return kept if kept is not None else filed
        if silent is None and self._connection is not None:
            log.info("a learned head is put back into Redis", head=fingerprint)
            self._into_redis(fingerprint, filed)
        return filed

    def put(self, fingerprint: str, data: bytes) -> None:
        """Keep a head. Raises `HeadUnusable` for bytes that are none, `QueueUnavailable`, `OSError`."""
        read_card(data, fingerprint)
        self._folder.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=self._folder, prefix=".", suffix=".part")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
            Path(name).replace(self._file(fingerprint))
        except OSError:
            Path(name).unlink(missing_ok=True)
            raise
        if self._connection is not None:
            with queue_errors():
                self._keep(self._connection, fingerprint, data)

    def forget(self, fingerprint: str) -> bool:
        """Drop a head, key and file; whether there was any. Raises `QueueUnavailable`, `OSError`."""
        if not is_head_fingerprint(fingerprint):
            return False
        self._whole.pop(fingerprint, None)
        there = self._file(fingerprint).exists()
        self._file(fingerprint).unlink(missing_ok=True)
        if self._connection is not None:
            with queue_errors():
                there |= bool(self._connection.delete(head_key(fingerprint)))
                self._connection.zrem(HEADS, fingerprint)
        return there

    def put_back(self) -> None:
        """Put heads that are files here alone into Redis, the newest first, as far as it has room for heads.

        Processes on other machines find a head in Redis alone, and plan without one that is not there.
        """
        if self._connection is None:
            return
        files = [
            file for file in self._folder.glob("*.safetensors") if is_head_fingerprint(file.stem)
        ]
        try:
            with queue_errors():
                room = MOST_HEADS - self._connection.zcard(HEADS)
                missing = [
                    file.stem
                    for file in sorted(files, key=_age)
                    if not self._connection.exists(head_key(file.stem))
                ]
                # The newest is written last, so that it is the last to go.
                for fingerprint in reversed(missing[: max(0, room)]):
                    self._look(fingerprint)
        except QueueUnavailable as error:
            log.warning("learned heads not looked for in Redis", error=str(error))

    def _file(self, fingerprint: str) -> Path:
        return self._folder / f"{fingerprint}.safetensors"

    def _in_redis(self, fingerprint: str) -> bytes | None:
        if self._connection is None:
            return None
        try:
            with queue_errors():
                found = self._connection.get(head_key(fingerprint))
        except ForeignValue as error:
            log.warning("learned head not read", head=fingerprint, error=str(error))
            return None
        return found if isinstance(found, bytes) else None

    def _in_file(self, fingerprint: str) -> bytes | None:
        try:
            return self._file(fingerprint).read_bytes()
        except OSError:
            return None

    def _into_redis(self, fingerprint: str, data: bytes) -> None:
        if self._connection is not None:
            try:
                self._keep(self._connection, fingerprint, data)
            except redis.RedisError as error:
                log.warning("learned head not kept", head=fingerprint, error=type(error).__name__)

    def _keep(self, connection: redis.Redis, fingerprint: str, data: bytes) -> None:
        with connection.pipeline() as pipeline:
            pipeline.set(head_key(fingerprint), data)
            pipeline.zadd(HEADS, {fingerprint: time.time()})
            pipeline.execute()
        for old in connection.zrange(HEADS, 0, -MOST_HEADS - 1):
            name = old.decode() if isinstance(old, bytes) else str(old)
            connection.delete(head_key(name))
            connection.zrem(HEADS, name)


def _age(file: Path) -> float:
    try:
        return -file.stat().st_mtime
    except OSError:  # gone meanwhile
        return 0.0


def _is_whole(data: bytes, fingerprint: str) -> bool:
    try:
        read_card(data, fingerprint)
    except HeadUnusable:
        return False
    return True
