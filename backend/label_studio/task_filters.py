"""Filters of Label Studio's Data Manager, as its API takes them. Pure."""

from __future__ import annotations

from backend.plain import Json

__all__ = [
    "KNOWN_OPERATORS",
    "empty_row",
    "looked_at",
    "none_of",
    "scored",
    "some_of",
    "unknown_operators",
    "unscored",
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


def scored() -> Json:
    """Tasks with a score of the version that the project shows."""
    return _filter("predictions_score", "greater_or_equal", "Number", 0)


def unscored() -> Json:
    """Tasks without one. 1 stands for yes: of "true" the Data Manager makes no number, and stores null."""
    return _filter("predictions_score", "empty", "Number", 1)


def empty_row() -> Json:
    """Tasks with a prediction, of any version, that holds no region."""
    return _filter("predictions_results", "equal", "String", "[]")


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
