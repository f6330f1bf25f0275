"""Makes and renews our tabs in a project; each keeps its id. A step that finds all as it should be changes nothing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from backend.errors import BadRequest
from backend.label_studio.api import LabelStudioApi
from backend.label_studio.project_key import data_page
from backend.label_studio.records import Project, View
from backend.prediction.model_version import is_model_version
from backend.projects.finding import Finding, Level
from backend.projects.our_tabs import DEFAULT, OurTab, our_tabs
from backend.wording import tasks

__all__ = ["ProjectTabs", "shown_version"]


def shown_version(project: Project) -> str:
    """The version that a project shows, by which it scores and our tabs go.

    Raises `BadRequest` where it shows none of ours.
    """
    shown = project.model_version
    if is_model_version(shown):
        return shown
    raise BadRequest(
        f"expected project {project.id} to show a model_version of Firstpass, by which tabs list and scores "
        f"are shown; it shows {repr(shown) if shown else 'none'}: `firstpass connect --project {project.id}` "
        "sets it"
    )


@dataclass(frozen=True, slots=True)
class ProjectTabs:
    """The tabs of one project that shows `version`. `browser_url`: Label Studio's address for people."""

    api: LabelStudioApi
    project: int
    version: str
    browser_url: str

    def make(self, tabs: Sequence[OurTab] | None = None) -> Iterator[Finding]:
        """A finding for each tab as it is made, renewed or left; none where there is no task yet.

        Those that each project gets, unless others are given.
        """
        if self.api.count_tasks(self.project) == 0:
            yield Finding(
                Level.SKIPPED,
                "no tab is made: the project has no task, and Label Studio would show an error in its place",
                f"import images, then `firstpass tabs --project {self.project}`",
            )
            return
        views = self.api.views(self.project)
        if not views:
            self.api.create_view(self.project, DEFAULT)
            yield Finding(Level.DONE, "tab Default is made first: the project had no tab yet")
        for tab in our_tabs(self.version) if tabs is None else tabs:
            view, level, done = self._made(
                tab, [one for one in views if one.data.title == tab.title]
            )
            count = self.api.count_tasks(self.project, filters=tab.filters)
            address = f"{data_page(self.browser_url, self.project)}?tab={view}"
            what = f"tab {tab.title!r} {done}: {tasks(count or 0)}, {tab.meaning}; {address}"
            yield Finding(level, what)

    def renew(self) -> None:
        """Have those that are there list by the version; none is made."""
        views = self.api.views(self.project)
        for tab in our_tabs(self.version):
            for view in views:
                if view.data.title == tab.title and not tab.stands_in(view.data):
                    self.api.update_view(view.id, tab.data(view.data))

    def _made(self, tab: OurTab, there: list[View]) -> tuple[int, Level, str]:
        """Its id, and what was done; of several that are there the first is kept."""
        if not there:
            return self.api.create_view(self.project, tab.data()).id, Level.DONE, "is made"
        view, *doubles = there
        for double in doubles:
            self.api.delete_view(double.id)
        if not tab.stands_in(view.data):
            self.api.update_view(view.id, tab.data(view.data))
            return view.id, Level.REPAIRED, "is renewed"
        if doubles:
            return view.id, Level.REPAIRED, "was there more than once; one is left"
        return view.id, Level.ALREADY, "is there"
