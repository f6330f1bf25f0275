"""What an index knows of an image and of what is marked in it. Without numpy, so that pages may read it.

`row` is the number of an image or a region for as long as it is indexed: it names its vector and its
thumbnail, images and regions count together, and a row that is gone is never given again.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, TypeAlias

__all__ = [
    "NO_ROW",
    "FailedItem",
    "Hit",
    "ImageRow",
    "IndexKind",
    "IndexedImage",
    "IndexedRegion",
    "Looks",
    "RegionRow",
    "SaidOfImage",
    "Source",
]

#: What a search goes over.
IndexKind: TypeAlias = Literal["images", "regions"]
#: Where a region or a choice is from: a person, a stored prediction, or the models asked while indexing.
Source: TypeAlias = Literal["annotation", "prediction", "asked"]
#: Of what is not stored yet.
NO_ROW = 0


@dataclass(frozen=True, slots=True)
class Looks:
    """What the pixels of an image or a crop look like, without any model; see `models.types.Appearance`."""

    #: sha256 of the upright RGB pixels and their size: equal for a file that only its metadata tells apart.
    pixels_sha256: str
    #: Perceptual hash of 64 bits, as an unsigned number, and that of the mirrored image.
    hash: int
    mirrored_hash: int
    #: Mean and standard deviation of grey, 0..1.
    brightness: float
    contrast: float
    #: Variance of the Laplacian at a fixed size: low where blurred.
    sharpness: float
    #: Share of the pixels that have the commonest colour, 0..1.
    commonest_share: float


@dataclass(frozen=True, slots=True)
class SaidOfImage:
    """A choice about a whole image. `result` is the id of the annotation or prediction."""

    control: str
    value: str
    source: Source
    result: int | None = None


@dataclass(frozen=True, slots=True)
class ImageRow:
    """An image of a task, or of a folder."""

    #: What it is called in this index: `7` or `7#1` for the second image of task 7, its path in a folder.
    key: str
    #: `None` in a folder.
    task: int | None
    #: Which of the task's images, from 0.
    number: int
    #: Its path in the folder, or its address as the task has it.
    path: str
    #: Another one where the file or the task may be another.
    stamp: str
    #: Of the file's bytes.
    sha256: str
    width: int
    height: int
    looks: Looks
    #: `train`, `val`, `test` where that is known; else empty.
    split: str = ""
    said: tuple[SaidOfImage, ...] = ()
    row: int = NO_ROW


@dataclass(frozen=True, slots=True)
class RegionRow:
    """A box of an image. `image` is the row of its `ImageRow`."""

    source: Source
    #: Id of the annotation or prediction; `None` where the models were asked.
    result: int | None
    #: Id of the region in its result; empty where the models were asked.
    region: str
    #: Name of the control tag.
    control: str
    #: Its first label; empty without one.
    label: str
    #: x_min, y_min, x_max, y_max as shares of the upright image, 0..1.
    box: tuple[float, float, float, float]
    #: `None` for what a person drew.
    score: float | None
    #: Of the crop with some of its surroundings.
    looks: Looks
    image: int = NO_ROW
    row: int = NO_ROW


@dataclass(frozen=True, slots=True)
class IndexedRegion:
    """A region to be stored with its vector, of length 1, and a small JPEG of it."""

    what: RegionRow
    vector: tuple[float, ...]
    thumbnail: bytes


@dataclass(frozen=True, slots=True)
class IndexedImage:
    """The same of an image, with all that is marked in it."""

    what: ImageRow
    vector: tuple[float, ...]
    thumbnail: bytes
    regions: tuple[IndexedRegion, ...] = field(default=())


@dataclass(frozen=True, slots=True)
class FailedItem:
    """An image that could not be indexed, and why; tried again when its stamp is another, or when asked to."""

    key: str
    stamp: str
    kind: str
    reason: str


@dataclass(frozen=True, slots=True)
class Hit:
    """A row that a search found, and the cosine of its vector with the one sought."""

    row: int
    cosine: float
