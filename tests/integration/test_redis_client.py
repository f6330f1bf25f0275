"""The client's errors about foreign values: under which keys these stand, however a command was given."""

from __future__ import annotations

from functools import partial

import pytest
import redis

from backend.queue.client import Client, foreign_keys, is_foreign
from backend.queue.connection import connect
from backend.queue.keys import BELL

pytestmark = pytest.mark.redis

THEIRS = "a value of another program"
SCRIPT = "redis.call('HSET', KEYS[3], 'a', 1) return redis.call('LLEN', KEYS[4])"
#: Longer than what redis-py tells of a command.
KEYS = [f"firstpass:{'a-long-name' * 5}:{i}" for i in range(4)]


@pytest.mark.parametrize("transaction", [True, False])
@pytest.mark.parametrize("raises", [True, False])
def test_the_keys_of_a_script_in_a_pipeline_are_named(
    redis_url: str, redis_connection: redis.Redis, transaction: bool, raises: bool
) -> None:
    """Those that are there, each with its type, and never the script's sum."""
    client = connect(redis_url)
    assert isinstance(client, Client)
    client.place = "compose"
    redis_connection.set(KEYS[3], THEIRS)
    with client.pipeline(transaction=transaction) as pipeline:
        pipeline.get("firstpass:other")
        client.register_script(SCRIPT)(keys=KEYS, client=pipeline)
        if raises:
            with pytest.raises(redis.ResponseError) as raised:
                pipeline.execute()
            error = raised.value
        else:
            error = pipeline.execute(raise_on_error=False)[1]

    assert is_foreign(error)
    assert foreign_keys(error) == (f"{KEYS[2]} (hash)", f"{KEYS[3]} (string)")


def test_the_key_of_a_command_under_watch_is_named(
    redis_url: str, redis_connection: redis.Redis
) -> None:
    redis_connection.set(BELL, THEIRS)
    with connect(redis_url).pipeline() as pipeline:
        pipeline.watch(BELL)
        with pytest.raises(redis.ResponseError) as raised:
            pipeline.llen(BELL)

    assert foreign_keys(raised.value) == (BELL,)


@pytest.mark.parametrize("in_pipeline", [True, False])
def test_who_may_not_ask_for_types_hears_of_the_foreign_value_all_the_same(
    redis_url: str, redis_connection: redis.Redis, in_pipeline: bool
) -> None:
    """Not of what it may not ask."""
    redis_connection.acl_setuser(
        "typeless", enabled=True, nopass=True, keys="*", categories=["+@all"], commands=["-type"]
    )
    try:
        redis_connection.set(KEYS[3], THEIRS)
        client = connect(redis_url.replace("://", "://typeless:x@"))
        pipeline = client.pipeline()
        script = client.register_script(SCRIPT)
        if in_pipeline:
            script(keys=KEYS, client=pipeline)
        ask = pipeline.execute if in_pipeline else partial(script, KEYS)
        with pytest.raises(redis.ResponseError) as raised:
            ask()
    finally:
        redis_connection.acl_deluser("typeless")

    assert is_foreign(raised.value)
    assert foreign_keys(raised.value) == tuple(KEYS)
