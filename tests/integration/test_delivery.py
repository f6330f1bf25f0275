"""Claims, owed tasks and turns over a real Redis, between threads and processes."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import redis

from backend.delivery.claims import REPLY_TTL_S, STORED_TTL_S, Claims
from backend.delivery.keys import claim_key
from backend.delivery.owed import LOOK_AGAIN_S, OwedTasks
from backend.delivery.turn import Turn
from backend.errors import QueueUnavailable
from backend.label_studio.project_key import ProjectKey
from backend.queue.connection import connect

pytestmark = pytest.mark.redis

REPOSITORY = Path(__file__).parents[2]
KEY = ProjectKey(4, 1795207698)
OTHER = ProjectKey(5, 1795207698)
NOW = 1_800_000_000.0


@pytest.fixture
def claims(redis_connection: redis.Redis) -> Claims:
    return Claims(redis_connection)


@pytest.fixture
def owed(redis_connection: redis.Redis) -> OwedTasks:
    return OwedTasks(redis_connection)


def until(condition: Callable[[], object], timeout_s: float = 120) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "the condition did not come to hold"
        time.sleep(0.01)


# ---- claims ----


def test_of_two_who_claim_each_row_goes_to_one(claims: Claims) -> None:
    """The second gets what the first left; both may claim theirs again."""
    assert claims.take(KEY, "v", [1, 2], holder="a") == {1, 2}
    assert claims.take(KEY, "v", [1, 2, 3], holder="b") == {3}
    assert claims.take(KEY, "v", [1, 2, 3], holder="a") == {1, 2}
    assert claims.take(KEY, "v", [], holder="a") == set()


def test_many_who_claim_at_once_share_the_rows(redis_url: str) -> None:
    """Twelve threads, five hundred rows: none is claimed twice, none by nobody."""
    tasks = list(range(500))
    had: list[set[int]] = []
    start = threading.Barrier(12)

    def take(number: int) -> None:
        with connect(redis_url) as connection:
            start.wait()
            had.append(Claims(connection).take(KEY, "v", tasks[number:], holder=f"h{number}"))

    threads = [threading.Thread(target=take, args=(number,)) for number in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sum(len(tasks) for tasks in had) == 500
    assert set().union(*had) == set(tasks)


def test_claims_are_apart_by_project_and_version(claims: Claims) -> None:
    """The same task number is another task there, and another version another row."""
    claims.take(KEY, "v", [1], holder="a")

    assert claims.take(KEY, "w", [1], holder="b") == {1}
    assert claims.take(OTHER, "v", [1], holder="b") == {1}


def test_a_claim_runs_out_and_taking_it_again_renews_it(
    claims: Claims, redis_connection: redis.Redis
) -> None:
    """A holder that ended holds nothing up for long."""
    claims.take(KEY, "v", [1, 2], holder="a", ttl_s=1)
    claims.take(KEY, "v", [2], holder="a", ttl_s=60)

    until(lambda: not redis_connection.exists(claim_key(KEY, 1, "v")))

    assert claims.take(KEY, "v", [1, 2], holder="b") == {1}


def test_a_stored_row_is_claimed_by_nobody(claims: Claims, redis_connection: redis.Redis) -> None:
    """Not even by who had it stored, for a while."""
    claims.take(KEY, "v", [1], holder="a")

    claims.settle(KEY, "v", [1])

    assert claims.take(KEY, "v", [1], holder="a") == set()
    assert claims.take(KEY, "v", [1], holder="b") == set()
    left = redis_connection.ttl(claim_key(KEY, 1, "v"))
    assert REPLY_TTL_S < left <= STORED_TTL_S


def test_only_ones_own_claims_are_given_up(claims: Claims) -> None:
    """Neither another's nor what is stored."""
    claims.take(KEY, "v", [1], holder="a")
    claims.take(KEY, "v", [2], holder="b")
    claims.settle(KEY, "v", [3])

    claims.release(KEY, "v", [1, 2, 3, 4], holder="a")

    assert claims.take(KEY, "v", [1, 2, 3, 4], holder="c") == {1, 4}


# ---- owed tasks ----


def test_owed_tasks_come_when_their_time_has_come(owed: OwedTasks) -> None:
    """The earliest first, no more than asked for; each project its own."""
    owed.add(KEY, [3], NOW - 2)
    owed.add(KEY, [1, 2], NOW - 1)
    owed.add(KEY, [4], NOW + 60)
    owed.add(OTHER, [1], NOW)

    assert owed.due(KEY, NOW, 10) == [3, 1, 2]
    assert owed.due(KEY, NOW, 2) == [3, 1]
    assert owed.due(OTHER, NOW, 10) == [1]
    assert owed.projects() == [KEY, OTHER]
    assert owed.count() == 5


def test_asked_for_again_a_task_is_due_sooner_never_later(owed: OwedTasks) -> None:
    """Somebody opens a task that was put off; asking all the time does not put it off."""
    owed.add(KEY, [1, 2], NOW)
    owed.postpone(KEY, [1], NOW + 600)

    owed.add(KEY, [1, 2], NOW + 5)

    assert owed.due(KEY, NOW, 10) == [2]
    assert owed.due(KEY, NOW + 5, 10) == [2, 1]


def test_only_what_is_owed_can_be_put_off(owed: OwedTasks) -> None:
    """Settled meanwhile, it does not come back."""
    owed.add(KEY, [1], NOW)

    owed.postpone(KEY, [1, 2], NOW + 60)

    assert owed.due(KEY, NOW + 59, 10) == []
    assert owed.due(KEY, NOW + 60, 10) == [1]


def test_settled_tasks_are_owed_no_more_nor_remembered(
    owed: OwedTasks, redis_connection: redis.Redis
) -> None:
    """With the last one goes the project: nothing of it stays in Redis."""
    owed.add(KEY, [1, 2], NOW)
    owed.failed_again(KEY, 1)

    owed.settle(KEY, [1])
    assert owed.due(KEY, NOW, 10) == [2]
    assert owed.projects() == [KEY]
    owed.settle(KEY, [2, 3])

    assert owed.projects() == []
    assert redis_connection.keys("*") == []


def test_thousands_are_settled_at_once(owed: OwedTasks) -> None:
    """More than a script may take as arguments of one call."""
    owed.add(KEY, range(20_000), NOW)

    owed.settle(KEY, range(1, 20_000))

    assert owed.due(KEY, NOW, 10) == [0]


def test_failures_are_counted_by_task(owed: OwedTasks) -> None:
    """From one, until it is settled."""
    owed.add(KEY, [1, 2], NOW)
    assert [owed.failed_again(KEY, 1) for _ in range(3)] == [1, 2, 3]
    assert owed.failed_again(KEY, 2) == 1

    owed.settle(KEY, [1])

    assert owed.failed_again(KEY, 1) == 1


def test_a_project_that_is_forgotten_is_owed_nothing(
    owed: OwedTasks, redis_connection: redis.Redis
) -> None:
    """And it is told how much that was."""
    owed.add(KEY, [1, 2, 3], NOW)
    owed.failed_again(KEY, 1)

    assert owed.forget(KEY) == 3

    assert owed.forget(KEY) == 0
    assert redis_connection.keys("*") == []


def test_nothing_is_owed_for_no_tasks(owed: OwedTasks, redis_connection: redis.Redis) -> None:
    """No trace in Redis."""
    owed.add(KEY, [], NOW)
    owed.settle(KEY, [])
    owed.postpone(KEY, [], NOW)

    assert redis_connection.keys("*") == []
    assert owed.count() == 0


def test_a_change_stays_noted_until_it_is_settled(owed: OwedTasks) -> None:
    """Noted twice, a project comes once; whoever looks at it and is killed has lost nothing."""
    owed.note_change(OTHER)
    owed.note_change(KEY)
    owed.note_change(KEY)

    first, second = owed.changed()
    owed.settle_change(first)

    assert (first.key, second.key) == (KEY, OTHER)
    assert [changed.key for changed in owed.changed()] == [OTHER]


def test_a_change_that_is_noted_meanwhile_is_looked_at_again(
    redis_connection: redis.Redis,
) -> None:
    """It may be another one than the one that was seen to."""
    now = NOW
    owed = OwedTasks(redis_connection, clock=lambda: now)
    owed.note_change(KEY)
    (changed,) = owed.changed()
    now += 1
    owed.note_change(KEY)

    owed.settle_change(changed)

    assert [changed.key for changed in owed.changed()] == [KEY]


def test_a_settled_change_is_looked_at_once_more_a_little_later(
    redis_connection: redis.Redis,
) -> None:
    """Label Studio may tell of a change before its database shows it."""
    now = NOW
    owed = OwedTasks(redis_connection, clock=lambda: now)
    owed.note_change(KEY)
    looks = 0
    for _ in range(3):
        for changed in owed.changed():
            owed.settle_change(changed)
            looks += 1
        now += LOOK_AGAIN_S

    assert looks == 2


def test_names_of_others_making_are_left_out(
    owed: OwedTasks, redis_connection: redis.Redis
) -> None:
    """Whatever somebody wrote into our set, the projects in it are served."""
    owed.add(KEY, [1], NOW)
    redis_connection.sadd("firstpass:delivery:owing", "nonsense", "4.", "")

    assert owed.projects() == [KEY]
    assert owed.count() == 1


def test_without_redis_it_is_said() -> None:
    """As our own error, so that the routes can answer it."""
    with pytest.raises(QueueUnavailable):
        OwedTasks(connect("redis://127.0.0.1:1/0", retries=0)).add(KEY, [1], NOW)


# ---- turns ----

HOLD = """
import sys, time
from backend.delivery.turn import Turn
from backend.queue.connection import connect
with Turn(connect(sys.argv[1]), "writer", urgent=False, lease_s=float(sys.argv[2])).held():
    print("held", flush=True)
    time.sleep(3000)
"""
ADD = """
import sys
from backend.delivery.turn import Turn
from backend.queue.connection import connect
connection = connect(sys.argv[1])
for _ in range(25):
    with Turn(connection, "writer", urgent=sys.argv[2] == "urgent").held():
        count = int(connection.get("count") or 0)
        inside = connection.incr("inside")
        connection.set("most", max(inside, int(connection.get("most") or 0)))
        connection.set("count", count + 1)
        connection.decr("inside")
"""


def python(code: str, *arguments: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-c", code, *arguments], cwd=REPOSITORY, stdout=subprocess.PIPE
    )


@pytest.fixture
def often_renewed(monkeypatch: pytest.MonkeyPatch, redis_connection: redis.Redis) -> Turn:
    """A turn that is renewed as for a lease of 0.6 s, and lasts longer than any pause."""
    lock = redis_connection.lock

    def long_lock(name: str, timeout: float, **options: Any) -> Any:
        return lock(name, timeout=120, **options)

    monkeypatch.setattr(redis_connection, "lock", long_lock)
    return Turn(redis_connection, "writer", urgent=True, lease_s=0.6)


@pytest.fixture(params=[15])
def holder(redis_url: str, request: pytest.FixtureRequest) -> Iterator[subprocess.Popen[bytes]]:
    """Another process that has the turn, with a lease of so many seconds."""
    process = python(HOLD, redis_url, str(request.param))
    assert process.stdout is not None
    assert process.stdout.readline() == b"held\n"
    yield process
    process.kill()
    process.wait()
    process.stdout.close()


def test_one_process_writes_at_a_time(redis_url: str, redis_connection: redis.Redis) -> None:
    """Three of them, urgent and not, read and write a figure: none is lost."""
    processes = [python(ADD, redis_url, kind) for kind in ("urgent", "bulk", "bulk")]
    codes = [process.wait(240) for process in processes]
    for process in processes:
        assert process.stdout is not None
        process.stdout.close()

    assert codes == [0, 0, 0]
    assert redis_connection.get("count") == b"75"
    assert redis_connection.get("most") == b"1"


def test_a_live_holder_keeps_its_turn_beyond_the_lease(
    holder: subprocess.Popen[bytes], redis_connection: redis.Redis
) -> None:
    """It is renewed: a long write is not joined by another writer."""
    lock = redis_connection.lock("writer", timeout=5)
    left_ms = [redis_connection.pttl("writer")]

    def is_renewed() -> bool:
        left_ms.append(redis_connection.pttl("writer"))
        return left_ms[-1] > left_ms[-2]

    until(is_renewed)

    assert not lock.acquire(blocking=False)


@pytest.mark.parametrize("holder", [0.6], indirect=True)
def test_a_killed_holders_turn_is_free_after_the_lease(
    holder: subprocess.Popen[bytes], redis_connection: redis.Redis
) -> None:
    """Soon, not at once: what it sent last may still be under way."""
    holder.kill()

    with Turn(redis_connection, "writer", urgent=False).held():
        assert redis_connection.exists("writer")


def test_what_else_is_to_be_renewed_is_renewed_with_it(often_renewed: Turn) -> None:
    """As long as the turn is held, and no longer."""
    renewed: list[float] = []

    with often_renewed.held(also=lambda: renewed.append(time.monotonic())):
        until(lambda: len(renewed) >= 3)
    count = len(renewed)
    time.sleep(0.5)

    assert len(renewed) == count


def test_an_error_within_gives_the_turn_back(redis_connection: redis.Redis) -> None:
    """The next writer need not wait for the lease."""
    with (
        pytest.raises(ZeroDivisionError),
        Turn(redis_connection, "writer", urgent=True).held(),
    ):
        raise ZeroDivisionError

    assert not redis_connection.exists("writer")


def test_bulk_gives_way_to_who_is_urgent(
    redis_connection: redis.Redis,
) -> None:
    """Although each chunk in bulk takes longer than anything is remembered, urgent rows go next."""
    order: list[str] = []
    left_ms = [0]

    def is_said_again() -> bool:
        left_ms.append(redis_connection.pttl("writer:wanted"))
        return left_ms[-1] > left_ms[-2] > 0

    def urgent() -> None:
        with Turn(redis_connection, "writer", urgent=True, give_way_s=20).held():
            order.append("urgent")

    bulk = Turn(redis_connection, "writer", urgent=False, give_way_s=20)
    thread = threading.Thread(target=urgent)
    with bulk.held():
        order.append("bulk")
        thread.start()
        until(is_said_again)
    for _ in range(2):
        with bulk.held():
            order.append("bulk")
    thread.join()

    assert order == ["bulk", "urgent", "bulk", "bulk"]


def test_one_who_wanted_it_and_ended_is_waited_for_a_moment(
    redis_connection: redis.Redis,
) -> None:
    """Bulk goes on after that."""
    redis_connection.set("writer:wanted", 1)
    began = time.monotonic()

    with Turn(redis_connection, "writer", urgent=False, give_way_s=1).held():
        waited_s = time.monotonic() - began

    assert waited_s > 0.9


def test_turns_of_two_label_studios_do_not_wait_for_each_other(
    holder: subprocess.Popen[bytes], redis_connection: redis.Redis
) -> None:
    """They have databases of their own."""
    with Turn(redis_connection, "another", urgent=False).held():
        assert holder.poll() is None
        assert redis_connection.exists("writer")


def test_a_turn_cannot_be_had_without_redis() -> None:
    """It is told, not waited for: whoever wants to write knows how long to wait."""
    turn = Turn(connect("redis://127.0.0.1:1/0", retries=0), "writer", urgent=True)

    with pytest.raises(QueueUnavailable), turn.held():
        pytest.fail("it was not to be had")
