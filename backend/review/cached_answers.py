"""What the models had found of a region that a person added, as far as their answers are still cached.

The cache keeps raw answers, down to a score far below any threshold. So it tells a thing that a threshold
hid from one that the models did not find, and asks them nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

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

__all__ = ["CachedAnswers", "CachedBox", "Tidy"]

#: An image of a task: its tag, and the page.
Place: TypeAlias = tuple[str, int]
#: Clears an image's detections of repeats, as the runtime does before regions are made of them.
Tidy: TypeAlias = Callable[[Sequence[Detection], ImageSize], Sequence[Detection]]


@dataclass(frozen=True, slots=True)
class CachedBox:
    """What a tag's label had found: `box` in percent, the raw score; `shown`: it reaches the label's threshold.

    `may_be_left_out`: a learned head leaves some boxes of this label out, whatever their score.
    """

    control: str
    label: str
    phrase: str
    box: Box
    score: float
    shown: bool
    may_be_left_out: bool = False


class CachedAnswers:
    """Looks up regions of tasks. `predictor` is that of the project's label config as it is now.

    Without `tidy` answers are as the models gave them, the same thing perhaps several times.
    """

    def __init__(self, predictor: Predictor, cache: OutputCache, tidy: Tidy | None = None) -> None:
        self._predictor = predictor
        self._cache = cache
        self._tidy = tidy or (lambda detections, size: detections)

    def look_up(self, task: TaskRow, added: Sequence[AddedRegion]) -> list[Found | None]:
        """One entry per region: `None` where the cache tells nothing of its image, or it has no box."""
        answers = self.boxes(task, {one.thing.place for one in added})
        return [_found(one.thing, answers.get(one.thing.place)) for one in added]

    def boxes(
        self, task: TaskRow, places: Collection[Place] | None = None
    ) -> Mapping[Place, Sequence[CachedBox] | None]:
        """The boxes of each image, or of those at `places`; `None` where the cache lacks any of them."""
        requests = self._predictor.requests(Task.of(task))
        if isinstance(requests, Failure):
            return {}
        by_place = {_place(image): request for image, (_, request) in requests.items()}
        return {
            place: self._answers(request)
            for place, request in by_place.items()
            if places is None or place in places
        }

    def _answers(self, request: ModelRequest) -> list[CachedBox] | None:
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
        found: list[CachedBox] = []
        for step in request.steps:
            if not isinstance(step.control, RegionTag):
                continue
            for detection in self._detections(outputs[step.query], content.size):
                label, box = step.label_for(detection.phrase), _in_percent(detection, content.size)
                if label is not None and box is not None and detection.score is not None:
                    shown = reaches(detection.score, step.threshold(label))
                    unwanted = step.learned.rules.unwanted if step.learned is not None else ()
                    found.append(
                        CachedBox(
                            step.control.name,
                            label.value,
                            detection.phrase,
                            box,
                            detection.score,
                            shown,
                            label.value in dict(unwanted),
                        )
                    )
        return found

    def _detections(self, output: ModelOutput, size: ImageSize) -> Sequence[Detection]:
        match output:
            case Detections():
                return self._tidy(output.items, size)
            case BoxOutputs():
                return [item.detection for item in output.items]
        return ()


def _place(image: ObjectTag) -> Place:
    return image.name, image.item_index or 0


def _found(thing: DrawnThing, answers: Sequence[CachedBox] | None) -> Found | None:
    box = thing.box
    if answers is None or box is None:
        return None
    there = [
        (one.score, one.shown)
        for one in answers
        if one.label == thing.label and iou(one.box, box) >= REPLACED_IOU
    ]
    score, shown = max(there, default=(None, False))
    return Found(score, shown)


def _in_percent(detection: Detection, size: ImageSize) -> Box | None:
    across, down, box = 100 / size.width, 100 / size.height, detection.box
    sides = (box.x_min * across, box.y_min * down, box.x_max * across, box.y_max * down)
    return Box(*sides)
