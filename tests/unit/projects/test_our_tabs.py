"""Which tabs are ours, and that Label Studio's pages can show each of them."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from backend.label_studio.records import Tab, View
from backend.label_studio.task_filters import KNOWN_OPERATORS, unknown_operators
from backend.projects.our_tabs import (
    DEFAULT,
    OURS,
    is_default_of_ours,
    our_tabs,
    ours_among,
)

VERSION = "tiny-0123456789"


def a_view(number: int = 1, **data: Any) -> View:
    return View.model_validate({"id": number, "data": data})


@given(st.text())
def test_no_tab_ever_has_an_operator_that_the_pages_do_not_know(version: str) -> None:
    """It would stop the Data Manager for everybody. And there are six at most, with the columns that matter."""
    tabs = our_tabs(version)

    assert len(tabs) <= 6
    assert len({tab.title for tab in tabs}) == len(tabs)
    for tab in tabs:
        data = tab.data()
        assert tab.title.startswith("Firstpass: ")
        assert unknown_operators(data["filters"]) == []
        assert {item["operator"] for item in data["filters"]["items"]} <= KNOWN_OPERATORS
        assert data["hiddenColumns"]["explore"] == data["hiddenColumns"]["labeling"] != []
        assert "tasks:predictions_score" not in data["hiddenColumns"]["explore"]
        assert data["ordering"]


@given(st.text(), st.text())
def test_a_tab_is_renewed_when_its_version_is_another(version: str, other: str) -> None:
    for tab, later in zip(our_tabs(version), our_tabs(other), strict=True):
        stored = Tab.model_validate(tab.data())
        assert tab.stands_in(stored)
        assert later.stands_in(stored) == (tab.filters == later.filters)
        assert later.stands_in(Tab.model_validate(later.data(stored)))


def test_what_people_made_of_its_columns_stays() -> None:
    tab = our_tabs(VERSION)[0]
    stored = Tab.model_validate(
        {"title": tab.title, "columnsWidth": {"tasks:id": 9}, "hiddenColumns": {"explore": []}}
    )

    assert tab.data(stored) == {
        "title": tab.title,
        "filters": tab.filters,
        "ordering": ["tasks:predictions_score"],
        "columnsWidth": {"tasks:id": 9},
        "hiddenColumns": {"explore": []},
    }


def test_only_our_very_titles_are_ours() -> None:
    """A person's tab may begin so, too."""
    titles = ["Default", "Firstpass: mine", "Firstpass: least sure (copy)", *OURS]
    views = [a_view(number, title=title) for number, title in enumerate(titles)]

    assert [view.data.title for view in ours_among(views)] == [*OURS]


def test_a_default_that_somebody_has_used_is_theirs() -> None:
    assert is_default_of_ours(a_view(**DEFAULT))
    assert not is_default_of_ours(a_view(title="Default"))
    assert not is_default_of_ours(a_view(**DEFAULT, type="grid"))
    assert not is_default_of_ours(a_view(**{**DEFAULT, "title": "All"}))
    assert not is_default_of_ours(a_view(**DEFAULT, ordering=["tasks:id"]))
