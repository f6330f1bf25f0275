"""Queues in states that only accidents, other tools and other programs bring about."""

from __future__ import annotations

import json
import threading
import time
from typing import Any

import pytest
import redis
from rq import Callback, Queue
from rq.job import Job, JobStatus
from rq.registry import StartedJobRegistry
from rq.serializers import JSONSerializer

from backend.queue.failures import FailureLog
from backend.queue.keys import BULK_QUEUE, INTERACTIVE_QUEUE, result_key
from backend.status.plain import overview_json
from backend.status.reading import read_overview
from tests.faults.rig import ENDLESS_S, Rig, answered, failed
from tests.integration.test_queue import requests_for

NAMES = [f"ok-{i}" for i in range(30)]
BULK = f"rq:queue:{BULK_QUEUE}"


def test_a_promoted_image_survives_its_worker(rig: Rig) -> None:
    """A bulk image is opened, its worker killed in the middle: one answer, and nothing is left over."""
    rig.submit(NAMES)
    rig.submit(["ok-29"], interactive=True)
    victim = rig.worker(base_s=ENDLESS_S)
    rig.until(lambda: rig.runs("ok-29"))
    assert rig.record.read_text() == "ok-29\n"
    victim.kill()

    rig.worker()
    rig.until(rig.all_done)

    assert answered(rig.outcomes()) == set(NAMES)
    assert rig.runs("ok-29") == 2
    # The copy that stays behind in the bulk queue is dropped with the worker's next look.
    for name in (INTERACTIVE_QUEUE, BULK_QUEUE):
        rig.until(lambda name=name: rig.connection.llen(f"rq:queue:{name}") == 0)  # type: ignore[misc]
        assert rig.connection.zcard(f"rq:wip:{name}") == 0


def test_a_running_bulk_image_is_not_promoted(rig: Rig) -> None:
    """An image that is opened while a worker has it is not queued a second time."""
    gate = rig.folder / "gate"
    rig.submit(["ok-1"])
    rig.worker(gate=gate)
    rig.until(lambda: rig.stock().leased)

    rig.submit(["ok-1"], interactive=True)

    assert rig.connection.llen(f"rq:queue:{INTERACTIVE_QUEUE}") == 0
    gate.touch()
    rig.until(rig.all_done)
    assert rig.runs("ok-1") == 1


def test_a_stale_maintenance_lock_blocks_nothing(rig: Rig) -> None:
    """RQ's lock of a worker that died while tidying up does not keep jobs from coming back."""
    rig.submit(NAMES)
    victim = rig.worker(base_s=ENDLESS_S)
    rig.until(lambda: rig.stock().leased)
    victim.kill()
    rig.connection.set(
        Queue(BULK_QUEUE, connection=rig.connection).registry_cleaning_key, 1, ex=899
    )

    rig.worker()

    rig.until(rig.all_done)


def test_ids_that_stand_in_the_queue_twice_run_once(rig: Rig) -> None:
    """Duplicates beside each other and far apart, before and behind, make no second run."""
    rig.submit(NAMES)
    ids = list(rig.ids)
    rig.connection.rpush(BULK, *ids)
    rig.connection.lpush(BULK, *ids[:4], *ids[:4])

    rig.worker(lease_s=10)
    rig.until(lambda: rig.all_done() and rig.connection.llen(BULK) == 0)

    assert sorted(rig.record.read_text().split()) == sorted(NAMES)


def test_expired_and_cancelled_jobs_are_never_run(rig: Rig) -> None:
    """A job whose time ran out in the queue and one that was cancelled there cost nothing."""
    rig.submit([*NAMES, "ok-expired", "ok-cancelled"])
    expired, cancelled = rig.job("ok-expired"), rig.job("ok-cancelled")
    rig.connection.pexpire(expired.key, 1)
    cancelled.cancel()
    rig.connection.rpush(BULK, cancelled.id)  # as when a promoted copy is left behind
    rig.given_up |= {expired.id, cancelled.id}
    time.sleep(0.1)

    rig.worker()
    rig.until(lambda: answered(rig.outcomes()) == set(NAMES))

    assert rig.runs("ok-expired") == rig.runs("ok-cancelled") == 0
    assert cancelled.get_status() == JobStatus.CANCELED
    cancelled.delete()


def test_counting_registries_during_recovery_changes_nothing(rig: Rig) -> None:
    """RQ's counts, which clean up as they count, put no abandoned job back and take no try away."""
    rig.submit(NAMES)
    victim = rig.worker(base_s=ENDLESS_S, image_s=0)
    rig.until(lambda: rig.stock().leased)
    stop = threading.Event()

    def count() -> None:
        with redis.Redis(port=rig.server.port) as connection:
            registry = StartedJobRegistry(BULK_QUEUE, connection=connection)
            while not stop.is_set():
                assert registry.count >= 0
                registry.get_job_ids()

    threads = [threading.Thread(target=count) for _ in range(3)]
    for thread in threads:
        thread.start()
    victim.kill()
    time.sleep(3)  # past the lease, with nobody there to recover it but those who count
    assert rig.connection.llen(BULK) + len(rig.stock().leased) == len(NAMES)

    rig.worker(finished_ttl_s=3600)
    rig.until(rig.all_done)
    stop.set()
    for thread in threads:
        thread.join()

    assert answered(rig.outcomes()) == set(NAMES)
    assert {rig.job(name).retries_left for name in NAMES} == {2}


def test_a_new_worker_finds_jobs_that_are_in_no_queue(rig: Rig) -> None:
    """Jobs that say they wait, or run, and are nobody's, are put back when a worker starts."""
    rig.submit(NAMES)
    rig.connection.delete(BULK)
    rig.connection.hset(rig.job("ok-1").key, "status", "started")
    half = Job.key_for("0" * 64)
    rig.connection.hset(half, mapping={"status": "started", "origin": BULK_QUEUE})

    rig.worker()

    rig.until(rig.all_done)
    assert answered(rig.outcomes()) == set(NAMES)
    assert not rig.connection.exists(half)


def test_a_finding_worker_leaves_jobs_in_their_places(rig: Rig) -> None:
    """A worker that starts while another works on half of the jobs makes no second run."""
    rig.submit(NAMES)
    gate = rig.folder / "gate"
    rig.worker(batch_max=4, lease_s=120, gate=gate)
    rig.until(lambda: rig.stock().leased)

    rig.worker(lease_s=120)
    rig.until(lambda: rig.outcomes())
    gate.touch()
    rig.until(rig.all_done)

    assert sorted(rig.record.read_text().split()) == sorted(NAMES)


def test_jobs_of_other_programs_in_our_queue_fail_alone(rig: Rig) -> None:
    """A pickled call that somebody put there is not run, and harms neither worker nor images."""
    Queue(BULK_QUEUE, connection=rig.connection).enqueue("os.abort", job_id="pickled")
    Queue(BULK_QUEUE, connection=rig.connection, serializer=JSONSerializer).enqueue(
        "os.abort", on_failure=Callback("os.abort"), job_id="json"
    )
    rig.ids |= {"pickled": "pickled", "json": "json"}
    rig.submit(NAMES)

    worker = rig.worker()
    rig.until(rig.all_done)

    assert worker.poll() is None
    assert failed(rig.outcomes()) == dict.fromkeys(("pickled", "json"), "InternalError")
    assert answered(rig.outcomes()) == set(NAMES)


def test_other_programs_keys_are_left_alone(rig: Rig) -> None:
    """A database with another RQ program's waiting, started and failed jobs holds the same afterwards."""
    theirs = Queue("theirs", connection=rig.connection)
    for _ in range(3):
        theirs.enqueue("their.function")
    dead = theirs.enqueue("their.function")
    theirs.remove(dead)
    dead.set_status(JobStatus.STARTED)
    rig.connection.zadd("rq:wip:theirs", {f"{dead.id}:1": 1})
    rig.connection.zadd("rq:finished:theirs", {"old": 1})
    rig.connection.sadd("rq:groups", "theirs")
    rig.connection.sadd("rq:group:theirs", "old")
    rig.connection.mset({"session:1": "a", "firstpassword": "b", "rq": "c"})
    keys = {key for key in rig.connection.scan_iter() if key != b"rq:queues"}
    before = {key: rig.connection.dump(key) for key in keys}

    rig.submit([*NAMES, "bad-1", "away-1"])
    worker = rig.worker(lease_s=1)
    rig.until(rig.all_done)
    worker.kill()
    rig.worker(lease_s=1)
    time.sleep(2)

    assert {key: rig.connection.dump(key) for key in keys} == before
    made = set(rig.connection.scan_iter()) - keys
    assert all(key.startswith((b"rq:", b"firstpass:")) for key in made)
    rig.connection.delete(*keys)


def _spoil(rig: Rig) -> set[bytes]:
    """Put what no worker can read wherever a writer can; gives the ids that stand in the queue."""
    connection = rig.connection
    good: dict[Any, Any] = dict(connection.hgetall(rig.job("ok-0").key))
    odd: dict[bytes, dict[Any, Any]] = {
        b"\xff\xfe": good,
        b"half\xed\xa0\xbd": good,
        b"no-data": {b"status": b"queued", b"data": b""},
        b"bad-date": {**good, b"created_at": b"yesterday"},
        b"bad-bytes": {**good, b"origin": b"\xff"},
        b"bad-name": {**good, b"worker_name": b"\xff\xfe"},
        b"bad-timeout": {**good, b"timeout": b"soon"},
        b"bad-ttl": {**good, b"result_ttl": b"\xff"},
        b"bad-dependency": {**good, b"dependency_ids": b"{"},
        b"bad-callback": {**good, b"success_callback_name": b"\xff"},
        b"bad-field": {**good, b"\xff": b"\xff"},
        b"bad-retries": {**good, b"retries_left": b"many"},
        b"endless-ttl": {**good, b"data": b"x", b"failure_ttl": b"9" * 22},
        b"no-time": {**good, b"data": b"x", b"timeout": b"-1"},
        b"": good,
    }
    for job_id, fields in odd.items():
        connection.hset(b"rq:job:" + job_id, mapping=fields)
    connection.set("rq:job:no-hash", "a text")
    ids = {*odd, b"no-hash"}
    connection.lpush(BULK, *ids)
    connection.lpush(f"rq:queue:{INTERACTIVE_QUEUE}", *ids)
    # Leases that ran out long ago, of jobs with such records, and entries that are none.
    leases = [b"no-colon", b"\xff:\xfe", b"no-hash:1", b":", b"::", b"bad-date:gone"]
    connection.zadd(f"rq:wip:{BULK_QUEUE}", dict.fromkeys(leases, -1.0))
    for name in ("rq:workers", f"rq:workers:{BULK_QUEUE}"):
        connection.sadd(name, b"rq:worker:\xff")
    connection.zadd(f"rq:finished:{BULK_QUEUE}", {b"\xff": 1})
    connection.zadd(f"rq:failed:{BULK_QUEUE}", {b"\xff": 1})
    return ids


def test_entries_that_nobody_can_read_are_put_aside_with_their_reason(rig: Rig) -> None:
    """By a foreign writer, in either queue: all images are answered, and the worker lives on."""
    rig.submit(NAMES)
    ids = _spoil(rig)

    worker = rig.worker(lease_s=1)
    rig.until(lambda: answered(rig.outcomes()) == set(NAMES))
    rig.until(lambda: not rig.stock_of_queues())
    time.sleep(2.5)  # past maintenance, which has seen the odd leases by then

    assert worker.poll() is None
    kinds = {record.job_id: record.kind for record in FailureLog(rig.connection).latest()}
    assert kinds["\\xff\\xfe"] == kinds["bad-date"] == kinds["no-hash"] == "InternalError"
    overview = read_overview(rig.connection, failures=50)
    assert overview.failed_images >= 9
    assert json.dumps(overview_json(overview))
    worker.kill()
    second = rig.worker(lease_s=1)
    rig.submit(["ok-after"])
    rig.until(lambda: "ok-after" in answered(rig.outcomes()))
    assert second.poll() is None

    second.kill()
    _tidy(rig, ids)


def _tidy(rig: Rig, ids: set[bytes]) -> None:
    """What was put there goes, so that the images alone are counted."""
    rig.connection.delete(*(b"rq:job:" + job_id for job_id in ids))
    for key in rig.connection.scan_iter("firstpass:result:*"):
        if key.decode().rpartition(":")[2] not in rig.ids:
            rig.connection.delete(key)
    rig.connection.delete(f"rq:wip:{BULK_QUEUE}")


def test_a_worker_starts_beside_jobs_that_nobody_can_read(rig: Rig) -> None:
    """What says that it runs, and is nobody's, is looked at when a worker starts."""
    rig.submit(NAMES)
    good: dict[Any, Any] = dict(rig.connection.hgetall(rig.job("ok-0").key))
    ids = {b"\xff\xfe", b"odd"}
    for job_id in ids:
        rig.connection.hset(b"rq:job:" + job_id, mapping={**good, b"status": b"started"})
    rig.connection.hset("rq:job:origin", mapping={"status": "started", "origin": b"\xff"})

    worker = rig.worker()
    rig.until(lambda: answered(rig.outcomes()) >= set(NAMES))
    rig.until(lambda: not rig.stock_of_queues())

    assert worker.poll() is None
    worker.kill()
    _tidy(rig, {*ids, b"origin"})


@pytest.mark.parametrize(
    "stored", [b"", b"\xff", b"{}", b"[]", b"null", b'{"failure": {}}', b'{"failure": {"kind": 1}}']
)
def test_an_outcome_that_nobody_can_read_costs_its_image_alone(rig: Rig, stored: bytes) -> None:
    """The next who asks for it has it done anew."""
    rig.worker()
    names = ["ok-1", "ok-2", "ok-3"]
    job_id = next(iter(requests_for(["ok-2"])))
    rig.connection.set(result_key(job_id), stored)

    first = rig.ask(names)
    second = rig.ask(names)

    assert answered(first) == {"ok-1", "ok-3"}
    assert failed(first) == {"ok-2": "InternalError"}
    assert answered(second) == set(names)


def test_a_value_in_the_place_of_a_job_costs_its_image_alone(rig: Rig) -> None:
    rig.worker()
    names = ["ok-1", "ok-2", "ok-3"]
    job_id = next(iter(requests_for(["ok-2"])))
    rig.connection.set(Job.key_for(job_id), "a text")

    outcomes = rig.ask(names)
    rig.connection.delete(Job.key_for(job_id))
    rig.given_up.add(job_id)

    assert answered(outcomes) == {"ok-1", "ok-3"}
    assert failed(outcomes) == {"ok-2": "InternalError"}
