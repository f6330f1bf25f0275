"""A bulk command of ours that stops in the middle and stays there, for tests that end it."""

from __future__ import annotations

__all__ = ["HELD", "MANY"]

#: The command, but for its fourth batch, which is never done.
HELD = """
import sys, time
from backend.inference.local_batches import LocalBatches
from backend.cli.main import main
run, batches = LocalBatches.run, []
def held(self, prepared):
    batches.append(prepared)
    while len(batches) > 3:
        time.sleep(0.1)
    return run(self, prepared)
LocalBatches.run = held
sys.argv[0] = "firstpass"
main()
"""
#: Images of a run that is held; its first three batches have one, two and four at the most.
MANY = 24
