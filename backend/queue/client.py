"""Redis's client, whose errors tell more: where this process runs, and under which key a foreign value stands.

Redis itself says that a value is of the wrong type, and not of which key.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import Any

import redis
from redis.client import Pipeline

from backend.queue.away import said_by_redis

__all__ = ["Client", "foreign_keys", "is_foreign", "place_of", "wrong_type"]

_SCRIPTS = ("EVAL", "EVALSHA", "FCALL")
#: What redis-py puts before the error of a pipeline, cut short behind it.
_NUMBER = re.compile(r"Command # (\d+) \(")
#: So many keys of a script are named.
NAMED = 5


class Client(redis.Redis):
    """As `redis.Redis`; `place` is where this process runs (see `place`)."""

    place = "host"

    def execute_command(self, *args: Any, **options: Any) -> Any:
        try:
            return super().execute_command(*args, **options)
        except redis.RedisError as error:
            _tell([(error, args)], self)
            raise

    def pipeline(self, transaction: bool = True, shard_hint: Any = None) -> Pipeline:
        made = _Pipeline(self.connection_pool, self.response_callbacks, transaction, shard_hint)
        made.place = self.place
        return made


class _Pipeline(Pipeline):
    place = "host"

    def execute(self, raise_on_error: bool = True) -> list[Any]:
        commands = [args for args, _ in self.command_stack]
        try:
            replies = super().execute(raise_on_error)
        except redis.RedisError as error:
            number = _NUMBER.match(str(error))
            _tell([(error, commands[int(number[1]) - 1] if number else ())], self)
            raise
        failed = zip(replies, commands, strict=True)
        _tell([pair for pair in failed if isinstance(pair[0], redis.RedisError)], self)
        return replies

    def immediate_execute_command(self, *args: Any, **options: Any) -> Any:
        try:
            return super().immediate_execute_command(*args, **options)
        except redis.RedisError as error:
            _tell([(error, args)], self)
            raise


def _tell(
    failed: Sequence[tuple[redis.RedisError, Sequence[Any]]], client: Client | _Pipeline
) -> None:
    """Note in each error where its command was given and, of a foreign value, under which keys it may stand."""
    named: list[tuple[redis.RedisError, tuple[str, ...]]] = []
    for error, command in failed:
        vars(error)["firstpass_place"] = client.place
        if is_foreign(error) and command:
            named.append((error, _keys([_word(part) for part in command])))
    # Of a script's keys, what is not there is not to blame.
    asked = {key for _, keys in named if len(keys) > 1 for key in keys}
    kinds = _kinds(asked, client) if asked else {}
    for error, keys in named:
        there = [key for key in keys if kinds.get(key) != "none"]
        vars(error)["firstpass_keys"] = tuple(
            f"{key} ({kinds[key]})" if key in kinds else key for key in there[:NAMED]
        )


def _kinds(keys: Iterable[str], client: Client | _Pipeline) -> dict[str, str]:
    """The type of what stands under each key, `none` for nothing; without those that we may not ask for."""
    asked = list(keys)
    with suppress(redis.RedisError):  # the error that is told about is the one to raise
        with redis.Redis(connection_pool=client.connection_pool).pipeline(False) as pipeline:
            for key in asked:
                pipeline.type(key)
            replies = pipeline.execute(raise_on_error=False)
        return {
            key: _word(kind)
            for key, kind in zip(asked, replies, strict=True)
            if not isinstance(kind, redis.RedisError)
        }
    return {}


def place_of(error: redis.RedisError) -> str:
    """Where the process runs whose client gave the error."""
    return str(vars(error).get("firstpass_place", "host"))


def is_foreign(error: redis.RedisError) -> bool:
    """Whether a value of another type than ours stands under a key of ours."""
    return said_by_redis(error).startswith("WRONGTYPE")


def foreign_keys(error: redis.RedisError) -> tuple[str, ...]:
    """The keys that the failed command was about; empty where that is not known."""
    named: tuple[str, ...] = vars(error).get("firstpass_keys", ())
    return named


def wrong_type(key: str) -> redis.ResponseError:
    """The error that a command about this key has met with, where it was not raised."""
    error = redis.ResponseError("WRONGTYPE Operation against a key holding the wrong kind of value")
    vars(error)["firstpass_keys"] = (key,)
    return error


def _keys(command: Sequence[str]) -> tuple[str, ...]:
    """The keys of a command.

    >>> _keys(["EVALSHA", "1f", "2", "a", "b", "argument"]), _keys(["ZADD", "a", "1", "b"])
    (('a', 'b'), ('a',))
    """
    if command[0] in _SCRIPTS and len(command) > 2 and command[2].isdigit():
        return tuple(command[3 : 3 + int(command[2])])
    return tuple(command[1:2])


def _word(part: Any) -> str:
    return part.decode("utf-8", "backslashreplace") if isinstance(part, bytes) else str(part)
