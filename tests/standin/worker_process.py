"""Stand-in workers in processes of their own, forked off one that has imported everything already.

So a worker is there in a fraction of a second, and a test can kill many of them.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Sequence
from pathlib import Path

from tests.forks import CONTEXT
from tests.standin import worker


class WorkerProcess:
    """A worker with these command-line arguments, whose output goes to `log`."""

    def __init__(self, arguments: Sequence[str], log: Path) -> None:
        self._log = log
        environment = dict(os.environ)  # noqa: TID251 (as it is for the test now)
        given = (list(arguments), str(log), environment)
        self._process = CONTEXT.Process(target=_work, args=given)
        self._process.start()

    @property
    def pid(self) -> int:
        assert self._process.pid is not None
        return self._process.pid

    def send_signal(self, signum: signal.Signals) -> None:
        """Send a signal to exactly this process, which must be there still."""
        try:
            os.kill(self.pid, signum)
        except ProcessLookupError as error:
            said = self._log.read_text(errors="replace")[-2000:]
            raise AssertionError(
                f"the worker had ended by itself ({self.poll()}): {said}"
            ) from error

    def kill(self) -> None:
        """SIGKILL."""
        self.send_signal(signal.SIGKILL)

    def poll(self) -> int | None:
        """Its exit code; minus the signal that ended it; `None` while it runs."""
        return self._process.exitcode

    def wait(self, timeout_s: float | None = None) -> int:
        """Its exit code, once it has ended."""
        self._process.join(timeout_s)
        code = self._process.exitcode
        assert code is not None, "the worker did not end"
        return code


def _work(arguments: list[str], log: str, environment: dict[str, str]) -> None:
    os.environ.clear()  # noqa: TID251
    os.environ.update(environment)  # noqa: TID251
    with open(log, "wb") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    worker.main(arguments)
