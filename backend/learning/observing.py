"""What would be predicted of an image, set against what a person submitted for it. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np

from backend.label_config.control_tags import ChoicesTag, RegionTag
from backend.learning.asking import AskedImage, embedding, fitting, place_embedding
from backend.learning.evidence import FloatArray, Observed
from backend.prediction.choices import chosen_for
from backend.prediction.places import free_places
from backend.prediction.regions import Drawn, ImageAnswers, drawn_regions
from backend.prediction.request import Answer
from backend.prediction.shown_boxes import fits_in
from backend.prediction.step import Step
from backend.review.comparison import REPLACED_IOU
from backend.review.result_content import Content, DrawnThing, content_of
from models.matching import matched
from models.queries import Query
from models.types import (
    Box,
    BoxOutputs,
    Classification,
    Detection,
    ImageSize,
    ModelOutput,
    Vector,
)

__all__ = ["in_order", "observed_in"]


def observed_in(image: AskedImage, answer: Answer) -> Iterator[tuple[str, Observed]]:
    """What is to be learned of one image, each with the name of its control tag."""
    now = content_of(image.annotation.result or ())
    outputs = dict(zip(image.request.queries, answer.outputs, strict=True))
    place = image.image.name, image.image.item_index or 0
    for step in image.request.steps:
        match step.control:
            case RegionTag() as control:
                answers = ImageAnswers((step,), outputs, answer.size)
                drawn = list(drawn_regions(step, control, answers))
                there = [
                    thing
                    for thing in now.all_things
                    if thing.control == control.name and thing.place == place and thing.box
                ]
                vectors = _vectors(outputs.get(embedding(step)))
                besides = place_embedding(step)
                places = None if besides is None else outputs.get(besides)
                fits = fits_in(outputs.get(query) for query in fitting(step))
                for one in _compared(step, drawn, there, answer, vectors, places, fits):
                    yield control.name, one
            case ChoicesTag() as control:
                said = _said(now, control, place)
                one_choice = _choice(step, control, outputs, said, answer.sha256)
                if one_choice is not None:
                    yield control.name, one_choice
            case _:
                pass


def in_order(
    images: Mapping[tuple[int, int], Iterable[tuple[str, Observed]]],
) -> dict[str, list[Observed]]:
    """What is to be learned of all images (by `AskedImage.at`), by the name of the control tag."""
    found: dict[str, list[Observed]] = {}
    for at in sorted(images):
        for tag, observed in images[at]:
            found.setdefault(tag, []).append(observed)
    return found


def _compared(
    step: Step,
    drawn: list[Drawn],
    there: list[DrawnThing],
    answer: Answer,
    vectors: Mapping[object, FloatArray],
    besides: ModelOutput | None,
    fits: Mapping[object, Box],
) -> Iterator[Observed]:
    """Each predicted region with what lies in its place: of its own label first, then of any.

    Then each place where nothing was predicted, though the model found something or a person marked it.
    """
    things = [(thing.label, _in_pixels(thing.box, answer.size)) for thing in there if thing.box]
    own = matched(
        [Detection(one.box, one.label.value, None) for one in drawn], things, least_iou=REPLACED_IOU
    )
    left = [number for number in range(len(drawn)) if number not in own]
    free = [number for number in range(len(things)) if number not in own.values()]
    any_label = matched(
        [Detection(drawn[number].box, "", None) for number in left],
        [("", things[number][1]) for number in free],
        least_iou=REPLACED_IOU,
    )
    met = own | {left[one]: free[other] for one, other in any_label.items()}
    for number, one in enumerate(drawn):
        label, box = things[met[number]] if number in met else (None, None)
        key = (one.detection.box, one.detection.phrase)
        vector, fit = vectors.get(key), fits.get(key)
        yield Observed(one.label.value, label, answer.sha256, vector, one.box, box, fit)
    rest = [thing for number, thing in enumerate(things) if number not in met.values()]
    predicted = [one.detection for one in drawn]
    yield from _in_free_places(step, predicted, rest, answer.sha256, besides, fits)


def _in_free_places(
    step: Step,
    predicted: Sequence[Detection],
    things: Sequence[tuple[str, Box]],
    sha256: str,
    besides: ModelOutput | None,
    fits: Mapping[object, Box],
) -> Iterator[Observed]:
    """What was found besides with the thing that lies there; then the things in whose place nothing was found."""
    items = besides.items if isinstance(besides, BoxOutputs) else ()
    vectors = _vectors(besides)
    places = free_places(step, predicted, (item.detection for item in items))
    any_label = [("", box) for _, box in things]
    met = matched(
        [Detection(one.box, "", None) for one in places], any_label, least_iou=REPLACED_IOU
    )
    for number, one in enumerate(places):
        label, box = things[met[number]] if number in met else (None, None)
        key = (one.box, one.phrase)
        yield Observed(None, label, sha256, vectors.get(key), one.box, box, fits.get(key))
    for number, (label, box) in enumerate(things):
        if number not in met.values():
            yield Observed(None, label, sha256, true_box=box)


def _choice(
    step: Step,
    control: ChoicesTag,
    outputs: Mapping[Query, ModelOutput],
    said: str | None,
    sha256: str,
) -> Observed | None:
    """The choice of an image; `None` where none was predicted, or the person left it open."""
    told, vector = outputs.get(step.query), outputs.get(embedding(step))
    if said is None or not isinstance(told, Classification) or not isinstance(vector, Vector):
        return None
    (predicted,) = chosen_for(step, control, told) or (None,)
    if not isinstance(predicted, str):
        return None
    return Observed(predicted, said, sha256, np.array(vector.values, np.float32))


def _said(now: Content, control: ChoicesTag, place: tuple[str, int]) -> str | None:
    name, page = place
    statement = now.statements.get((name, page, "", control.name))
    return statement.values[0] if statement is not None and len(statement.values) == 1 else None


def _vectors(output: ModelOutput | None) -> dict[object, FloatArray]:
    """The vector of each box, by box and phrase."""
    if not isinstance(output, BoxOutputs):
        return {}
    return {
        (item.detection.box, item.detection.phrase): np.array(item.output.values, np.float32)
        for item in output.items
        if isinstance(item.output, Vector)
    }


def _in_pixels(box: Box, size: ImageSize) -> Box:
    across, down = size.width / 100, size.height / 100
    return Box(box.x_min * across, box.y_min * down, box.x_max * across, box.y_max * down)
