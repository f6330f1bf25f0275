"""The tabs that lead to what needs care: what each lists, as far as Label Studio's filters can say it. Pure.

Nothing is written into tasks for them. So "failed" cannot be told from "not predicted yet", and what
"has changed" is the version, not what was found.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from backend.label_studio.records import Tab, View
from backend.label_studio.task_filters import (
    empty_row,
    filled,
    none_of,
    scored,
    some_of,
    these,
    these_open,
    unscored,
    with_annotations,
    with_version,
    without_version,
)
from backend.plain import Json

__all__ = [
    "ALL_OURS",
    "CHOSEN",
    "DEFAULT",
    "FOUND",
    "MOST_FIRST",
    "MOST_IDS",
    "OURS",
    "REVIEW_COLUMN",
    "REVIEW_FIRST",
    "SAMPLE",
    "SAMPLE_COLUMN",
    "OurTab",
    "chosen_tasks_tab",
    "explored",
    "found_by_search",
    "is_default_of_ours",
    "our_tabs",
    "ours_among",
    "review_first",
    "review_first_by_column",
    "sample_by_column",
    "sample_of_tasks",
]

PREFIX = "Firstpass: "
#: What a project has that has no tab yet: without it everybody would land in the first of ours. By the
#: mark we know it again as long as nobody has changed it: Label Studio's pages drop what they do not know.
DEFAULT: Json = {"title": "Default", "made_by": "firstpass"}

#: Made by `firstpass order` only.
REVIEW_FIRST, SAMPLE = f"{PREFIX}review first", f"{PREFIX}sample"
#: Made on the map of `/explore`, or by who asks for one of what was found.
CHOSEN = f"{PREFIX}chosen"
#: How the titles of tabs begin that `firstpass search --tab` makes.
FOUND = f"{PREFIX}found, "
#: Made by `firstpass explore --tab`.
EXPLORED = {"copies": f"{PREFIX}copies", "outliers": f"{PREFIX}outliers"}
#: The columns that it writes when told to.
REVIEW_COLUMN, SAMPLE_COLUMN = "firstpass_review", "firstpass_sample"
#: Tasks that a tab can name one by one: each is a line of its filters.
MOST_IDS = 200
#: Of the order fewer, which show sooner: people come back for more.
MOST_FIRST = 100
_DRAWN = "drawn by chance, and not annotated yet"

#: What people have not seen to yet.
_OPEN = (none_of("total_annotations"), none_of("cancelled_annotations"))
#: Columns that say nothing about what needs care; the image, its counts and the score are left.
_HIDDEN = [
    f"tasks:{column}"
    for column in [
        "inner_id",
        "completed_at",
        "cancelled_annotations",
        "annotators",
        "annotations_results",
        "annotations_ids",
        "predictions_results",
        "file_upload",
        "storage_filename",
        "created_at",
        "updated_at",
        "updated_by",
        "avg_lead_time",
        "draft_exists",
    ]
]


@dataclass(frozen=True, slots=True)
class OurTab:
    """A tab: `meaning` says in words what `items` list."""

    title: str
    meaning: str
    items: Sequence[Json]
    ordering: str = "tasks:id"
    conjunction: Literal["and", "or"] = "and"

    @property
    def filters(self) -> Json:
        return {"conjunction": self.conjunction, "items": list(self.items)}

    def stands_in(self, tab: Tab) -> bool:
        """Whether that is how a stored tab lists; its columns are people's own matter."""
        return (tab.filters, tab.ordering) == (self.filters, [self.ordering])

    def data(self, before: Tab | None = None) -> Json:
        """The tab as Label Studio takes it; what a person has made of its columns stays."""
        hidden = {"hiddenColumns": {"explore": _HIDDEN, "labeling": _HIDDEN}}
        kept = {} if before is None else before.model_extra or {}
        listed = {"title": self.title, "filters": self.filters, "ordering": [self.ordering]}
        return {**hidden, **kept, **listed}


def our_tabs(version: str) -> list[OurTab]:
    """The tabs of a project that shows `version`."""
    return [
        OurTab(
            f"{PREFIX}least sure",
            "the lowest score first",
            (*_OPEN, scored()),
            ordering="tasks:predictions_score",
        ),
        OurTab(
            f"{PREFIX}nothing found",
            f"{version} has looked and found nothing",
            (*_OPEN, with_version(version), unscored(), empty_row()),
        ),
        OurTab(
            f"{PREFIX}failed",
            "without any prediction: failed, or not predicted yet, which Label Studio cannot tell apart",
            (*_OPEN, none_of("total_predictions")),
        ),
        OurTab(
            f"{PREFIX}changed since",
            "with predictions of other versions only: models, settings or label config have changed since",
            (*_OPEN, some_of("total_predictions"), without_version(version)),
        ),
    ]


def review_first(tasks: Sequence[int]) -> OurTab:
    """The tab of these tasks, which are the first in the order of review; at most `MOST_FIRST`."""
    meaning = "the first of the order of review; here they stand by score"
    return OurTab(REVIEW_FIRST, meaning, these_open(tasks), "tasks:predictions_score", "or")


def review_first_by_column() -> OurTab:
    """The same of all tasks, in the order that the column says."""
    items = (*_OPEN, filled(REVIEW_COLUMN))
    return OurTab(REVIEW_FIRST, "in the order of review", items, f"-tasks:data.{REVIEW_COLUMN}")


def sample_of_tasks(tasks: Sequence[int]) -> OurTab:
    """The tab of a sample; at most `MOST_IDS`."""
    return OurTab(SAMPLE, _DRAWN, these_open(tasks), conjunction="or")


def found_by_search(name: str, question: str, tasks: Sequence[int]) -> OurTab:
    """The tab of what a search found; at most `MOST_IDS`. Its name is chosen by who searched."""
    return OurTab(f"{FOUND}{name}", f"found by {question}", these(tasks), conjunction="or")


def explored(question: str, annotations: Sequence[int], tasks: Sequence[int]) -> OurTab:
    """The tab of what was found so: tasks with these annotations, and at most `MOST_IDS` others."""
    by_annotations = [with_annotations(annotations)] if annotations else []
    meaning = f"{question}, as `firstpass explore` found them"
    return OurTab(EXPLORED[question], meaning, (*by_annotations, *these(tasks)), conjunction="or")


def sample_by_column() -> OurTab:
    """The tab of a sample that a column names."""
    return OurTab(SAMPLE, _DRAWN, (*_OPEN, filled(SAMPLE_COLUMN)))


def chosen_tasks_tab(tasks: Sequence[int]) -> OurTab:
    """The tab of tasks that somebody chose, annotated or not; at most `MOST_IDS`."""
    return OurTab(CHOSEN, "chosen by hand", these(tasks[:MOST_IDS]), conjunction="or")


#: The titles of the tabs that each project gets, and all that are ours: few enough to be looked through.
OURS = tuple(tab.title for tab in our_tabs(""))
ALL_OURS = (*OURS, REVIEW_FIRST, SAMPLE, CHOSEN, *EXPLORED.values())


def ours_among(views: Sequence[View]) -> list[View]:
    """The tabs that are ours, by their titles; other titles that begin as ours do are people's."""
    titles = ((view, view.data.title) for view in views)
    return [view for view, title in titles if title in ALL_OURS or title.startswith(FOUND)]


def is_default_of_ours(view: View) -> bool:
    """Whether it is the tab that we made first, as we made it."""
    tab = view.data
    made = {"title": tab.title, **(tab.model_extra or {})}
    return made == DEFAULT and not tab.filters and not tab.ordering
