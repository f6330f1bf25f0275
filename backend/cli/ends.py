"""How commands end: one table of exit codes for all of them. The README has it for users."""

from __future__ import annotations

__all__ = ["AMISS", "DONE", "NOT_DONE", "SOME_FAILED", "STOPPED"]

DONE = 0
#: It was done, and what was looked at is not well: `doctor`, `status`, `health`, `connect`, `retry`, `demo`.
AMISS = 1
#: It could not be done: options, settings, a model, a file, Redis or Label Studio; a sentence says why.
NOT_DONE = 2
#: It is done, but some images failed, each with its reason.
SOME_FAILED = 3
#: Interrupted; the same command goes on.
STOPPED = 130
