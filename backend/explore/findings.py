"""What `firstpass explore` found of an index, kept beside it: pages read it without numpy and without any vector.

One JSON object for each question, in `findings.sqlite` of the index's folder. Images are named by their rows in the
index. Each question is answered anew by itself, and tells of which state of the index it is.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

from backend.plain import Json
from backend.vectors.places import IndexPlace, IndexUnusable

__all__ = ["FINDINGS_FILE", "QUESTIONS", "KeptFinding", "KeptFindings", "Question"]

FINDINGS_FILE = "findings.sqlite"

#: What is asked of a set, in the order of a report.
Question: TypeAlias = Literal[
    "copies", "clusters", "gaps", "outliers", "quality", "drift", "map", "boxes"
]
QUESTIONS: tuple[Question, ...] = get_args(Question)

_TABLE = """
CREATE TABLE IF NOT EXISTS findings (
  question TEXT PRIMARY KEY, made_at TEXT NOT NULL, state TEXT NOT NULL, body TEXT NOT NULL
) WITHOUT ROWID
"""


@dataclass(frozen=True, slots=True)
class KeptFinding:
    """The answer to one question. `state`: of the index when it was found, by which an old one is known."""

    question: str
    made_at: str
    state: str
    body: Json


class KeptFindings:
    """The findings of one index. Each call opens the file for itself, so it may be used by any thread."""

    def __init__(self, place: IndexPlace) -> None:
        self.place = place

    def put(self, bodies: Mapping[Question, Json], made_at: str, state: str) -> None:
        """Keep these answers in place of what was kept of their questions. Raises `IndexUnusable`."""
        rows = [
            (question, made_at, state, json.dumps(body, ensure_ascii=False))
            for question, body in bodies.items()
        ]
        with self._opened("rwc") as database:
            database.execute(_TABLE)
            database.execute("BEGIN IMMEDIATE")
            database.executemany("INSERT OR REPLACE INTO findings VALUES (?, ?, ?, ?)", rows)
            database.execute("COMMIT")

    def get(self, question: Question) -> KeptFinding | None:
        """The answer to a question; `None` where nobody has asked it yet. Raises `IndexUnusable`."""
        return self.all().get(question)

    def all(self) -> dict[str, KeptFinding]:
        """All answers, by question. Raises `IndexUnusable`."""
        if not (self.place.folder / FINDINGS_FILE).is_file():
            return {}
        with self._opened("ro") as database:
            found = database.execute("SELECT question, made_at, state, body FROM findings")
            return {
                question: KeptFinding(question, made_at, state, json.loads(body))
                for question, made_at, state, body in found
            }

    @contextmanager
    def _opened(self, mode: str) -> Iterator[sqlite3.Connection]:
        path = self.place.folder / FINDINGS_FILE
        try:
            with closing(
                sqlite3.connect(
                    f"{path.as_uri()}?mode={mode}", uri=True, timeout=30, isolation_level=None
                )
            ) as database:
                yield database
        except (sqlite3.Error, ValueError) as error:
            raise IndexUnusable(
                f"the findings in {path} cannot be kept or read: {error}; make room, or delete that file, then run "
                "`firstpass explore` again"
            ) from error
