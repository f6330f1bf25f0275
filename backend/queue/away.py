"""Whether an error of Redis passes by itself, in every form in which Redis says so."""

from __future__ import annotations

import re
import time

import redis
import structlog
from redis.exceptions import (
    ClusterDownError,
    ExecAbortError,
    MasterDownError,
    NoScriptError,
    OutOfMemoryError,
    ReadOnlyError,
    TryAgainError,
)

__all__ = ["Outage", "is_away", "said_by_redis"]

log = structlog.get_logger()

_AWAY = (
    redis.ConnectionError,
    redis.TimeoutError,
    ClusterDownError,
    MasterDownError,
    NoScriptError,
    OutOfMemoryError,
    ReadOnlyError,
    TryAgainError,
)
#: Full disk, full memory, starting, demoted, held up by a script, alone in its cluster, scripts lost, and
#: what waits for an entry while its server is demoted.
_CODES = frozenset(
    {
        "BUSY",
        "CLUSTERDOWN",
        "LOADING",
        "MASTERDOWN",
        "MISCONF",
        "NOREPLICAS",
        "NOSCRIPT",
        "OOM",
        "READONLY",
        "TRYAGAIN",
        "UNBLOCKED",
    }
)
#: What redis-py puts before an error in a pipeline. The command is in it, so it may hold anything.
_IN_PIPELINE = re.compile(r"Command # \d+ \(.*\) of pipeline caused error: ", re.DOTALL)
#: Redis before 7 puts the script's name and line first.
_IN_SCRIPT = re.compile(r"Error running script \(call to [^)]*\): (?:@?user_script: ?\d+: ?)*-?")
#: An EXEC that is refused itself, from Redis 7 on.
_IN_EXEC = re.compile(r"Transaction discarded because of: ?")
_PREFIXES = (re.compile(r"EXECABORT "), _IN_EXEC, re.compile(r"ERR "), _IN_SCRIPT)


class Outage:
    """Says that Redis is back, once, after it was said that it is away. For one thread."""

    def __init__(self, where: str) -> None:
        self._where = where
        self._since: float | None = None

    def begin(self) -> None:
        """Redis is away, as the caller says itself."""
        self._since = self._since or time.monotonic()

    def end(self) -> None:
        """Redis answers."""
        if self._since is not None:
            away_s = round(time.monotonic() - self._since, 1)
            log.info("redis is back", where=self._where, away_s=away_s)
            self._since = None


def is_away(error: redis.RedisError) -> bool:
    """Whether Redis may take the same command later: it restarts, or its memory or disk is full."""
    if isinstance(error, redis.AuthenticationError):
        return False
    if isinstance(error, _AWAY):
        return True
    text = said_by_redis(error)
    if isinstance(error, ExecAbortError) and text.startswith("Transaction discarded"):
        return (
            True  # for an error before, which redis-py did not see; were it lasting, it would have
        )
    return text.split(" ", 1)[0] in _CODES


def said_by_redis(error: redis.RedisError) -> str:
    """The error's text from its code on, without the command, script or transaction it came in."""
    text = str(error)
    if (in_pipeline := _IN_PIPELINE.match(text)) is not None:
        text = text[in_pipeline.end() :]
    for prefix in _PREFIXES:
        text = prefix.sub("", text, count=1) if prefix.match(text) else text
    return text
