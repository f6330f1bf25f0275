"""Filters of Label Studio's Data Manager, as its API takes them. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta

from backend.plain import Json

__all__ = [
    "KNOWN_OPERATORS",
    "empty_row",
    "filled",
    "ids_among",
    "looked_at",
    "looked_at_since",
    "none_of",
    "scored",
    "some_of",
    "these",
    "these_open",
    "unknown_operators",
    "unscored",
    "with_annotations",
    "with_version",
    "without_version",
]

#: The operators that the Data Manager's own pages know. The API takes more (`in_list`): a tab with one of
#: those stops the pages of the whole project, for everybody.
KNOWN_OPERATORS = frozenset(
    [
        "equal",
        "not_equal",
        "less",
        "greater",
        "less_or_equal",
        "greater_or_equal",
        "in",
        "not_in",
        "contains",
        "not_contains",
        "regex",
        "empty",
    ]
)

#: Label Studio takes a time in a filter for one of its own time zone, whatever it says.
ZONES = timedelta(days=1)


def with_version(model_version: str) -> Json:
    """Tasks with a prediction of that version, or of one that its name is a part of."""
    return _filter("predictions_model_versions", "contains", "List", [model_version])


def without_version(model_version: str) -> Json:
    """Tasks without a prediction of that version, or of one that its name is a part of."""
    return _filter("predictions_model_versions", "not_contains", "List", [model_version])


def some_of(column: str) -> Json:
    """Tasks that have some of what a column counts, such as `total_annotations`."""
    return _filter(column, "greater", "Number", 0)


def none_of(column: str) -> Json:
    """Tasks that have none of it."""
    return _filter(column, "equal", "Number", 0)


def looked_at() -> Json:
    """The filters of a tab: tasks that somebody has annotated or skipped."""
    both = [some_of("total_annotations"), some_of("cancelled_annotations")]
    return {"conjunction": "or", "items": both}


def looked_at_since(when: datetime) -> Json:
    """Those of `looked_at` that may have an annotation made since then, and some more.

    A task's own time is renewed by each annotation that is saved, but by none that is made in bulk; that one is
    found by the time of the task's last annotation.
    """
    value = (when.astimezone(UTC) - ZONES).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    touched = _filter("updated_at", "greater_or_equal", "Datetime", value)
    both = [{**one, "child_filter": touched} for one in looked_at()["items"]]
    last = _filter("completed_at", "greater_or_equal", "Datetime", value)
    return {"conjunction": "or", "items": [*both, last]}


def scored() -> Json:
    """Tasks with a score of the version that the project shows."""
    return _filter("predictions_score", "greater_or_equal", "Number", 0)


def unscored() -> Json:
    """Tasks without one. 1 stands for yes: of "true" the Data Manager makes no number, and stores null."""
    return _filter("predictions_score", "empty", "Number", 1)


def empty_row() -> Json:
    """Tasks with a prediction, of any version, that holds no region."""
    return _filter("predictions_results", "equal", "String", "[]")


def filled(column: str) -> Json:
    """Tasks whose data have a number of ours in that column, which we write as text with a point."""
    return _filter(f"data.{column}", "contains", "String", ".")


def these_open(ids: Iterable[int]) -> list[Json]:
    """One item, to be joined by `or`, for each of these tasks, as long as nobody has annotated or skipped it.

    `in_list` would say it in one, and stop the Data Manager's pages.
    """
    nobody = _filter("annotations_ids", "empty", "String", "true")
    return [{**_filter("id", "equal", "Number", task), "child_filter": nobody} for task in ids]


def these(ids: Iterable[int]) -> list[Json]:
    """The same whatever became of them since."""
    return [_filter("id", "equal", "Number", task) for task in ids]


def with_annotations(ids: Iterable[int]) -> Json:
    """The tasks of these annotations, in one item however many they are."""
    return _filter("annotations_ids", "contains", "String", " ".join(map(str, ids)))


def ids_among(items: Sequence[Json]) -> list[int]:
    """The tasks that `these_open` was asked for, also as the Data Manager's pages store them."""
    values = [item.get("value") for item in items if item.get("filter") == "filter:tasks:id"]
    return [int(value) for value in values if isinstance(value, int | float)]


def unknown_operators(filters: Json | None) -> list[str]:
    """The operators in a tab's filters that the Data Manager's pages do not know.

    >>> unknown_operators({"conjunction": "and", "items": [{"operator": "in_list", "value": [1]}]})
    ['in_list']
    """
    items = (filters or {}).get("items")
    found = [
        str(item.get("operator"))
        for one in (items if isinstance(items, list) else [])
        if isinstance(one, dict)
        for item in (one, one.get("child_filter"))
        if isinstance(item, dict) and item.get("operator") is not None
    ]
    return [operator for operator in dict.fromkeys(found) if operator not in KNOWN_OPERATORS]


def _filter(column: str, operator: str, kind: str, value: object) -> Json:
    return {
        "filter": f"filter:tasks:{column}",
        "operator": operator,
        "type": kind,
        "value": value,
    }
