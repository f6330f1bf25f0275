"""The annotated tasks of a project, read so that an interrupted reading goes on where it was.

What was read lies in a ledger under FIRSTPASS_HOME until the report is made. A task whose annotations or
predictions changed since is read again, so that a resumed report counts what an uninterrupted one counts.
"""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from dataclasses import asdict
from itertools import islice
from pathlib import Path
from zlib import compress, decompress

from backend.errors import Failure
from backend.label_studio.exports_api import IDS_IN_EXPORT
from backend.label_studio.records import TaskRow
from backend.label_studio.reviewed_tasks import ReviewedTasks
from backend.runs.ledger import Listed, Result
from backend.runs.ledger_file import LedgerUnusable, RunKey, open_ledger, passing_ledger

__all__ = ["ResumedReading"]

#: Another number leaves what other versions of Firstpass have read.
_FORM = "1"
_NOTED_AT_ONCE = 1000


class ResumedReading:
    """One reading of a project's tasks; a context manager that keeps what was read if it is interrupted.

    `done` forgets it. Where the ledger cannot be used it is one in memory, and `why_not` says why.
    """

    def __init__(self, home: Path, source: str) -> None:
        """`source` names the project and its Label Studio."""
        self._home, self._key = home, RunKey(source, "", _FORM)
        self._stack = ExitStack()
        self.why_not = ""

    def __enter__(self) -> ResumedReading:
        try:
            self._ledger = self._stack.enter_context(open_ledger(self._home, self._key, "review"))
        except LedgerUnusable as error:
            self.why_not = str(error)
            self._ledger = self._stack.enter_context(passing_ledger())
        self._ledger.forget_failures()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._stack.close()

    def note(self, listed: Iterable[TaskRow]) -> None:
        """Note the tasks to be read; those that are as they were when they were read stay so."""
        tasks = iter(listed)
        while some := list(islice(tasks, _NOTED_AT_ONCE)):
            self._ledger.note(Listed(task.id, task.stamp) for task in some)

    def read(self, tasks: ReviewedTasks, advanced: Callable[[int], None]) -> Iterator[TaskRow]:
        """The noted tasks by ascending id, those first read that are not. `advanced`: so many more are there."""
        advanced(self._ledger.count() - self._ledger.left())
        while some := self._ledger.waiting(IDS_IN_EXPORT):
            ids = [int(task) for task in some]
            self._keep(ids, tasks.read(ids))
            advanced(len(ids))
        for task, kept in self._ledger.outcomes(this_start=True):
            if isinstance(kept, Failure):
                yield TaskRow.failed(int(task), kept)
            elif kept:
                yield _task_of(kept)

    def done(self) -> None:
        """Forget what was read: the report is made."""
        path = self._ledger.path
        self._stack.close()
        if path.name:
            for more in ("", "-wal", "-shm"):
                path.with_name(path.name + more).unlink(missing_ok=True)

    def _keep(self, ids: Iterable[int], found: Iterable[TaskRow]) -> None:
        """Note what was read; a task that is gone since it was listed has an empty text."""
        texts = dict.fromkeys(ids, "")
        for task in found:
            if task.failure is not None:
                self._ledger.fail([(task.id, task.failure)])
                del texts[task.id]
            else:
                texts[task.id] = _text_of(task)
        self._ledger.done([Result(task, text) for task, text in texts.items()])


def _text_of(task: TaskRow) -> str:
    """The task as text of a tenth of its size. Half an emoji, which has no bytes, stays an escape."""
    fields = task.model_dump(exclude={"unread"}, exclude_unset=True)
    body = {"task": fields, "unread": [asdict(one) for one in task.unread]}
    return b64encode(compress(json.dumps(body).encode())).decode()


def _task_of(text: str) -> TaskRow:
    body = json.loads(decompress(b64decode(text)))
    unread = tuple(Failure(**one) for one in body["unread"])
    return TaskRow.model_validate(body["task"]).model_copy(update={"unread": unread})
