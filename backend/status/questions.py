"""Questions to Redis that are answered together: what is not there is nothing, what is not ours is named."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any, TypeAlias

import redis

from backend.queue.client import is_foreign
from backend.status.overview import RedisView

__all__ = ["Question", "ask", "redis_view", "text_of", "word"]

#: A command of redis-py by its method's name, and its arguments.
Question: TypeAlias = tuple[Any, ...]


#: What a command gives where there is nothing.
_NOTHING: Mapping[str, Any] = {
    "get": None,
    "hgetall": {},
    "hmget": [None, None],
    "llen": 0,
    "lrange": [],
    "smembers": set(),
    "zcard": 0,
    "zcount": 0,
    "scard": 0,
    "zrange": [],
    "zrevrange": [],
    "hvals": [],
    "zrevrangebyscore": [],
}


def ask(
    connection: redis.Redis, questions: Mapping[Hashable, Question], foreign: list[str]
) -> dict[Hashable, Any]:
    """The reply to each question, in one round trip; `foreign` is told keys that hold something else.

    Who may not ask for `info` gets none.
    """
    with connection.pipeline(transaction=False) as pipeline:
        for command, *args in questions.values():
            getattr(pipeline, command)(*args)
        replies = dict(zip(questions, pipeline.execute(raise_on_error=False), strict=True))
    for name, reply in replies.items():
        if name == "info" and isinstance(reply, redis.ResponseError):
            replies[name] = {}
        elif isinstance(reply, redis.ResponseError) and is_foreign(reply):
            command, key, *_ = questions[name]
            foreign.append(word(key) if isinstance(key, bytes) else str(key))
            replies[name] = _NOTHING[command]
        elif isinstance(reply, Exception):
            raise reply
    return replies


def redis_view(info: Mapping[str, Any]) -> RedisView:
    """What Redis tells of itself; nothing where it may not be asked."""
    if not info:
        return RedisView(up=True)
    limit = int(info.get("maxmemory", 0))
    aof = bool(info.get("aof_enabled", 0))
    return RedisView(
        up=True,
        version=str(info.get("redis_version", "?")),
        uptime_s=int(info.get("uptime_in_seconds", 0)),
        used_bytes=int(info.get("used_memory", 0)),
        max_bytes=limit or None,
        eviction=str(info.get("maxmemory_policy", "?")),
        aof=aof,
        aof_ok=info.get("aof_last_write_status", "ok") == "ok" if aof else None,
    )


def text_of(stored: Mapping[bytes, bytes]) -> dict[str, str]:
    """A hash as text."""
    return {word(field): word(value) for field, value in stored.items()}


def word(stored: bytes) -> str:
    """As text, whoever wrote it."""
    return stored.decode("utf-8", "backslashreplace")
