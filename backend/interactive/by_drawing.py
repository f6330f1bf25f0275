"""Suggestions for what was drawn, painted or pointed at.

The task's own prediction comes first. Opening the task asked for it, so it is mostly there, and says
what the image holds; only what is new about one region is asked of the models then.
"""

from __future__ import annotations

from collections.abc import Sequence

from backend.errors import BadRequest, InternalError
from backend.interactive.filling import Filling, large_enough
from backend.interactive.gesture import Gesture
from backend.interactive.meant import Meant, best_label, meant_by
from backend.interactive.scene import Scene
from backend.interactive.targets import labels_of_tags, narrowed, tags_for
from backend.label_studio.bodies import Region
from backend.prediction.regions import regions_for_image
from backend.prediction.step import Step
from models.queries import Classify, InBox, Query
from models.types import Classification, ModelOutput, Texts

__all__ = ["regions_by_drawing"]


def regions_by_drawing(scene: Scene, gesture: Gesture) -> list[Region]:
    """The regions of the thing that a gesture means; none where nothing is there.

    Raises `BadRequest` for what cannot be drawn or named, `NotDone` without an answer in time.
    """
    tags = tags_for(scene.steps, gesture)
    if not tags:
        return []
    answer = scene.predicted()
    queries = scene.prediction.queries
    known: dict[Query, ModelOutput] = dict(zip(queries, answer.outputs, strict=True))
    meant = meant_by(gesture, tags, known, answer.size)
    if meant is None:
        return []
    if meant.label is None:
        meant = _named(scene, meant, tags)
    elif not meant.detection.phrase:
        meant = _read(scene, meant, tags[0].boxes.model)
    steps = narrowed(tags, scene.steps, meant.label_value, meant.detection.phrase)
    filling = Filling(steps, meant.detection, known, meant.outline)
    questions = filling.questions()
    told: dict[Query, ModelOutput] = {}
    if questions:
        told.update(zip(questions, scene.ask(questions).outputs, strict=True))
    return regions_for_image(filling.answers(told, answer.size))


def _named(scene: Scene, meant: Meant, tags: Sequence[Step]) -> Meant:
    """With the label that CLIP gives the crop, where there are several."""
    labels = labels_of_tags(tags)
    if len(labels) == 1:
        return meant.called(labels[0])
    phrases = dict.fromkeys(phrase for label in labels for phrase in label.phrases)
    query = InBox(meant.detection.box, Classify(tuple(phrases)))
    reason = scene.refuses(query)
    if reason is None and not large_enough(meant.detection.box):
        reason = "the region is too small to be judged"
    if reason is not None:
        raise BadRequest(f"expected a label to be chosen before drawing, got none, and {reason}")
    (told,) = scene.ask((query,)).outputs
    if not isinstance(told, Classification):
        raise InternalError(f"expected a classification, got a {type(told).__name__}")
    return meant.called(best_label(labels, told))


def _read(scene: Scene, meant: Meant, model: str | None) -> Meant:
    """With the text that the tag's Florence-2 reads in the box, in a tag for printed text."""
    query = InBox(meant.detection.box, "text", model=model)
    if scene.refuses(query) is not None:
        return meant
    (told,) = scene.ask((query,)).outputs
    if not isinstance(told, Texts):
        raise InternalError(f"expected a text, got a {type(told).__name__}")
    return meant.reading(" ".join(" ".join(told.texts).split()))
