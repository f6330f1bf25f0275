"""The annotated tasks of a project with what each annotation began from, read page by page."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from itertools import chain, islice

from backend.label_studio.api import LabelStudioApi
from backend.label_studio.exports_api import IDS_IN_EXPORT
from backend.label_studio.halving import Halving
from backend.label_studio.records import AnnotationRow, TaskRow
from backend.label_studio.task_filters import looked_at

__all__ = ["reviewed_tasks"]

#: Tasks whose ids alone are listed, in one request.
_IDS_LISTED = 1000


def reviewed_tasks(
    api: LabelStudioApi, project: int, *, sleep: Callable[[float], None] = time.sleep
) -> Iterator[TaskRow]:
    """The tasks that somebody has annotated or skipped, by ascending id; flat in memory.

    Annotations have the copy of their prediction. Stored predictions come with a task only where an
    annotation names one that its copy is not of. A task that Label Studio cannot export, while it exports
    others, comes as one that has failed.
    """
    halving = Halving(api.version, sleep)
    pages = api.pages(project, filters=looked_at(), include="id", page_size=_IDS_LISTED)
    ids = (task.id for task in chain.from_iterable(pages))
    while some := list(islice(ids, IDS_IN_EXPORT)):
        page = list(halving.of_ids(some, lambda these: api.exported(project, these)))
        lacking = [task.id for task in page if any(map(_lacks_base, task.annotations))]
        rows = api.predictions_of(project, lacking) if lacking else {}
        for task in sorted(page, key=lambda task: task.id):
            yield task.model_copy(update={"predictions": rows.get(task.id, ())})


def _lacks_base(annotation: AnnotationRow) -> bool:
    """Whether only a stored row can tell what it began from."""
    copy, parent = annotation.prediction, annotation.parent_prediction
    return parent is not None and (copy is None or copy.id != parent)
