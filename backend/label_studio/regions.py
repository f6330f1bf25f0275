"""Model outputs -> the regions of a Label Studio prediction. Pure.

Only this module knows percent and field names. Pixels are of the upright image, percent is of its
width and height, clipped to 0..100.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, assert_never

from backend.errors import InternalError, InvalidPrediction
from backend.label_studio.bodies import Prediction, Region
from backend.label_studio.control_tags import ControlKind, Label
from backend.plan import Step
from models.types import Box, Classification, Detection, Detections, ImageSize, ModelOutput

__all__ = ["build_prediction", "regions_for_step", "validate_regions"]

#: Percent with four decimals: a hundredth of a pixel on an image 10,000 pixels wide.
PERCENT_DECIMALS = 4
SCORE_DECIMALS = 4


def build_prediction(
    answers: Sequence[tuple[Step, ModelOutput, ImageSize]], model_version: str
) -> Prediction:
    """The prediction for one task from each step's answer, validated.

    Its score is the mean of its regions' scores (each per-region sibling counted once), `None` where
    there are none. Raises `InvalidPrediction` when a region could not be opened by the editor.
    """
    result: list[Region] = []
    for step, output, size in answers:
        result.extend(regions_for_step(step, output, size))
    validate_regions(result)
    scores = {region["id"]: region["score"] for region in result if "score" in region}
    score = round(math.fsum(scores.values()) / len(scores), SCORE_DECIMALS) if scores else None
    return Prediction(result=result, score=score, model_version=model_version)


def regions_for_step(step: Step, output: ModelOutput, size: ImageSize) -> list[Region]:
    """The regions of one control tag; empty when nothing reaches its threshold.

    The same input gives the same region ids. Raises `InternalError` for an output of another kind
    than the step's query asks for.
    """
    control = step.control
    match control.kind, output:
        case (
            ControlKind.RECTANGLE_LABELS | ControlKind.RECTANGLE_AND_LABELS,
            Detections(),
        ):
            return list(_rectangles(step, output, size))
        case ControlKind.CHOICES, Classification():
            return list(_choices(step, output))
        case (
            ControlKind.RECTANGLE_LABELS | ControlKind.RECTANGLE_AND_LABELS | ControlKind.CHOICES,
            _,
        ):
            raise InternalError(
                f"control tag {control.name!r} ({control.kind}) got a {type(output).__name__}"
            )
        case _:
            assert_never(control.kind)


def _rectangles(step: Step, output: Detections, size: ImageSize) -> Iterator[Region]:
    control = step.control
    seen: dict[str, int] = {}
    for detection, label in _labelled(step, output):
        value = _percent(detection.box, size)
        if value is None:
            continue
        region: Region = {
            "to_name": control.to_name,
            "original_width": size.width,
            "original_height": size.height,
            "image_rotation": 0,
        }
        if detection.score is not None:
            region["score"] = round(detection.score, SCORE_DECIMALS)
        key = json.dumps([control.name, control.to_name, label.value, value], sort_keys=True)
        seen[key] = seen.get(key, 0) + 1
        region["id"] = _region_id(key, seen[key])
        if control.rectangle_name is None:
            labelled = {**value, "rectanglelabels": [label.value]}
            yield {
                **region,
                "from_name": control.name,
                "type": "rectanglelabels",
                "value": labelled,
            }
        else:
            yield {
                **region,
                "from_name": control.rectangle_name,
                "type": "rectangle",
                "value": value,
            }
            labelled = {**value, "labels": [label.value]}
            yield {**region, "from_name": control.name, "type": "labels", "value": labelled}


def _labelled(step: Step, output: Detections) -> Iterator[tuple[Detection, Label]]:
    """Detections that reach their label's threshold; one without a score passes only at 0."""
    for detection in output.items:
        label = step.label_for(detection.phrase)
        if label is not None and (detection.score or 0.0) >= step.threshold(label):
            yield detection, label


def _percent(box: Box, size: ImageSize) -> dict[str, float] | None:
    """x, y, width, height in percent of the image; `None` for a box that lies outside it."""
    left, right = (_clip(100 * x / size.width) for x in (box.x_min, box.x_max))
    top, bottom = (_clip(100 * y / size.height) for y in (box.y_min, box.y_max))
    width, height = (round(side, PERCENT_DECIMALS) for side in (right - left, bottom - top))
    if width <= 0 or height <= 0:
        return None
    return {"x": left, "y": top, "width": width, "height": height, "rotation": 0}


def _clip(percent: float) -> float:
    return round(min(100.0, max(0.0, percent)), PERCENT_DECIMALS)


def _choices(step: Step, output: Classification) -> Iterator[Region]:
    control = step.control
    by_phrase = dict(zip(output.candidates, output.probabilities, strict=True))
    chosen = _chosen(step, by_phrase)
    if not chosen:
        return
    values = list(chosen)
    key = json.dumps([control.name, control.to_name, values])
    yield {
        "id": _region_id(key, 1),
        "from_name": control.name,
        "to_name": control.to_name,
        "type": "choices",
        "value": {"choices": values},
        "score": round(math.fsum(chosen.values()) / len(chosen), SCORE_DECIMALS),
    }


def _chosen(step: Step, by_phrase: Mapping[str, float]) -> dict[str, float]:
    """Choice -> probability for those that are ticked.

    One-of-many: the phrases of a choice are exclusive, so their probabilities add up. Several-of-many:
    they are independent answers to the same question, so the surest counts.
    """
    multiple = step.control.multiple
    combine = max if multiple else math.fsum
    scores = {
        label: min(1.0, combine([by_phrase[phrase] for phrase in label.phrases]))
        for label in step.control.labels
    }
    if not multiple:
        best = max(scores, key=lambda label: scores[label])
        scores = {best: scores[best]}
    return {label.value: score for label, score in scores.items() if score >= step.threshold(label)}


def _region_id(key: str, occurrence: int) -> str:
    return hashlib.sha256(f"{key}#{occurrence}".encode()).hexdigest()[:10]


def validate_regions(result: Sequence[Region]) -> None:
    """Raise `InvalidPrediction` for what would break the editor or be dropped by Label Studio.

    Covers what Label Studio's own check lets through: coordinates that leave the image, scores that
    are no numbers, two regions with the same id and control.
    """
    seen: set[tuple[str, str]] = set()
    for region in result:
        where = f"region {region.get('id')!r} of {region.get('from_name')!r}"
        identity = (region["id"], region["from_name"])
        if identity in seen:
            raise InvalidPrediction(f"{where} appears twice")
        seen.add(identity)
        if "score" in region:
            _check_number(region["score"], 0, 1, f"{where}: score")
        match region["type"]:
            case "rectanglelabels" | "labels" | "rectangle":
                _check_rectangle(region["value"], where)
            case "choices":
                choices = region["value"]["choices"]
                if not isinstance(choices, list) or not choices:
                    raise InvalidPrediction(f"{where}: expected a list of choices, got {choices!r}")
            case unknown:
                raise InvalidPrediction(f"{where}: no check for type {unknown!r}")


def _check_rectangle(value: Mapping[str, Any], where: str) -> None:
    for key in ("x", "y", "width", "height"):
        _check_number(value[key], 0, 100, f"{where}: {key}")
    slack = 10**-PERCENT_DECIMALS
    for start, length in (("x", "width"), ("y", "height")):
        if value[start] + value[length] > 100 + slack:
            raise InvalidPrediction(f"{where}: {start} + {length} leaves the image")


def _check_number(number: object, least: float, most: float, what: str) -> None:
    if isinstance(number, bool) or not isinstance(number, int | float):
        raise InvalidPrediction(f"{what}: expected a number, got {number!r}")
    if not (math.isfinite(number) and least <= number <= most):
        raise InvalidPrediction(f"{what}: expected {least}..{most}, got {number}")
