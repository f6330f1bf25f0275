"""Filters of Label Studio's Data Manager, as its API takes them. Pure."""

from __future__ import annotations

from backend.plain import Json

__all__ = ["some_of", "without_version"]


def without_version(model_version: str) -> Json:
    """Tasks without a prediction of that version, or of one that its name is a part of."""
    return {
        "filter": "filter:tasks:predictions_model_versions",
        "operator": "not_contains",
        "type": "List",
        "value": [model_version],
    }


def some_of(column: str) -> Json:
    """Tasks that have some of what a column counts, such as `total_annotations`."""
    return {
        "filter": f"filter:tasks:{column}",
        "operator": "greater",
        "type": "Number",
        "value": 0,
    }
