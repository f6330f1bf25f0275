"""A Redis, worker processes and callers, for tests that harm them."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from rq.job import Job
from rq.serializers import JSONSerializer

from backend.errors import Failure
from backend.prediction.request import Answer, Outcome
from backend.queue.connection import connect
from backend.queue.job_queue import JobQueue
from backend.queue.keys import QUEUES, result_key
from backend.queue.payload import decode_outcome
from backend.queue.results import ResultListener
from backend.queue.submit import Submission, SubmitLimits, Submitted, Submitter
from backend.queue.window import RECHECK_S
from tests.faults.stock import Stock, take_stock
from tests.forks import Forked
from tests.integration.test_queue import requests_for
from tests.redis_process import RedisProcess
from tests.standin.worker_process import start_worker_process

#: For what must happen at all; never a measure of speed.
PATIENCE_S = 300.0
#: What a batch costs that is to be under way for as long as a test likes.
ENDLESS_S = 3000.0


class Users(NamedTuple):
    """Who looks, asks and works; empty where Redis knows no users."""

    admin: str = ""
    web: str = ""
    worker: str = ""


NOBODY = Users()


class Rig:
    """Everything a fault test needs; `ids` maps each id submitted by a test to its image's name."""

    def __init__(
        self,
        server: RedisProcess,
        folder: Path,
        limits: SubmitLimits,
        users: Users = NOBODY,
        *,
        recheck_s: float = RECHECK_S,
    ) -> None:
        self.users = users
        self.server = server
        self.folder = folder
        self.record = folder / "record"
        self.ids: dict[str, str] = {}
        #: Jobs that a test deleted or cancelled by hand, and that need be nowhere.
        self.given_up: set[str] = set()
        self.workers: list[Forked] = []
        self.connection = connect(server.url(users.admin), retries=10)
        self.web = connect(server.url(users.web), retries=10)
        self.submitter = Submitter(self.web, limits)
        self.listener = ResultListener(self.web)
        self.queue = JobQueue(self.web, self.submitter, self.listener, recheck_s=recheck_s)
        self.listener.start()

    # -- callers ----------------------------------------------------------------------------------

    def submit(self, names: Iterable[str], *, interactive: bool = False) -> list[Submitted]:
        """Put images into a queue, and remember their ids as soon as Redis has acknowledged them."""
        requests = requests_for(names)
        submissions = [Submission(job_id, request) for job_id, request in requests.items()]
        submitted = self.submitter.submit(submissions, interactive=interactive)
        self.remember(requests)
        return submitted

    def remember(self, requests: Mapping[str, Any]) -> None:
        for job_id, request in requests.items():
            self.ids[job_id] = request.image.location.rsplit("/", 1)[-1]

    def ask(self, names: Iterable[str], *, wait_s: float = PATIENCE_S) -> dict[str, Outcome]:
        """Image name -> outcome, as a request of a person gets it."""
        requests = requests_for(names)
        self.remember(requests)
        asked = self.queue.ask(requests, interactive=True, wait_s=wait_s)
        return {self.ids[job_id]: outcome for job_id, outcome in asked.outcomes.items()}

    def job(self, name: str) -> Job:
        """RQ's record of an image that was submitted."""
        job_id = next(job_id for job_id, known in self.ids.items() if known == name)
        return Job.fetch(job_id, connection=self.connection, serializer=JSONSerializer)

    def outcomes(self) -> dict[str, Outcome]:
        """Image name -> what is stored for it."""
        ids = list(self.ids)
        stored: list[Any] = self.connection.mget([result_key(job_id) for job_id in ids])
        found = zip(ids, stored, strict=True)
        return {self.ids[job_id]: decode_outcome(text) for job_id, text in found if text}

    # -- workers ----------------------------------------------------------------------------------

    def worker(self, **options: object) -> Forked:
        """A worker process with a lease of 2 s, unless the options say otherwise."""
        options = {
            "lease_s": 2,
            "redis": self.server.url(self.users.worker),
            "record": self.record,
            **options,
        }
        arguments = [
            text
            for name, value in options.items()
            for text in (f"--{name.replace('_', '-')}", str(value))
        ]
        log = self.folder / f"worker-{len(self.workers)}.log"
        process = start_worker_process(arguments, log)
        self.workers.append(process)
        return process

    def until_at_work(self, count: int) -> None:
        """Wait until so many workers have started and look for jobs."""
        self.until(lambda: self.connection.scard("rq:workers") == count)

    def keep_running(self, count: int, done: Callable[[], bool], **options: object) -> int:
        """Replace workers that end until `done`; gives how many ended."""
        ended, deadline = 0, time.monotonic() + PATIENCE_S
        current = [self.worker(**options) for _ in range(count)]
        while not done():
            assert time.monotonic() < deadline, f"{take_stock(self.connection)}"
            for i, worker in enumerate(current):
                if worker.poll() is not None:
                    ended += 1
                    current[i] = self.worker(**options)
            time.sleep(0.05)
        return ended

    def kill_in_each(
        self,
        parts: Iterable[Iterable[str]],
        options: Mapping[str, object],
        dice: random.Random,
        *,
        workers: int,
    ) -> None:
        """Submit part after part; in the middle of each SIGKILL a worker at a random moment, and replace it."""
        current = [self.worker(**options) for _ in range(workers)]
        for names in parts:
            before = len(self.outcomes())
            self.submit(names)
            self.until(lambda before=before: len(self.outcomes()) > before)  # type: ignore[misc]
            time.sleep(dice.uniform(0, 1))
            victim = dice.randrange(workers)
            current[victim].kill()
            current[victim] = self.worker(**options)

    # -- looking ----------------------------------------------------------------------------------

    def stock_of_queues(self) -> int:
        """Entries that wait in any queue, whoever put them there."""
        return sum(self.connection.llen(f"rq:queue:{name}") for name in QUEUES)

    def stock(self) -> Stock:
        return take_stock(self.connection)

    def all_done(self) -> bool:
        """Whether each image has an outcome, and nobody works any more."""
        stored = self.connection.exists(*(result_key(job_id) for job_id in self.ids))
        return stored == len(self.ids) and not self.stock().under_way

    def runs(self, name: str) -> int:
        """How often the model was given this image."""
        return self.record.read_text().split().count(name) if self.record.exists() else 0

    def until(self, condition: Callable[[], object], timeout_s: float = PATIENCE_S) -> None:
        deadline = time.monotonic() + timeout_s
        while not condition():
            assert time.monotonic() < deadline, f"it did not come to hold: {self.stock()}"
            time.sleep(0.02)

    # -- the end ----------------------------------------------------------------------------------

    def close(self) -> None:
        """End everything; then no job is lost, and there is none that nobody submitted."""
        for worker in self.workers:
            if worker.poll() is None:
                worker.kill()
            worker.wait(PATIENCE_S)
        self.listener.close()
        if not self.server.running:
            self.server.start()
        stock = self.stock()
        self.connection.close()
        self.web.close()
        self.server.end()
        assert stock.odd == []
        assert set(self.ids) - self.given_up <= stock.everything <= set(self.ids)


def answered(outcomes: Mapping[str, Outcome]) -> set[str]:
    """The names that have an answer."""
    return {name for name, outcome in outcomes.items() if isinstance(outcome, Answer)}


def failed(outcomes: Mapping[str, Outcome]) -> dict[str, str]:
    """Name -> kind of failure."""
    return {name: out.kind for name, out in outcomes.items() if isinstance(out, Failure)}
