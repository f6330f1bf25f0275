"""Workers that lose their jobs while they work: stopped past the lease, cancelled or deleted under them."""

from __future__ import annotations

import signal
import threading
import time

import pytest
from rq.job import JobStatus

from tests.faults.conftest import MakeRig
from tests.faults.rig import Rig, answered, failed


def test_a_worker_stopped_past_its_lease_does_no_harm(rig: Rig) -> None:
    """Another answers its images; when it wakes up, nothing changes back, and it works on."""
    names = [f"ok-{i}" for i in range(20)]
    sleeper = rig.worker(base_s=0.5)
    rig.submit(names)
    rig.until(lambda: rig.stock().leased)
    sleeper.send_signal(signal.SIGSTOP)
    rig.worker()
    rig.until(rig.all_done)
    done = rig.stock()

    sleeper.send_signal(signal.SIGCONT)
    time.sleep(2)

    assert rig.stock() == done
    assert answered(rig.outcomes()) == set(names)
    rig.workers[1].kill()
    rig.submit(["ok-later"])
    rig.until(rig.all_done)


def test_a_late_failure_does_not_replace_an_answer(rig: Rig) -> None:
    """The model of a stopped worker fails after another has answered: the answer stands."""
    gate = rig.folder / "gate"
    late = rig.worker(late_s=0.1, gate=gate)
    rig.submit(["late-1"])
    rig.until(lambda: rig.runs("late-1"))
    late.send_signal(signal.SIGSTOP)
    other = rig.worker()
    rig.until(rig.all_done)
    other.kill()

    gate.touch()
    late.send_signal(signal.SIGCONT)
    rig.submit(["ok-later"])
    rig.until(rig.all_done)  # so the late one is through with its failure

    assert answered(rig.outcomes()) == {"late-1", "ok-later"}
    assert rig.job("late-1").get_status() == JobStatus.FINISHED
    assert rig.stock().under_way == set()


def test_a_job_deleted_under_its_worker_stays_deleted(rig: Rig) -> None:
    """Its answer is kept for whoever asks, and no part of the job comes back."""
    gate = rig.folder / "gate"
    rig.worker(gate=gate)
    rig.submit(["ok-1"])
    rig.until(lambda: rig.runs("ok-1"))
    job = rig.job("ok-1")

    job.delete()

    gate.touch()
    rig.until(lambda: rig.outcomes())
    assert answered(rig.outcomes()) == {"ok-1"}
    assert not rig.connection.exists(job.key)
    assert rig.connection.zcard("rq:finished:firstpass-bulk") == 0


@pytest.mark.parametrize("name", ["ok-1", "raise-1"])
def test_a_job_cancelled_under_its_worker_stays_cancelled(rig: Rig, name: str) -> None:
    """Neither an answer nor a failure changes its status, and the worker goes on."""
    gate = rig.folder / "gate"
    rig.worker(gate=gate)
    rig.submit([name])
    rig.until(lambda: rig.runs(name))
    job = rig.job(name)

    job.cancel()

    gate.touch()
    rig.submit(["ok-after"])
    rig.until(lambda: "ok-after" in rig.outcomes())
    assert job.get_status() == JobStatus.CANCELED
    assert set(rig.outcomes()) == {"ok-after"}
    rig.given_up.add(job.id)
    job.delete()


def test_a_waiter_is_told_that_its_job_was_cancelled(make_rig: MakeRig) -> None:
    """The request ends with a reason; the job is not brought back behind the operator's back."""
    rig = make_rig(recheck_s=0.3)

    def cancel() -> None:
        rig.until(lambda: rig.stock().queued)
        rig.job("ok-1").cancel()

    thread = threading.Thread(target=cancel)
    thread.start()
    outcomes = rig.ask(["ok-1"])
    thread.join()

    assert failed(outcomes) == {"ok-1": "InferenceFailed"}
    job = rig.job("ok-1")
    assert job.get_status() == JobStatus.CANCELED
    rig.given_up.add(job.id)
    job.delete()
