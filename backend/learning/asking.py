"""Reviewed tasks -> what would be predicted now, and the vectors of that, asked of the workers.

Nothing is taken from the predictions that people began from: these may be of another label config, another
model, or of what was learned before. The workers' cache holds most answers.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from backend.delivery.pipeline import TICK_S, WindowLike
from backend.errors import Failure
from backend.label_config.control_tags import ObjectTag, RegionTag
from backend.label_studio.bodies import Task
from backend.label_studio.records import AnnotationRow, TaskRow
from backend.learning.evidence import FloatArray
from backend.learning.phrase_vectors import mean_vector, phrase_vectors
from backend.prediction.learned import can_learn
from backend.prediction.plan import ModelRequest
from backend.prediction.predictor import Predictor
from backend.prediction.request import Outcome, request_id
from backend.prediction.step import Step
from models.queries import Contour, Embed, PerBox, Query

__all__ = [
    "AskedImage",
    "answered",
    "embedding",
    "fitting",
    "images_of",
    "label_texts",
    "learnable",
    "place_embedding",
]

#: Images under way at once: an answer with vectors may take some hundred kB.
IN_FLIGHT = 200


@dataclass(frozen=True, slots=True)
class AskedImage:
    """An image of a reviewed task, and what is asked of it.

    `at` is its place among all, by task and image: answers come in any order, and what is learned of them must not
    depend on that.
    """

    at: tuple[int, int]
    annotation: AnnotationRow
    image: ObjectTag
    request: ModelRequest


def learnable(predictor: Predictor) -> list[Step]:
    """The steps of which something may be learned, one for each control tag, of however many images it is."""
    steps = (step for step in predictor.plan.steps if can_learn(step.control) is None)
    return list({step.control.name: step for step in steps}.values())


def embedding(step: Step) -> Query:
    """What gives the vectors of a step: of each box that is shown, or of the image."""
    if not isinstance(step.control, RegionTag):
        return Embed()
    least = min(step.threshold(label) for label in step.control.labels)
    return PerBox(step.boxes, Embed(), least_score=least)


def place_embedding(step: Step) -> PerBox | None:
    """What gives the vectors of what is found besides; `None` where nothing is looked for by itself."""
    if step.places is None:
        return None
    least = min(step.threshold(label) for label in step.control.labels)
    return PerBox(step.places, Embed(), least_score=least)


def fitting(step: Step) -> tuple[PerBox, ...]:
    """What draws boxes around what stands out in them, those found besides too; nothing for other shapes."""
    if step.places is None:
        return ()
    return PerBox(step.boxes, Contour()), PerBox(step.places, Contour())


def images_of(
    task: TaskRow, annotation: AnnotationRow, predictor: Predictor
) -> list[AskedImage] | Failure:
    """What to ask about a reviewed task; why it cannot be asked, where that is so."""
    requests = predictor.requests(Task.of(task))
    if isinstance(requests, Failure):
        return requests
    asked = []
    for number, (image, (_, request)) in enumerate(requests.items()):
        steps = tuple(step for step in request.steps if can_learn(step.control) is None)
        queries = [
            query
            for step in steps
            for query in (*step.queries, embedding(step), *_besides(step, predictor))
        ]
        if queries:
            wanted = ModelRequest(request.image, tuple(dict.fromkeys(queries)), steps)
            asked.append(AskedImage((task.id, number), annotation, image, wanted))
    return asked


def _besides(step: Step, predictor: Predictor) -> tuple[Query, ...]:
    """What finds things besides, their vectors, and what stands out in boxes; as far as models are loaded for it."""
    vectors = place_embedding(step)
    if vectors is None:
        return ()
    asked = (vectors.boxes, vectors, *fitting(step))
    return tuple(one for one in asked if predictor.settings.engine.refuses(one) is None)


def answered(
    images: Iterable[AskedImage], window: WindowLike, fingerprint: str
) -> Iterator[tuple[AskedImage, Outcome] | None]:
    """Each image with its outcome, in any order; `None` now and then while it waits."""
    source, exhausted = iter(images), False
    waiting: dict[str, list[AskedImage]] = {}
    while not exhausted or waiting:
        while not exhausted and len(waiting) < IN_FLIGHT:
            image = next(source, None)
            if image is None:
                exhausted = True
            else:
                job = request_id(image.request, fingerprint)
                waiting.setdefault(job, []).append(image)
                window.add({job: image.request})
        yield None
        for job, outcome in window.collect(TICK_S).items():
            for image in waiting.pop(job, ()):
                yield image, outcome


def label_texts(
    steps: Sequence[Step], predictor: Predictor, window: WindowLike
) -> dict[str, FloatArray]:
    """A vector of length 1 for each label of each control tag, shape (labels, width), by the tag's name.

    Raises `BadRequest` where a phrase cannot be read.
    """
    phrases = {
        phrase for step in steps for label in step.control.labels for phrase in label.phrases
    }
    of_phrase = phrase_vectors(sorted(phrases), predictor.settings.engine, window)
    return {
        step.control.name: np.stack(
            [
                mean_vector([of_phrase[phrase] for phrase in label.phrases])
                for label in step.control.labels
            ]
        )
        for step in steps
    }
