"""Detections -> the boxes of a tag that are shown, as what was learned has them. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from backend.label_config.control_tags import Label
from backend.prediction.learned import drawn_otherwise, judged_label
from backend.prediction.step import Step
from backend.prediction.tag_values import reaches
from models.boxes import iou
from models.types import Box, BoxOutputs, Detection, Detections, ImageSize, Judgement, ModelOutput

__all__ = ["ShownBox", "shown_boxes"]

#: Boxes of one label that overlap as much are one thing, as two of one phrase are (`models.postprocess.CleanRules`).
_REPEATED_IOU = 0.5


@dataclass(frozen=True, slots=True)
class ShownBox:
    """`detection` and its outlines are as the models found them; box, label and score as they are shown."""

    detection: Detection
    outlines: Detections | None
    box: Box
    label: Label
    score: float | None
    is_relabelled: bool = False


def shown_boxes(
    step: Step,
    found: Iterable[tuple[Detection, Detections | None]],
    judgements: ModelOutput | None,
    size: ImageSize,
    least: float | None = None,
) -> list[ShownBox]:
    """What reaches its label's threshold (or `least`), and is wanted.

    `judgements`: what the learned head says of the boxes; of a box too small to judge nothing.
    """
    judged = _by_box(judgements)
    shown = []
    for detection, outlines in found:
        predicted = step.label_for(detection.phrase)
        if predicted is None:
            continue
        if not reaches(detection.score, step.threshold(predicted) if least is None else least):
            continue
        judgement = judged.get((detection.box, detection.phrase))
        label, weight = judged_label(step, predicted, judgement)
        if label is None:
            continue
        box = drawn_otherwise(step, predicted, detection.box, size)
        calibrated = predicted.calibrated(detection.score)
        score = None if calibrated is None else calibrated * weight
        shown.append(ShownBox(detection, outlines, box, label, score, label != predicted))
    return _without_repeats(shown) if any(one.is_relabelled for one in shown) else shown


def _by_box(output: ModelOutput | None) -> dict[object, Judgement]:
    if not isinstance(output, BoxOutputs):
        return {}
    return {
        (item.detection.box, item.detection.phrase): item.output
        for item in output.items
        if isinstance(item.output, Judgement)
    }


def _without_repeats(shown: Sequence[ShownBox]) -> list[ShownBox]:
    """Of boxes that came to one label in one place the surest; the models' own stay as they are."""

    def sureness(number: int) -> tuple[float, bool]:
        one = shown[number]
        return (-1.0 if one.score is None else one.score, not one.is_relabelled)

    kept: list[int] = []
    for number in sorted(range(len(shown)), key=sureness, reverse=True):
        if not any(_is_repeat(shown[number], shown[other]) for other in kept):
            kept.append(number)
    return [shown[number] for number in sorted(kept)]


def _is_repeat(one: ShownBox, other: ShownBox) -> bool:
    if one.label != other.label or not (one.is_relabelled or other.is_relabelled):
        return False
    return iou(one.box, other.box) >= _REPEATED_IOU
