"""Values in Redis that expire, and of which only so many are kept: what was computed once.

Losing any of it costs time, never an answer: when Redis does not answer, nothing is found.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import redis
import structlog

from backend.queue.keys import CACHE_INDEX, cache_key, script

__all__ = ["BoundedStore", "StoreLimits"]

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class StoreLimits:
    """Entries live `ttl_s` seconds; beyond `max_entries` the longest unwritten go first.

    The bound counts entries, not bytes, so that queue data is never evicted in their favour: Redis
    itself is told to evict nothing.
    """

    ttl_s: int
    max_entries: int


class BoundedStore:
    """Bytes by name; safe to call from many threads."""

    def __init__(self, connection: redis.Redis, limits: StoreLimits) -> None:
        self._connection = connection
        self._limits = limits
        self._keep = connection.register_script(script("keep"))

    def get(self, names: Sequence[str]) -> list[bytes | None]:
        """One value per name, in order; `None` for what is not there."""
        if not names:
            return []
        try:
            found = self._connection.mget([cache_key(name) for name in names])
        except redis.RedisError as error:
            log.warning("cache not read", error=type(error).__name__)
            return [None] * len(names)
        return [value if isinstance(value, bytes) else None for value in found]

    def put(self, values: Mapping[str, bytes]) -> None:
        """Keep these values under their names."""
        if not values:
            return
        limits = self._limits
        try:
            self._keep(
                keys=[CACHE_INDEX, *(cache_key(name) for name in values)],
                args=[limits.ttl_s, limits.max_entries, *values.values()],
            )
        except redis.RedisError as error:
            log.warning("cache not written", error=type(error).__name__)
