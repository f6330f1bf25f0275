"""Whether the tabs of a project let its Data Manager be opened."""

from __future__ import annotations

from collections.abc import Iterator

from backend.label_studio.api import LabelStudioApi
from backend.label_studio.task_filters import unknown_operators
from backend.projects.finding import Finding, Level

__all__ = ["check_tabs"]


def check_tabs(api: LabelStudioApi, project: int, *, remove: bool) -> Iterator[Finding]:
    """A finding for each tab, anybody's, that stops the pages; with `remove` it is removed."""
    views = api.views(project)
    broken = [(view, found) for view in views if (found := unknown_operators(view.data.filters))]
    if not broken:
        yield Finding(Level.OK, f"no tab stops the Data Manager ({len(views)} looked at)")
    for view, operators in broken:
        what = (
            f"tab {view.id} ({view.data.title}) filters by {', '.join(operators)}, which Label Studio's pages "
            "do not know"
        )
        if remove:
            api.delete_view(view.id)
            yield Finding(Level.REPAIRED, f"{what}: it is removed")
            continue
        yield Finding(
            Level.ERROR,
            f"{what}: this tab stops the Data Manager of the project for everybody",
            f"`firstpass doctor --project {project} --remove-broken-tabs` removes it; its tasks stay",
        )
