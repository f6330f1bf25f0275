"""Status and retry over a real Redis and real worker processes."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import redis
from prometheus_client.parser import text_string_to_metric_families
from rq.registry import StartedJobRegistry
from typer.testing import CliRunner, Result

from backend.cli.main import app
from backend.delivery.card import CourierCard, write_card
from backend.delivery.failed_tasks import FailedTasks
from backend.delivery.owed import OwedTasks
from backend.errors import Failure
from backend.label_studio.project_key import ProjectKey
from backend.prediction.request import Answer
from backend.queue.job_queue import JobQueue
from backend.queue.keys import BULK_QUEUE, INTERACTIVE_QUEUE, result_key
from backend.queue.retry import Retrier
from backend.queue.submit import SubmitLimits, Submitter
from backend.status.overview import Overview
from backend.status.plain import overview_json
from backend.status.reading import read_overview
from backend.status.verdict import problems
from backend.web.metrics import Metrics
from backend.web.status_page import status_page
from tests.integration.conftest import StartWorker
from tests.integration.test_queue import requests_for

pytestmark = pytest.mark.redis

#: For what must happen at all; never a measure of speed.
PATIENCE_S = 240.0
#: Of workers that are to count as alive for a whole test: by the usual two they are late after a pause.
LEASE_S = 60
COURIER = CourierCard("box", 21, "http://ls", 5.0, time.time(), stored=3, failed=0)


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, arguments, env={"COLUMNS": "200"})


def until(condition: Callable[[], object], timeout_s: float = PATIENCE_S) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "the condition did not come to hold"
        time.sleep(0.05)


@pytest.fixture
def retrier(redis_connection: redis.Redis) -> Retrier:
    return Retrier(redis_connection, Submitter(redis_connection, SubmitLimits(10_000, 30)))


@pytest.fixture
def failed(job_queue: JobQueue, start_worker: StartWorker) -> dict[str, Any]:
    """Requests for two images that failed for good, one of which would succeed now; a worker lives."""
    start_worker(lease_s=LEASE_S)
    requests = requests_for(["gone-1", "bad-1"])
    asked = job_queue.ask(requests, interactive=True, wait_s=PATIENCE_S)
    assert all(isinstance(outcome, Failure) for outcome in asked.outcomes.values())
    return requests


def test_a_live_worker_is_shown(
    job_queue: JobQueue, start_worker: StartWorker, redis_connection: redis.Redis
) -> None:
    """With device, model, a recent heartbeat and the images it answered; nothing is wrong."""
    start_worker(lease_s=LEASE_S)
    job_queue.ask(requests_for(f"ok-{i}" for i in range(8)), interactive=True, wait_s=PATIENCE_S)

    told = read_overview(redis_connection)

    assert [(card.device, card.model, card.images) for card in told.workers] == [
        ("stand-in", "stand-in", 8)
    ]
    assert told.workers[0].silent_s(told.at) < LEASE_S
    assert told.images_per_s > 0
    assert problems(told) == []
    assert {histogram.stage: histogram.count for histogram in told.histograms}["total"] == 8


def test_a_worker_is_shown_as_soon_as_rq_knows_it(
    redis_connection: redis.Redis, start_worker: StartWorker
) -> None:
    """Its first heartbeat is twenty minutes away."""
    start_worker(lease_s=3600)

    until(lambda: redis_connection.exists("rq:workers"))

    until(lambda: read_overview(redis_connection).workers, timeout_s=60)


def test_depth_age_and_cache_are_counted(
    job_queue: JobQueue, redis_connection: redis.Redis
) -> None:
    """Five bulk images wait; asked again they are joined; without a worker that is said."""
    requests = requests_for(f"ok-{i}" for i in range(5))
    job_queue.ask(requests, interactive=False, wait_s=0)
    job_queue.ask(requests, interactive=False, wait_s=0)
    time.sleep(0.3)

    told = read_overview(redis_connection)

    waiting = {queue.name: queue.waiting for queue in told.queues}
    assert waiting == {INTERACTIVE_QUEUE: 0, BULK_QUEUE: 5}
    oldest = {queue.name: queue.oldest_s for queue in told.queues}
    assert oldest[INTERACTIVE_QUEUE] is None
    assert 0.2 < (oldest[BULK_QUEUE] or 0) < PATIENCE_S
    assert (told.submissions.queued, told.submissions.joined) == (5, 5)
    assert problems(told) == [
        "No worker is alive; 5 images wait. Start one: `firstpass worker` (or `firstpass up`)."
    ]


def test_a_promoted_copy_is_not_the_oldest(
    job_queue: JobQueue, start_worker: StartWorker, redis_connection: redis.Redis
) -> None:
    """An id that an answered image left in the bulk queue does not count as somebody who waits."""
    job_queue.ask(requests_for(["ok-1"]), interactive=False, wait_s=0)
    worker = start_worker()
    job_queue.ask(requests_for(["ok-1"]), interactive=True, wait_s=PATIENCE_S)
    worker.send_signal(signal.SIGTERM)
    worker.wait(PATIENCE_S)
    redis_connection.rpush(f"rq:queue:{BULK_QUEUE}", *requests_for(["ok-1"]))

    bulk = read_overview(redis_connection).queues[1]

    assert (bulk.waiting, bulk.oldest_s) == (1, None)


def test_reading_changes_nothing(
    job_queue: JobQueue, start_worker: StartWorker, redis_connection: redis.Redis
) -> None:
    """A killed worker's lease runs out while many look: RQ's cleanup is left to the workers."""
    victim = start_worker(base_s=3000)
    job_queue.ask(requests_for(["ok-1"]), interactive=True, wait_s=0)
    started = StartedJobRegistry.key_template.format(INTERACTIVE_QUEUE)
    until(lambda: redis_connection.zcard(started))
    victim.send_signal(signal.SIGKILL)
    victim.wait()
    time.sleep(3.5)
    before = sorted(redis_connection.keys("rq:*")), redis_connection.zrange(started, 0, -1)

    for _ in range(20):
        leased = read_overview(redis_connection).queues[0].leased

    assert leased == 1
    assert before == (
        sorted(redis_connection.keys("rq:*")),
        redis_connection.zrange(started, 0, -1),
    )


def test_a_failure_is_shown_with_its_reason(
    failed: dict[str, Any], redis_connection: redis.Redis
) -> None:
    """Image, kind, message and tries; permanent ones were tried once."""
    told = read_overview(redis_connection)

    assert {(r.image, r.kind, r.message, r.attempts) for r in told.failures} == {
        ("http://images.example/gone-1", "ImageNotFound", "gone-1 is not there", 1),
        ("http://images.example/bad-1", "ImageUnreadable", "bad-1 is not an image", 1),
    }
    assert told.failure_kinds == {"ImageNotFound": 1, "ImageUnreadable": 1}
    assert sum(queue.failed for queue in told.queues) == 2


def test_page_json_and_metrics_agree(
    failed: dict[str, Any], job_queue: JobQueue, redis_connection: redis.Redis
) -> None:
    """The figures of one overview are the same in all three."""
    job_queue.ask(failed, interactive=True, wait_s=0)
    told = read_overview(redis_connection)

    page, plain = status_page(told), json.loads(json.dumps(overview_json(told)))
    metrics = {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(Metrics().text(told).decode())
        for sample in family.samples
    }

    assert plain["submissions"]["hit"] == metrics["firstpass_submissions_total", "hit"] == 2
    assert f"{plain['submissions']['hit_rate']:.0%}" == "50%"
    assert "50%" in page
    assert plain["failures"]["images"] == metrics["firstpass_failed_images",] == 2
    assert all(record["message"] in page for record in plain["failures"]["latest"])
    assert plain["workers"][0]["host"] in page
    counts = {stage: figures["count"] for stage, figures in plain["stages"].items()}
    assert counts["queue"] == metrics["firstpass_stage_seconds_count", "queue"] == 2


def test_retry_puts_an_image_back_and_it_succeeds(
    failed: dict[str, Any], job_queue: JobQueue, redis_connection: redis.Redis, retrier: Retrier
) -> None:
    """The stored failure is not given as its answer, and it is no longer listed as failed."""
    retried = retrier.retry(kind="ImageNotFound")

    asked = job_queue.ask(failed, interactive=True, wait_s=PATIENCE_S)
    outcomes = {failed[i].image.location[-6:]: outcome for i, outcome in asked.outcomes.items()}
    assert isinstance(outcomes["gone-1"], Answer)
    assert isinstance(outcomes["/bad-1"], Failure)
    assert len(retried.again) == 1
    assert not retried.refused
    told = read_overview(redis_connection)
    assert [record.kind for record in told.failures] == ["ImageUnreadable"]
    assert sum(queue.failed for queue in told.queues) == 1


def test_an_image_that_fails_again_is_listed_again(
    failed: dict[str, Any], redis_connection: redis.Redis, retrier: Retrier
) -> None:
    """Retrying everything answers one and leaves the other with its new reason."""

    def kinds(told: Overview) -> list[str]:
        return [record.kind for record in told.failures]

    assert len(retrier.retry().again) == 2

    until(lambda: read_overview(redis_connection).failure_kinds.get("ImageUnreadable") == 2)
    assert kinds(read_overview(redis_connection)) == ["ImageUnreadable"]


def test_an_image_that_is_answered_later_is_no_longer_listed(
    failed: dict[str, Any], job_queue: JobQueue, redis_connection: redis.Redis
) -> None:
    """Also without a retry: when its stored failure has expired and somebody asks again."""
    redis_connection.delete(*(result_key(job_id) for job_id in failed))

    job_queue.ask(failed, interactive=True, wait_s=PATIENCE_S)

    assert [r.kind for r in read_overview(redis_connection).failures] == ["ImageUnreadable"]


def test_what_cannot_be_retried_says_why(
    failed: dict[str, Any], redis_connection: redis.Redis, retrier: Retrier
) -> None:
    """A job that is no longer kept stays listed; an id that fits none or several is refused."""
    ids = {request.image.location[-6:]: job_id for job_id, request in failed.items()}
    redis_connection.delete(f"rq:job:{ids['gone-1']}")

    retried = retrier.retry(wanted=[ids["gone-1"][:12], "xyz", ""])

    assert retried.again == []
    assert "no longer kept" in retried.refused[ids["gone-1"]]
    assert "begins so" in retried.refused["xyz"]
    assert "fits 2" in retried.refused[""]
    assert read_overview(redis_connection).failed_images == 2


def test_a_full_queue_keeps_the_failures_listed(
    job_queue: JobQueue, start_worker: StartWorker, redis_connection: redis.Redis
) -> None:
    """Of two failed images one fits: the other is refused, and can be retried later."""
    worker = start_worker()
    job_queue.ask(requests_for(["gone-1", "bad-1"]), interactive=True, wait_s=PATIENCE_S)
    worker.send_signal(signal.SIGTERM)
    assert worker.wait(PATIENCE_S) == 0
    small = Retrier(redis_connection, Submitter(redis_connection, SubmitLimits(1, 30)))

    retried = small.retry()

    assert len(retried.again) == 1
    assert ["full" in reason for reason in retried.refused.values()] == [True]
    assert [r.job_id for r in read_overview(redis_connection).failures] == [*retried.refused]


def test_the_commands_tell_and_mend(failed: dict[str, Any], redis_url: str) -> None:
    """`status` lists, `retry` puts back by the id's beginning; the codes are 0, and 1 for a bad id."""
    listed = run("status", "--failed", "--redis-url", redis_url)
    told = json.loads(run("status", "--json", "--redis-url", redis_url).stdout)
    shown = run("status", "--redis-url", redis_url)
    job_id = told["failures"]["latest"][0]["job_id"]

    mended = run("retry", job_id[:12], "--redis-url", redis_url)
    unknown = run("retry", "nothing", "--redis-url", redis_url)

    assert (listed.exit_code, shown.exit_code) == (0, 0)
    assert job_id[:12] in listed.stdout
    assert "ImageUnreadable: bad-1 is not an image" in listed.stdout
    assert "At work, but 2 images failed." in shown.stdout
    assert "All is well" not in shown.stdout
    assert (mended.exit_code, "1 image is back" in mended.stdout) == (0, True)
    assert (unknown.exit_code, "begins so" in unknown.stdout) == (1, True)


def test_status_is_1_without_a_worker(redis_url: str) -> None:
    """And says what to start; hostile names cannot colour or clear the terminal."""
    connection = redis.Redis.from_url(redis_url)
    connection.hset("firstpass:worker:w", mapping={"host": "[red]a\x1b[2J", "seen_at": 1})
    connection.zadd("firstpass:workers", {"w": 1})
    connection.close()

    silent = run("status", "--redis-url", redis_url)

    assert silent.exit_code == 1
    assert "has been silent" in silent.stdout
    assert "[red]a" in silent.stdout
    assert "\x1b[2J" not in silent.stdout


def test_late_delivery_is_told_by_status(
    job_queue: JobQueue, redis_connection: redis.Redis, start_worker: StartWorker, redis_url: str
) -> None:
    """1 while tasks are owed and nobody delivers them, or the courier is held up; 0 when it delivers."""
    start_worker(lease_s=LEASE_S)
    job_queue.ask(requests_for(["ok-1"]), interactive=True, wait_s=PATIENCE_S)
    OwedTasks(redis_connection).add(ProjectKey(4, 5), [1, 2, 3], time.time())
    OwedTasks(redis_connection).add(ProjectKey(5, 5), [1], time.time() + 600)
    url = ("--redis-url", redis_url)

    unmanned = run("status", *url)
    write_card(redis_connection, replace(COURIER, waiting="401\x1b[2J make a new token"))
    stuck = run("status", *url)
    write_card(redis_connection, COURIER)
    well, told = run("status", *url), json.loads(run("status", "--json", *url).stdout)

    assert (unmanned.exit_code, stuck.exit_code, well.exit_code) == (1, 1, 0)
    assert "No courier is alive; 4 tasks wait" in unmanned.stdout
    assert "make a new token" in stuck.stdout
    assert "\x1b[2J" not in stuck.stdout
    assert {"box:21", "http://ls", "ready", "4"} <= set(well.stdout.split())
    assert (told["delivery"]["owed_tasks"], told["delivery"]["courier"]["stored"]) == (4, 3)


def test_a_failed_task_is_listed_and_retried(redis_connection: redis.Redis, redis_url: str) -> None:
    """Beside the images; `retry` has the courier see to it."""
    failure = Failure("TaskError", "expected the key image", transient=False)
    FailedTasks(redis_connection).note(ProjectKey(4, 5), {12: failure})

    listed = run("status", "--failed", "--redis-url", redis_url)
    mended = run("retry", "task 12", "--redis-url", redis_url)

    assert "task 12 of project 4.5" in listed.stdout
    assert "TaskError: expected the key image" in listed.stdout
    assert mended.exit_code == 0
    assert OwedTasks(redis_connection).count() == 1
    assert read_overview(redis_connection).failed_images == 0


def test_a_user_that_may_not_ask_for_info_still_sees_the_rest(
    job_queue: JobQueue, redis_connection: redis.Redis, redis_url: str
) -> None:
    """A managed Redis may refuse INFO; queues and failures are told all the same."""
    job_queue.ask(requests_for(["ok-1"]), interactive=False, wait_s=0)
    redis_connection.execute_command("ACL SETUSER", "web", "on", ">pw", "~*", "+@all", "-info")
    url = redis_url.partition("//")[2].rpartition("@")[2]

    with redis.Redis.from_url(f"redis://web:pw@{url}") as connection:
        told = read_overview(connection)

    redis_connection.execute_command("ACL DELUSER", "web")
    assert (told.redis.up, told.redis.version, told.waiting) == (True, None, 1)


def test_a_failed_job_without_a_record_is_retried_too(
    failed: dict[str, Any], redis_connection: redis.Redis, retrier: Retrier
) -> None:
    """RQ's registry knows it; one that was answered since is left alone although its id is there."""
    redis_connection.delete("firstpass:failures", "firstpass:failures:by-time")
    ids = {request.image.location[-6:]: job_id for job_id, request in failed.items()}
    redis_connection.hset(f"rq:job:{ids['/bad-1']}", "status", "finished")

    retried = retrier.retry()

    assert (retried.again, retried.refused) == ([ids["gone-1"]], {})
