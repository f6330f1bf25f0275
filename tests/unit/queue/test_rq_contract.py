"""What we rely on in RQ beyond its documentation: fails when an upgrade changes it."""

from __future__ import annotations

import inspect
import time

import pytest
import redis
from rq import Queue, Retry, SimpleWorker, worker_registration
from rq.executions import Execution, ExecutionRegistry
from rq.job import Job, JobStatus
from rq.registry import FailedJobRegistry, FinishedJobRegistry, StartedJobRegistry
from rq.scripts import _build_hset_args
from rq.serializers import JSONSerializer
from rq.suspension import is_suspended

pytestmark = pytest.mark.redis


@pytest.fixture
def queue(redis_connection: redis.Redis) -> Queue:
    return Queue("contract", connection=redis_connection, serializer=JSONSerializer)


@pytest.fixture
def job(queue: Queue) -> Job:
    job = queue.create_job(
        "a.name", args=({"a": 1},), job_id="id", retry=Retry(max=2), failure_ttl=60
    )
    queue._prepare_for_queue(job)
    return job


def stored(job: Job) -> Job:
    """The job as our submit script stores it and our take script reads it."""
    flat = _build_hset_args(job)
    assert job.connection is not None
    job.connection.hset(job.key, mapping=dict(zip(flat[::2], flat[1::2], strict=True)))
    again = Job(job.id, connection=job.connection, serializer=JSONSerializer)
    again.restore(job.connection.hgetall(job.key))
    return again


def test_the_names_of_keys() -> None:
    """The keys that our scripts put together are those of RQ."""
    connection = redis.Redis()
    assert Queue("q", connection=connection).key == Queue.redis_queue_namespace_prefix + "q"
    assert Job.key_for("id") == Job.redis_job_namespace_prefix + "id" == "rq:job:id"
    assert StartedJobRegistry("q", connection=connection).key == "rq:wip:q"
    assert FinishedJobRegistry("q", connection=connection).key == "rq:finished:q"
    assert FailedJobRegistry("q", connection=connection).key == "rq:failed:q"
    assert Execution("e", "id", connection).key == "rq:execution:id:e"
    assert Execution("e", "id", connection).composite_key == "id:e"
    assert ExecutionRegistry("id", connection).key == ExecutionRegistry.key_template.format("id")
    assert Queue.redis_queues_keys == "rq:queues"


def test_a_job_comes_back_from_its_fields(job: Job) -> None:
    """What is stored for a prepared job restores to the same job, as JSON, with its tries."""
    again = stored(job)

    assert again.args == [{"a": 1}]
    assert again.get_status(refresh=False) == JobStatus.QUEUED
    assert (again.retries_left, again.origin) == (2, "contract")
    assert again.enqueued_at is not None
    assert again.started_at is None


def test_fields_of_ours_survive_a_save(job: Job, redis_connection: redis.Redis) -> None:
    """RQ writes its own fields of the job hash, and leaves others there."""
    again = stored(job)
    redis_connection.hset(job.key, "firstpass_begun", "x")

    again.save()

    assert redis_connection.hget(job.key, "firstpass_begun") == b"x"


def test_a_clean_up_leaves_scores_below_zero(
    queue: Queue, job: Job, redis_connection: redis.Redis
) -> None:
    """RQ's counting and cleaning of started jobs passes over our leases, however old."""
    stored(job)
    registry = queue.started_job_registry
    redis_connection.zadd(registry.key, {"id:e": -(time.time() - 1000)})

    assert registry.count == 1
    registry.cleanup()

    assert redis_connection.zscore(registry.key, "id:e") is not None
    assert queue.get_job_ids() == []


def test_a_failure_is_recorded_for_rqs_tools(
    queue: Queue, job: Job, redis_connection: redis.Redis
) -> None:
    """The private `_handle_failure` puts the job with its traceback into the failed registry."""
    again = stored(job)
    with redis_connection.pipeline() as pipeline:
        again.set_status(JobStatus.FAILED, pipeline=pipeline)
        again._handle_failure("trace", pipeline=pipeline, worker_name="worker")
        pipeline.execute()

    found = Job.fetch("id", connection=redis_connection, serializer=JSONSerializer)
    assert found.is_failed
    result = found.latest_result()
    assert result is not None
    assert result.exc_string == "trace"
    assert "id" in queue.failed_job_registry
    assert 0 < redis_connection.ttl(job.key) <= 60


def test_a_failed_job_can_be_requeued(
    queue: Queue, job: Job, redis_connection: redis.Redis
) -> None:
    """`rq requeue` makes it a job that our take script takes."""
    test_a_failure_is_recorded_for_rqs_tools(queue, job, redis_connection)

    queue.failed_job_registry.requeue("id")

    assert queue.get_job_ids() == ["id"]
    assert redis_connection.hget(job.key, "status") == b"queued"


def test_a_started_job_can_be_cancelled(
    queue: Queue, job: Job, redis_connection: redis.Redis
) -> None:
    """With the records of a try as we write them, `cancel` ends the lease and says so."""
    again = stored(job)
    execution = Execution("e", "id", redis_connection, worker_name="worker")
    with redis_connection.pipeline() as pipeline:
        execution.save(60, pipeline)
        ExecutionRegistry("id", redis_connection).add(execution, 60, pipeline)
        pipeline.execute()
    redis_connection.zadd(queue.started_job_registry.key, {execution.composite_key: -1})
    again.set_status(JobStatus.STARTED)

    again.cancel()

    assert again.get_status() == JobStatus.CANCELED
    assert redis_connection.zcard(queue.started_job_registry.key) == 0


def test_an_execution_is_deleted_with_its_lease(
    queue: Queue, job: Job, redis_connection: redis.Redis
) -> None:
    """`Execution.delete` removes the hash, the registry entry and the lease."""
    again = stored(job)
    execution = Execution("e", "id", redis_connection)
    redis_connection.zadd(queue.started_job_registry.key, {execution.composite_key: -1})
    with redis_connection.pipeline() as pipeline:
        execution.save(60, pipeline)
        execution.delete(job=again, pipeline=pipeline)
        pipeline.execute()

    assert not redis_connection.exists(execution.key, queue.started_job_registry.key)


def test_the_worker_has_what_we_replace(queue: Queue, redis_connection: redis.Redis) -> None:
    """The methods and attributes that our worker overrides or reads are still RQ's."""
    worker = SimpleWorker([queue], connection=redis_connection)
    signatures = {
        "dequeue_job_and_maintain_ttl": ["timeout", "max_idle_time"],
        "execute_job": ["job", "queue"],
        "check_for_suspension": ["burst"],
        "run_maintenance_tasks": [],
        "clean_registries": [],
        "heartbeat": ["timeout", "pipeline"],
        "set_state": ["state", "pipeline"],
        "teardown": [],
        "_shutdown": [],
        "_pubsub_exception_handler": ["exc", "pubsub", "pubsub_thread"],
    }
    for name, parameters in signatures.items():
        assert list(inspect.signature(getattr(worker, name)).parameters) == parameters, name
    assert worker._stop_requested is False
    assert worker.should_run_maintenance_tasks
    assert worker.key == f"rq:worker:{worker.name}"
    worker_registration.clean_worker_registry(queue)
    assert not is_suspended(redis_connection)


def test_work_calls_what_we_replace() -> None:
    """RQ's loop still goes through the methods that we made patient."""
    source = inspect.getsource(SimpleWorker.work)
    for name in (
        "check_for_suspension",
        "should_run_maintenance_tasks",
        "run_maintenance_tasks",
        "_stop_requested",
        "dequeue_job_and_maintain_ttl",
        "execute_job",
        "heartbeat",
        "teardown",
    ):
        assert f"self.{name}" in source
