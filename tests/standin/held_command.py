"""A bulk command of ours that stops in the middle and stays there, for tests that end it."""

from __future__ import annotations

import time
from typing import Any

__all__ = ["MANY", "hold"]

#: Images of a run that is held; its first three batches have one, two and four at the most.
MANY = 24


def hold() -> None:
    """The fourth batch of a command in this process is never done."""
    from backend.inference.local_batches import LocalBatches

    run: Any = LocalBatches.run
    batches: list[Any] = []

    def held(self: Any, prepared: Any) -> Any:
        batches.append(prepared)
        while len(batches) > 3:
            time.sleep(0.1)
        return run(self, prepared)

    LocalBatches.run = held  # type: ignore[method-assign]
