"""Detections -> the boxes of a tag that are shown, as what was learned has them. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from backend.label_config.control_tags import Label
from backend.prediction.learned import drawn_otherwise, judged_label, place_label
from backend.prediction.places import SAME_PLACE_IOU, free_places
from backend.prediction.step import Step
from backend.prediction.tag_values import reaches
from models.boxes import iou
from models.queries import Query
from models.types import Box, BoxOutputs, Detection, Detections, ImageSize, Judgement, ModelOutput

__all__ = ["HeadSays", "ShownBox", "fits_in", "shown_boxes"]


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


@dataclass(frozen=True, slots=True)
class HeadSays:
    """What the learned head says of boxes, by box and phrase: those asked for, and those found besides.

    `fits`: what stands out in each. Of a box too small to judge nothing is said.
    """

    judged: Mapping[object, Judgement]
    places: Mapping[Detection, Judgement]
    fits: Mapping[object, Box]

    @classmethod
    def of(cls, step: Step, outputs: Mapping[Query, ModelOutput]) -> HeadSays:
        """That of a step."""
        places = {} if step.judging_places is None else _told(outputs.get(step.judging_places))
        judged = {} if step.judging is None else _told(outputs.get(step.judging))
        return cls(
            {_key(one): said for one, said in judged.items() if isinstance(said, Judgement)},
            {one: said for one, said in places.items() if isinstance(said, Judgement)},
            fits_in([outputs.get(query) for query in step.fitting]),
        )


def fits_in(outputs: Iterable[ModelOutput | None]) -> dict[object, Box]:
    """The box around what stands out in each, by box and phrase."""
    return {
        _key(one): said.items[0].box
        for output in outputs
        for one, said in _told(output).items()
        if isinstance(said, Detections) and said.items
    }


def shown_boxes(
    step: Step,
    found: Iterable[tuple[Detection, Detections | None]],
    said: HeadSays,
    size: ImageSize,
    least: float | None = None,
) -> list[ShownBox]:
    """What reaches its label's threshold (or `least`), and is wanted."""
    shown = []
    reached = []
    for detection, outlines in found:
        predicted = step.label_for(detection.phrase)
        if predicted is None:
            continue
        if not reaches(detection.score, step.threshold(predicted) if least is None else least):
            continue
        reached.append(detection)
        label, weight = judged_label(step, predicted, said.judged.get(_key(detection)))
        if label is None:
            continue
        fit = said.fits.get(_key(detection))
        box = drawn_otherwise(step, predicted, detection.box, size, fit)
        calibrated = predicted.calibrated(detection.score)
        score = None if calibrated is None else calibrated * weight
        shown.append(ShownBox(detection, outlines, box, label, score, predicted))
    shown += _in_free_places(step, reached, said, size)
    return _without_repeats(shown) if any(one.is_relabelled for one in shown) else shown


def _in_free_places(
    step: Step, predicted: Sequence[Detection], said: HeadSays, size: ImageSize
) -> Iterator[ShownBox]:
    """What the learned head names where nothing was predicted."""
    for detection in free_places(step, predicted, said.places):
        label, share = place_label(step, said.places[detection])
        if label is not None:
            box = drawn_otherwise(step, label, detection.box, size, said.fits.get(_key(detection)))
            score = None if detection.score is None else detection.score * share
            yield ShownBox(detection, None, box, label, score, None)


def _key(detection: Detection) -> object:
    return detection.box, detection.phrase


def _told(output: ModelOutput | None) -> dict[Detection, ModelOutput]:
    """What was said of each box."""
    items = output.items if isinstance(output, BoxOutputs) else ()
    return {item.detection: item.output for item in items}


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
