"""Tabs that stop the Data Manager."""

from __future__ import annotations

from typing import Any

import pytest

from backend.cli.findings import finding_line
from backend.projects.doctor.tabs import check_tabs
from backend.projects.finding import Level
from tests.unit.projects.label_studio import PROJECT, a_label_studio


def a_tab(number: int, title: str, *operators: str, child: str | None = None) -> dict[str, Any]:
    items: list[dict[str, Any]] = [
        {"filter": "filter:tasks:id", "operator": one, "type": "Number", "value": [1]}
        for one in operators
    ]
    if child is not None:
        items[0]["child_filter"] = {**items[0], "operator": child}
    return {"id": number, "data": {"title": title, "filters": {"items": items}}}


def test_tabs_of_all_kinds_are_well() -> None:
    label_studio = a_label_studio()
    label_studio.views = [a_tab(1, "a", "equal", "in"), {"id": 2, "data": {"title": "b"}}]

    (finding,) = check_tabs(label_studio.api(), PROJECT, remove=False)

    assert finding.level is Level.OK


@pytest.mark.parametrize(
    "filters", [None, [], {"items": None}, {"items": [1, {}, {"operator": None}]}]
)
def test_odd_filters_are_no_fault_of_ours(filters: object) -> None:
    label_studio = a_label_studio()
    label_studio.views = [{"id": 1, "data": {"title": "a", "filters": filters}}]

    assert [one.level for one in check_tabs(label_studio.api(), PROJECT, remove=True)] == [Level.OK]


def test_a_tab_that_stops_the_data_manager_is_named_and_left() -> None:
    """With an operator at the top, or in the second half of a pair; whatever it is called."""
    label_studio = a_label_studio()
    label_studio.views = [
        a_tab(1, "Default", "equal"),
        a_tab(5, "<b>mine\u202e[red]", "in_list"),
        a_tab(6, "pair", "equal", child="not_in_list"),
    ]

    first, second = check_tabs(label_studio.api(), PROJECT, remove=False)

    assert first.level is second.level is Level.ERROR
    assert "tab 6 (pair) filters by not_in_list" in second.what
    assert "--remove-broken-tabs" in str(first.fix)
    assert "tab 5 (<b>mine\ufffd[red]) filters by in_list" in finding_line(first).plain
    assert label_studio.writes == []


def test_it_is_removed_when_told_to() -> None:
    """And no other."""
    label_studio = a_label_studio()
    label_studio.views = [a_tab(1, "Default", "equal"), a_tab(5, "mine", "in_list")]

    (finding,) = check_tabs(label_studio.api(), PROJECT, remove=True)

    assert finding.level is Level.REPAIRED
    assert [view["id"] for view in label_studio.views] == [1]
