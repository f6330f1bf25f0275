"""Every Redis key that Firstpass makes itself. RQ's own begin with `rq:`."""

from __future__ import annotations

from pathlib import Path

__all__ = [
    "BELL",
    "BULK_QUEUE",
    "CACHE_INDEX",
    "DRAINED",
    "FAILURES",
    "FAILURES_BY_TIME",
    "FAILURE_KINDS",
    "HEADS",
    "HISTOGRAMS",
    "INSTALLATION",
    "INTERACTIVE_QUEUE",
    "QUEUES",
    "SUBMISSIONS",
    "WORKERS",
    "cache_key",
    "device_key",
    "failed_in_key",
    "head_key",
    "result_key",
    "script",
    "waiters_key",
    "wake_channel",
    "worker_key",
]

PREFIX = "firstpass:"
INTERACTIVE_QUEUE = "firstpass-interactive"
BULK_QUEUE = "firstpass-bulk"
#: The most urgent first.
QUEUES = (INTERACTIVE_QUEUE, BULK_QUEUE)
#: A list that idle workers block on.
BELL = f"{PREFIX}bell"

#: Why images failed, by job id; their ids by time; and how often each kind occurred.
FAILURES = f"{PREFIX}failures"
FAILURES_BY_TIME = f"{PREFIX}failures:by-time"
FAILURE_KINDS = f"{PREFIX}failures:kinds"

#: Seconds of each stage, counted over all workers; how submitted images stood, counted over all
#: who submit; and the workers by when they were last seen.
HISTOGRAMS = f"{PREFIX}seconds"
SUBMISSIONS = f"{PREFIX}submissions"
WORKERS = f"{PREFIX}workers"

#: What the web process that runs was told, without secrets, for commands that were told nothing.
INSTALLATION = f"{PREFIX}installation"

#: Which workers are to take no more images, by when that ends.
DRAINED = f"{PREFIX}drained"

#: The fingerprints of learned heads, by when they were written.
HEADS = f"{PREFIX}heads"

#: The names of cached values, by when they were written.
CACHE_INDEX = f"{PREFIX}cache:index"


def cache_key(name: str) -> str:
    """Holds one cached value."""
    return f"{PREFIX}cache:{name}"


def head_key(fingerprint: str) -> str:
    """Holds what was learned of a project, as the bytes of a safetensors file."""
    return f"{PREFIX}head:{fingerprint}"


def worker_key(name: str) -> str:
    """Holds what a worker tells about itself, until it stops beating."""
    return f"{PREFIX}worker:{name}"


def device_key(uuid: str) -> str:
    """Held by the worker that computes on this device."""
    return f"{PREFIX}device:{uuid}"


def result_key(job_id: str) -> str:
    """Holds the outcome of a request, for as long as `result_ttl_s` says."""
    return f"{PREFIX}result:{job_id}"


def failed_in_key(job_id: str) -> str:
    """Holds the task in which the image of a job failed."""
    return f"{PREFIX}failures:in:{job_id}"


def waiters_key(job_id: str) -> str:
    """Holds the channels of the processes that wait for a job."""
    return f"{PREFIX}waiters:{job_id}"


def wake_channel(process: str) -> str:
    """The channel on which one process hears which of its jobs are done."""
    return f"{PREFIX}wake:{process}"


def script(name: str) -> str:
    """The text of the Lua script of that name, which lies beside this module."""
    return (Path(__file__).parent / f"{name}.lua").read_text()
