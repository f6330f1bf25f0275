"""What may be asked of the models: about an image, a box of it, or texts alone.

Frozen, comparable, without numpy or torch, so that every process may import them; `models.types` has
what they answer. Boxes are xyxy in pixels of the upright image.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal, TypeAlias

from models.types import Box

__all__ = [
    "Ask",
    "BoxQuestion",
    "Caption",
    "CaptionDetail",
    "Classify",
    "Contour",
    "DenseCaption",
    "Detect",
    "Embed",
    "EmbedTexts",
    "Ground",
    "GroundMode",
    "InBox",
    "Judge",
    "Look",
    "PerBox",
    "ProposeRegions",
    "Query",
    "QueryKind",
    "ReadText",
    "RegionTask",
    "SearchIndex",
    "Segment",
    "Tiling",
    "is_kept",
    "kind_of",
]

CaptionDetail = Literal["short", "detailed", "more_detailed"]
GroundMode = Literal["per_phrase", "joined"]
#: What Florence-2 can say of one region: what it is, how it looks, what is written there, its outline.
RegionTask = Literal["category", "description", "text", "outline"]
#: What a search goes over.
SearchOver = Literal["images", "regions", "any"]

MAX_PHRASES = 500
MAX_PHRASE_CHARS = 200
MIN_TILE_PX = 64
MOST_CONTOUR_PX = 1024
#: Boxes of one image that `PerBox` asks about, best first, and the least score of such a box.
MAX_BOXES = 50
LEAST_BOX_SCORE = 0.1
#: Most of what one search finds.
MAX_HITS = 500


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

    #: Whether it is about an image; what is not is asked without one.
    about_image: ClassVar[bool] = True

    #: Name of the model, as `registry.resolve` gives it; `None`: the first of the kind.
    model: str | None = None

    @property
    def words(self) -> tuple[str, ...]:
        """The asker's own words that are put before a model.

        >>> Ground(("car", "dog")).words, Detect().words
        (('car', 'dog'), ())
        """
        return ()


@dataclass(frozen=True, slots=True)
class _Worded(_Asked):
    """What carries words of the asker: 1 to `MAX_PHRASES`, none empty or too long. Raises `ValueError`."""

    def __post_init__(self) -> None:
        _check_phrases(self.words)


@dataclass(frozen=True, slots=True)
class Ground(_Worded):
    """Find every phrase: one open-vocabulary call per phrase (default), or one joined call."""

    phrases: tuple[str, ...]
    mode: GroundMode = "per_phrase"
    tiling: Tiling | None = None

    @property
    def words(self) -> tuple[str, ...]:
        return self.phrases


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
class Classify(_Worded):
    """Which candidates describe the image: exactly one (`multi` false) or any number."""

    candidates: tuple[str, ...]
    multi: bool = False

    @property
    def words(self) -> tuple[str, ...]:
        return self.candidates


@dataclass(frozen=True, slots=True)
class Caption(_Asked):
    """Say what the image shows."""

    detail: CaptionDetail = "short"


@dataclass(frozen=True, slots=True)
class ReadText(_Asked):
    """Find and read printed text: detections whose phrase is the text read."""


@dataclass(frozen=True, slots=True)
class Segment(_Worded):
    """Outline what the phrase names: detections with a polygon."""

    phrase: str

    @property
    def words(self) -> tuple[str, ...]:
        return (self.phrase,)


@dataclass(frozen=True, slots=True)
class Ask(_Worded):
    """Answer a question about the image, in words."""

    question: str

    @property
    def words(self) -> tuple[str, ...]:
        return (self.question,)


@dataclass(frozen=True, slots=True)
class Embed(_Asked):
    """Give the image's vector; of a box of it, asked within `InBox` or `PerBox`, the box's."""


@dataclass(frozen=True, slots=True)
class Judge(_Asked):
    """Judge the image, or a box of it, by what was learned: one part of the head of that fingerprint."""

    head: str
    part: int = 0


@dataclass(frozen=True, slots=True)
class Contour(_Asked):
    """Outline what stands out from its surroundings, by pixels alone: asked of a box, within `InBox` or `PerBox`.

    A larger crop is shrunk to `most_side` pixels: the time taken follows its pixels.
    """

    most_side: int = 192

    def __post_init__(self) -> None:
        if not MIN_TILE_PX <= self.most_side <= MOST_CONTOUR_PX:
            raise ValueError(
                f"expected {MIN_TILE_PX} to {MOST_CONTOUR_PX} pixels to outline, got {self.most_side}"
            )


@dataclass(frozen=True, slots=True)
class EmbedTexts(_Worded):
    """Give the vector of each text, to be compared with those of images; it is about no image."""

    about_image: ClassVar[bool] = False

    texts: tuple[str, ...]

    @property
    def words(self) -> tuple[str, ...]:
        return self.texts


@dataclass(frozen=True, slots=True)
class Look(_Asked):
    """Measure what the image's pixels, or a box's, look like: hashes, light, sharpness, a thumbnail. No model is needed."""

    #: Longer side of the thumbnail. It has no default: by it a `Look` at a box is told from an `Embed` of it.
    thumbnail_px: int

    def __post_init__(self) -> None:
        if not 16 <= self.thumbnail_px <= 512:
            raise ValueError(f"expected a thumbnail of 16 to 512 pixels, got {self.thumbnail_px}")


@dataclass(frozen=True, slots=True)
class SearchIndex(_Worded):
    """Find what is like a text, or like a row, in an index of vectors; it is about no image.

    `index` is its name and `state` what it was when it was asked, so that one that has changed is asked anew. Over
    `regions` of one `label`, over all of them, over whole `images`, or over `any`; the best of each image comes.
    """

    about_image: ClassVar[bool] = False

    index: str
    state: str
    #: A text, or a row of the index.
    sought: str | int
    over: SearchOver = "any"
    label: str = ""
    limit: int = MAX_HITS

    @property
    def words(self) -> tuple[str, ...]:
        return (self.sought,) if isinstance(self.sought, str) else ()

    def __post_init__(self) -> None:
        if isinstance(self.sought, str):
            _check_phrases(self.words)
        if not 1 <= self.limit <= MAX_HITS:
            raise ValueError(f"expected a limit of 1 to {MAX_HITS} hits, got {self.limit}")


#: What is asked of a box: what shows it alone, or one of Florence-2's tasks.
BoxQuestion: TypeAlias = Classify | Embed | Contour | Judge | Look | RegionTask


@dataclass(frozen=True, slots=True)
class InBox(_Asked):
    """Ask about one box: what is asked of images (shown alone), or one of Florence-2's tasks.

    `model` answers; `ask` names none.
    """

    box: Box
    ask: BoxQuestion

    def __post_init__(self) -> None:
        _check_asked(self.ask)

    @property
    def words(self) -> tuple[str, ...]:
        return () if isinstance(self.ask, str) else self.ask.words


@dataclass(frozen=True, slots=True)
class PerBox(_Asked):
    """Ask the same of each box that another query finds, once its answer is tidy.

    The best `limit` boxes of at least `least_score` (0..1) are asked about. Thresholds of labels are no
    part of it, so a box that none of them lets through may be among these. `model` is asked of each box;
    `boxes` names its own, and `ask` none.
    """

    boxes: Ground | ReadText | Detect
    ask: BoxQuestion
    limit: int = MAX_BOXES
    least_score: float = LEAST_BOX_SCORE

    def __post_init__(self) -> None:
        if self.limit < 1:
            raise ValueError(f"expected a limit of at least 1 box, got {self.limit}")
        if not 0 <= self.least_score <= 1:
            raise ValueError(f"expected a least score of 0 to 1, got {self.least_score}")
        _check_asked(self.ask)

    def question(self, box: Box) -> InBox:
        """What is asked of one of the boxes."""
        return InBox(box, self.ask, model=self.model)


Query: TypeAlias = (
    Ground
    | Detect
    | DenseCaption
    | ProposeRegions
    | Classify
    | Contour
    | Caption
    | ReadText
    | Segment
    | Ask
    | Embed
    | EmbedTexts
    | Judge
    | Look
    | SearchIndex
    | InBox
    | PerBox
)
QueryKind: TypeAlias = type[Query]


def kind_of(query: Query) -> QueryKind:
    """Give the kind of query that a model must answer for this one: of a box shown alone, what is asked.

    >>> kind_of(InBox(Box(0, 0, 9, 9), Embed())) is kind_of(Embed())
    True
    """
    if isinstance(query, InBox) and not isinstance(query.ask, str):
        return type(query.ask)
    return type(query)


def is_kept(query: Query) -> bool:
    """Tell whether workers keep the answer for whoever asks the same again.

    What an index keeps itself would fill the cache twice, and what is found in one is another thing tomorrow.
    """
    asked = query.ask if isinstance(query, InBox | PerBox) else query
    return not isinstance(asked, Look | SearchIndex)


def _check_asked(ask: BoxQuestion) -> None:
    if not isinstance(ask, str) and ask.model is not None:
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
