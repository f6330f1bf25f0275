"""Where the pages of an index have their facts from: the files under FIRSTPASS_HOME, the workers, Label Studio."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from backend.errors import Failure
from backend.label_studio.project_key import data_page
from backend.prediction.engine import Engine
from backend.queue.job_queue import AsksWorkers
from backend.settings import Settings
from backend.vectors.asking import search_outcome
from backend.vectors.places import project_place
from backend.vectors.rows import IndexRows
from backend.web.explore_view import Explored
from backend.web.explored_findings import read_explored
from models.types import Hits, IndexHit

__all__ = ["ExploreSource", "MakeTab", "in_a_sentence"]


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
        place = project_place(self.settings, self.engine, project)
        place.must_exist()
        return IndexRows(place)

    def tasks(self, project: int) -> str:
        """Where people find the project's tasks; empty where that is not known."""
        home = self.settings.label_studio_browser_url or self.settings.label_studio_url
        return data_page(home, project) if home else ""

    def explored(self, project: int) -> Explored | None:
        """What `firstpass explore` left of a project; `None` before it was run."""
        return read_explored(self.rows(project).place)

    def search(self, project: int, sought: str | int) -> tuple[list[IndexHit], str]:
        """What a text finds, or what looks like a row, the best first, and a sentence where there is none.

        A worker answers, before all bulk work.
        """
        place = self.rows(project).place
        outcome = search_outcome(
            self.queue, self.engine, place, sought, limit=MOST_FOUND, wait_s=self.settings.wait_s
        )
        if isinstance(outcome, Hits):
            said = "" if outcome.items else "Nothing is indexed that could be compared."
            return list(outcome.items), said
        if isinstance(outcome, Failure):
            return [], in_a_sentence(outcome.message)
        return (
            [],
            "Not done in time: reload this page in a moment; `/status` says whether a worker answers.",
        )


def in_a_sentence(message: str) -> str:
    """The message of an error as people read it.

    >>> in_a_sentence("no worker has it")
    'No worker has it.'
    """
    return f"{message[:1].upper()}{message[1:].rstrip('.')}."
