"""The values that flow between the queue and the models: queries in, outputs out.

Frozen, comparable, without numpy or torch, so that every process may import them.
Boxes are xyxy in pixels of the upright image (EXIF orientation applied), as floats.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, TypeAlias

__all__ = [
    "Box",
    "BoxOutput",
    "BoxOutputs",
    "Caption",
    "CaptionDetail",
    "Classification",
    "Classify",
    "DenseCaption",
    "Detect",
    "Detection",
    "Detections",
    "Ground",
    "GroundMode",
    "ImageSize",
    "InBox",
    "ModelOutput",
    "PerBox",
    "Point",
    "ProposeRegions",
    "Query",
    "ReadText",
    "RegionTask",
    "ScoreParts",
    "Segment",
    "Texts",
    "Tiling",
]

CaptionDetail = Literal["short", "detailed", "more_detailed"]
GroundMode = Literal["per_phrase", "joined"]
#: What Florence-2 can say of one region: what it is, how it looks, what is written there, its outline.
RegionTask = Literal["category", "description", "text", "outline"]
Point: TypeAlias = tuple[float, float]

MAX_PHRASES = 500
MAX_PHRASE_CHARS = 200
MIN_TILE_PX = 64
#: Boxes of one image that `PerBox` asks about, best first, and the least score of such a box.
MAX_BOXES = 50
LEAST_BOX_SCORE = 0.1


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
class BoxOutput:
    """What was said of one box: `detection` is as its own query gives it, made tidy."""

    detection: Detection
    output: Detections | Classification | Texts


@dataclass(frozen=True, slots=True)
class BoxOutputs:
    """What was said of each box, best box first; a box too small to judge is not among them."""

    items: tuple[BoxOutput, ...]
    #: How many more boxes there were than may be asked about.
    truncated: int = 0


@dataclass(frozen=True, slots=True)
class Tiling:
    """Ask tiles of a large image besides the whole, and join the answers.

    It finds what is too small to see in the whole image, at the cost of an image for each tile, and
    gives a model that names what is not there more chances to. Whatever answer is cut short, of the
    image or a tile, is asked again of its quarters.
    """

    #: Side of the square tiles in pixels of the upright image; an image no larger has none. `None`
    #: asks tiles only where an answer was cut short.
    side_px: int | None = None
    #: Share of a tile's side that it has in common with the next: what is smaller is whole in one.
    overlap: float = 0.25

    def __post_init__(self) -> None:
        if self.side_px is not None and self.side_px < MIN_TILE_PX:
            raise ValueError(f"expected tiles of at least {MIN_TILE_PX} pixels, got {self.side_px}")
        if not 0 <= self.overlap <= 0.5:
            raise ValueError(f"expected an overlap of 0 to 0.5 of a tile, got {self.overlap}")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """What every query may say: which of several loaded models of its kind is to answer."""

    #: Name of the model, as `registry.resolve` gives it; `None`: the first of the kind.
    model: str | None = None


@dataclass(frozen=True, slots=True)
class Ground(_Asked):
    """Find every phrase: one open-vocabulary call per phrase (default), or one joined call."""

    phrases: tuple[str, ...]
    mode: GroundMode = "per_phrase"
    tiling: Tiling | None = None

    def __post_init__(self) -> None:
        _check_phrases(self.phrases)


@dataclass(frozen=True, slots=True)
class Detect(_Asked):
    """Find whatever the model knows a name for."""

    tiling: Tiling | None = None


@dataclass(frozen=True, slots=True)
class DenseCaption(_Asked):
    """Find whatever there is and describe each: detections whose phrase is the description."""


@dataclass(frozen=True, slots=True)
class ProposeRegions(_Asked):
    """Find places worth a box, without a name: detections with an empty phrase."""


@dataclass(frozen=True, slots=True)
class Classify(_Asked):
    """Which candidates describe the image: exactly one (`multi` false) or any number."""

    candidates: tuple[str, ...]
    multi: bool = False

    def __post_init__(self) -> None:
        _check_phrases(self.candidates)


@dataclass(frozen=True, slots=True)
class Caption(_Asked):
    """Say what the image shows."""

    detail: CaptionDetail = "short"


@dataclass(frozen=True, slots=True)
class ReadText(_Asked):
    """Find and read printed text: detections whose phrase is the text read."""


@dataclass(frozen=True, slots=True)
class Segment(_Asked):
    """Outline what the phrase names: detections with a polygon."""

    phrase: str

    def __post_init__(self) -> None:
        _check_phrases((self.phrase,))


@dataclass(frozen=True, slots=True)
class InBox(_Asked):
    """Ask about one box: which candidates describe it (shown alone), or one of Florence-2's tasks.

    `model` answers; `ask` names none.
    """

    box: Box
    ask: Classify | RegionTask

    def __post_init__(self) -> None:
        _check_asked(self.ask)


@dataclass(frozen=True, slots=True)
class PerBox(_Asked):
    """Ask the same of each box that another query finds, once its answer is tidy.

    The best `limit` boxes of at least `least_score` (0..1) are asked about. Thresholds of labels are no
    part of it, so a box that none of them lets through may be among these. `model` is asked of each box;
    `boxes` names its own, and `ask` none.
    """

    boxes: Ground | ReadText
    ask: Classify | RegionTask
    limit: int = MAX_BOXES
    least_score: float = LEAST_BOX_SCORE

    def __post_init__(self) -> None:
        if self.limit < 1:
            raise ValueError(f"expected a limit of at least 1 box, got {self.limit}")
        if not 0 <= self.least_score <= 1:
            raise ValueError(f"expected a least score of 0 to 1, got {self.least_score}")
        _check_asked(self.ask)


Query: TypeAlias = (
    Ground
    | Detect
    | DenseCaption
    | ProposeRegions
    | Classify
    | Caption
    | ReadText
    | Segment
    | InBox
    | PerBox
)
ModelOutput: TypeAlias = Detections | Classification | Texts | BoxOutputs


def _check_asked(ask: Classify | RegionTask) -> None:
    if isinstance(ask, Classify) and ask.model is not None:
        raise ValueError(
            f"expected the model beside the box, got {ask.model!r} within what is asked"
        )


def _check_phrases(phrases: tuple[str, ...]) -> None:
    if not 1 <= len(phrases) <= MAX_PHRASES:
        raise ValueError(f"expected 1 to {MAX_PHRASES} phrases, got {len(phrases)}")
    for phrase in phrases:
        if not phrase.strip():
            raise ValueError("expected a phrase with words in it, got an empty one")
        if len(phrase) > MAX_PHRASE_CHARS:
            raise ValueError(
                f"expected phrases of at most {MAX_PHRASE_CHARS} characters, "
                f"got one of {len(phrase)} that begins {phrase[:40]!r}"
            )
