"""Requests that wait while things go wrong behind them."""

from __future__ import annotations

import threading
import time

from backend.errors import Failure
from backend.queue.submit import Standing
from tests.faults.conftest import MakeRig
from tests.faults.rig import Rig, answered


def test_a_job_wiped_out_under_a_waiter_is_answered(make_rig: MakeRig) -> None:
    """Job and queue are deleted while a request waits: it submits again, and gets its answer."""
    rig = make_rig(recheck_s=1.0)

    def wipe() -> None:
        rig.until(lambda: rig.stock().queued)
        rig.connection.delete(rig.job("ok-1").key, "rq:queue:firstpass-interactive")
        rig.worker()

    thread = threading.Thread(target=wipe)
    thread.start()
    outcomes = rig.ask(["ok-1"])
    thread.join()

    assert answered(outcomes) == {"ok-1"}
    assert rig.runs("ok-1") == 1


def test_news_of_other_images_does_not_put_off_the_look(make_rig: MakeRig) -> None:
    """A request whose other images keep coming in still notices that one of them vanished."""
    rig = make_rig(recheck_s=1.5)
    names = [f"ok-{i}" for i in range(60)]

    def wipe() -> None:
        rig.until(lambda: rig.stock().queued)
        job = rig.job("ok-59")
        rig.connection.delete(job.key)
        rig.worker(image_s=0.5, batch_max=1)  # news twice a second, for half a minute
        rig.until(lambda: rig.connection.exists(job.key))
        early.append(len(rig.outcomes()))
        rig.worker()

    early: list[int] = []
    thread = threading.Thread(target=wipe)
    thread.start()
    outcomes = rig.ask(names)
    thread.join()

    assert answered(outcomes) == set(names)
    assert early[0] < 59


def test_64_identical_requests_run_one_inference(rig: Rig) -> None:
    """All get the same answer from one call of the model."""
    got: list[object] = []
    threads = [
        threading.Thread(target=lambda: got.append(rig.ask(["ok-1"])["ok-1"])) for _ in range(64)
    ]
    for thread in threads:
        thread.start()
    rig.worker(base_s=0.3)
    for thread in threads:
        thread.join()

    assert len(got) == 64
    assert all(outcome == got[0] for outcome in got)
    assert rig.runs("ok-1") == 1


def test_past_its_limit_the_queue_refuses_and_serves_the_rest(make_rig: MakeRig) -> None:
    """Of 150 requests and a limit of 60, 90 are refused at once; the 60 are answered by a worker."""
    rig = make_rig(limit=60)
    got: dict[str, object] = {}
    names = [f"ok-{i}" for i in range(150)]
    threads = [threading.Thread(target=lambda n=n: got.update(rig.ask([n]))) for n in names]
    for thread in threads:
        thread.start()
    rig.until(lambda: len(got) == 90)
    assert len(rig.stock().queued) == 60

    rig.worker()
    for thread in threads:
        thread.join()

    refused = {name for name, outcome in got.items() if isinstance(outcome, Failure)}
    assert len(refused) == 90
    assert set(names) - refused == answered(rig.outcomes())
    rig.given_up = {job_id for job_id, name in rig.ids.items() if name in refused}


def test_a_redis_that_goes_away_is_waited_for(make_rig: MakeRig) -> None:
    """A request that waits survives a restart of Redis, and is answered by the worker."""
    rig = make_rig(appendonly="yes", appendfsync="always")
    rig.worker(base_s=2)

    def restart() -> None:
        rig.until(lambda: rig.runs("ok-1"))
        rig.server.kill()
        time.sleep(1)
        rig.server.start()

    thread = threading.Thread(target=restart)
    thread.start()
    outcomes = rig.ask(["ok-1"])
    thread.join()

    assert answered(outcomes) == {"ok-1"}


def test_an_image_that_is_asked_for_twice_joins(rig: Rig) -> None:
    """Whether it waits, runs, or waits to be tried again, a second submission makes no second job."""
    rig.submit(["away-1"])
    standings = {one.standing for one in rig.submit(["away-1"])}
    rig.worker(retry_after_s=1, lease_s=1)
    while not rig.all_done():
        standings |= {one.standing for one in rig.submit(["away-1"])}
        time.sleep(0.05)

    assert standings - {Standing.HIT} == {Standing.JOINED}
