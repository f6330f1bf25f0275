"""Where the pages of an index have their facts from: the files under FIRSTPASS_HOME, the workers, Label Studio."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from backend.errors import BadRequest
from backend.label_studio.project_key import data_page
from backend.prediction.engine import Engine
from backend.prediction.learned import classifier_of
from backend.queue.job_queue import AsksWorkers
from backend.settings import Settings
from backend.vectors.places import index_place, project_index
from backend.vectors.rows import IndexRows
from backend.web.explore_view import Explored

__all__ = ["ExploreSource", "MakeTab"]


#: Makes a tab of a project's tasks; its title and address.
MakeTab: TypeAlias = Callable[[int, Sequence[int]], tuple[str, str]]


@dataclass(frozen=True, slots=True)
class ExploreSource:
    """What the process knows of every project's index. Every method raises errors of ours."""

    settings: Settings
    engine: Engine
    queue: AsksWorkers
    #: `None` where this process may not write to Label Studio.
    make_tab: MakeTab | None = None

    def rows(self, project: int) -> IndexRows:
        """The index of a project, made with the model that answers here."""
        classifier = classifier_of(self.engine)
        if classifier is None:
            raise BadRequest(
                "no model is loaded that gives vectors, such as CLIP: FIRSTPASS_MODEL names the models"
            )
        home = self.settings.label_studio_url
        if home is None:
            raise BadRequest(
                "expected FIRSTPASS_LABEL_STUDIO_URL (or LABEL_STUDIO_URL), by which an index is found; got none"
            )
        place = index_place(Path(self.settings.home), project_index(home, project), classifier)
        place.must_exist()
        return IndexRows(place)

    def tasks(self, project: int) -> str:
        """Where people find the project's tasks; empty where that is not known."""
        home = self.settings.label_studio_browser_url or self.settings.label_studio_url
        return data_page(home, project) if home else ""

    def explored(self, project: int) -> Explored | None:
        """What `firstpass explore` left of a project; `None` before it was run."""
        return None

    def search(self, project: int, query: str) -> tuple[list[tuple[int, str]], str]:
        """The rows that a query finds, each with what is to be said of it, and a sentence where something hinders."""
        return [], ""
