"""Detections -> the boxes of a tag that are shown, as what was learned has them. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from backend.label_config.control_tags import Label
from backend.prediction.learned import drawn_otherwise, judged_label, place_label
from backend.prediction.places import SAME_PLACE_IOU, free_places
from backend.prediction.step import Step
from backend.prediction.tag_values import reaches
from models.boxes import iou
from models.types import Box, BoxOutputs, Detection, Detections, ImageSize, Judgement, ModelOutput

__all__ = ["ShownBox", "shown_boxes"]


@dataclass(frozen=True, slots=True)
class ShownBox:
    """`detection` and its outlines are as the models found them; box, label and score as they are shown."""

    detection: Detection
    outlines: Detections | None
    box: Box
    label: Label
    score: float | None
    #: `None`: nothing was predicted in its place.
    predicted: Label | None

    @property
    def is_relabelled(self) -> bool:
        """Whether it is called otherwise than was predicted."""
        return self.label != self.predicted


def shown_boxes(
    step: Step,
    found: Iterable[tuple[Detection, Detections | None]],
    judgements: ModelOutput | None,
    size: ImageSize,
    least: float | None = None,
    places: ModelOutput | None = None,
) -> list[ShownBox]:
    """What reaches its label's threshold (or `least`), and is wanted.

    `judgements`: what the learned head says of the boxes; of a box too small to judge nothing. `places`: what it
    says of what was found besides.
    """
    judged = _by_box(judgements)
    shown = []
    reached = []
    for detection, outlines in found:
        predicted = step.label_for(detection.phrase)
        if predicted is None:
            continue
        if not reaches(detection.score, step.threshold(predicted) if least is None else least):
            continue
        reached.append(detection)
        judgement = judged.get((detection.box, detection.phrase))
        label, weight = judged_label(step, predicted, judgement)
        if label is None:
            continue
        box = drawn_otherwise(step, predicted, detection.box, size)
        calibrated = predicted.calibrated(detection.score)
        score = None if calibrated is None else calibrated * weight
        shown.append(ShownBox(detection, outlines, box, label, score, predicted))
    shown += _in_free_places(step, reached, places, size)
    return _without_repeats(shown) if any(one.is_relabelled for one in shown) else shown


def _in_free_places(
    step: Step, predicted: Sequence[Detection], output: ModelOutput | None, size: ImageSize
) -> Iterator[ShownBox]:
    """What the learned head names where nothing was predicted."""
    judged = _by_box(output)
    found = (
        {item.detection: None for item in output.items} if isinstance(output, BoxOutputs) else {}
    )
    for detection in free_places(step, predicted, found):
        judgement = judged.get((detection.box, detection.phrase))
        label, share = place_label(step, judgement)
        if label is not None:
            box = drawn_otherwise(step, label, detection.box, size)
            score = None if detection.score is None else detection.score * share
            yield ShownBox(detection, None, box, label, score, None)


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
    return iou(one.box, other.box) >= SAME_PLACE_IOU
