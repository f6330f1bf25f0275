"""Suggestions by example: what else in the image looks like a box that somebody drew or accepted.

Words fail where a model lacks the name of a thing. So the places that it would box under any name are compared
with the example by CLIP's vectors of their crops:

examples -> places -> vectors of both -> those more alike than not, the most alike first -> regions

A cosine says nothing by itself, for each model has its own scale. So a place counts that is more than half way
from how like the whole image is to the example, to the example itself (1).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from backend.errors import BadRequest, InternalError
from backend.interactive.filling import SMALLEST_SIDE_PX, Filling, large_enough
from backend.interactive.gesture import Gesture
from backend.interactive.scene import Scene
from backend.interactive.targets import labels_of_tags, narrowed, tags_to_search
from backend.interactive.typed import Prompt, label_called
from backend.label_config.control_tags import Label
from backend.label_studio.bodies import Region
from backend.prediction.read_regions import ReadRegion
from backend.prediction.region_shapes import KeyPoint
from backend.prediction.regions import regions_for_image
from backend.prediction.shape_pixels import box_of
from backend.prediction.step import Step
from models.boxes import iou
from models.queries import LEAST_BOX_SCORE, MAX_BOXES, Detect, Embed, InBox, ProposeRegions, Query
from models.types import Box, Detection, Detections, ImageSize, ModelOutput, Vector

__all__ = ["Alike", "example_of", "label_by_example", "regions_alike"]

#: Two boxes that overlap by more than this are one place.
SAME_PLACE_IOU = 0.5


@dataclass(frozen=True, slots=True)
class Alike:
    """What was found for a label, the most alike first; `examples` is how many boxes it was compared with."""

    label: str
    examples: int
    regions: list[Region]


def example_of(
    scene: Scene, gesture: Gesture, prompt: Prompt, there: Sequence[ReadRegion]
) -> tuple[Label, list[ReadRegion]]:
    """The label that "more like this" is about, and the regions that are its examples: `there` on the same image.

    The label is the one that was named, else that of the last region a person drew or changed; its examples are
    those of people, else all that are there. Raises `BadRequest` where none is.
    """
    labels = labels_of_tags(tags_to_search(scene.steps, gesture.to_name))
    named = None if prompt.label is None else label_called(prompt, labels, scene.config.aliases)
    values = {named.value} if named is not None else {label.value for label in labels}
    drawn = [
        one
        for one in there
        if (one.to_name, one.page) == (gesture.to_name, gesture.page)
        and one.is_drawn
        and not isinstance(one.shape, KeyPoint)
        and not values.isdisjoint(one.labels)
    ]
    by_people = [one for one in drawn if one.origin != "prediction"]
    if not drawn or (named is None and not by_people):
        what = f"a box of {named.value}" if named is not None else "a box"
        raise BadRequest(
            f"expected {what} on this image to find more of, got none that is stored yet: draw one, or accept one, "
            "and ask again in a few seconds"
        )
    found = named or next(
        label for label in labels if label.value in (by_people or drawn)[-1].labels
    )
    return found, [one for one in by_people or drawn if found.value in one.labels]


def label_by_example(scene: Scene, gesture: Gesture) -> Label | None:
    """The label of something drawn that is filled by example (`model_task="like"`); `None` for another."""
    tags = tags_to_search(scene.steps, gesture.to_name)
    wanted = {
        value
        for name, value in scene.config.by_example
        if name == gesture.from_name and value in gesture.labels
    }
    return next((label for label in labels_of_tags(tags) if label.value in wanted), None)


def regions_alike(
    scene: Scene, gesture: Gesture, label: Label, examples: Sequence[ReadRegion]
) -> Alike:
    """What else of the image looks like these regions, in every tag that has the label.

    Raises `BadRequest` where no loaded model can tell, `NotDone` without an answer in time.
    """
    tags = tags_to_search(scene.steps, gesture.to_name)
    reason = scene.refuses(Embed())
    if reason is not None:
        raise BadRequest(f"cannot look for more like this: {reason}")
    known, size, found = _places(scene, tags)
    shown = [box_of(one.shape, size) for one in examples if one.shape is not None]
    shown = [box for box in shown if large_enough(box)]
    if not shown:
        raise BadRequest(
            f"expected an example of at least {SMALLEST_SIDE_PX} pixels on its longer side, got a smaller one"
        )
    places = [place for place in found if all(iou(place, box) < SAME_PLACE_IOU for box in shown)]
    hits = _alike(scene, shown, places[:MAX_BOXES])
    return Alike(label.value, len(shown), _regions(scene, tags, label, hits, known, size))


def _places(
    scene: Scene, tags: Sequence[Step]
) -> tuple[dict[Query, ModelOutput], ImageSize, list[Box]]:
    """What is known of the image, its size, and each place that a model would box under any name, once."""
    predicted = scene.predicted()
    known = dict(zip(scene.prediction.queries, predicted.outputs, strict=True))
    model = tags[0].boxes.model
    ways: tuple[Query, ...] = (ProposeRegions(model=model), Detect(model=model))
    way = next((query for query in ways if scene.refuses(query) is None), None)
    outputs = [output for query, output in known.items() if query in {tag.boxes for tag in tags}]
    if way is not None:
        outputs += scene.ask((way,)).outputs
    boxes = [
        detection
        for output in outputs
        if isinstance(output, Detections)
        for detection in output.items
        if detection.score is None or detection.score >= LEAST_BOX_SCORE
    ]
    boxes.sort(key=lambda one: -1.0 if one.score is None else one.score, reverse=True)
    return known, predicted.size, list(_once(one.box for one in boxes if large_enough(one.box)))


def _once(boxes: Iterable[Box]) -> Iterator[Box]:
    """The boxes without those that are at the place of one before."""
    kept: list[Box] = []
    for box in boxes:
        if all(iou(box, other) < SAME_PLACE_IOU for other in kept):
            kept.append(box)
            yield box


def _alike(scene: Scene, examples: Sequence[Box], places: Sequence[Box]) -> list[Box]:
    """The places that count, the most alike first."""
    if not places:
        return []
    queries: tuple[Query, ...] = (
        Embed(),
        *(InBox(box, Embed()) for box in dict.fromkeys((*examples, *places))),
    )
    vectors = {
        query: _values(output)
        for query, output in zip(queries, scene.ask(queries).outputs, strict=True)
    }
    whole = vectors[Embed()]
    sought = [vectors[InBox(box, Embed())] for box in examples]
    likeness = {
        place: max(
            _share(_dot(example, vectors[InBox(place, Embed())]), _dot(example, whole))
            for example in sought
        )
        for place in places
    }
    return sorted((box for box in places if likeness[box] > 0.5), key=lambda box: -likeness[box])


def _share(cosine: float, of_whole: float) -> float:
    """How far a cosine is from that of the whole image (0) to that of the example itself (1).

    >>> round(_share(0.8, 0.6), 6)
    0.5
    """
    return (cosine - of_whole) / max(1.0 - of_whole, 1e-6)


def _regions(
    scene: Scene,
    tags: Sequence[Step],
    label: Label,
    hits: Sequence[Box],
    known: Mapping[Query, ModelOutput],
    size: ImageSize,
) -> list[Region]:
    """The regions of all hits. Nobody measured how sure they are, so they have no score."""
    phrase = label.phrases[0]
    steps = narrowed(tags, scene.steps, label.value, phrase)
    fillings = [Filling(steps, Detection(box, phrase, None), known) for box in hits]
    questions = tuple(dict.fromkeys(one for filling in fillings for one in filling.questions()))
    told: dict[Query, ModelOutput] = {}
    if questions:
        told.update(zip(questions, scene.ask(questions).outputs, strict=True))
    found = [
        region for filling in fillings for region in regions_for_image(filling.answers(told, size))
    ]
    return [{**region, "meta": {"text": [f"like {label.value}"]}} for region in found]


def _values(output: ModelOutput) -> tuple[float, ...]:
    if not isinstance(output, Vector):
        raise InternalError(f"expected a vector, got a {type(output).__name__}")
    return output.values


def _dot(one: Sequence[float], other: Sequence[float]) -> float:
    return sum(a * b for a, b in zip(one, other, strict=True))
