"""Answers and what people said -> every figure, and the images that went worst. Pure but for AP."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from backend.bulk.tally import Tally
from backend.errors import Failure, TaskError
from backend.evaluation.average_precision import average_precisions
from backend.evaluation.box_figures import AllBoxes, BoxFigures, all_boxes, box_figures, by_image
from backend.evaluation.on_image import LabelKey, OnImage, Ticked, boxes_on, ticked_on
from backend.evaluation.run import AnsweredItem
from backend.evaluation.tag_figures import TagFigures, tag_figures
from models.measures import Counts

__all__ = ["Evaluated", "Seen", "evaluated", "seen_in"]


@dataclass(frozen=True, slots=True)
class Seen:
    """What one way of asking found on all images that could be looked at."""

    images: tuple[str, ...]
    boxes: Mapping[LabelKey, Sequence[OnImage]]
    ticked: Mapping[str, Sequence[Ticked]]
    #: Of one image, encoding it included.
    seconds: float
    #: Where the models ran, in words.
    device: str

    @property
    def every_box(self) -> list[OnImage]:
        """All labels of all images."""
        return [one for some in self.boxes.values() for one in some]

    def counts(self, threshold: float | None = None) -> list[Counts]:
        """The counts of each image, in the order of `images`; 0 where it has no box at all."""
        found = by_image(self.every_box, threshold)
        return [found.get(image, Counts()) for image in self.images]


@dataclass(frozen=True, slots=True)
class Evaluated:
    """The figures of one way of asking."""

    seen: Seen
    labels: tuple[BoxFigures, ...]
    #: `None` where no tag for regions is measured.
    all_labels: AllBoxes | None
    tags: tuple[TagFigures, ...]


def seen_in(answers: Iterable[AnsweredItem], ways: int, tally: Tally) -> list[Seen]:
    """What each way found. An image that is not the one annotated is counted in `tally`, and left out."""
    images: list[str] = []
    boxes: list[defaultdict[LabelKey, list[OnImage]]] = [defaultdict(list) for _ in range(ways)]
    ticked: list[defaultdict[str, list[Ticked]]] = [defaultdict(list) for _ in range(ways)]
    seconds: list[list[float]] = [[] for _ in range(ways)]
    encoding: list[float] = []
    device = ""
    for answered in answers:
        try:
            answered.item.truth.check(answered.size)
        except TaskError as error:
            tally.fail(answered.item.key, Failure.of(error))
            continue
        images.append(answered.item.key)
        device = answered.device
        if answered.encoding_s is not None:
            encoding.append(answered.encoding_s)
        for way in range(ways):
            seconds[way].append(answered.seconds[way])
            for one in boxes_on(answered, way):
                boxes[way][one.key].append(one)
            for tag in ticked_on(answered, way):
                ticked[way][tag.control].append(tag)
    return [
        Seen(
            tuple(images),
            boxes[way],
            ticked[way],
            # Later ways found the image encoded by the first.
            _mean(seconds[way]) + (_mean(encoding) if way else 0.0),
            device,
        )
        for way in range(ways)
    ]


def evaluated(seen: Seen) -> Evaluated:
    """All figures of what one way found."""
    precisions = average_precisions(seen.boxes)
    labels = tuple(box_figures(some, precisions.get(key)) for key, some in seen.boxes.items())
    return Evaluated(
        seen,
        labels,
        all_boxes(seen.boxes, precisions) if seen.boxes else None,
        tuple(tag_figures(some) for some in seen.ticked.values()),
    )


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else 0.0
