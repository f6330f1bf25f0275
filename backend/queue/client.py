"""Redis's client, whose errors tell more: where this process runs, and under which key a foreign value stands.

Redis itself says that a value is of the wrong type, and not of which key.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import redis
from redis.client import Pipeline

from backend.queue.away import said_by_redis

__all__ = ["Client", "foreign_keys", "is_foreign", "place_of", "wrong_type"]

_SCRIPTS = ("EVAL", "EVALSHA", "FCALL")
#: So many keys of a script are named.
NAMED = 5


class Client(redis.Redis):
    """As `redis.Redis`; `place` is where this process runs (see `place`)."""

    place = "host"

    def execute_command(self, *args: Any, **options: Any) -> Any:
        try:
            with _told(self.place, args):
                return super().execute_command(*args, **options)
        except redis.ResponseError as error:
            keys = foreign_keys(error)
            if len(keys) > 1:  # of a script: what is not there is not to blame
                ask = super().execute_command
                found = {key: _word(ask("TYPE", key)) for key in keys}
                vars(error)["firstpass_keys"] = tuple(
                    f"{key} ({kind})" for key, kind in found.items() if kind != "none"
                )
            raise

    def pipeline(self, transaction: bool = True, shard_hint: Any = None) -> Pipeline:
        made = _Pipeline(self.connection_pool, self.response_callbacks, transaction, shard_hint)
        made.place = self.place
        return made


class _Pipeline(Pipeline):
    place = "host"

    def execute(self, raise_on_error: bool = True) -> list[Any]:
        with _told(self.place, ()):
            return super().execute(raise_on_error)


@contextmanager
def _told(place: str, command: Sequence[Any]) -> Iterator[None]:
    try:
        yield
    except redis.RedisError as error:
        vars(error)["firstpass_place"] = place
        if is_foreign(error) and command:
            vars(error)["firstpass_keys"] = _keys([_word(part) for part in command])
        raise


def place_of(error: redis.RedisError) -> str:
    """Where the process runs whose client gave the error."""
    return str(vars(error).get("firstpass_place", "host"))


def is_foreign(error: redis.RedisError) -> bool:
    """Whether a value of another type than ours stands under a key of ours."""
    return said_by_redis(error).startswith("WRONGTYPE")


def foreign_keys(error: redis.RedisError) -> tuple[str, ...]:
    """The keys that the failed command was about; empty where that is not known."""
    named: tuple[str, ...] = vars(error).get("firstpass_keys", ())
    in_pipeline = str(error).partition(" (")[2].partition(") of pipeline caused error: ")
    return named or (_keys(in_pipeline[0].split(" ")) if in_pipeline[1] else ())


def wrong_type(key: str) -> redis.ResponseError:
    """The error that a command about this key has met with, where it was not raised."""
    error = redis.ResponseError("WRONGTYPE Operation against a key holding the wrong kind of value")
    vars(error)["firstpass_keys"] = (key,)
    return error


def _keys(command: Sequence[str]) -> tuple[str, ...]:
    """The keys of a command; of a script's the first few.

    >>> _keys(["EVALSHA", "1f", "2", "a", "b", "argument"]), _keys(["ZADD", "a", "1", "b"])
    (('a', 'b'), ('a',))
    """
    if command[0] in _SCRIPTS and len(command) > 2 and command[2].isdigit():
        return tuple(command[3 : 3 + min(int(command[2]), NAMED)])
    return tuple(command[1:2])


def _word(part: Any) -> str:
    return part.decode("utf-8", "backslashreplace") if isinstance(part, bytes) else str(part)
