"""One image on its way into an index: what is asked of it, round by round, and what becomes of the answers. Pure.

What is marked in it stands in percent, and models take pixels. Where nobody has said how large the image is, it is
asked about as a whole first.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TypeAlias

from backend.errors import BadRequest, Failure, FirstpassError, InternalError
from backend.indexing.marks import Marked, marks_in
from backend.label_config.control_tags import ObjectTag
from backend.prediction.plan import ModelRequest
from backend.prediction.predictor import Predictor, TaskRequests
from backend.prediction.region_shapes import Shape
from backend.prediction.request import Answer, Outcome
from backend.prediction.shape_pixels import box_of
from backend.vectors.records import (
    FailedItem,
    ImageRow,
    IndexedImage,
    IndexedRegion,
    Looks,
    RegionRow,
    SaidOfImage,
)
from models.queries import Embed, InBox, Look, Query
from models.types import Appearance, Box, ImageSize, ModelOutput, Vector

__all__ = ["THUMBNAIL_PX", "Visit", "Wanted"]

#: Longer side of a thumbnail, some 4 kB each.
THUMBNAIL_PX = 128
#: What is asked of every image.
_WHOLE: tuple[Query, ...] = (Embed(), Look(THUMBNAIL_PX))


@dataclass(frozen=True, slots=True)
class Wanted:
    """An image that is to be indexed. `request` asks what the label config asks of it.

    `marks` are what is marked in it; `None`: the models are to be asked. `size` is the image's, as marks have it.
    """

    key: str
    task: int | None
    number: int
    path: str
    stamp: str
    image: ObjectTag
    request: ModelRequest
    marks: tuple[Marked, ...] | None
    said: tuple[SaidOfImage, ...] = ()
    size: ImageSize | None = None
    split: str = ""


Next: TypeAlias = ModelRequest | IndexedImage | FailedItem


@dataclass(slots=True)
class Visit:
    """The rounds of one image: `asks` is the first request, and each outcome gives the next one or the end."""

    wanted: Wanted
    #: `None`: only whole images are indexed.
    predictor: Predictor | None
    #: Marks that are no place in the image.
    unplaced: int = 0
    _marks: tuple[Marked, ...] | None = field(init=False)
    _said: tuple[SaidOfImage, ...] = field(init=False)
    _boxes: list[tuple[Marked, Box]] = field(init=False, default_factory=list)
    _size: ImageSize | None = field(init=False)
    _asked: ModelRequest = field(init=False)

    def __post_init__(self) -> None:
        wanted = self.wanted
        self._marks, self._said, self._size = wanted.marks, wanted.said, wanted.size
        if self._marks is None and self.predictor is None:
            self._marks = ()
        if self._marks is None:
            queries = (*wanted.request.queries, *_WHOLE)
            self._asked = replace(wanted.request, queries=tuple(dict.fromkeys(queries)))
        elif self._marks and self._size is not None:
            self._asked = self._crops(self._marks, self._size)
        else:
            self._asked = ModelRequest(wanted.request.subject, _WHOLE)

    @property
    def asks(self) -> ModelRequest:
        return self._asked

    def heard(self, outcome: Outcome) -> Next:
        """What is next: another request, the image as it is stored, or why it cannot be."""
        if isinstance(outcome, Failure):
            return self._failed(outcome)
        try:
            return self._go_on(outcome)
        except FirstpassError as error:
            return self._failed(Failure.of(error))

    def _go_on(self, answer: Answer) -> Next:
        outputs = dict(zip(self._asked.queries, answer.outputs, strict=True))
        if self._marks is None:
            self._marks, self._said = self._predicted(outputs, answer)
        is_sized = self._size == answer.image_size
        self._size = answer.size
        if self._marks and not (self._boxes and is_sized):
            crops = self._crops(self._marks, answer.size)
            if self._boxes:
                self._asked = crops
                return crops
        return self._indexed(outputs, answer)

    def _predicted(
        self, outputs: Mapping[Query, ModelOutput], answer: Answer
    ) -> tuple[tuple[Marked, ...], tuple[SaidOfImage, ...]]:
        """What the models find, as it would be predicted."""
        if self.predictor is None:
            raise InternalError("expected a label config to predict by")
        wanted = self.wanted
        requests = TaskRequests({wanted.image: (wanted.key, wanted.request)})
        told = Answer(
            answer.image_size, tuple(outputs[query] for query in wanted.request.queries), ""
        )
        slot = self.predictor.slot(wanted.task, requests, {wanted.key: told})
        if slot.prediction is None:
            reason = slot.failure.message if slot.failure else "no prediction was made of it"
            raise InternalError(reason)
        found = marks_in(slot.prediction.result, wanted.image, "asked", None)
        return found.marks, found.said

    def _crops(self, marks: tuple[Marked, ...], size: ImageSize) -> ModelRequest:
        self._boxes, self.unplaced = [], 0
        for mark in marks:
            box = _box(mark.shape, size)
            if box is None:
                self.unplaced += 1
            else:
                self._boxes.append((mark, box))
        asked = (
            query
            for _, box in self._boxes
            for query in (InBox(box, Embed()), InBox(box, Look(THUMBNAIL_PX)))
        )
        return ModelRequest(self.wanted.request.subject, tuple(dict.fromkeys((*_WHOLE, *asked))))

    def _indexed(self, outputs: Mapping[Query, ModelOutput], answer: Answer) -> IndexedImage:
        wanted, size = self.wanted, answer.size
        looks, thumbnail = _looks(outputs[_WHOLE[1]])
        row = ImageRow(
            wanted.key,
            wanted.task,
            wanted.number,
            wanted.path,
            wanted.stamp,
            answer.sha256,
            size.width,
            size.height,
            looks,
            wanted.split,
            self._said,
        )
        regions = tuple(self._region(mark, box, outputs, size) for mark, box in self._boxes)
        return IndexedImage(row, _values(outputs[_WHOLE[0]]), thumbnail, regions)

    def _region(
        self, mark: Marked, box: Box, outputs: Mapping[Query, ModelOutput], size: ImageSize
    ) -> IndexedRegion:
        looks, thumbnail = _looks(outputs[InBox(box, Look(THUMBNAIL_PX))])
        shares = (
            box.x_min / size.width,
            box.y_min / size.height,
            box.x_max / size.width,
            box.y_max / size.height,
        )
        row = RegionRow(
            mark.source, mark.result, mark.region, mark.control, mark.label, shares, mark.score, looks
        )  # fmt: skip
        return IndexedRegion(row, _values(outputs[InBox(box, Embed())]), thumbnail)

    def _failed(self, failure: Failure) -> FailedItem:
        return FailedItem(self.wanted.key, self.wanted.stamp, failure.kind, failure.message)


def _box(shape: Shape, size: ImageSize) -> Box | None:
    """`None` for a shape without area, or off the image."""
    try:
        return box_of(shape, size)
    except BadRequest:
        return None


def _values(output: ModelOutput) -> tuple[float, ...]:
    if not isinstance(output, Vector):
        raise InternalError(f"expected a vector, got a {type(output).__name__}")
    return output.values


def _looks(output: ModelOutput) -> tuple[Looks, bytes]:
    if not isinstance(output, Appearance):
        raise InternalError(f"expected what it looks like, got a {type(output).__name__}")
    told = Looks(
        output.pixels_sha256,
        output.hash,
        output.mirrored_hash,
        output.brightness,
        output.contrast,
        output.sharpness,
        output.commonest_share,
    )
    return told, base64.b64decode(output.thumbnail)
