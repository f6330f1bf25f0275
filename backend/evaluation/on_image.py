"""What is there of one label on one image, and what was found of it. Pure.

Whatever is said of a label's boxes is computed from a sequence of these, one per image.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TypeVar

from backend.evaluation.labelled import TrueBox
from backend.evaluation.run import AnsweredItem
from backend.label_config.control_tags import ChoicesTag, RegionTag, TaxonomyTag
from backend.prediction.choices import chosen_for
from backend.prediction.region_shapes import shape_of
from backend.prediction.regions import ImageAnswers, drawn_regions
from backend.prediction.shape_pixels import box_of
from backend.prediction.step import Step
from models.matching import Ignored, judged
from models.measures import Counts, count_boxes
from models.types import Box, Classification, Detection, ImageSize

Labelled = TypeVar("Labelled", bound=RegionTag | ChoicesTag | TaxonomyTag)

__all__ = ["LabelKey", "OnImage", "Ticked", "boxes_on", "in_pixels", "ticked_on"]


@dataclass(frozen=True, slots=True)
class LabelKey:
    """A label of a control tag."""

    control: str
    label: str


@dataclass(frozen=True, slots=True)
class OnImage:
    """`found` goes down to a low score; their phrase is the label. `threshold` is what is shown from on."""

    image: str
    key: LabelKey
    found: tuple[Detection, ...]
    truth: tuple[Box, ...]
    ignored: tuple[Ignored, ...]
    threshold: float

    @property
    def things(self) -> list[tuple[str, Box]]:
        """The true boxes as the matcher takes them."""
        return [(self.key.label, box) for box in self.truth]

    @property
    def says_absent(self) -> bool:
        """Whether nothing of the label is there, as far as people said."""
        return not self.truth and not self.ignored

    def shown(self, threshold: float | None = None) -> list[Detection]:
        """What reaches a threshold, or its own."""
        least = self.threshold if threshold is None else threshold
        return [one for one in self.found if (one.score or 0.0) >= least]

    def counts(self, least_iou: float, threshold: float | None = None) -> Counts:
        """How right that is."""
        if not self.found:
            return Counts(0, 0, len(self.truth))
        return count_boxes(self.shown(threshold), self.things, self.ignored, least_iou=least_iou)

    def scored(self) -> Iterator[tuple[float, bool]]:
        """The score of each box found, and whether it is right (IoU 0.5); ignored ones are left out."""
        verdicts = judged(self.found, self.things, self.ignored, least_iou=0.5)
        for one, verdict in zip(self.found, verdicts, strict=True):
            if verdict is not None:
                yield one.score or 0.0, verdict


@dataclass(frozen=True, slots=True)
class Ticked:
    """A tag for choices on one image: the score of each choice, and what people ticked.

    Of one of many `scores` has the best one only, below whose threshold nothing is ticked.
    """

    image: str
    control: str
    multiple: bool
    scores: Mapping[str, float]
    thresholds: Mapping[str, float]
    truth: frozenset[str]

    def shown(self, thresholds: Mapping[str, float] | None = None) -> frozenset[str]:
        """What is ticked at these thresholds, or at its own."""
        least = thresholds or self.thresholds
        return frozenset(
            name for name, score in self.scores.items() if score >= least.get(name, 0.0)
        )


def boxes_on(answered: AnsweredItem, way: int) -> Iterator[OnImage]:
    """What is there and what was found, for every label of every tag for regions."""
    request = answered.item.request
    for step in request.steps if request is not None else ():
        if not isinstance(step.control, RegionTag):
            continue
        found = _found(step, step.control, answered, way)
        for label in {label.value: label for label in step.control.labels}.values():
            key = LabelKey(step.control.name, label.value)
            there = [
                box
                for box in answered.item.truth.boxes
                if (box.control, box.label) == (key.control, key.label)
            ]
            yield OnImage(
                answered.item.key,
                key,
                tuple(one for one in found if one.phrase == label.value),
                tuple(in_pixels(one.box, answered.size) for one in there if not one.ignored),
                tuple(_ignored(one, answered.size) for one in there if one.ignored),
                step.threshold(label),
            )


def ticked_on(answered: AnsweredItem, way: int) -> Iterator[Ticked]:
    """What people ticked and what the models say, for every tag for choices that people answered.

    A tag for one of many that they left alone is left out; one for several then has none.
    """
    request = answered.item.request
    for step in request.steps if request is not None else ():
        control, output = step.control, answered.outputs[way].get(step.query)
        if not isinstance(control, ChoicesTag | TaxonomyTag) or not isinstance(
            output, Classification
        ):
            continue
        multiple = isinstance(control, ChoicesTag) and control.multiple
        truth = answered.item.truth.tags.get(control.name)
        if truth is None and not multiple:
            continue
        chosen = chosen_for(_open(step), _opened(control), output)
        yield Ticked(
            answered.item.key,
            control.name,
            multiple,
            {_name(value): score for value, score in chosen.items()},
            {_name(one.path or one.value): step.threshold(one) for one in control.labels},
            truth or frozenset(),
        )


def in_pixels(box: Box, size: ImageSize) -> Box:
    """A box in fractions of an image's sides, in its pixels."""
    return Box(
        box.x_min * size.width,
        box.y_min * size.height,
        box.x_max * size.width,
        box.y_max * size.height,
    )


def _found(step: Step, control: RegionTag, answered: AnsweredItem, way: int) -> list[Detection]:
    """All that would be drawn if no threshold held: the boxes around what is drawn, by their labels."""
    open_step, open_control = _open(step), _opened(control)
    answers = ImageAnswers((open_step,), answered.outputs[way], answered.size)
    found = []
    for drawn in drawn_regions(open_step, open_control, answers):
        box: Box | None = drawn.box
        if control.shape.is_outline:
            sides = {"original_width": answered.size.width, "original_height": answered.size.height}
            shape = shape_of({"value": drawn.geometry, **sides})
            box = None if shape is None else box_of(shape, answered.size)
        if box is not None:
            label = drawn.label.value
            # The score stays the raw one: thresholds are about it.
            found.append(replace(drawn.detection, box=box, phrase=label))
    return found


def _ignored(one: TrueBox, size: ImageSize) -> Ignored:
    return Ignored(one.label, in_pixels(one.box, size), one.crowd)


def _open(step: Step) -> Step:
    """The step without any threshold."""
    control = step.control
    if isinstance(control, RegionTag | ChoicesTag | TaxonomyTag):
        control = _opened(control)
    return replace(step, control=control, default_threshold=0.0)


def _opened(control: Labelled) -> Labelled:
    labels = tuple(
        replace(label, score_threshold=None, calibration=None) for label in control.labels
    )
    return replace(control, labels=labels, score_threshold=None)


def _name(value: str | tuple[str, ...]) -> str:
    return value if isinstance(value, str) else " > ".join(value)
