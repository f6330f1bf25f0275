"""Running one batch through a handler: prepared in threads, inferred together, bisected on failure.

Knows nothing of Redis: jobs are opaque here, and each ends with exactly one outcome or error.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Generic, Protocol, TypeVar

import structlog

from backend.errors import Failure, FirstpassError, InferenceFailed, InternalError, OutOfMemory
from backend.prediction.request import Answer, Outcome

__all__ = ["BatchRunner", "DeviceLost", "Handler", "Prepared", "Results", "failure_of"]

log = structlog.get_logger()
T = TypeVar("T")


class DeviceLost(Exception):
    """The model's device is beyond use for this process, so that every image would fail from here on."""


#: Images of one batch fetched and decoded at the same time.
PREPARE_THREADS = 16


class Handler(Protocol):
    """The work itself; a test may put a model of known cost here."""

    def place(self, payload: Any) -> str:
        """Where a job's image is fetched from, such as a server; empty: from nowhere that may be slow."""

    def fetch(self, payload: Any) -> Any:
        """What `prepare` needs for one job. In a thread; may take long, and never ends the process."""

    def pixels(self, fetched: Any) -> int:
        """About how many pixels of memory `prepare` needs for it. Raises nothing."""

    def prepare(self, fetched: Any) -> Any:
        """What `infer` needs for one job, or its `Answer` when no model is needed. In a thread."""

    def infer(self, batch: Sequence[Any]) -> Sequence[Outcome]:
        """One outcome per prepared job, in order. In the worker's main thread."""


@dataclass(slots=True)
class Prepared(Generic[T]):
    """A batch that is ready to run: its jobs, what was prepared, and what is settled already."""

    jobs: Sequence[T]
    ready: list[tuple[T, Any]] = field(default_factory=list)
    done: list[tuple[T, Outcome]] = field(default_factory=list)
    failed: list[tuple[T, Exception]] = field(default_factory=list)
    seconds: float = 0.0


@dataclass(slots=True)
class Results(Generic[T]):
    """Each job of a batch is in exactly one of the two lists.

    `inferred` of them went through the models, in `seconds`.
    """

    done: list[tuple[T, Outcome]]
    failed: list[tuple[T, Exception]]
    inferred: int = 0
    seconds: float = 0.0


class BatchRunner(Generic[T]):
    """Prepares and runs batches of jobs of type `T`."""

    def __init__(self, handler: Handler) -> None:
        self._handler = handler
        self._pool = ThreadPoolExecutor(PREPARE_THREADS, thread_name_prefix="prepare")

    def read(self, jobs: Sequence[T], payloads: Sequence[object]) -> Prepared[T]:
        """Fetch and prepare all jobs of a batch at the same time; may run while another is inferred."""
        return self._prepared(
            jobs, payloads, lambda one: self._handler.prepare(self._handler.fetch(one))
        )

    def prepare(self, jobs: Sequence[T], fetched: Sequence[object]) -> Prepared[T]:
        """Prepare what was fetched for the jobs of a batch; may run while another is inferred."""
        return self._prepared(jobs, fetched, self._handler.prepare)

    def _prepared(
        self, jobs: Sequence[T], given: Sequence[object], prepare: Callable[[Any], Any]
    ) -> Prepared[T]:
        started = time.monotonic()
        prepared = Prepared(jobs)
        futures = [self._pool.submit(prepare, one) for one in given]
        for job, future in zip(jobs, futures, strict=True):
            error = future.exception()
            if isinstance(error, Exception):
                prepared.failed.append((job, _before_the_model(error)))
            elif isinstance(item := future.result(), Answer | Failure):
                prepared.done.append((job, item))
            else:
                prepared.ready.append((job, item))
        prepared.seconds = time.monotonic() - started
        return prepared

    def run(self, prepared: Prepared[T]) -> Results[T]:
        """Infer what is ready. A batch that raises is bisected, so a bad image fails alone.

        Raises `DeviceLost`: only another process can tell the bad image from the others.
        """
        results = Results(list(prepared.done), list(prepared.failed), len(prepared.ready))
        started = time.monotonic()
        self._infer(prepared.ready, results)
        results.seconds = time.monotonic() - started
        return results

    def _infer(self, ready: Sequence[tuple[T, Any]], results: Results[T]) -> None:
        if not ready:
            return
        try:
            outcomes = self._handler.infer([item for _, item in ready])
            answered = list(zip(ready, outcomes, strict=True))
        except Exception as error:
            # How torch words an error that its device does not come back from; memory is another.
            if "CUDA error" in str(error) or "HIP error" in str(error):
                raise DeviceLost(str(error)) from error
            if len(ready) == 1:
                results.failed.append((ready[0][0], error))
                return
            half = len(ready) // 2
            self._infer(ready[:half], results)
            self._infer(ready[half:], results)
            return
        results.done.extend((job, outcome) for (job, _), outcome in answered)


def _before_the_model(error: Exception) -> Exception:
    """What went wrong while an image was fetched and decoded: no model has seen it yet."""
    if isinstance(error, FirstpassError):
        return error
    if isinstance(error, MemoryError):
        return OutOfMemory("memory ran out while the image was fetched; it is tried again")
    name = type(error).__name__
    log.error("bug", where="reading an image", exc_info=error)
    bug = InternalError(
        f"Firstpass failed while it read the image ({name}); the worker's log says where"
    )
    bug.__cause__ = error
    return bug


def failure_of(error: Exception) -> Failure:
    """An exception as a value; what is not ours came out of the model."""
    if isinstance(error, FirstpassError):
        return Failure.of(error)
    name = type(error).__name__
    failed = InferenceFailed(f"the model raised {name}: {error}")
    # Memory is short for a while, and the next try finds it free. The second is torch's name.
    short = isinstance(error, MemoryError) or name == "OutOfMemoryError"
    return Failure(failed.kind, str(failed), transient=short)
