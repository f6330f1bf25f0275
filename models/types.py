"""What models find: boxes, scores, classes and texts.

Frozen, comparable, without numpy or torch, so that every process may import them; `models.queries` has
what is asked. Boxes are xyxy in pixels of the upright image (EXIF orientation applied), as floats.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, TypeAlias

__all__ = [
    "Appearance",
    "Box",
    "BoxOutput",
    "BoxOutputs",
    "Classification",
    "Detection",
    "Detections",
    "Hits",
    "ImageSize",
    "IndexHit",
    "Judgement",
    "ModelOutput",
    "Point",
    "ScoreParts",
    "Texts",
    "Vector",
    "Vectors",
]

Point: TypeAlias = tuple[float, float]


@dataclass(frozen=True, slots=True)
class ImageSize:
    """Width and height of an upright image in pixels."""

    width: int
    height: int

    def __post_init__(self) -> None:
        if self.width < 1 or self.height < 1:
            raise ValueError(f"expected an image of at least 1x1, got {self.width}x{self.height}")


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle in pixels of the upright image: x_min < x_max, y_min < y_max, all finite."""

    x_min: float
    y_min: float
    x_max: float
    y_max: float

    def __post_init__(self) -> None:
        sides = (self.x_min, self.y_min, self.x_max, self.y_max)
        if not all(math.isfinite(side) for side in sides):
            raise ValueError(f"expected finite box sides, got {sides}")
        if self.x_min >= self.x_max or self.y_min >= self.y_max:
            raise ValueError(f"expected x_min < x_max and y_min < y_max, got {sides}")

    @property
    def area(self) -> float:
        """Square pixels."""
        return (self.x_max - self.x_min) * (self.y_max - self.y_min)


@dataclass(frozen=True, slots=True)
class ScoreParts:
    """What a detection's score was made of: probabilities in 0..1, `None` where not measured."""

    #: How sharply the box is placed (location tokens).
    location: float | None = None
    #: That it is this thing (phrase tokens).
    phrase: float | None = None
    #: That it is there at all (another box against stop, where the box began).
    presence: float | None = None
    #: That CLIP, shown the region alone, says the same; measured where the others leave doubt or
    #: phrases contend for the region.
    agreement: float | None = None


@dataclass(frozen=True, slots=True)
class Detection:
    """One thing found: where, the phrase it was asked by (or named by), how sure.

    `phrase` is empty where the model named nothing (`ProposeRegions`).

    `score` is in 0..1 and comes from the model's own token probabilities; `None` when it has none.
    `polygon` is set by `Segment` and the task `outline` alone: xy pixels, closed implicitly.
    """

    box: Box
    phrase: str
    score: float | None
    parts: ScoreParts = ScoreParts()
    polygon: tuple[Point, ...] | None = None


@dataclass(frozen=True, slots=True)
class Detections:
    """All that was found for one query, best first; `truncated` when the model ran out of tokens."""

    items: tuple[Detection, ...]
    truncated: bool = False


@dataclass(frozen=True, slots=True)
class Classification:
    """One probability in 0..1 per candidate, in the order asked.

    They sum to 1 for one-of-many (`Classify.multi` false) and are independent otherwise.
    """

    candidates: tuple[str, ...]
    probabilities: tuple[float, ...]
    #: Of one-of-many: what says nothing in particular describes the picture better than any of them.
    none_fits: bool = False

    def __post_init__(self) -> None:
        if len(self.candidates) != len(self.probabilities):
            raise ValueError(
                f"expected one probability per candidate, got {len(self.probabilities)} "
                f"for {len(self.candidates)}"
            )


@dataclass(frozen=True, slots=True)
class Texts:
    """Text that describes or was read from the image; `score` is the mean token probability."""

    texts: tuple[str, ...]
    score: float | None
    truncated: bool = False


@dataclass(frozen=True, slots=True)
class Vector:
    """Where an image, a box of one or a text lies among others: of length 1.

    The dot product of two of one model says how alike they are.
    """

    values: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Vectors:
    """One vector per text, in the order asked."""

    items: tuple[Vector, ...]


@dataclass(frozen=True, slots=True)
class Judgement:
    """What a project's examples say of an image or a box: a share of each label, which sum to 1.

    `unwanted` is the share in 0..1 of the examples near it that people deleted.
    """

    labels: tuple[str, ...]
    shares: tuple[float, ...]
    unwanted: float = 0.0

    def __post_init__(self) -> None:
        if len(self.labels) != len(self.shares):
            raise ValueError(
                f"expected one share per label, got {len(self.shares)} for {len(self.labels)}"
            )


@dataclass(frozen=True, slots=True)
class Appearance:
    """What the pixels of an image, or of a box with some of its surroundings, look like; no model has a say."""

    #: Of the upright RGB pixels and their size: the same for files that only their metadata tells apart.
    pixels_sha256: str
    #: Perceptual hash of 64 bits, as an unsigned number: few bits differ between copies of one picture.
    hash: int
    #: The same of the mirrored image.
    mirrored_hash: int
    #: Mean and standard deviation of grey, 0..1.
    brightness: float
    contrast: float
    #: Variance of the Laplacian of grey (0..255) where the longer side has 256 pixels: low where blurred.
    sharpness: float
    #: Share of the pixels that have the commonest colour, of 4,096; 0..1.
    commonest_share: float
    #: A JPEG whose longer side has at most as many pixels as were asked for, in base64.
    thumbnail: str


@dataclass(frozen=True, slots=True)
class IndexHit:
    """A row that a search found. `z` says by how many standard deviations it is nearer than a sample of the rows.

    `percentile` is the share of that sample in 0..1 which is no nearer.
    """

    row: int
    over: Literal["images", "regions"]
    cosine: float
    z: float
    percentile: float


@dataclass(frozen=True, slots=True)
class Hits:
    """What a search found, the best first, each image once; `compared` rows were looked at."""

    items: tuple[IndexHit, ...]
    compared: int


@dataclass(frozen=True, slots=True)
class BoxOutput:
    """What was said of one box: `detection` is as its own query gives it, made tidy."""

    detection: Detection
    output: Detections | Classification | Texts | Vector | Judgement | Appearance


@dataclass(frozen=True, slots=True)
class BoxOutputs:
    """What was said of each box, best box first; a box too small to judge is not among them."""

    items: tuple[BoxOutput, ...]
    #: How many more boxes there were than may be asked about.
    truncated: int = 0


ModelOutput: TypeAlias = (
    Detections
    | Classification
    | Texts
    | Vector
    | Vectors
    | Judgement
    | Appearance
    | Hits
    | BoxOutputs
)
