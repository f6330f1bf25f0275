"""What `connect` did and `doctor` found: a line each, with the fix where something is wrong."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

__all__ = ["Finding", "Level"]


class Level(StrEnum):
    """How a line begins."""

    OK = "ok"
    DONE = "done"
    ALREADY = "already so"
    REPAIRED = "repaired"
    SKIPPED = "skipped"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Finding:
    """`what` is the case; `fix` says what to do about it, `None` when nothing need be done."""

    level: Level
    what: str
    fix: str | None = None
