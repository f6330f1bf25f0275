"""The annotated tasks of a project with what each annotation began from, read page by page."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from itertools import chain, islice

from backend.label_studio.api import LabelStudioApi
from backend.label_studio.exports_api import IDS_IN_EXPORT
from backend.label_studio.halving import Halving
from backend.label_studio.records import AnnotationRow, TaskRow
from backend.label_studio.task_filters import looked_at, looked_at_since

__all__ = ["ReviewedTasks", "reviewed_tasks"]

#: Tasks that are listed without what is stored with them, in one request.
_LISTED = 1000
#: What tells whether a task is still as it was.
_STAMP = "id,updated_at,total_annotations,cancelled_annotations,total_predictions"


class ReviewedTasks:
    """The tasks of a project that somebody has annotated or skipped: first listed, then read."""

    def __init__(
        self, api: LabelStudioApi, project: int, *, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self._api, self._project = api, project
        self._halving = Halving(api.version, sleep)

    def listed(
        self, *, ids: Sequence[int] | None = None, since: datetime | None = None
    ) -> Iterator[TaskRow]:
        """Each task with its stamp and nothing else, by ascending id; of `ids` those that are annotated.

        `since` leaves out tasks whose annotations are all older, and not all of them.
        """
        filters = looked_at() if since is None else looked_at_since(since)
        pages = self._api.pages(
            self._project, filters=filters, ids=ids, include=_STAMP, page_size=_LISTED
        )
        return chain.from_iterable(pages)

    def read(self, ids: Sequence[int]) -> list[TaskRow]:
        """These tasks, at most `IDS_IN_EXPORT`, by ascending id; those that are gone are left out.

        Annotations have the copy of their prediction. Stored predictions come with a task only where an
        annotation names one that its copy is not of. A task that Label Studio cannot export, while it
        exports others, comes as one that has failed.
        """
        page = list(
            self._halving.of_ids(ids, lambda these: self._api.exported(self._project, these))
        )
        lacking = [task.id for task in page if any(map(_lacks_base, task.annotations))]
        rows = self._api.predictions_of(self._project, lacking) if lacking else {}
        return [
            task.model_copy(update={"predictions": rows.get(task.id, ())})
            for task in sorted(page, key=lambda task: task.id)
        ]


def reviewed_tasks(
    api: LabelStudioApi,
    project: int,
    *,
    since: datetime | None = None,
    sleep: Callable[[float], None] = time.sleep,
) -> Iterator[TaskRow]:
    """The tasks that somebody has annotated or skipped, by ascending id; flat in memory."""
    tasks = ReviewedTasks(api, project, sleep=sleep)
    ids = (task.id for task in tasks.listed(since=since))
    while some := list(islice(ids, IDS_IN_EXPORT)):
        yield from tasks.read(some)


def _lacks_base(annotation: AnnotationRow) -> bool:
    """Whether only a stored row can tell what it began from."""
    copy, parent = annotation.prediction, annotation.parent_prediction
    return parent is not None and (copy is None or copy.id != parent)
