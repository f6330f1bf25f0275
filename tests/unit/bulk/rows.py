"""Regions as predictions hold them."""

from __future__ import annotations

from typing import Any

from backend.label_studio.bodies import Region

SIZE = {"original_width": 200, "original_height": 100, "image_rotation": 0}


def rectangle(
    region_id: str, label: str, score: float | None, x: float = 10, y: float = 20, **more: Any
) -> Region:
    """40 x 30 percent of the image."""
    value = {"x": x, "y": y, "width": 40, "height": 30, "rotation": 0, "rectanglelabels": [label]}
    scored = {} if score is None else {"score": score}
    return {
        "id": region_id, "from_name": "box", "to_name": "image", "type": "rectanglelabels",
        "value": value, **SIZE, **scored, **more,
    }  # fmt: skip


def polygon(region_id: str, label: str, *points: tuple[float, float]) -> Region:
    return {
        "id": region_id, "from_name": "outline", "to_name": "image", "type": "polygonlabels",
        "value": {"points": [list(point) for point in points], "closed": True, "polygonlabels": [label]},
        **SIZE, "score": 0.5,
    }  # fmt: skip


def choice(region_id: str, *choices: str, score: float = 0.9) -> Region:
    return {
        "id": region_id, "from_name": "scene", "to_name": "image", "type": "choices",
        "value": {"choices": list(choices)}, "score": score,
    }  # fmt: skip


def entry(region_id: str, control: str, value: dict[str, Any]) -> Region:
    return {"id": region_id, "from_name": control, "to_name": "image", "type": "x", "value": value}
