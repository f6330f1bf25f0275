"""Two real couriers: one delivers, the other says so and takes over; and it is said when Redis is back."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
import redis

from backend.delivery.card import read_card
from backend.delivery.keys import POST
from backend.status.reading import read_overview
from backend.status.verdict import notes
from tests.conftest import StartRedis
from tests.forks import Forked
from tests.integration.conftest import StartCommand
from tests.integration.following import said
from tests.integration.test_web_end import until

pytestmark = pytest.mark.redis

Start = Callable[[str], tuple[Forked, Path]]


@pytest.fixture
def start(start_command: StartCommand) -> Start:
    """Starts a courier for this Redis; gives it and its log."""
    environment = {
        "FIRSTPASS_MODEL": "tiny",
        "FIRSTPASS_LABEL_STUDIO_URL": "http://127.0.0.1:1",
        "FIRSTPASS_LABEL_STUDIO_API_KEY": "0" * 40,
    }
    return lambda url: start_command("courier", env=environment | {"FIRSTPASS_REDIS_URL": url})


def at_work(connection: redis.Redis) -> int | None:
    card = read_card(connection)
    return card.pid if card is not None else None


def test_the_second_waits_says_so_and_takes_over(
    redis_url: str, redis_connection: redis.Redis, start: Start
) -> None:
    """One sentence in its log and in `firstpass status`; when the first ends, it goes on at once."""
    first, _ = start(redis_url)
    until(lambda: at_work(redis_connection) == first.pid)
    second, log = start(redis_url)

    until(lambda: said(log, "another courier is at work"))

    (line,) = said(log, "another courier is at work")
    assert str(line["courier"]).endswith(f":{first.pid}")
    told = read_overview(redis_connection)
    (note,) = [note for note in notes(told) if "More than one courier" in note]
    assert f":{second.pid} wait to take over" in note
    assert f":{first.pid})" in note
    assert at_work(redis_connection) == first.pid

    first.send_signal(signal.SIGTERM)
    assert first.wait(60) == 0
    until(lambda: at_work(redis_connection) == second.pid)
    until(lambda: said(log, "took over from another courier"))
    assert read_overview(redis_connection).waiting_couriers == ()


def test_one_that_was_killed_is_followed_without_a_word_of_another(
    redis_url: str, redis_connection: redis.Redis, start: Start
) -> None:
    """It was not at work any more; garbage in the post's place is no courier either."""
    redis_connection.hset(POST, "a", "garbage")
    first, _ = start(redis_url)
    until(lambda: at_work(redis_connection) == first.pid)
    os.kill(first.pid, signal.SIGKILL)
    second, log = start(redis_url)

    until(lambda: at_work(redis_connection) == second.pid)

    assert said(log, "another courier is at work") == []


def test_it_is_said_that_redis_is_back(
    start_redis: StartRedis, tmp_path: Path, start: Start
) -> None:
    """As it was said that it is away."""
    server = start_redis(tmp_path / "redis", {"appendonly": "yes"})
    _, log = start(server.url())
    until(lambda: said(log, "courier ready"))
    server.kill()
    until(lambda: said(log, "delivery waits"))
    assert not said(log, "delivery goes on")
    server.start()
    until(lambda: said(log, "delivery goes on"))
    until(lambda: said(log, "redis is back"))
