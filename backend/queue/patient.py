"""RQ's worker loop, made to outlive its Redis: what may wait is skipped, signals only set a flag."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from typing import Any

import redis
import structlog
from rq import SimpleWorker, worker_registration
from rq.exceptions import NoSuchJobError
from rq.suspension import is_suspended
from rq.utils import now

from backend.queue.away import is_away, said_by_redis
from backend.queue.client import foreign_keys, is_foreign
from backend.queue.connection import foreign_value
from backend.queue.finish import persist

__all__ = ["PatientWorker", "whatever_others_put_there"]

log = structlog.get_logger()


class PatientWorker(SimpleWorker):
    """Nothing that RQ does around jobs ends the worker when Redis is away for a while.

    The models took long to load, and Redis restarts in a second. What is skipped here is done again a
    moment later; the jobs themselves are seen to by `persist`.
    """

    #: Whether `rq suspend` was called, as last seen: then no batch is taken ahead, and `work` waits.
    suspended = False

    def register_birth(self) -> None:
        """Offered again and again: a first try whose answer was lost may have put our name there."""
        persist(self._register_anew)

    def _register_anew(self) -> None:
        self.connection.delete(self.key)  # RQ refuses a name that is there
        super().register_birth()

    def look_for_suspension(self) -> None:
        """See whether `rq suspend` was called."""
        with suppress(redis.RedisError):
            self.suspended = bool(is_suspended(self.connection))

    def check_for_suspension(self, burst: bool) -> None:
        """RQ waits here for as long as it is suspended, so that afterwards it is not."""
        try:
            super().check_for_suspension(burst)
        except redis.RedisError as error:
            _skip("suspension", error)
        self.suspended = False

    def run_maintenance_tasks(self) -> None:
        """Only our own queues' registries; RQ would tidy the job groups of all programs as well."""
        try:
            self.clean_registries()
        except redis.RedisError as error:
            _skip("maintenance", error)

    def clean_registries(self) -> None:
        by_redis, _ = self.connection.time()
        for queue in self.queues:
            for tidy in (
                partial(queue.finished_job_registry.cleanup, by_redis),
                partial(queue.failed_job_registry.cleanup, by_redis),
                partial(worker_registration.clean_worker_registry, queue),
            ):
                try:
                    tidy()
                except (ValueError, NoSuchJobError) as error:
                    # What somebody else put there is no name that RQ can read.
                    log.warning("registry not tidied", queue=queue.name, error=str(error)[:200])
        self.last_cleaned_at = now()  # type: ignore[assignment] # RQ declares None alone

    def heartbeat(self, timeout: int | None = None, pipeline: Any = None) -> None:
        try:
            super().heartbeat(timeout, pipeline)
        except redis.RedisError as error:
            _skip("heartbeat", error)

    def set_state(self, state: str, pipeline: Any = None) -> None:
        try:
            super().set_state(state, pipeline)
        except redis.RedisError as error:
            _skip("state", error)

    def teardown(self) -> None:
        try:
            super().teardown()
        except redis.RedisError as error:
            _skip("sign-off", error)

    def _shutdown(self) -> None:
        """Never raise out of a signal handler, where RQ could lose jobs: the loop looks at the flag."""
        self._stop_requested = True

    def _pubsub_exception_handler(self, exc: Exception, pubsub: Any, pubsub_thread: Any) -> None:
        """RQ's own ends the thread, and with it `rq`'s remote commands, at a time-out."""
        if isinstance(exc, redis.TimeoutError):
            return
        super()._pubsub_exception_handler(exc, pubsub, pubsub_thread)


@contextmanager
def whatever_others_put_there() -> Iterator[None]:
    """What a foreign value keeps from being done in the block is left undone, and said."""
    try:
        yield
    except redis.ResponseError as error:
        if not is_foreign(error):
            raise
        log.error("left undone", reason=_foreign(error))


def _skip(what: str, error: redis.RedisError) -> None:
    if not (is_away(error) or is_foreign(error)):
        raise error
    reason = _foreign(error) if is_foreign(error) else said_by_redis(error)
    log.error("waiting for redis", skipped=what, error=type(error).__name__, reason=reason)


def _foreign(error: redis.RedisError) -> str:
    return "; ".join(foreign_value(foreign_keys(error)))
