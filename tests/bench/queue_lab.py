"""Where the queue is measured: a Redis of its own, real worker processes, and a client over both."""

from __future__ import annotations

import itertools
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

import redis
from rq import Worker

from backend.images.reference import parse_image_ref
from backend.prediction.plan import ModelRequest
from backend.prediction.request import Answer, request_id
from backend.processes.children import ManagedProcess, Program
from backend.processes.redis_server import embedded_redis
from backend.processes.supervisor import Supervisor
from backend.queue.connection import connect
from backend.queue.job_queue import JobQueue
from backend.queue.results import ResultListener
from backend.queue.submit import SubmitLimits, Submitter
from models.queries import Classify, Ground

__all__ = [
    "BASE_S",
    "GIVE_UP_S",
    "IMAGE_S",
    "QUERIES",
    "READY_S",
    "Lab",
    "images_per_s",
    "open_lab",
    "request_for",
]

REPOSITORY = Path(__file__).parents[2]
QUERIES = (Ground(("circle", "square")), Classify(("grass", "desert", "water")))
#: What the stand-in model costs, asleep: so much per batch, and so much per image.
BASE_S, IMAGE_S = 0.020, 0.004
#: Nothing measured here takes this long.
GIVE_UP_S = 120.0
READY_S = 120.0


@dataclass(slots=True)
class Lab:
    """Everything under test; made by `open_lab`, which also ends it."""

    folder: Path
    url: str
    connection: redis.Redis
    queue: JobQueue
    supervisor: Supervisor
    _numbers: Iterator[int] = field(default_factory=itertools.count)

    def fresh(self, images: int) -> dict[str, ModelRequest]:
        """Requests for images that nobody asked for before, by job id."""
        names = (f"http://images.example/ok-{next(self._numbers)}" for _ in range(images))
        return dict(map(request_for, names))

    def ask(
        self,
        requests: dict[str, ModelRequest],
        *,
        interactive: bool = True,
        wait_s: float = GIVE_UP_S,
    ) -> float:
        """Seconds until all were answered. Raises `RuntimeError` when one was not."""
        started = time.monotonic()
        asked = self.queue.ask(requests, interactive=interactive, wait_s=wait_s)
        seconds = time.monotonic() - started
        answered = sum(isinstance(outcome, Answer) for outcome in asked.outcomes.values())
        if answered != len(requests):
            raise RuntimeError(f"expected {len(requests)} answers, got {answered}")
        return seconds

    def ask_one(self) -> float:
        """Seconds until one fresh interactive image was answered."""
        return self.ask(self.fresh(1))

    def start_worker(self, **options: object) -> ManagedProcess:
        """A worker with the stand-in model, ready to work; `options` as of `tests.standin.worker`."""
        given = {"base_s": BASE_S, "image_s": IMAGE_S, "lease_s": 10, **options}
        arguments = [text for name, value in given.items() for text in (_flag(name), str(value))]
        return self.start("tests.standin.worker", "--redis", self.url, *arguments)

    def start(self, module: str, *arguments: str, **environment: str) -> ManagedProcess:
        """A Python module that runs an RQ worker, once that has signed on."""
        process = self._launch(module, *arguments, **environment)
        process.wait_ready(lambda: self._is_at_work(process.pid), timeout_s=READY_S)
        return process

    def start_process(
        self, module: str, *arguments: str, ready: Callable[[], bool], **environment: str
    ) -> ManagedProcess:
        """A Python module that runs anything else, once it is ready."""
        process = self._launch(module, *arguments, **environment)
        process.wait_ready(ready, timeout_s=READY_S)
        return process

    def _launch(self, module: str, *arguments: str, **environment: str) -> ManagedProcess:
        number = next(self._numbers)
        program = Program(
            name=f"worker-{number}",
            argv=(sys.executable, "-m", module, *arguments),
            env=environment,
            drop_env=("FIRSTPASS_", "REDIS_URL", "LABEL_STUDIO_"),
            cwd=REPOSITORY,
            log=self.folder / f"worker-{number}.log",
        )
        return self.supervisor.start(program)

    def kill(self, pid: int) -> None:
        """SIGKILL one process: it has no chance to sign off."""
        os.kill(pid, signal.SIGKILL)

    def warm_up(self, images: int = 300) -> None:
        """Let the workers find their batch size, and every script and connection be loaded."""
        self.ask(self.fresh(images), interactive=False)
        self.ask(self.fresh(images), interactive=True)

    def _is_at_work(self, pid: int) -> bool:
        return pid in {worker.pid for worker in Worker.all(connection=self.connection)}


@contextmanager
def open_lab(queue_limit: int = 100_000) -> Iterator[Lab]:
    """A lab with an empty Redis as `firstpass up` configures it, and no worker yet."""
    with (
        TemporaryDirectory(prefix="firstpass-bench-") as folder,
        Supervisor() as supervisor,
        embedded_redis(Path(folder), supervisor) as url,
        connect(url) as connection,
    ):
        listener = ResultListener(connection)
        listener.start()
        submitter = Submitter(connection, SubmitLimits(queue_limit, job_timeout_s=120))
        queue = JobQueue(connection, submitter, listener)
        try:
            yield Lab(Path(folder), url, connection, queue, supervisor)
        finally:
            listener.close()


def request_for(location: str) -> tuple[str, ModelRequest]:
    """The job id and the request for an image, with the queries of all benchmarks."""
    request = ModelRequest(parse_image_ref(location, task_id=1), QUERIES)
    return request_id(request, "bench"), request


def images_per_s(ask: Callable[[], object], *, clients: int, seconds: float) -> float:
    """Throughput of a closed loop: so many clients, each asking again when it has its answer."""
    started = time.monotonic()
    counts: list[int] = []

    def client() -> None:
        count = 0
        while time.monotonic() < started + seconds:
            ask()
            count += 1
        counts.append(count)

    threads = [threading.Thread(target=client) for _ in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if len(counts) != clients:
        raise RuntimeError(f"{clients - len(counts)} of {clients} clients ended with an error")
    return sum(counts) / (time.monotonic() - started)


def _flag(name: str) -> str:
    return f"--{name.replace('_', '-')}"
