"""A scripted person who makes predictions right, scene by scene, as the editor of Label Studio would submit it.

Ids, origins and scores are as `tests/reviewer.py` has them: ids stay, a changed box keeps the score of its
prediction, a drawn one has none. How wrong people are can be said, too.
"""

from __future__ import annotations

import copy
import random
from collections.abc import Sequence
from dataclasses import dataclass

from backend.plain import Json
from models.boxes import iou
from models.matching import matched
from models.types import Box, Detection, ImageSize
from tests.bench.review_scenes import Truth

__all__ = ["SceneReviewer"]

#: Boxes that overlap less are of different things.
SAME_IOU = 0.5


@dataclass(frozen=True, slots=True)
class SceneReviewer:
    """Corrects predictions. `wrong` is the share of submitted boxes that leave with another label.

    A box is moved where it overlaps the thing by less than `moved_below`.
    """

    labels: Sequence[str]
    wrong: float = 0.0
    moved_below: float = 0.8
    seed: int = 0
    lead_time_s: float = 8.0

    def submitted(self, number: int, result: Sequence[Json], truth: Truth) -> list[Json]:
        """What the editor sends for the prediction's `result`; `number` tells one scene from others."""
        boxes = [one for one in result if one["type"] == "rectanglelabels"]
        others = [{**one, "origin": "prediction"} for one in result if one not in boxes]
        found = [Detection(_box_of(one), _label_of(one), None) for one in boxes]
        met = matched(found, truth.boxes, least_iou=SAME_IOU)
        met |= self._relabelled(found, truth, met)
        kept = [self._kept(boxes[one], found[one], truth, there) for one, there in met.items()]
        drawn = [
            _drawn(f"new{number}-{there}", label, box, truth.size)
            for there, (label, box) in enumerate(truth.boxes)
            if there not in met.values()
        ]
        return others + self._mistaken(number, kept + drawn)

    def _relabelled(
        self, found: Sequence[Detection], truth: Truth, met: dict[int, int]
    ) -> dict[int, int]:
        """Boxes that lie on a thing of another label, which no box of its own has."""
        here = [one for one in range(len(found)) if one not in met]
        there = [one for one in range(len(truth.boxes)) if one not in met.values()]
        pairs = matched(
            [Detection(found[one].box, "", None) for one in here],
            [("", truth.boxes[one][1]) for one in there],
            least_iou=SAME_IOU,
        )
        return {here[one]: there[other] for one, other in pairs.items()}

    def _kept(self, region: Json, found: Detection, truth: Truth, there: int) -> Json:
        label, box = truth.boxes[there]
        region = copy.deepcopy(region)
        moved = iou(found.box, box) < self.moved_below
        if moved:
            region["value"] |= _sides(box)
        changed = moved or label != found.phrase
        region["value"]["rectanglelabels"] = [label]
        return {**region, "origin": "prediction-changed" if changed else "prediction"}

    def _mistaken(self, number: int, regions: list[Json]) -> list[Json]:
        chance = random.Random(f"{self.seed}/{number}")
        for region in regions:
            if len(self.labels) > 1 and chance.random() < self.wrong:
                others = [one for one in self.labels if one != _label_of(region)]
                region["value"]["rectanglelabels"] = [chance.choice(others)]
                if region["origin"] == "prediction":
                    region["origin"] = "prediction-changed"
        return regions


def _box_of(region: Json) -> Box:
    value = region["value"]
    left, top = value["x"], value["y"]
    return Box(left, top, left + value["width"], top + value["height"])


def _label_of(region: Json) -> str:
    return str(region["value"]["rectanglelabels"][0])


def _sides(box: Box) -> Json:
    width, height = box.x_max - box.x_min, box.y_max - box.y_min
    return {"x": box.x_min, "y": box.y_min, "width": width, "height": height}


def _drawn(name: str, label: str, box: Box, size: ImageSize) -> Json:
    value = {**_sides(box), "rotation": 0, "rectanglelabels": [label]}
    return {
        "id": name, "from_name": "box", "to_name": "image", "type": "rectanglelabels", "origin": "manual",
        "original_width": size.width, "original_height": size.height, "image_rotation": 0, "value": value,
    }  # fmt: skip
