"""What a long run has done, on disk: so that it goes on where it was stopped and repeats nothing.

One SQLite file per run. Every task has one row:

    waiting -> writing -> done        found out and stored
    waiting -> failed                 with its reason

`writing` is committed before another is asked to store results, such as Label Studio: what became of a
request that was cut off only it knows.
"""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from backend.errors import Failure, OperatorError

__all__ = ["Ledger", "Listed", "Result", "TaskKey"]

#: A task's id in Label Studio, or an image's path below its folder.
TaskKey = int | str

_SCHEMA = """
CREATE TABLE IF NOT EXISTS run (
  one INTEGER PRIMARY KEY CHECK (one = 1), source TEXT, model_version TEXT, selection TEXT,
  begun_at REAL, seconds REAL, starts INTEGER);
CREATE TABLE IF NOT EXISTS tasks (
  task PRIMARY KEY NOT NULL, state TEXT NOT NULL, stamp TEXT, start INTEGER NOT NULL,
  marks TEXT, kind TEXT, reason TEXT, transient INTEGER);
CREATE INDEX IF NOT EXISTS by_state ON tasks (state, task);
CREATE TABLE IF NOT EXISTS predictions (task PRIMARY KEY NOT NULL, prediction TEXT NOT NULL);
"""


@dataclass(frozen=True, slots=True)
class Listed:
    """A task that is to be done; with another stamp it is another task under the same name."""

    task: TaskKey
    stamp: str = ""


@dataclass(frozen=True, slots=True)
class Result:
    """What was found out about a task: what a report needs of it and, where the ledger is to keep it, its text.

    `figures` is text of the run's own making, too; the ledger gives both back as they came.
    """

    task: TaskKey
    figures: str
    text: str | None = None


class Ledger:
    """The rows of one run; made by `ledger_file.open_ledger`, used by one thread."""

    def __init__(
        self,
        database: sqlite3.Connection,
        path: Path,
        about: Sequence[str],
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Counts one more start. `about` is source, version and selection, for who looks into the file.

        `path` is `Path()` for one in memory. Seconds are of `clock` from here on, and added up over all starts.
        """
        self.path = path
        self._database, self._clock = database, clock
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("PRAGMA synchronous = FULL")
        database.executescript(_SCHEMA)
        with database:
            database.execute(
                "INSERT OR IGNORE INTO run VALUES (1, ?, ?, ?, ?, 0, 0)",
                (*about, time.time()),
            )
            database.execute("UPDATE run SET starts = starts + 1")
        self._counted_to = clock()
        #: Which start of the run this is, from 1.
        self.start = self._number("SELECT starts FROM run")

    @property
    def begun_at(self) -> float:
        """When the run was first started, in seconds of the epoch."""
        (at,) = self._database.execute("SELECT begun_at FROM run").fetchone()
        return float(at)

    @property
    def seconds(self) -> float:
        """How long the run has worked, over all its starts."""
        (seconds,) = self._database.execute("SELECT seconds FROM run").fetchone()
        return float(seconds)

    def note(self, listed: Iterable[Listed]) -> None:
        """Note tasks as part of this start; what is known of one stays, unless its stamp changed."""
        with self._database:
            self._database.executemany(
                "INSERT INTO tasks (task, state, stamp, start) VALUES (?, 'waiting', ?, ?) "
                "ON CONFLICT (task) DO UPDATE SET start = excluded.start, stamp = excluded.stamp, "
                "state = CASE WHEN stamp = excluded.stamp THEN state ELSE 'waiting' END",
                [(one.task, one.stamp, self.start) for one in listed],
            )

    def waiting(self, most: int, after: TaskKey | None = None) -> list[TaskKey]:
        """The next tasks of this start that have neither result nor failure, in order."""
        bound, values = ("", ()) if after is None else ("AND task > ?", (after,))
        rows = self._database.execute(
            f"SELECT task FROM tasks WHERE state = 'waiting' AND start = ? {bound} "  # noqa: S608
            "ORDER BY task LIMIT ?",
            (self.start, *values, most),
        )
        return [task for (task,) in rows]

    def write(self, rows: Sequence[Result]) -> None:
        """Note that these are about to be handed to who stores them."""
        self._put("writing", rows)

    def done(self, rows: Sequence[Result]) -> None:
        """Note results that are stored for good."""
        self._put("done", rows)

    def settle(self, outcome: Mapping[TaskKey, bool]) -> None:
        """What became of tasks in `writing`: stored (true), or to be done again."""
        with self._database:
            self._database.executemany(
                "UPDATE tasks SET state = ? WHERE task = ? AND state = 'writing'",
                [("done" if stored else "waiting", task) for task, stored in outcome.items()],
            )
            self._count_seconds()

    def done_elsewhere(self, tasks: Sequence[TaskKey]) -> None:
        """Waiting tasks that somebody else has done, or that are gone."""
        with self._database:
            self._database.executemany(
                "UPDATE tasks SET state = 'done' WHERE task = ? AND state = 'waiting' "
                "AND marks IS NOT NULL",
                [(task,) for task in tasks],
            )
            self._database.executemany(
                "DELETE FROM tasks WHERE task = ? AND state = 'waiting'",
                [(task,) for task in tasks],
            )

    def fail(self, failures: Iterable[tuple[TaskKey, Failure]]) -> None:
        """Note tasks that have no result, and why; with a failure that may pass, until it is tried again."""
        with self._database:
            self._database.executemany(
                "INSERT INTO tasks (task, state, start, kind, reason, transient) "
                "VALUES (?, 'failed', ?, ?, ?, ?) ON CONFLICT (task) DO UPDATE SET "
                "state = 'failed', start = excluded.start, kind = excluded.kind, "
                "reason = excluded.reason, transient = excluded.transient",
                [
                    (task, self.start, failure.kind, failure.message, _may_pass(failure))
                    for task, failure in failures
                ],
            )
            self._count_seconds()

    def adopt(self) -> None:
        """Take over all tasks of earlier starts: a project's run is about the same tasks every time."""
        with self._database:
            self._database.execute("UPDATE tasks SET start = ?", (self.start,))

    def forget_failures(self, *, passing: bool = False) -> int:
        """Let failed tasks wait again; how many. With `passing`, those alone that may succeed now."""
        only = "AND transient" if passing else ""
        with self._database:
            return self._database.execute(
                f"UPDATE tasks SET state = 'waiting' WHERE state = 'failed' {only}"  # noqa: S608
            ).rowcount

    def unsettled(self) -> list[TaskKey]:
        """Tasks that were handed over by a start that ended before it knew the outcome."""
        rows = self._database.execute("SELECT task FROM tasks WHERE state = 'writing'")
        return [task for (task,) in rows]

    def failed_of(self, tasks: Sequence[TaskKey]) -> dict[TaskKey, bool]:
        """Those of these tasks that failed before: for good (true), or to be tried again."""
        rows = self._database.execute(
            "SELECT task, state = 'failed' FROM tasks "
            "WHERE kind IS NOT NULL AND task IN (SELECT value FROM json_each(?))",
            (json.dumps(tasks),),
        )
        return {task: bool(for_good) for task, for_good in rows}

    def left(self) -> int:
        """Tasks of this start that are neither done nor failed."""
        return self._number(
            "SELECT COUNT(*) FROM tasks WHERE state IN ('waiting', 'writing') AND start = ?",
            self.start,
        )

    def count(self) -> int:
        """Tasks noted by this start."""
        return self._number("SELECT COUNT(*) FROM tasks WHERE start = ?", self.start)

    def stored(self) -> int:
        """Tasks of the run whose results are stored."""
        return self._number("SELECT COUNT(*) FROM tasks WHERE state = 'done'")

    def outcomes(self, *, this_start: bool = False) -> Iterator[tuple[TaskKey, str | Failure]]:
        """Each task's figures, or why it failed, in order; of those noted by this start only, if so asked."""
        rows = self._database.execute(
            "SELECT task, state, marks, kind, reason, transient FROM tasks "
            "WHERE state IN ('done', 'failed') AND start >= ? ORDER BY task",
            (self.start if this_start else 0,),
        )
        for task, state, marks, kind, reason, transient in rows:
            yield task, marks if state == "done" else Failure(kind, reason, bool(transient))

    def texts(self) -> Iterator[tuple[TaskKey, str]]:
        """The kept texts of the tasks noted by this start, in the order of tasks."""
        yield from self._database.execute(
            "SELECT task, prediction FROM tasks JOIN predictions USING (task) "
            "WHERE state = 'done' AND start = ? ORDER BY task",
            (self.start,),
        )

    def _put(self, state: str, rows: Sequence[Result]) -> None:
        with self._database:
            self._database.executemany(
                "INSERT INTO tasks (task, state, start, marks) VALUES (?, ?, ?, ?) "
                "ON CONFLICT (task) DO UPDATE SET "
                "state = excluded.state, start = excluded.start, marks = excluded.marks",
                [(row.task, state, self.start, row.figures) for row in rows],
            )
            kept = [(row.task, row.text) for row in rows if row.text is not None]
            self._database.executemany("INSERT OR REPLACE INTO predictions VALUES (?, ?)", kept)
            self._count_seconds()

    def _count_seconds(self) -> None:
        now = self._clock()
        self._database.execute("UPDATE run SET seconds = seconds + ?", (now - self._counted_to,))
        self._counted_to = now

    def _number(self, query: str, *values: object) -> int:
        (number,) = self._database.execute(query, values).fetchone()
        return int(number)


def _may_pass(failure: Failure) -> bool:
    """Whether the task itself is not to blame: a network, a queue, a token."""
    return failure.transient or failure.kind in {
        one.__name__ for one in OperatorError.__subclasses__()
    }
