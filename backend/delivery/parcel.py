"""Rows that wait to be written together."""

from __future__ import annotations

from dataclasses import dataclass, field

from backend.delivery.rows import Row
from backend.delivery.writer import CHUNK

__all__ = ["Parcel"]


@dataclass(slots=True)
class Parcel:
    """Rows on their way: how long they wait for others, and since when the oldest does (monotonic seconds)."""

    gather_s: float
    #: Rows of one write.
    most: int = CHUNK
    rows: list[Row] = field(default_factory=list)
    since: float = 0.0

    def add(self, row: Row, now: float) -> None:
        if not self.rows:
            self.since = now
        self.rows.append(row)

    def is_due(self, now: float) -> bool:
        """Whether it is full or has waited long enough."""
        waited = bool(self.rows) and now - self.since >= self.gather_s
        return waited or len(self.rows) >= self.most

    def take(self, now: float) -> list[Row]:
        """The rows of one write; they are in the parcel no more, and those left begin to wait."""
        self.since = now
        taken, self.rows = self.rows[: self.most], self.rows[self.most :]
        return taken
