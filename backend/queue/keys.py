"""Every Redis key that Firstpass makes itself. RQ's own begin with `rq:`."""

from __future__ import annotations

from pathlib import Path

__all__ = [
    "BELL",
    "BULK_QUEUE",
    "INTERACTIVE_QUEUE",
    "QUEUES",
    "result_key",
    "script",
    "waiters_key",
    "wake_channel",
]

PREFIX = "firstpass:"
INTERACTIVE_QUEUE = "firstpass-interactive"
BULK_QUEUE = "firstpass-bulk"
#: The most urgent first.
QUEUES = (INTERACTIVE_QUEUE, BULK_QUEUE)
#: A list that idle workers block on.
BELL = f"{PREFIX}bell"


def result_key(job_id: str) -> str:
    """Holds the outcome of a request, for as long as `result_ttl_s` says."""
    return f"{PREFIX}result:{job_id}"


def waiters_key(job_id: str) -> str:
    """Holds the channels of the processes that wait for a job."""
    return f"{PREFIX}waiters:{job_id}"


def wake_channel(process: str) -> str:
    """The channel on which one process hears which of its jobs are done."""
    return f"{PREFIX}wake:{process}"


def script(name: str) -> str:
    """The text of the Lua script of that name, which lies beside this module."""
    return (Path(__file__).parent / f"{name}.lua").read_text()
