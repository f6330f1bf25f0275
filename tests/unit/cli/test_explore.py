"""Which questions `firstpass explore` is asked, and what it refuses before it looks at anything."""

from __future__ import annotations

import pytest

from backend.cli.explore import ExploreOptions, asked
from backend.errors import BadRequest
from backend.explore.findings import QUESTIONS
from backend.label_studio.task_filters import unknown_operators
from backend.projects.our_tabs import EXPLORED, explored


@pytest.mark.parametrize(
    ("only", "against", "expected"),
    [
        (None, None, [one for one in QUESTIONS if one != "drift"]),
        (None, "old", list(QUESTIONS)),
        ("outliers, copies", None, ["copies", "outliers"]),
        ("copies", "old", ["copies", "drift"]),
        ("drift", "old", ["drift"]),
    ],
)
def test_what_is_asked(only: str | None, against: str | None, expected: list[str]) -> None:
    """In the order of the report, and drift whenever there is another set."""
    assert asked(ExploreOptions(project="3", only=only, against=against)) == expected


@pytest.mark.parametrize("only", ["colours", "copies,colours", "", ","])
def test_a_question_that_there_is_not_is_refused(only: str) -> None:
    with pytest.raises(BadRequest, match="expected --only of copies, clusters, gaps"):
        asked(ExploreOptions(project="3", only=only))


@pytest.mark.parametrize("question", EXPLORED)
@pytest.mark.parametrize(("annotations", "tasks"), [([4, 5], [7]), ([4], []), ([], [7, 8])])
def test_a_tab_knows_no_operator_that_stops_the_data_manager(
    question: str, annotations: list[int], tasks: list[int]
) -> None:
    tab = explored(question, annotations, tasks)

    assert unknown_operators(tab.filters) == []
    assert len(tab.items) == len(tasks) + bool(annotations)
