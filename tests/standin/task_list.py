"""Which tasks a query of the Data Manager lists: the filters that Firstpass and its tests use."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from backend.plain import Json

__all__ = ["matching"]


def matching(tasks: Sequence[Json], query: Json) -> list[Json]:
    """Those of the tasks, which come by ascending id, that the query asks for."""
    filters = query.get("filters") or {}
    items = filters.get("items") or []
    together = any if filters.get("conjunction") == "or" and items else all
    selected = query.get("selectedItems", {})
    chosen = set(selected.get("included", ()))
    return [
        task
        for task in tasks
        if selected.get("all", True) or task["id"] in chosen
        if together(_matches(task, item) for item in items)
    ]


def _matches(task: Json, item: Json) -> bool:
    below = item.get("child_filter")
    return _holds(task, item) and (below is None or _matches(task, below))


def _holds(task: Json, item: Json) -> bool:
    column = item["filter"].removeprefix("filter:tasks:")
    value: Any = item.get("value")
    seen = _column(task, column)
    match item["operator"]:
        case "empty":
            return (not seen) == (str(value).lower() in ("true", "1"))
        case _ if seen is None:
            return False
        case "greater":
            return bool(seen > value)
        case "greater_or_equal" if item["type"] == "Datetime":
            return bool(seen) and datetime.fromisoformat(seen) >= datetime.fromisoformat(value)
        case "greater_or_equal":
            return bool(seen >= value)
        case "less":
            return bool(seen < value)
        case "equal":
            return bool(seen == value) or (column == "predictions_results" and value in seen)
        case "in":
            return bool(value["min"] <= seen <= value["max"])
        case "contains" if isinstance(value, list):  # of a list: parts of names count
            return any(part in name for part in value for name in seen)
        case "contains":
            return value in seen
        case "not_contains":
            return not any(part in name for part in value for name in seen)
    raise NotImplementedError(f"the stand-in knows no filter {item}")


def _column(task: Json, column: str) -> Any:
    if column == "id":
        return task["id"]
    if column == "annotations_ids":
        return [one.get("id") for one in task["annotations"]]
    if column == "updated_at":
        return task["updated_at"]
    if column == "completed_at":
        return max((str(one.get("created_at") or "") for one in task["annotations"]), default="")
    if column == "predictions_model_versions":
        return [row["model_version"] or "" for row in task["predictions"]]
    if column == "predictions_score":
        return task["predictions_score"]
    if column == "predictions_results":
        return [json.dumps(row["result"]) for row in task["predictions"]]
    if column == "total_predictions":
        return len(task["predictions"])
    if column == "total_annotations":
        return task["total_annotations"]
    if column == "cancelled_annotations":
        return sum(bool(one.get("was_cancelled")) for one in task["annotations"])
    if column.startswith("data."):
        return str(task["data"].get(column.removeprefix("data."), ""))
    raise NotImplementedError(f"the stand-in knows no column {column}")
