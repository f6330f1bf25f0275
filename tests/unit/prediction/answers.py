"""Label configs with answers made by hand."""

from __future__ import annotations

from collections.abc import Mapping

from backend.prediction.engine import engine_for
from backend.prediction.plan import Step, plan_label_config
from backend.prediction.regions import ImageAnswers
from models.queries import Query
from models.types import Box, Detection, Detections, ImageSize, ModelOutput, Point

SIZE = ImageSize(640, 480)
MIDDLE = Box(64, 48, 320, 240)
#: Models that answer everything; nothing of them is loaded.
ENGINE = engine_for("florence-2-base,clip-vit-b-32")


def steps_for(tags: str) -> tuple[Step, ...]:
    xml = f'<View><Image name="img" value="$image"/>{tags}</View>'
    return plan_label_config(xml, 0.3, ENGINE).steps


def answered(tags: str, *outputs: ModelOutput, size: ImageSize = SIZE) -> ImageAnswers:
    """The outputs of the plan's queries, in their order."""
    steps = steps_for(tags)
    queries = dict.fromkeys(query for step in steps for query in step.queries)
    return ImageAnswers(steps, dict(zip(queries, outputs, strict=True)), size)


def answered_by(steps: tuple[Step, ...], outputs: Mapping[Query, ModelOutput]) -> ImageAnswers:
    return ImageAnswers(steps, outputs, SIZE)


def found(phrase: str, score: float | None, box: Box = MIDDLE) -> Detection:
    return Detection(box, phrase, score)


def outline(*points: Point) -> Detections:
    xs, ys = [x for x, _ in points], [y for _, y in points]
    box = Box(min(xs), min(ys), max(xs), max(ys))
    return Detections((Detection(box, "", 0.5, polygon=points),))
