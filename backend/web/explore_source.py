"""Where the pages of an index have their facts from: the files under FIRSTPASS_HOME, the workers, Label Studio."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from backend.errors import BadRequest, Failure
from backend.label_studio.project_key import data_page
from backend.prediction.engine import Engine
from backend.prediction.learned import classifier_of
from backend.prediction.plan import ModelRequest
from backend.prediction.request import Answer, request_id
from backend.queue.job_queue import AsksWorkers
from backend.settings import Settings
from backend.vectors.places import index_place, project_index
from backend.vectors.rows import IndexRows
from backend.web.explore_view import Explored
from models.queries import SearchIndex
from models.types import Hits, IndexHit

__all__ = ["ExploreSource", "MakeTab"]


#: Images that a search shows.
MOST_FOUND = 60
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

    def search(self, project: int, text: str) -> tuple[list[IndexHit], str]:
        """What a text finds, the best first, and a sentence where that is not all: a worker answers, before bulk work."""
        rows = self.rows(project)
        query = SearchIndex(rows.place.name, rows.state(), text, limit=MOST_FOUND)
        request = ModelRequest(None, (query,))
        job = request_id(request, self.engine.fingerprint)
        wait_s = self.settings.wait_s
        outcome = self.queue.ask({job: request}, interactive=True, wait_s=wait_s).outcomes.get(job)
        if isinstance(outcome, Answer) and isinstance(outcome.outputs[0], Hits):
            found = outcome.outputs[0]
            return list(
                found.items
            ), "" if found.items else "Nothing is indexed that could be compared."
        if isinstance(outcome, Failure):
            return [], f"{outcome.message[:1].upper()}{outcome.message[1:].rstrip('.')}."
        return (
            [],
            "Not done in time: reload this page in a moment; `/status` says whether a worker answers.",
        )
