"""The queue over a real Redis and real worker processes."""

from __future__ import annotations

import json
import math
import os
import signal
import threading
import time
from collections.abc import Iterable, Mapping
from pathlib import Path

import pytest
import redis
from rq import Queue
from rq.job import Job
from rq.serializers import JSONSerializer

from backend.errors import Failure, QueueUnavailable
from backend.images.reference import parse_image_ref
from backend.prediction.plan import ModelRequest
from backend.prediction.request import Answer, Outcome, request_id
from backend.queue.connection import connect
from backend.queue.job_queue import JobQueue
from backend.queue.keys import BULK_QUEUE, INTERACTIVE_QUEUE
from backend.queue.results import ResultListener
from backend.queue.submit import Standing, SubmitLimits, Submitter
from models.queries import Ask, Classify, Embed, EmbedTexts, Ground, InBox
from models.tiny.scenes import generate_scene
from models.types import Classification, ImageSize, Vector, Vectors
from tests import forks
from tests.integration.conftest import StartWorker
from tests.standin.answers import SIZE, answer

#: For what must happen at all; never a measure of speed.
PATIENCE_S = 240.0
QUERIES = (Ground(("cat", "dog")), Classify(("indoor", "outdoor")))


def requests_for(names: Iterable[str]) -> dict[str, ModelRequest]:
    requests = (
        ModelRequest(
            parse_image_ref(f"http://images.example/{name}", task_id=1, label_studio_url=None),
            QUERIES,
        )
        for name in names
    )
    return {request_id(request, "engine"): request for request in requests}


def by_name(requests: dict[str, ModelRequest], outcomes: dict[str, object]) -> dict[str, object]:
    return {
        requests[job_id].image.location.rsplit("/", 1)[-1]: outcome
        for job_id, outcome in outcomes.items()
    }


def test_each_request_gets_its_own_answer(job_queue: JobQueue, start_worker: StartWorker) -> None:
    """Forty images are answered, each with one output per query."""
    start_worker()
    requests = requests_for(f"ok-{i}" for i in range(40))

    asked = job_queue.ask(requests, interactive=True, wait_s=PATIENCE_S)

    assert not asked.pending
    assert set(asked.outcomes) == set(requests)
    expected = Answer(SIZE, tuple(answer(query) for query in QUERIES), "0" * 64)
    assert all(outcome == expected for outcome in asked.outcomes.values())


def test_jobs_are_run_in_batches(
    job_queue: JobQueue, start_worker: StartWorker, tmp_path: Path
) -> None:
    """A worker takes more and more waiting images at once, up to its largest batch, each once."""
    requests = requests_for(f"ok-{i}" for i in range(64))
    asked = job_queue.ask(requests, interactive=False, wait_s=0)
    assert asked.pending == set(requests)
    record = tmp_path / "record"

    # However long a batch takes, which a busy machine may make anything.
    start_worker(record=record, batch_latency_s=1000)
    job_queue.ask(requests, interactive=False, wait_s=PATIENCE_S)

    lines = record.read_text().splitlines()
    assert max(len(line.split()) for line in lines) == 16
    assert sorted(" ".join(lines).split()) == sorted(f"ok-{i}" for i in range(64))


def test_asked_again_runs_nothing(
    job_queue: JobQueue, start_worker: StartWorker, tmp_path: Path
) -> None:
    """A finished request is a hit: the model is not called a second time."""
    record = tmp_path / "record"
    start_worker(record=record)
    requests = requests_for(["ok-1"])
    first = job_queue.ask(requests, interactive=True, wait_s=PATIENCE_S)

    second = job_queue.ask(requests, interactive=True, wait_s=PATIENCE_S)

    assert second.outcomes == first.outcomes
    assert second.standings == {Standing.HIT: 1}
    assert record.read_text() == "ok-1\n"


def test_many_who_ask_the_same_share_one_inference(
    job_queue: JobQueue, start_worker: StartWorker, tmp_path: Path
) -> None:
    """Sixteen requests for one image wait for one call of the model."""
    record, requests = tmp_path / "record", requests_for(["ok-1"])
    outcomes: list[object] = []

    def ask() -> None:
        asked = job_queue.ask(requests, interactive=True, wait_s=PATIENCE_S)
        outcomes.extend(asked.outcomes.values())

    threads = [threading.Thread(target=ask) for _ in range(16)]
    for thread in threads:
        thread.start()
    start_worker(record=record, base_s=0.2)
    for thread in threads:
        thread.join()

    assert len(outcomes) == 16
    assert record.read_text() == "ok-1\n"


def test_a_bad_image_fails_alone(job_queue: JobQueue, start_worker: StartWorker) -> None:
    """One that is no image and one that the model chokes on leave their batch-mates untouched."""
    start_worker()
    names = [*(f"ok-{i}" for i in range(10)), "bad-1", "raise-1"]
    requests = requests_for(names)

    asked = job_queue.ask(requests, interactive=True, wait_s=PATIENCE_S)

    outcomes = by_name(requests, dict(asked.outcomes))
    assert outcomes.pop("bad-1") == Failure("ImageUnreadable", "bad-1 is not an image", False)
    assert outcomes.pop("raise-1") == Failure(
        "InferenceFailed", "the model raised RuntimeError: raise-1 is poison", False
    )
    assert all(isinstance(outcome, Answer) for outcome in outcomes.values())


def test_a_transient_failure_is_tried_again(job_queue: JobQueue, start_worker: StartWorker) -> None:
    """An image that could not be reached once is answered at the second try."""
    start_worker()

    asked = job_queue.ask(requests_for(["flaky-1"]), interactive=True, wait_s=PATIENCE_S)

    assert [type(outcome) for outcome in asked.outcomes.values()] == [Answer]


def test_interactive_overtakes_bulk(
    job_queue: JobQueue, start_worker: StartWorker, tmp_path: Path
) -> None:
    """An opened image is in the first batch, alone, although a hundred bulk images came before."""
    record = tmp_path / "record"
    job_queue.ask(requests_for(f"ok-{i}" for i in range(100)), interactive=False, wait_s=0)
    job_queue.ask(requests_for(["ok-opened"]), interactive=True, wait_s=0)

    start_worker(record=record)
    job_queue.ask(requests_for(["ok-opened"]), interactive=True, wait_s=PATIENCE_S)

    assert record.read_text().splitlines()[0] == "ok-opened"


def test_a_bulk_image_that_is_opened_is_promoted(
    job_queue: JobQueue, start_worker: StartWorker, tmp_path: Path
) -> None:
    """It runs first, and once, although its id then stands in both queues."""
    record = tmp_path / "record"
    everything = requests_for(f"ok-{i}" for i in range(50))
    job_queue.ask(everything, interactive=False, wait_s=0)
    job_queue.ask(requests_for(["ok-49"]), interactive=True, wait_s=0)

    start_worker(record=record)
    job_queue.ask(everything, interactive=False, wait_s=PATIENCE_S)

    lines = record.read_text().splitlines()
    assert lines[0] == "ok-49"
    assert sorted(" ".join(lines).split()) == sorted(f"ok-{i}" for i in range(50))


def test_a_killed_worker_loses_nothing(
    job_queue: JobQueue, start_worker: StartWorker, redis_connection: redis.Redis
) -> None:
    """Another worker takes the leased batch over when the lease has run out."""
    requests = requests_for(f"ok-{i}" for i in range(20))
    victim = start_worker(base_s=3000)
    job_queue.ask(requests, interactive=True, wait_s=0)
    started = Queue(INTERACTIVE_QUEUE, connection=redis_connection).started_job_registry
    _until(lambda: started.get_job_count(cleanup=False) > 0)
    victim.send_signal(signal.SIGKILL)

    start_worker()
    asked = job_queue.ask(requests, interactive=True, wait_s=PATIENCE_S)

    assert set(asked.outcomes) == set(requests)
    assert all(isinstance(outcome, Answer) for outcome in asked.outcomes.values())
    _until(lambda: started.get_job_count(cleanup=False) == 0)


def test_a_stopped_worker_finishes_its_batch(
    job_queue: JobQueue, start_worker: StartWorker, redis_connection: redis.Redis, tmp_path: Path
) -> None:
    """SIGTERM ends it with code 0: what it began is answered, the rest waits, nothing is leased."""
    record, gate = tmp_path / "record", tmp_path / "gate"
    requests = requests_for(f"ok-{i}" for i in range(16))
    job_queue.ask(requests, interactive=True, wait_s=0)
    worker = start_worker(record=record, gate=gate)
    started = Queue(INTERACTIVE_QUEUE, connection=redis_connection).started_job_registry
    _until(record.exists)  # the model has begun, and is held until the gate is there

    worker.send_signal(signal.SIGTERM)
    gate.touch()

    assert worker.wait(PATIENCE_S) == 0
    assert started.get_job_count(cleanup=False) == 0
    asked = job_queue.ask(requests, interactive=True, wait_s=0)
    waiting = Queue(INTERACTIVE_QUEUE, connection=redis_connection).get_job_ids()
    assert asked.standings[Standing.HIT] >= 1
    assert asked.pending == set(waiting)


def test_without_a_worker_the_work_stays_queued(
    job_queue: JobQueue, redis_connection: redis.Redis
) -> None:
    """The wait ends, everything is pending, and the jobs wait for a worker."""
    requests = requests_for(f"ok-{i}" for i in range(3))

    asked = job_queue.ask(requests, interactive=False, wait_s=0.1)

    assert asked.pending == set(requests)
    queue = Queue(BULK_QUEUE, connection=redis_connection, serializer=JSONSerializer)
    assert set(queue.get_job_ids()) == set(requests)


@pytest.mark.parametrize("job_queue", [0.5], indirect=True, ids=["looks twice a second"])
def test_a_job_that_vanished_is_submitted_again(
    job_queue: JobQueue, start_worker: StartWorker, redis_connection: redis.Redis
) -> None:
    """A waiter whose job was wiped from Redis gets its answer after the next re-check."""
    requests = requests_for(["ok-1"])

    def wipe() -> None:
        _until(lambda: redis_connection.llen(f"rq:queue:{INTERACTIVE_QUEUE}"))
        redis_connection.delete(*(Job.key_for(job_id) for job_id in requests))
        redis_connection.delete(f"rq:queue:{INTERACTIVE_QUEUE}")
        start_worker()

    thread = threading.Thread(target=wipe)
    thread.start()
    asked = job_queue.ask(requests, interactive=True, wait_s=PATIENCE_S)
    thread.join()

    assert [type(outcome) for outcome in asked.outcomes.values()] == [Answer]


def test_a_full_queue_refuses(redis_connection: redis.Redis) -> None:
    """Past the limit a job is refused at once, with a reason, and those before it stay queued."""
    submitter = Submitter(redis_connection, SubmitLimits(queue_limit=5, job_timeout_s=30))
    queue = JobQueue(redis_connection, submitter, ResultListener(redis_connection))

    asked = queue.ask(requests_for(f"ok-{i}" for i in range(8)), interactive=False, wait_s=0)

    assert asked.standings == {Standing.QUEUED: 5, Standing.BUSY: 3}
    assert {out.kind for out in asked.outcomes.values() if isinstance(out, Failure)} == {
        "QueueFull"
    }


def test_redis_down_is_an_error_that_says_so() -> None:
    """Asking without a Redis raises `QueueUnavailable`, which names the setting to look at."""
    connection = connect("redis://127.0.0.1:1/0", retries=0)
    queue = JobQueue(
        connection, Submitter(connection, SubmitLimits(5, 30)), ResultListener(connection)
    )

    with pytest.raises(QueueUnavailable, match="FIRSTPASS_REDIS_URL"):
        queue.ask(requests_for(["ok-1"]), interactive=True, wait_s=1)


def test_vectors_of_images_boxes_and_texts_come_from_a_real_worker(
    job_queue: JobQueue, redis_url: str, tmp_path: Path
) -> None:
    """Through the queue as anything else that is asked; a question no loaded model answers is refused.

    What was embedded once the next worker knows without its models.
    """
    scene = generate_scene(1)
    scene.image.save(tmp_path / "scene.png")
    image = parse_image_ref("/data/local-files/?d=scene.png", task_id=1)
    box = scene.objects[0].box
    asked = {
        "image": ModelRequest(image, (Embed(), InBox(box, Embed()), Classify(("night", "snow")))),
        "texts": ModelRequest(None, (EmbedTexts(("a photo of a star", "snow")),)),
        "question": ModelRequest(image, (Ask("How many stars are there?"),)),
    }

    outcomes = of_real_worker(job_queue, asked, redis_url, tmp_path)

    told, texts, refused = (outcomes[name] for name in asked)
    assert isinstance(told, Answer)
    assert isinstance(texts, Answer)
    assert (told.size, texts.image_size, texts.sha256) == (ImageSize(*scene.image.size), None, "")
    (of_texts,) = texts.outputs
    assert isinstance(of_texts, Vectors)
    whole, part, choice = told.outputs
    vectors = [each for each in (whole, part, *of_texts.items) if isinstance(each, Vector)]
    assert len({each.values for each in vectors}) == 4
    for each in vectors:
        assert math.hypot(*each.values) == pytest.approx(1, abs=1e-6)
    assert isinstance(choice, Classification)
    assert isinstance(refused, Failure)
    assert refused.kind == "QueryUnsupported"
    assert "trained to answer questions" in refused.message

    del asked["question"]
    again = {f"{name}-again": request for name, request in asked.items()}
    outcomes = of_real_worker(job_queue, again, redis_url, tmp_path)
    assert outcomes == {"image-again": told, "texts-again": texts}
    lines = (tmp_path / "worker.log").read_text().splitlines()
    told_of = [json.loads(line) for line in lines if line.startswith("{")]
    assert {each["inferred"] for each in told_of if each["event"] == "batch"} == {0}


def of_real_worker(
    job_queue: JobQueue, asked: Mapping[str, ModelRequest], redis_url: str, folder: Path
) -> dict[str, Outcome]:
    """What becomes of these, by a worker of the tiny models that ends when all is done."""
    assert job_queue.ask(asked, interactive=True, wait_s=0).pending == set(asked)
    settings = {
        "REDIS_URL": redis_url,
        "FIRSTPASS_MODEL": "tiny",
        "FIRSTPASS_DEVICE": "cpu",
        "FIRSTPASS_LOCAL_FILES_ROOT": str(folder),
    }
    environment = {"PATH": os.defpath, **settings}
    worked = forks.run("worker", "--burst", env=environment, timeout_s=PATIENCE_S, models=True)
    assert worked.returncode == 0, worked.stderr
    (folder / "worker.log").write_text(worked.stdout + worked.stderr)
    return job_queue.ask(asked, interactive=True, wait_s=0).outcomes


def _until(condition: object, timeout_s: float = PATIENCE_S) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < deadline, "the condition did not come to hold"
        time.sleep(0.02)
