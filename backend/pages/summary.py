"""What a command came to, as data: figures, tables and notes, which `terminal` and `page` show alike. Pure."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

__all__ = ["Bars", "Cell", "Figure", "Link", "Summary", "Table", "Toned", "in_utc", "to_json"]


@dataclass(frozen=True, slots=True)
class Toned:
    """A word that stands out by what it means."""

    text: str
    tone: Literal["good", "busy", "bad"]


@dataclass(frozen=True, slots=True)
class Link:
    """A text that leads to an address on a page; on a terminal the text alone.

    Only an address of the web leads anywhere: an empty one does not, nor one that a browser would run.
    """

    text: str
    address: str


@dataclass(frozen=True, slots=True)
class Bars:
    """How often each of so many equal parts of 0..1 was met, the lowest first; `colour` is as CSS takes it."""

    counts: tuple[int, ...]
    colour: str = ""

    @property
    def words(self) -> str:
        """The same, to be read aloud.

        >>> Bars((0, 2, 0, 1)).words
        '0.25 to 0.50: 2, 0.75 to 1.00: 1'
        """
        width = 1 / max(1, len(self.counts))
        return ", ".join(
            f"{number * width:.2f} to {(number + 1) * width:.2f}: {count:,}"
            for number, count in enumerate(self.counts)
            if count
        )


#: A text, a word that stands out, counts as bars, or several lines.
Cell: TypeAlias = str | Toned | Link | Bars | tuple[str | Link, ...]


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure to be seen first, and a word beside it."""

    title: str
    value: str
    more: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under titles. A column whose title ends in `#` holds figures; the sign is not shown.

    `advice` is the one sentence below it to be read; `notes` say what to know of it.
    """

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    notes: Sequence[str] = ()
    advice: str = ""


@dataclass(frozen=True, slots=True)
class Summary:
    """All of it; `about` says in a few words which run, when and with what."""

    title: str
    about: Sequence[str]
    figures: Sequence[Figure] = ()
    notes: Sequence[str] = ()
    tables: Sequence[Table] = ()


def to_json(body: Mapping[str, Any]) -> str:
    """Give a report's figures as programs read them."""
    return json.dumps(body, indent=2, ensure_ascii=False) + "\n"


def in_utc(at: float) -> str:
    """Give a time of the epoch as a date and time of UTC.

    >>> in_utc(0)
    '1970-01-01T00:00:00Z'
    """
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at))
