"""`FIRSTPASS_DEVICE=cuda:auto`: as many workers as devices, each on its own, whoever is killed."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import redis

from backend.queue.device_lease import take_device
from backend.queue.keys import device_key
from backend.status.overview import Overview
from backend.status.reading import read_overview
from models.devices import CudaDevice
from tests.forks import Forked, fork
from tests.standin import device_worker
from tests.standin.device_worker import DEVICES

pytestmark = pytest.mark.redis

REPOSITORY = Path(__file__).parents[2]
LEASE_S = 5
ONE, TWO = DEVICES
HELD = "waits for a device: other workers hold all CUDA devices that it may use (2)"

Start = Callable[[], Forked]


@pytest.fixture
def start(redis_url: str, tmp_path: Path) -> Iterator[Start]:
    """Starts workers with `cuda:auto`; ends those that still run, by their ids."""
    started: list[Forked] = []
    settings = {
        "REDIS_URL": redis_url,
        "FIRSTPASS_MODEL": "tiny",
        "FIRSTPASS_DEVICE": "cuda:auto",
        "FIRSTPASS_LEASE_S": str(LEASE_S),
    }

    def one() -> Forked:
        log = tmp_path / f"{len(started)}.log"
        environment = {"PATH": os.defpath, **settings}
        started.append(fork(device_worker.main, env=environment, out=log, models=True))
        return started[-1]

    yield one
    for process in started:
        process.end()


def until(connection: redis.Redis, so: Callable[[Overview], bool]) -> None:
    give_up = time.monotonic() + 300
    while not so(read_overview(connection)):
        assert time.monotonic() < give_up
        time.sleep(0.2)


def holders(connection: redis.Redis) -> dict[str, int]:
    """Process ids by device, from what the leases hold."""
    held: dict[str, Any] = {one.uuid: connection.get(device_key(one.uuid)) for one in DEVICES}
    return {uuid: int(token.split(b":")[-2]) for uuid, token in held.items() if token}


def able(overview: Overview) -> set[int]:
    return {card.pid for card in overview.able}


def test_two_workers_take_two_devices_and_a_third_the_one_of_a_killed_one(
    start: Start, redis_connection: redis.Redis
) -> None:
    """No two hold one; the third says what it waits for, and works once the killed one's lease is over."""
    first, second = start(), start()
    until(redis_connection, lambda seen: able(seen) == {first.pid, second.pid})
    assert sorted(holders(redis_connection).values()) == sorted([first.pid, second.pid])

    third = start()
    until(redis_connection, lambda seen: any(card.waits_for == HELD for card in seen.workers))
    assert third.pid not in holders(redis_connection).values()
    first.kill()
    until(redis_connection, lambda seen: able(seen) >= {second.pid, third.pid})
    assert sorted(holders(redis_connection).values()) == sorted([second.pid, third.pid])

    second.terminate()
    assert second.wait(120) == 0
    assert list(holders(redis_connection).values()) == [third.pid]


def test_a_lease_is_one_workers_until_it_is_released(redis_connection: redis.Redis) -> None:
    """By the device's own name: another number for it, as in another container, changes nothing."""
    elsewhere = CudaDevice("cuda:7", ONE.uuid)
    first = take_device(redis_connection, [ONE], 30)
    assert first is not None

    assert take_device(redis_connection, [elsewhere], 30) is None
    second = take_device(redis_connection, [elsewhere, TWO], 30)
    assert second is not None
    assert second.device is TWO
    first.release()
    third = take_device(redis_connection, [elsewhere], 30)
    assert third is not None
    third.release()
    second.release()
    assert holders(redis_connection) == {}


def test_a_lease_outlives_a_redis_that_forgot_it(redis_connection: redis.Redis) -> None:
    """It is taken again while it is free."""
    lease = take_device(redis_connection, [ONE], 0.9)
    assert lease is not None
    redis_connection.delete(device_key(ONE.uuid))

    give_up = time.monotonic() + 60
    while not redis_connection.exists(device_key(ONE.uuid)):
        assert time.monotonic() < give_up
        time.sleep(0.02)
    lease.release()


def test_a_device_that_another_took_is_left_to_it(redis_connection: redis.Redis) -> None:
    """The worker is told, so that it ends and takes another."""
    told: list[bool] = []
    lease = take_device(redis_connection, [ONE], 0.9)
    assert lease is not None
    lease.when_lost(lambda: told.append(True))
    redis_connection.set(device_key(ONE.uuid), "another:1:x")

    give_up = time.monotonic() + 60
    while not told:
        assert time.monotonic() < give_up
        time.sleep(0.02)
    lease.release()
    assert redis_connection.get(device_key(ONE.uuid)) == b"another:1:x"
