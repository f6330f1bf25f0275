"""What a bulk run has done, on disk: so that it goes on where it was stopped and repeats nothing.

One SQLite file per run, one process per file. Every task has one row:

    waiting -> writing -> done        predicted and stored
    waiting -> failed                 with its reason

`writing` is committed before Label Studio is asked to store rows, for what became of a request that was
cut off only Label Studio knows.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from backend.bulk.marks import Marks
from backend.bulk.tally import Tally, TaskKey
from backend.errors import Failure, OperatorError

__all__ = ["Ledger", "LedgerUnusable", "Listed", "Predicted", "RunKey", "open_ledger"]

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


class LedgerUnusable(OperatorError):
    """A run's ledger is in the hands of another process, or cannot be written."""


@dataclass(frozen=True, slots=True)
class RunKey:
    """What makes two starts the same run.

    `source` is the project or the folder, `selection` says in a fixed form what was chosen of it.
    """

    source: str
    model_version: str
    selection: str = ""

    @property
    def name(self) -> str:
        """A file name for it."""
        parts = "\n".join((self.source, self.model_version, self.selection))
        return hashlib.sha256(parts.encode()).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class Listed:
    """A task that is to be predicted; with another stamp it is another task under the same name."""

    task: TaskKey
    stamp: str = ""


@dataclass(frozen=True, slots=True)
class Predicted:
    """A task's prediction: what a report needs of it and, where the ledger is to keep it, its JSON."""

    task: TaskKey
    marks: Marks
    prediction: str | None = None


@contextmanager
def open_ledger(home: Path, key: RunKey) -> Iterator[Ledger]:
    """The run's ledger under `home/prelabel`, locked against other processes; made when missing.

    Raises `LedgerUnusable`, also within the block when the disk is full or gone.
    """
    path = home.absolute() / "prelabel" / f"{key.name}.sqlite"
    with _locked(path.with_suffix(".lock")):
        try:
            with closing(sqlite3.connect(path)) as database:
                yield Ledger(database, path, key)
        except sqlite3.Error as error:
            raise _unusable(path, error) from error


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Holds the lock file, which stays; the kernel lets go of it when this process ends."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        lock = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise _unusable(path, error) from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(lock)
        raise LedgerUnusable(
            "another `firstpass prelabel` is at work on the same tasks; let it end or stop it first"
        ) from error
    try:
        yield
    finally:
        os.close(lock)


def _unusable(path: Path, error: Exception) -> LedgerUnusable:
    return LedgerUnusable(
        f"the ledger {path} cannot be used: {error}; FIRSTPASS_HOME must be a folder that can be "
        "written, with space left"
    )


class Ledger:
    """The rows of one run; made by `open_ledger`, used by one thread."""

    def __init__(
        self,
        database: sqlite3.Connection,
        path: Path,
        key: RunKey,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Counts one more start. Seconds are of `clock` from here on, and added up over all starts."""
        self.path = path
        self._database, self._clock = database, clock
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("PRAGMA synchronous = FULL")
        database.executescript(_SCHEMA)
        with database:
            database.execute(
                "INSERT OR IGNORE INTO run VALUES (1, ?, ?, ?, ?, 0, 0)",
                (key.source, key.model_version, key.selection, time.time()),
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
        """The next tasks of this start that have neither prediction nor failure, in order."""
        bound, values = ("", ()) if after is None else ("AND task > ?", (after,))
        rows = self._database.execute(
            f"SELECT task FROM tasks WHERE state = 'waiting' AND start = ? {bound} "  # noqa: S608
            "ORDER BY task LIMIT ?",
            (self.start, *values, most),
        )
        return [task for (task,) in rows]

    def write(self, rows: Sequence[Predicted]) -> None:
        """Note that these are about to be handed to Label Studio."""
        self._put("writing", rows)

    def done(self, rows: Sequence[Predicted]) -> None:
        """Note predictions that are stored for good."""
        self._put("done", rows)

    def settle(self, outcome: Mapping[TaskKey, bool]) -> None:
        """What became of tasks in `writing`: stored (true), or to be done again."""
        with self._database:
            self._database.executemany(
                "UPDATE tasks SET state = ? WHERE task = ? AND state = 'writing'",
                [("done" if stored else "waiting", task) for task, stored in outcome.items()],
            )
            self._count_seconds()

    def fail(self, failures: Mapping[TaskKey, Failure]) -> None:
        """Note tasks that have no prediction, and why."""
        with self._database:
            self._database.executemany(
                "INSERT INTO tasks (task, state, start, kind, reason, transient) "
                "VALUES (?, 'failed', ?, ?, ?, ?) ON CONFLICT (task) DO UPDATE SET "
                "state = 'failed', start = excluded.start, kind = excluded.kind, "
                "reason = excluded.reason, transient = excluded.transient",
                [
                    (task, self.start, failure.kind, failure.message, failure.transient)
                    for task, failure in failures.items()
                ],
            )
            self._count_seconds()

    def forget_failures(self) -> int:
        """Let all failed tasks wait again; how many."""
        with self._database:
            return self._database.execute(
                "UPDATE tasks SET state = 'waiting' WHERE state = 'failed'"
            ).rowcount

    def unsettled(self) -> list[TaskKey]:
        """Tasks that were handed to Label Studio by a start that ended before it knew the outcome."""
        rows = self._database.execute("SELECT task FROM tasks WHERE state = 'writing'")
        return [task for (task,) in rows]

    def failed_of(self, tasks: Sequence[TaskKey]) -> set[TaskKey]:
        """Which of these tasks failed before."""
        marks = ",".join("?" * len(tasks))
        rows = self._database.execute(
            f"SELECT task FROM tasks WHERE state = 'failed' AND task IN ({marks})",  # noqa: S608
            tuple(tasks),
        )
        return {task for (task,) in rows}

    def count(self) -> int:
        """Tasks noted by this start."""
        return self._number("SELECT COUNT(*) FROM tasks WHERE start = ?", self.start)

    def tally(self, *, this_start: bool = False) -> Tally:
        """Predictions and failures of the run; of the tasks noted by this start alone, if so asked."""
        tally = Tally()
        rows = self._database.execute(
            "SELECT task, state, marks, kind, reason, transient FROM tasks "
            "WHERE state IN ('done', 'failed') AND start >= ? ORDER BY task",
            (self.start if this_start else 0,),
        )
        for task, state, marks, kind, reason, transient in rows:
            if state == "done":
                tally.add(Marks.from_json(marks))
            else:
                tally.fail(task, Failure(kind, reason, bool(transient)))
        return tally

    def predictions(self) -> Iterator[tuple[TaskKey, str]]:
        """The kept predictions of the tasks noted by this start, as JSON, in the order of tasks."""
        yield from self._database.execute(
            "SELECT task, prediction FROM tasks JOIN predictions USING (task) "
            "WHERE state = 'done' AND start = ? ORDER BY task",
            (self.start,),
        )

    def _put(self, state: str, rows: Sequence[Predicted]) -> None:
        with self._database:
            self._database.executemany(
                "INSERT INTO tasks (task, state, start, marks) VALUES (?, ?, ?, ?) "
                "ON CONFLICT (task) DO UPDATE SET "
                "state = excluded.state, start = excluded.start, marks = excluded.marks",
                [(row.task, state, self.start, row.marks.to_json()) for row in rows],
            )
            kept = [(row.task, row.prediction) for row in rows if row.prediction is not None]
            self._database.executemany("INSERT OR REPLACE INTO predictions VALUES (?, ?)", kept)
            self._count_seconds()

    def _count_seconds(self) -> None:
        now = self._clock()
        self._database.execute("UPDATE run SET seconds = seconds + ?", (now - self._counted_to,))
        self._counted_to = now

    def _number(self, query: str, *values: object) -> int:
        (number,) = self._database.execute(query, values).fetchone()
        return int(number)
