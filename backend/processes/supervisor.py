"""A group of child processes that live and end together."""

from __future__ import annotations

import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType

from backend.processes.children import GRACE_S, ManagedProcess, Probe, Program

__all__ = ["Supervisor", "ending_signals"]

BACK_OFF_FIRST_S = 0.5
BACK_OFF_MOST_S = 30.0
#: A child that lived this long starts its back-off afresh.
SETTLED_S = 60.0

ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@dataclass(slots=True)
class _Child:
    process: ManagedProcess
    restart: bool
    back_off_s: float = BACK_OFF_FIRST_S
    restart_at: float | None = None


class Supervisor:
    """Starts children, restarts those that may crash, ends all of them in reverse order on exit."""

    def __init__(self, *, grace_s: float = GRACE_S) -> None:
        self._children: list[_Child] = []
        self._watches: list[Callable[[], None]] = []
        self._grace_s = grace_s

    def __enter__(self) -> Supervisor:
        return self

    def __exit__(self, *raised: object) -> None:
        self.stop()

    @property
    def processes(self) -> tuple[ManagedProcess, ...]:
        """The children as they are now, in the order started."""
        return tuple(child.process for child in self._children)

    def start(
        self,
        program: Program,
        *,
        ready: Probe | None = None,
        timeout_s: float = 60,
        restart: bool = False,
        ends_last: bool = False,
    ) -> ManagedProcess:
        """The program running, and ready where a probe is given.

        With `ends_last` the others are ended before it, although they were started before.

        Raises `ProcessFailed` when it does not get there.
        """
        with _signals_held():  # a signal between start and list would leave the child to itself
            process = ManagedProcess.start(program)
            self._children.insert(0 if ends_last else len(self._children), _Child(process, restart))
        if ready is not None:
            process.wait_ready(ready, timeout_s=timeout_s)
        return process

    def watch(self, look: Callable[[], None]) -> None:
        """Have `look` called with each look at the children; what it raises, `wait` raises."""
        self._watches.append(look)

    def wait(self, until: threading.Event | None = None, *, every_s: float = 0.2) -> None:
        """Watch the children until the event is set (or for ever).

        A child that ended is started again after a back-off if it was started with `restart`;
        any other makes this raise `ProcessFailed`.
        """
        until = until or threading.Event()
        while not until.wait(every_s):
            self.look_after_all()

    def look_after_all(self) -> None:
        """One look at each child: what `wait` does again and again."""
        for child in self._children:
            self._look_after(child)
        for look in self._watches:
            look()

    def stop(self) -> None:
        """End all children, the last started first. Signals that come meanwhile do not cut it short."""
        with _signals_ignored():
            while self._children:
                self._children[-1].process.stop(grace_s=self._grace_s)
                self._children.pop()

    def _look_after(self, child: _Child) -> None:
        process = child.process
        if process.running:
            return
        if not child.restart:
            raise process.failure(f"ended with status {process.returncode}")
        now = time.monotonic()
        if child.restart_at is None:
            if now - process.started_at > SETTLED_S:
                child.back_off_s = BACK_OFF_FIRST_S
            child.restart_at = now + child.back_off_s
            sys.stderr.write(
                f"firstpass: {process.name} ended with status {process.returncode}; "
                f"starting it again in {child.back_off_s:g} s\n"
            )
            child.back_off_s = min(child.back_off_s * 2, BACK_OFF_MOST_S)
        elif now >= child.restart_at:
            process.stop(grace_s=0)  # what it left behind in its session
            with _signals_held():
                child.process = ManagedProcess.start(process.program)
            child.restart_at = None


@contextmanager
def ending_signals() -> Iterator[None]:
    """Within, SIGINT, SIGTERM and SIGHUP raise `KeyboardInterrupt`, so that clean-up runs.

    SIGINT does so even where a shell started us in the background with it ignored; a SIGHUP that
    `nohup` had ignored stays ignored.
    """

    def interrupt(signum: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    hang_up = signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN
    with _handlers(ENDING if hang_up else (signal.SIGINT, signal.SIGTERM), interrupt):
        yield


@contextmanager
def _signals_ignored() -> Iterator[None]:
    with _handlers(ENDING, signal.SIG_IGN):
        yield


@contextmanager
def _signals_held() -> Iterator[None]:
    """Let signals that end us act after the block, not within."""
    held: list[int] = []
    with _handlers(ENDING, lambda signum, frame: held.append(signum)):
        yield
    for signum in held:
        signal.raise_signal(signum)


@contextmanager
def _handlers(signums: tuple[signal.Signals, ...], handler: signal._HANDLER) -> Iterator[None]:
    """Set signal handlers and put back what was there; outside the main thread, do nothing."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {signum: signal.signal(signum, handler) for signum in signums}
    try:
        yield
    finally:
        for signum, old in before.items():
            signal.signal(signum, old)
