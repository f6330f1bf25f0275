"""Average precision as COCO defines it, by `faster_coco_eval`.

Everything else is counted by `models.measures`; a test compares the two.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from backend.evaluation.on_image import LabelKey, OnImage
from models.types import Box

__all__ = ["AveragePrecision", "average_precisions"]

#: Boxes of one label on one image that count, surest first.
MOST_BOXES = 100
#: An area beyond all that counts makes a true box ignored, without making it a crowd.
_COUNTED_AREA = 1e10
_IGNORED_AREA = 2e10


@dataclass(frozen=True, slots=True)
class AveragePrecision:
    """At IoU 0.5, and the mean over IoU 0.5, 0.55, ... 0.95; both 0..1."""

    ap50: float
    ap: float


def average_precisions(
    images: Mapping[LabelKey, Sequence[OnImage]],
) -> dict[LabelKey, AveragePrecision]:
    """The figures of every label that is there at all."""
    there = {
        key: number
        for number, (key, some) in enumerate(images.items(), start=1)
        if any(one.truth for one in some)
    }
    if not there:
        return {}
    ids = {
        name: number
        for number, name in enumerate(
            dict.fromkeys(one.image for key in there for one in images[key]), start=1
        )
    }
    truths, found = [], []
    for key, category in there.items():
        for one in images[key]:
            where = {"image_id": ids[one.image], "category_id": category}
            truths += [{**where, **truth} for truth in _truths(one)]
            found += [
                {**where, "bbox": _xywh(each.box), "score": each.score or 0.0} for each in one.found
            ]
    for number, truth in enumerate(truths, start=1):
        truth["id"] = number
    precision = _precision(list(ids.values()), list(there.values()), truths, found)
    # (IoU, recall, label, area, boxes), -1 where a label has nothing to be found.
    return {
        key: AveragePrecision(
            float(precision[0, :, place, 0, 0].mean()), float(precision[:, :, place, 0, 0].mean())
        )
        for place, key in enumerate(there)
    }


def _precision(
    images: list[int],
    categories: list[int],
    truths: list[dict[str, Any]],
    found: list[dict[str, Any]],
) -> Any:
    from faster_coco_eval import COCO, COCOeval_faster

    there = COCO(
        {
            "info": {},
            "images": [{"id": number} for number in images],
            "categories": [{"id": number, "name": str(number)} for number in categories],
            "annotations": truths,
        }
    )
    # `loadRes` takes no empty list.
    none = {"image_id": images[0], "category_id": 0, "bbox": [0, 0, 1, 1], "score": 0.0}
    evaluation = COCOeval_faster(there, there.loadRes(found or [none]), "bbox")
    evaluation.params.areaRng, evaluation.params.areaRngLbl = [[0, _COUNTED_AREA]], ["all"]
    evaluation.params.maxDets = [MOST_BOXES]
    evaluation.evaluate()
    evaluation.accumulate()
    return evaluation.eval["precision"]


def _truths(one: OnImage) -> list[dict[str, Any]]:
    counted = [{"bbox": _xywh(box), "area": box.area, "iscrowd": 0} for box in one.truth]
    ignored = [
        {"bbox": _xywh(each.box), "area": _IGNORED_AREA, "iscrowd": int(each.crowd)}
        for each in one.ignored
    ]
    return counted + ignored


def _xywh(box: Box) -> list[float]:
    return [box.x_min, box.y_min, box.x_max - box.x_min, box.y_max - box.y_min]
