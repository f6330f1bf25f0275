"""Contexts as Label Studio's editor sends them."""

from __future__ import annotations

from typing import Any

from backend.prediction.brush_rle import rle_of_outlines
from models.types import ImageSize

__all__ = ["SIZE", "brush", "context", "keypoint", "polygon", "rectangle", "text"]

SIZE = ImageSize(200, 100)


def context(*regions: dict[str, Any]) -> dict[str, Any]:
    return {"result": list(regions)}


def region(kind: str, value: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "id": "drawn",
        "from_name": "box",
        "to_name": "img",
        "type": kind,
        "origin": "manual",
        "original_width": SIZE.width,
        "original_height": SIZE.height,
        "image_rotation": 0,
        "value": value,
        **more,
    }


def rectangle(
    x: float, y: float, width: float, height: float, label: str | None = None, **more: Any
) -> dict[str, Any]:
    """Percent."""
    value: dict[str, Any] = {"x": x, "y": y, "width": width, "height": height, "rotation": 0}
    if label is None:
        return region("rectangle", value, **more)
    return region("rectanglelabels", {**value, "rectanglelabels": [label]}, **more)


def keypoint(
    x: float, y: float, label: str, *, positive: bool = True, **more: Any
) -> dict[str, Any]:
    value = {"x": x, "y": y, "width": 0.2, "keypointlabels": [label]}
    return region("keypointlabels", value, **{"from_name": "kp", "is_positive": positive, **more})


def polygon(*points: list[float], label: str = "Cat", **more: Any) -> dict[str, Any]:
    value = {"points": list(points), "closed": True, "polygonlabels": [label]}
    return region("polygonlabels", value, **{"from_name": "poly", **more})


def brush(
    label: str, left: float, top: float, right: float, bottom: float, **more: Any
) -> dict[str, Any]:
    """A painted rectangle, in pixels."""
    corners = [(left, top), (right, top), (right, bottom), (left, bottom)]
    value = {"format": "rle", "rle": rle_of_outlines([corners], SIZE), "brushlabels": [label]}
    return region("brushlabels", value, **{"from_name": "brush", **more})


def text(*texts: str, **more: Any) -> dict[str, Any]:
    more = {"from_name": "prompt", **more}
    return region("textarea", {"text": list(texts)}, **more)
