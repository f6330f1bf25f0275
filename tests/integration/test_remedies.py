"""Why configs, queue, web process and commands refuse, each reason with its remedy followed as written.

A test gets the sentence, takes the variable, value or command out of it, does that, and sees it work.
Those of images are in `images/test_remedies.py`, that of models not pulled in `tests/hub/test_walk.py`.
"""

from __future__ import annotations

import shlex
from typing import Any

import pytest
import redis
from fastapi.testclient import TestClient
from rq import Queue
from rq.job import Job, JobStatus
from rq.serializers import JSONSerializer
from typer.testing import CliRunner

from backend.bulk.workers import NobodyServes, check_workers
from backend.cli.main import app
from backend.errors import (
    BadRequest,
    Failure,
    LabelConfigError,
    QueueUnavailable,
    TookTooLong,
)
from backend.label_studio.api import LabelStudioApi
from backend.label_studio.bodies import Task
from backend.prediction.engine import engine_for, engine_of
from backend.prediction.predictor import PredictorSettings
from backend.queue.connection import connect, queue_errors
from backend.queue.failures import FailureLog
from backend.queue.job_queue import JobQueue
from backend.queue.keys import BULK_QUEUE
from backend.queue.results import ResultListener
from backend.queue.submit import SubmitLimits, Submitter
from backend.service import PredictionService, RunningService, WaitLimits
from backend.settings import load_settings
from backend.web.app import create_app
from backend.web.monitor import QueueMonitor
from tests.integration.following import Follow, taken
from tests.integration.test_queue import requests_for
from tests.standin.queue import StandInQueue
from tests.unit.bulk.test_workers import work
from tests.unit.projects.label_studio import OLD, PROJECT, VERSION, a_backend, a_label_studio
from tests.unit.projects.test_prune import a_task

CONFIG = (
    '<View><Image name="img" value="$image"/>'
    '<RectangleLabels name="box" toName="img"><Label value="cat"/></RectangleLabels></View>'
)


def test_a_blank_image_is_predicted_once_its_key_is_filled() -> None:
    predictor = PredictorSettings(engine_for("tiny"), None, None).for_label_config(CONFIG)
    data: dict[str, Any] = {"image": " "}
    failure = predictor.requests(Task(id=1, data=data))
    assert isinstance(failure, Failure)

    assert "blank" in failure.message
    data[taken(failure.message, r"from '(\w+)'")] = "https://images.example/a.png"
    assert not isinstance(predictor.requests(Task(id=1, data=data)), Failure)


def test_a_label_config_is_served_with_the_tags_that_are_expected() -> None:
    predictors = PredictorSettings(engine_for("tiny"), None, None)
    with pytest.raises(LabelConfigError) as caught:
        predictors.for_label_config('<View><Text name="t" value="$text"/></View>')

    tag = taken(str(caught.value), r"expected an <(Image value=\"\$\w+\")>")
    assert "tags for regions" in str(caught.value)
    boxes = (
        '<Rectangle name="r" toName="i"/><Labels name="l" toName="i"><Label value="cat"/></Labels>'
    )
    assert predictors.for_label_config(f'<View><{tag} name="i"/>{boxes}</View>').plan.steps


@pytest.mark.redis
def test_a_worker_with_other_models_is_matched_by_the_same_setting(
    redis_connection: redis.Redis, follow: Follow
) -> None:
    work(redis_connection, "one", "tiny-florence2", engine_for("tiny-florence2").fingerprint)
    with pytest.raises(NobodyServes) as caught:
        check_workers(redis_connection, engine_for("tiny"), runs_in="host", wait_s=0)

    said = str(caught.value)
    follow(taken(said, r"the same (FIRSTPASS_\w+)"), taken(said, r"holds (\S+)"))
    check_workers(redis_connection, engine_of(load_settings()), runs_in="host", wait_s=0)


@pytest.mark.redis
def test_images_that_took_too_long_are_retried_by_the_command_that_is_said(
    redis_connection: redis.Redis, job_queue: JobQueue, redis_url: str, follow: Follow
) -> None:
    """With the time that the sentence names raised, which the job then has; other failures stay."""
    slow, other = requests = requests_for(["ok-1", "ok-2"])
    job_queue.ask(requests, interactive=False, wait_s=0)
    failures = {slow: Failure.of(TookTooLong(5)), other: Failure("ImageNotFound", "gone", False)}
    redis_connection.delete(Queue.redis_queue_namespace_prefix + BULK_QUEUE)
    log = FailureLog(redis_connection)
    with redis_connection.pipeline() as pipeline:
        for job_id, failure in failures.items():
            pipeline.hset(Job.key_for(job_id), "status", JobStatus.FAILED)
            log.record(job_id, job_id, failure, 1, pipeline)
        pipeline.execute()
    said = failures[slow].message
    follow("FIRSTPASS_REDIS_URL", redis_url)
    follow(taken(said, r"(FIRSTPASS_\w+) = 5; raise"), 600)
    program, *arguments = shlex.split(taken(said, r"`(firstpass [^`]+)`"))

    result = CliRunner().invoke(app, arguments, catch_exceptions=False)
    assert (program, result.output) == ("firstpass", "1 image is back in the queue.\n")
    job = Job.fetch(slow, redis_connection, JSONSerializer)
    assert (job.get_status(), job.timeout) == (JobStatus.QUEUED, 600)
    assert [record.job_id for record in log.latest()] == [other]


@pytest.mark.redis
def test_a_full_queue_takes_more_with_a_higher_limit(
    redis_connection: redis.Redis, follow: Follow
) -> None:
    def asked() -> list[object]:
        limits = SubmitLimits(load_settings().queue_limit, 30)
        listener = ResultListener(redis_connection)
        queue = JobQueue(redis_connection, Submitter(redis_connection, limits), listener)
        return list(
            queue.ask(requests_for(["a-1", "a-2"]), interactive=False, wait_s=0).outcomes.values()
        )

    follow("FIRSTPASS_QUEUE_LIMIT", 1)
    (full,) = asked()
    assert isinstance(full, Failure)

    follow(taken(full.message, r"raise (FIRSTPASS_\w+)"), 10)
    assert asked() == []


@pytest.mark.redis
def test_redis_is_reached_at_the_address_that_is_asked_for(redis_url: str, follow: Follow) -> None:
    with pytest.raises(QueueUnavailable) as caught, queue_errors():
        connect("redis://127.0.0.1:1/0", retries=0).ping()

    follow(taken(str(caught.value), r"whether (FIRSTPASS_\w+) is right"), redis_url)
    given = load_settings().redis_url
    assert given is not None
    with queue_errors():
        assert connect(given.get_secret_value()).ping()


def web(**headers: str) -> Any:
    """The answer of our own web process, as the environment has it."""
    service = PredictionService(
        queue=StandInQueue(),
        predictors=PredictorSettings(engine_for("tiny"), None, None),
        waits=WaitLimits(8, 1, 1),
    )
    running = RunningService(service, start=lambda: None, close=lambda: None)
    monitor = QueueMonitor(connect("redis://127.0.0.1:1/0", retries=0))
    with TestClient(create_app(load_settings(), running, monitor)) as client:
        return client.post("/webhook", content=b"{}", headers=headers)


def test_a_caller_is_answered_by_the_name_that_is_allowed(follow: Follow) -> None:
    """Where no credentials are set; with them none of it is asked."""
    headers = {"Host": "gpu.lan:9090", "Content-Type": "application/json"}
    answered = web(**headers)
    assert answered.status_code == 403
    said = answered.json()["error"]["message"]

    follow(
        taken(said, r"further hosts in (FIRSTPASS_\w+)"), taken(said, r"'([^']+)'").split(":")[0]
    )
    assert web(**headers).status_code != 403


def test_a_body_is_read_as_the_type_that_is_expected() -> None:
    answered = web(Host="localhost", **{"Content-Type": "text/plain"})
    assert answered.status_code == 415
    said = answered.json()["error"]["message"]

    wanted = taken(said, r"expected the Content-Type ([\w/]+)")
    assert web(Host="localhost", **{"Content-Type": wanted}).status_code != 415


def test_tidy_takes_the_address_that_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody told it ours, and at the usual one another tool may be."""
    label_studio = a_label_studio()
    usual = load_settings().local_url
    label_studio.backends = [a_backend(url=usual, title="Renamed", model_version="")]
    monkeypatch.setattr(LabelStudioApi, "from_settings", lambda _: label_studio.api())
    asked = ["tidy", "--yes", "--redis-url", "redis://127.0.0.1:1/0"]

    kept = CliRunner().invoke(app, [*asked, "--project", str(PROJECT)], catch_exceptions=False)
    assert (kept.exit_code, len(label_studio.backends)) == (0, 1), kept.output

    said = " ".join(kept.stdout.split())
    options = taken(said, r"Renamed .*?`firstpass tidy (.+?)` takes all").split()
    result = CliRunner().invoke(app, [*asked, *options], catch_exceptions=False)
    assert (result.exit_code, label_studio.backends) == (0, []), result.output


def test_prune_removes_with_the_option_that_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """A task would be left without any prediction."""
    label_studio = a_label_studio()
    label_studio.put(a_task(1, VERSION), a_task(2, OLD))
    monkeypatch.setattr(LabelStudioApi, "from_settings", lambda _: label_studio.api())
    asked = ["prune", "--project", str(PROJECT), "--yes"]
    with pytest.raises(BadRequest) as caught:
        CliRunner().invoke(app, asked, catch_exceptions=False)
    assert label_studio.versions == {VERSION: 1, OLD: 1}

    option = taken(str(caught.value), r"or say (--\w+)")
    result = CliRunner().invoke(app, [*asked, option], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    assert label_studio.versions == {VERSION: 1}
