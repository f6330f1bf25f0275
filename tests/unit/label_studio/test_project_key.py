"""Projects of different Label Studios are kept apart."""

from __future__ import annotations

from typing import Any

import pytest

from backend.label_studio.project_key import ProjectKey


def test_request_and_api_name_the_same_project() -> None:
    """`/predict` says `4.1795207698`, the API gives id and time with fractions of a second."""
    found = {"id": 4, "created_at": "2026-11-20T20:48:18.987654Z", "title": "t"}

    assert ProjectKey.of(found) == ProjectKey.parse("4.1795207698")


def test_a_time_in_another_zone_is_the_same_time() -> None:
    """Label Studio may be set to any zone."""
    assert ProjectKey.of({"id": 4, "created_at": "2026-11-20T22:48:18+02:00"}) == ProjectKey(
        4, 1795207698
    )


def test_its_text_gives_it_back() -> None:
    """It is stored in Redis as text."""
    key = ProjectKey(12, 1795207698)

    assert ProjectKey.parse(str(key)) == key


@pytest.mark.parametrize(
    "text",
    [None, "", "4", "4.", ".5", "4.5.6", "-4.5", "4.5\n", "a.b", "\u0664.\u0665", "1e3.5"],
)
def test_other_texts_name_no_project(text: str | None) -> None:
    """Other callers than Label Studio say what they like; no task is owed to it."""
    assert ProjectKey.parse(text) is None


def test_endless_digits_name_no_project() -> None:
    """Python refuses to read them, which must not end the request."""
    assert ProjectKey.parse("1" * 5000 + ".5") is None


@pytest.mark.parametrize(
    "project",
    [{}, {"id": 4}, {"id": "4", "created_at": "2026-11-20"}, {"id": 4, "created_at": "yesterday"}],
)
def test_events_without_them_name_no_project(project: dict[str, Any]) -> None:
    """Of other versions of Label Studio, perhaps."""
    assert ProjectKey.of(project) is None
