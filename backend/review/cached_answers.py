"""What the models had found of a region that a person added, as far as their answers are still cached.

The cache keeps raw answers, down to a score far below any threshold. So it tells a thing that a threshold
hid from one that the models did not find, and asks them nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from backend.errors import Failure, InternalError
from backend.inference.output_cache import OutputCache
from backend.label_config.control_tags import ObjectTag, RegionTag
from backend.label_studio.bodies import Task
from backend.label_studio.records import TaskRow
from backend.prediction.plan import ModelRequest
from backend.prediction.predictor import Predictor
from backend.prediction.tag_values import reaches
from backend.review.annotation_review import AddedRegion
from backend.review.comparison import REPLACED_IOU
from backend.review.result_content import DrawnThing
from backend.review.tally import Found
from models.boxes import iou
from models.types import Box, BoxOutputs, Detection, Detections, ImageSize, ModelOutput

__all__ = ["CachedAnswers"]

#: Answers of one image: by tag, label and box in percent, with the label's threshold.
_Answers = list[tuple[str, Box, float, bool]]


class CachedAnswers:
    """Looks up regions of tasks. `predictor` is that of the project's label config as it is now."""

    def __init__(self, predictor: Predictor, cache: OutputCache) -> None:
        self._predictor = predictor
        self._cache = cache

    def look_up(self, task: TaskRow, added: Sequence[AddedRegion]) -> list[Found | None]:
        """One entry per region: `None` where the cache tells nothing of its image, or it has no box."""
        requests = self._predictor.requests(Task.of(task))
        if isinstance(requests, Failure):
            return [None] * len(added)
        by_place = {_place(image): request for image, (_, request) in requests.items()}
        known = {one.thing.place for one in added} & by_place.keys()
        answers = {place: self._answers(by_place[place]) for place in known}
        return [_found(one.thing, answers.get(one.thing.place)) for one in added]

    def _answers(self, request: ModelRequest) -> _Answers | None:
        """What the cache holds of the image's boxes; `None` where it lacks any of it."""
        content = self._cache.known(request.image)
        if content is None:
            return None
        asked = {step.query for step in request.steps if isinstance(step.control, RegionTag)}
        try:
            outputs = self._cache.get(content.sha256, tuple(asked))
        except InternalError:
            return None
        if not asked or outputs.keys() != asked:
            return None
        found: _Answers = []
        for step in request.steps:
            if not isinstance(step.control, RegionTag):
                continue
            for detection in _detections(outputs[step.query]):
                label, box = step.label_for(detection.phrase), _in_percent(detection, content.size)
                if label is not None and box is not None and detection.score is not None:
                    shown = reaches(detection.score, step.threshold(label))
                    found.append((label.value, box, detection.score, shown))
        return found


def _place(image: ObjectTag) -> tuple[str, int]:
    return image.name, image.item_index or 0


def _found(thing: DrawnThing, answers: _Answers | None) -> Found | None:
    box = thing.box
    if answers is None or box is None:
        return None
    there = [
        (score, shown)
        for label, found, score, shown in answers
        if label == thing.label and iou(found, box) >= REPLACED_IOU
    ]
    score, shown = max(there, default=(None, False))
    return Found(score, shown)


def _detections(output: ModelOutput) -> Iterator[Detection]:
    match output:
        case Detections():
            yield from output.items
        case BoxOutputs():
            yield from (item.detection for item in output.items)


def _in_percent(detection: Detection, size: ImageSize) -> Box | None:
    across, down, box = 100 / size.width, 100 / size.height, detection.box
    sides = (box.x_min * across, box.y_min * down, box.x_max * across, box.y_max * down)
    return Box(*sides)
