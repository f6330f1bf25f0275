"""The tab of tasks that somebody chose on a page of ours."""

from __future__ import annotations

from collections.abc import Sequence

from backend.errors import BadRequest
from backend.label_studio.api import LabelStudioApi
from backend.label_studio.project_key import data_page
from backend.projects.our_tabs import chosen_tasks_tab
from backend.projects.tabs import ProjectTabs
from backend.settings import Settings

__all__ = ["make_chosen_tab"]


def make_chosen_tab(settings: Settings, project: int, tasks: Sequence[int]) -> tuple[str, str]:
    """Make or renew it; its title, and its address for people.

    Raises `BadRequest` for a project without tasks, and what `LabelStudioApi` does.
    """
    tab = chosen_tasks_tab(tasks)
    with LabelStudioApi.from_settings(settings) as api:
        found = api.project(project)
        home = settings.label_studio_browser_url or api.url
        for _ in ProjectTabs(api, project, found.model_version or "", home).make([tab]):
            pass
        view = next((one for one in api.views(project) if one.data.title == tab.title), None)
    if view is None:
        raise BadRequest(f"project {project} has no task, so no tab is made")
    return tab.title, f"{data_page(home, project)}?tab={view.id}"
