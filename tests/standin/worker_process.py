"""Stand-in workers in processes of their own, forked off one that has imported everything already.

So a worker is there in a fraction of a second, and a test can kill many of them.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from tests.forks import Forked, fork
from tests.standin import worker

__all__ = ["start_worker_process"]


def start_worker_process(arguments: Sequence[str], log: Path) -> Forked:
    """A worker with these command-line arguments, whose output goes to `log`."""
    return fork(worker.main, list(arguments), env=dict(os.environ), out=log)  # noqa: TID251
