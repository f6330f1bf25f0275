"""The single steps of a worker, cut off where a process or a reply may get lost."""

from __future__ import annotations

import time

import pytest
from rq import Queue
from rq.job import JobStatus
from rq.serializers import JSONSerializer

from backend.errors import Failure, ImageUnreachable, InferenceFailed
from backend.prediction.request import Answer
from backend.queue.finish import Finisher, KeepLimits
from backend.queue.keys import QUEUES
from backend.queue.sweep import Sweeper
from backend.queue.take import Taken, Taker
from tests.faults.rig import Rig, answered, failed
from tests.standin.answers import SIZE

LEASE_S = 0.2
ANSWER = Answer(SIZE, (), "0" * 64)


class Steps:
    """What a worker is made of, to be called step by step."""

    def __init__(self, rig: Rig) -> None:
        queues = [Queue(n, connection=rig.connection, serializer=JSONSerializer) for n in QUEUES]
        self._rig = rig
        self.taker = Taker(rig.connection, queues, "steps", LEASE_S)
        self.finisher = Finisher(rig.connection, "steps", KeepLimits(60, 60))
        self._sweeper = Sweeper(rig.connection, queues, self.finisher, LEASE_S)

    def begun(self, most: int = 10) -> list[Taken]:
        return self.taker.begin(self.taker.take(most))

    def lose(self) -> None:
        """Let the leases run out, as those of a dead worker, and bring the jobs back."""
        time.sleep(LEASE_S + 0.05)
        self._sweeper.recover()

    def finish(self, batch: list[Taken]) -> None:
        self.finisher.finish([(taken, ANSWER) for taken in batch], lambda pipeline: None)


@pytest.fixture
def steps(rig: Rig) -> Steps:
    time.sleep(1)  # a Redis that has just started is given time by the sweeper
    return Steps(rig)


def test_a_lost_take_costs_nothing(rig: Rig, steps: Steps) -> None:
    """Jobs whose taking was never answered come back as they were: in one batch, with all tries."""
    rig.submit(["ok-1", "ok-2"])
    steps.taker.take(10)

    steps.lose()

    again = steps.taker.take(10)
    assert [taken.suspect for taken in again] == [False, False]
    assert [taken.job.retries_left for taken in again] == [2, 2]


def test_a_lost_take_of_a_suspect_costs_no_try(rig: Rig, steps: Steps) -> None:
    """It stays a suspect, and loses a try only when it was begun alone."""
    rig.submit(["ok-1"])
    steps.begun()
    steps.lose()
    steps.taker.take(10)
    steps.lose()
    assert rig.job("ok-1").retries_left == 2

    (alone,) = steps.begun()
    steps.lose()

    assert alone.suspect
    assert rig.job("ok-1").retries_left == 1


def test_a_suspect_is_taken_alone_and_not_ahead(rig: Rig, steps: Steps) -> None:
    """Of two suspects before a new image one is taken at a time, and none where none is wanted."""
    rig.submit(["ok-1", "ok-2"])
    steps.begun()
    steps.lose()
    rig.submit(["ok-new"])

    assert steps.taker.take(10, suspects=False) == []
    sizes = [len(steps.taker.take(10)) for _ in range(3)]

    assert sizes == [1, 1, 1]
    assert rig.stock().queued == set()


def test_a_job_deleted_before_it_is_begun_stays_away(rig: Rig, steps: Steps) -> None:
    """Between taking and beginning it is dropped: it is not worked on, and no half of it comes back."""
    rig.submit(["ok-1", "ok-2"])
    taken = steps.taker.take(10)
    deleted = rig.job("ok-1")
    deleted.delete()
    rig.given_up.add(deleted.id)

    begun = steps.taker.begin(taken)

    assert [one.job.id for one in begun] == [rig.job("ok-2").id]
    assert not rig.connection.exists(deleted.key)
    assert len(rig.stock().leased) == 1


def test_finishing_twice_is_finishing_once(rig: Rig, steps: Steps) -> None:
    """After a lost reply the same outcome is stored again, and changes nothing."""
    rig.submit(["ok-1"])
    batch = steps.begun()
    steps.finish(batch)
    before = rig.stock()

    steps.finish(batch)

    assert rig.stock() == before
    assert rig.job("ok-1").get_status() == JobStatus.FINISHED


def test_a_late_answer_spares_the_second_run(rig: Rig, steps: Steps) -> None:
    """An answer that comes when the job waits again is as good as any: the job is done."""
    rig.submit(["ok-1"])
    batch = steps.begun()
    steps.lose()
    assert rig.stock().queued

    steps.finish(batch)

    assert steps.taker.take(10) == []
    assert answered(rig.outcomes()) == {"ok-1"}


def test_a_late_answer_leaves_the_job_to_its_holder(rig: Rig, steps: Steps) -> None:
    """While another works on it the answer is there already, but the lease is the other's."""
    rig.submit(["ok-1"])
    late = steps.begun()
    steps.lose()
    holder = steps.begun()

    steps.finish(late)
    assert len(rig.stock().leased) == 1
    assert answered(rig.outcomes()) == {"ok-1"}

    steps.finish(holder)
    assert rig.stock().under_way == set()


def test_a_late_failure_and_a_late_retry_are_dropped(rig: Rig, steps: Steps) -> None:
    """Who has lost the lease can neither fail the job nor use up one of its tries."""
    rig.submit(["ok-1"])
    (late,) = steps.begun()
    steps.lose()

    assert not steps.finisher.fail(late, Failure.of(InferenceFailed("late")), "")
    assert not steps.finisher.retry(late, 0)

    assert rig.job("ok-1").retries_left == 2
    assert failed(rig.outcomes()) == {}
    assert len(rig.stock().queued) == 1


def test_a_try_that_may_pass_waits_and_comes_back(rig: Rig, steps: Steps) -> None:
    """It is nobody's for the time given, then it is in its queue, with one try less, no suspect."""
    rig.submit(["ok-1"])
    (taken,) = steps.begun()
    assert Failure.of(ImageUnreachable("")).transient
    assert steps.finisher.retry(taken, after_s=0.1)
    assert steps.taker.take(10) == []

    steps.lose()

    (again,) = steps.taker.take(10)
    assert not again.suspect
    assert again.job.retries_left == 1
