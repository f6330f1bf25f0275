"""A Label Studio and a Firstpass whose processes may be killed, and come back as under any supervisor."""

from __future__ import annotations

import os
import random
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import redis

from backend.delivery.owed import OwedTasks
from backend.demo.environment import Place, Running, repository, running
from backend.errors import FirstpassError
from backend.processes.children import ManagedProcess
from backend.processes.stack import Stack
from backend.processes.supervisor import Supervisor
from backend.settings import Settings
from backend.status.reading import read_overview

#: For what must happen at all; never a measure of speed.
PATIENCE_S = 600.0
#: Everything that one may kill, by the name of its process.
ALL = ("worker", "courier", "redis", "label-studio", "web")


@dataclass(slots=True)
class Killable:
    """The running pair; `killed` lists what was killed, in order, `pictures` counts those handed out."""

    both: Running
    supervisor: Supervisor
    pictures: int = 0
    killed: list[str] = field(default_factory=list)

    def process(self, name: str) -> ManagedProcess:
        return next(one for one in self.supervisor.processes if one.name == name)

    def kill(self, name: str) -> None:
        """SIGKILL, to the process alone."""
        os.kill(self.process(name).pid, signal.SIGKILL)
        self.killed.append(name)

    def kill_all_twice(
        self,
        names: Sequence[str],
        seed: int,
        *,
        every_s: float,
        done: Callable[[], bool],
        own: Mapping[str, Callable[[], None]] | None = None,
    ) -> int:
        """Each of them twice, in random order, about `every_s` seconds apart, once it is back up.

        How many of the kills came before the work was `done`. `own` kills what is not ours to start.
        While it is looked whether all is done, and waited for who is to be killed, the worker is
        stopped: the work goes on between the kills alone, so that it is not over before them.
        """
        in_time = 0
        chance = random.Random(seed)
        victims = [*names, *names]
        chance.shuffle(victims)
        for name in victims:
            time.sleep(every_s * chance.uniform(0.3, 1.7))
            with self._worker_stopped():
                in_time += not done()
                if own and name in own:
                    own[name]()
                    continue
                wait_until(lambda: self.process(name).running)  # noqa: B023 - called at once
                self.kill(name)
        return in_time

    def _worker_stopped(self) -> AbstractContextManager[None]:
        worker = self.process("worker")
        return stopped(worker.pid) if worker.running else nullcontext()

    def wait_until_up(self) -> None:
        """Return once all of them are up, as they come back from being killed."""
        url, (user, password) = self.both.backend.url, self.both.backend.auth or ("", "")
        stack = Stack(url, (user, password))
        wait_until(lambda: all(process.running for process in self.supervisor.processes))
        wait_until(lambda: _answers(f"{self.both.label_studio.url}/health"))
        wait_until(lambda: stack.answers and stack.workers > 0 and stack.has_courier)


@contextmanager
def killable(settings: Settings, binary: Path, folder: Path) -> Iterator[Killable]:
    """Both, ready. What is killed is started again after half a second or more.

    Label Studio is as people run it: without its strict check.
    """
    place = Place(binary, repository() / ".cache" / "demo", folder, label_studio_restarts=True)
    with Supervisor() as supervisor, running(settings, place, supervisor) as both:
        over = threading.Event()
        keeper = threading.Thread(target=supervisor.wait, args=(over,), daemon=True)
        keeper.start()
        try:
            yield Killable(both, supervisor)
        finally:
            over.set()
            keeper.join()


@contextmanager
def stopped(pid: int) -> Iterator[None]:
    """Within, this process stands still; one that ends meanwhile does no harm."""
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)


def _answers(url: str) -> bool:
    try:
        return httpx.get(url, timeout=30, trust_env=False).is_success
    except httpx.HTTPError:
        return False


def wait_until_idle(both: Running, project: int) -> None:
    """Return once no image waits or is with a worker, and no row of the project is owed: then no more come.

    What other tests left may be owed for ever, to a project that is gone or is not served.
    """
    url = (both.settings.home / "redis" / "url").read_text()

    def is_idle() -> bool:
        try:
            with redis.Redis.from_url(url) as connection:
                seen = read_overview(connection)
                owed = [
                    one.tasks for one in OwedTasks(connection).overview(0) if one.key.id == project
                ]
        except (FirstpassError, redis.RedisError):
            return False
        leased = sum(queue.leased for queue in seen.queues)
        return (seen.waiting, leased, sum(owed)) == (0, 0, 0)

    wait_until(is_idle)


def wait_until(holds: Callable[[], bool], seconds: float = PATIENCE_S) -> None:
    """Return once it holds. Fails the test after that many seconds."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "not in time"
        time.sleep(0.2)
