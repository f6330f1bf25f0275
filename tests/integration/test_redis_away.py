"""What Redis says while it cannot serve is recognised, however the command was sent."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import redis
from redis.exceptions import ExecAbortError, ResponseError

from backend.queue.away import is_away, said_by_redis
from tests.conftest import StartRedis
from tests.redis_process import ONCE

SET = "redis.call('SET', KEYS[1], ARGV[1])"
#: What a command may hold must not pass for an error.
VALUE = "x) of pipeline caused error: MISCONF -OOM"

Client = redis.Redis


@pytest.fixture
def start(start_redis: StartRedis, tmp_path: Path) -> Callable[..., Client]:
    """Starts a Redis of its own with these options, and gives a client that tries once."""
    numbers = itertools.count()

    def start(**options: str) -> Client:
        named = {name.replace("_", "-"): value for name, value in options.items()}
        server = start_redis(tmp_path / f"redis-{next(numbers)}", named)
        return redis.Redis(port=server.port, retry=ONCE)

    return start


def full_disk(start: Callable[..., Client], folder: Path) -> Client:
    """A snapshot that fails: Redis says the same of a full disk."""
    client = start(dbfilename="dump.rdb")
    client.config_set("save", "3600 1000000")
    (folder / "redis-0" / "dump.rdb" / "in the way").mkdir(parents=True)
    client.script_load(SET)
    client.bgsave()
    while client.info("persistence")["rdb_last_bgsave_status"] == "ok":
        time.sleep(0.01)
    return client


def full_memory(start: Callable[..., Client], folder: Path) -> Client:
    client = start()
    client.script_load(SET)
    client.config_set("maxmemory", 1)
    return client


def no_replicas(start: Callable[..., Client], folder: Path) -> Client:
    client = start(min_replicas_to_write="1")
    client.script_load(SET)
    return client


def demoted(start: Callable[..., Client], folder: Path) -> Client:
    client = start()
    client.script_load(SET)
    client.replicaof("127.0.0.1", "1")
    return client


def cut_off(start: Callable[..., Client], folder: Path) -> Client:
    client = demoted(start, folder)
    client.config_set("replica-read-only", "no")
    client.config_set("replica-serve-stale-data", "no")
    return client


def busy(start: Callable[..., Client], folder: Path) -> Client:
    client = start(lua_time_limit="20")
    client.script_load(SET)
    other = redis.Redis(port=client.connection_pool.connection_kwargs["port"], retry=ONCE)

    def hold() -> None:
        with suppress(redis.RedisError):  # the server is killed in the end
            other.eval("while true do end", 0)

    threading.Thread(target=hold, daemon=True).start()
    while True:
        try:
            client.ping()
        except ResponseError:
            return client


def alone(client: Client) -> None:
    client.set("k", VALUE)


def in_a_script(client: Client) -> None:
    client.register_script(SET)(keys=["k"], args=[VALUE])


def in_a_pipeline(client: Client) -> None:
    with client.pipeline(transaction=False) as pipeline:
        pipeline.set("k", VALUE)
        pipeline.execute()


def in_a_transaction(client: Client) -> None:
    with client.pipeline() as pipeline:
        pipeline.set("k", VALUE)
        pipeline.execute()


def as_a_script_in_a_pipeline(client: Client) -> None:
    with client.pipeline(transaction=False) as pipeline:
        client.register_script(SET)(keys=["k"], args=[VALUE], client=pipeline)
        pipeline.execute()


def as_a_script_in_a_transaction(client: Client) -> None:
    with client.pipeline() as pipeline:
        client.register_script(SET)(keys=["k"], args=[VALUE], client=pipeline)
        pipeline.execute()


WAYS = (
    alone,
    in_a_script,
    in_a_pipeline,
    in_a_transaction,
    as_a_script_in_a_pipeline,
    as_a_script_in_a_transaction,
)


@pytest.mark.redis
@pytest.mark.parametrize("state", [full_disk, full_memory, no_replicas, demoted, cut_off, busy])
def test_it_is_away_however_it_is_asked(
    state: Callable[..., Client], start: Callable[..., Client], tmp_path: Path
) -> None:
    """Six states, each asked in six ways, from the real server."""
    client = state(start, tmp_path)
    for way in WAYS:
        with pytest.raises(redis.RedisError) as caught:
            way(client)
        assert is_away(caught.value), (way.__name__, caught.value)
        assert VALUE not in said_by_redis(caught.value)


@pytest.mark.redis
def test_what_lasts_is_no_absence(start: Callable[..., Client]) -> None:
    """A wrong type or a forbidden command would be refused again and again."""
    client = start()
    client.lpush("k", 1)

    def wrong(pipeline: Any) -> None:
        pipeline.hset("k", "field", VALUE)

    ways: list[Callable[[], object]] = [
        lambda: client.hset("k", "field", VALUE),
        lambda: client.eval("redis.call('HSET', KEYS[1], 'f', ARGV[1])", 1, "k", VALUE),
        lambda: client.eval("return redis.error_reply(ARGV[1])", 1, "k", "my own MISCONF"),
        lambda: client.transaction(wrong),
        lambda: client.execute_command("NOSUCH", VALUE),
    ]
    for way in ways:
        with pytest.raises(redis.RedisError) as caught:
            way()
        assert not is_away(caught.value), caught.value


@pytest.mark.parametrize(
    "code",
    [
        "LOADING",
        "MISCONF",
        "OOM",
        "READONLY",
        "BUSY",
        "NOSCRIPT",
        "CLUSTERDOWN",
        "NOREPLICAS",
        "UNBLOCKED",
    ],
)
@pytest.mark.parametrize(
    "form",
    [
        "{}",
        "ERR Error running script (call to f_{sha}): @user_script:12: -{}",
        "ERR Error running script (call to f_{sha}): @user_script:5: @user_script: 5: -{}",
        "Command # 1 (HSET k {sha}) of pipeline caused error: {}",
        "Command # 2 (EVALSHA {sha} 1 k\n) of pipeline caused error: "
        "Error running script (call to f_{sha}): @user_script:1: @user_script: 1: -{}",
        "EXECABORT Transaction discarded because of: {}",
    ],
)
def test_every_code_in_every_form(code: str, form: str) -> None:
    """Texts of Redis 6.2, 7 and Valkey 9, those among them that no test can bring about at will."""
    text = form.format(f"{code} Errors writing to the AOF file", sha="ae3467fc")

    assert is_away(ResponseError(text))
    assert not is_away(ResponseError(text.replace(code, "WRONGTYPE")))


def test_a_transaction_that_is_refused_itself() -> None:
    """EXEC on a full disk, and the bare refusal."""
    away = "Transaction discarded because of: MISCONF Errors writing to the AOF file: No space left"
    assert is_away(ExecAbortError(away))
    assert is_away(ExecAbortError("Transaction discarded because of previous errors."))
    assert not is_away(ExecAbortError("Transaction discarded because of: NOPERM no permissions"))
