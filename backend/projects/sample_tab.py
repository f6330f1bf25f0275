"""Which tasks the tab of the sample names: the tab, or the column, is all that keeps the sample."""

from __future__ import annotations

from collections.abc import Sequence

from backend.errors import BadRequest
from backend.label_studio.api import LabelStudioApi
from backend.label_studio.task_filters import ids_among
from backend.projects.columns import filled_tasks
from backend.projects.our_tabs import SAMPLE, SAMPLE_COLUMN

__all__ = ["sample_drawn", "sample_of"]


def sample_drawn(api: LabelStudioApi, project: int) -> Sequence[int] | None:
    """The tasks of the sample, also those that were annotated since; `None` where none was drawn."""
    for view in api.views(project):
        if view.data.title == SAMPLE:
            items = (view.data.filters or {}).get("items") or []
            if SAMPLE_COLUMN in str(items):
                return filled_tasks(api, project, SAMPLE_COLUMN)
            return ids_among([item for item in items if isinstance(item, dict)])
    return None


def sample_of(api: LabelStudioApi, project: int) -> Sequence[int]:
    """The same. Raises `BadRequest` where there is none."""
    ids = sample_drawn(api, project)
    if ids:
        return ids
    is_there = "has no tab of that" if ids is None else f'has a tab "{SAMPLE}" that names no task'
    raise BadRequest(
        f"expected a sample of project {project}, which {is_there}: `firstpass order --project {project} "
        "--sample 200` draws one, of tasks that nobody has annotated yet"
    )
