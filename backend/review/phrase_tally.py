"""How often people typed which phrase for which label lately, and kept what it found; in Redis.

Bounded by phrases and by time: it says which phrases are worth remembering, and is no record.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import cast

import redis

from backend.label_studio.project_key import ProjectKey
from backend.label_studio.records import AnnotationRow
from backend.prediction.read_regions import read_regions
from backend.queue.connection import queue_errors

__all__ = ["PhraseTally", "TypedPhrase"]

PREFIX = "firstpass:phrases:"
#: Phrases of a project; who was asked longest ago goes first.
MOST_PHRASES = 500
#: Kept regions of a project that are told apart, so that none counts twice.
MOST_REGIONS = 20_000
#: All of it goes so long after the last prompt.
TTL_S = 30 * 86_400


@dataclass(frozen=True, slots=True)
class TypedPhrase:
    """A phrase that was typed for a label, and how many of the suggested regions were submitted."""

    label: str
    phrase: str
    asked: int
    kept: int
    #: Seconds since the epoch.
    last_asked_s: float


class PhraseTally:
    """Safe to share between threads. Every method raises `QueueUnavailable`."""

    def __init__(self, connection: redis.Redis, *, clock: Callable[[], float]) -> None:
        self._connection = connection
        self._clock = clock

    def count_asked(self, project: ProjectKey, label: str, phrase: str) -> None:
        """One more prompt."""
        keys, name = _Keys.of(project), _name(label, phrase)
        with queue_errors():
            now = self._clock()
            with self._connection.pipeline() as pipeline:
                pipeline.hincrby(keys.asked, name, 1)
                pipeline.zadd(keys.recent, {name: now})
                pipeline.zrange(keys.recent, 0, -MOST_PHRASES - 1)
                stale: list[bytes] = pipeline.execute()[-1]
            with self._connection.pipeline() as pipeline:
                if stale:
                    pipeline.zrem(keys.recent, *stale)
                    pipeline.hdel(keys.asked, *stale)
                    pipeline.hdel(keys.kept, *stale)
                for key in (keys.asked, keys.recent, keys.kept, keys.regions):
                    pipeline.expire(key, TTL_S)
                pipeline.execute()

    def count_kept(self, project: ProjectKey, annotation: AnnotationRow) -> None:
        """The suggested regions that a submitted annotation still has; each counts once."""
        keys, regions = _Keys.of(project), dict(_kept(annotation))
        if not regions:
            return
        with queue_errors():
            room = MOST_REGIONS - int(self._connection.scard(keys.regions))
            for region, name in list(regions.items())[: max(0, room)]:
                if self._connection.hexists(keys.asked, name) and self._connection.sadd(
                    keys.regions, region
                ):
                    self._connection.hincrby(keys.kept, name, 1)
            for key in (keys.kept, keys.regions):
                self._connection.expire(key, TTL_S)

    def lately(self, project: ProjectKey) -> list[TypedPhrase]:
        """The phrases that were typed, the latest first."""
        keys = _Keys.of(project)
        with queue_errors():
            recent = cast(
                "list[tuple[bytes, float]]",
                self._connection.zrevrange(keys.recent, 0, -1, withscores=True),
            )
            asked = self._connection.hgetall(keys.asked)
            kept = self._connection.hgetall(keys.kept)
        found = []
        for name, last in recent:
            label, phrase = json.loads(name)
            counts = int(asked.get(name, 0)), int(kept.get(name, 0))
            found.append(TypedPhrase(label, phrase, *counts, last))
        return found


@dataclass(frozen=True, slots=True)
class _Keys:
    """The Redis keys of one project."""

    asked: str
    recent: str
    kept: str
    regions: str

    @classmethod
    def of(cls, project: ProjectKey) -> _Keys:
        parts = ("asked", "recent", "kept", "regions")
        return cls(*(f"{PREFIX}{project}:{part}" for part in parts))


def _name(label: str, phrase: str) -> bytes:
    """The name of a count. Half a character pair, which UTF-8 has no bytes for, stays an escape."""
    return json.dumps([label, phrase], ensure_ascii=False).encode("utf-8", "backslashreplace")


def _kept(annotation: AnnotationRow) -> Iterator[tuple[bytes, bytes]]:
    """The regions with a label and a phrase as their note: (what names the region, the count's name)."""
    for region in read_regions(annotation.result or ()):
        for label in region.labels if region.note is not None else ():
            named = f"{annotation.task}:{region.id}"
            yield named.encode("utf-8", "backslashreplace"), _name(label, region.note or "")
