"""A Label Studio and a Firstpass whose processes may be killed, and come back as under any supervisor."""

from __future__ import annotations

import os
import random
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from backend.demo.environment import Place, Running, repository, running
from backend.processes import ManagedProcess
from backend.settings import Settings
from backend.supervisor import Supervisor

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
        """
        in_time = 0
        chance = random.Random(seed)
        victims = [*names, *names]
        chance.shuffle(victims)
        for name in victims:
            time.sleep(every_s * chance.uniform(0.3, 1.7))
            in_time += not done()
            if own and name in own:
                own[name]()
                continue
            wait_until(lambda: self.process(name).running, 60)  # noqa: B023 - called at once
            self.kill(name)
        return in_time


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


def wait_until(holds: Callable[[], bool], seconds: float) -> None:
    """Return once it holds. Fails the test after that many seconds."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "not in time"
        time.sleep(0.5)
