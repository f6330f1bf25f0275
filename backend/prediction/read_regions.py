"""Regions read back from Label Studio's JSON, as people and predictions have left them. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = ["labels_of"]


def labels_of(region: Mapping[str, Any]) -> tuple[str, ...]:
    """The labels that one entry carries; none where it is another kind of entry."""
    kind = str(region.get("type", ""))
    found = region["value"].get(kind) if kind.endswith("labels") else None
    if not isinstance(found, list):
        return ()
    return tuple(label for label in found if isinstance(label, str))
