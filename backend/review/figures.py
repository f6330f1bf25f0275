"""The figures of a review, as programs read them; `report_rows` says them to people."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Literal, TypeAlias

from backend.pages.summary import to_json
from backend.review.sample import SampleFigures
from backend.review.shares import Share

__all__ = [
    "Bin",
    "Confused",
    "GroupFigures",
    "HiddenFigures",
    "LabelFigures",
    "Mark",
    "MarkKind",
    "Picture",
    "ReviewFacts",
    "ReviewReport",
    "TagFigures",
    "WorstTask",
]

#: What became of a box; `meant` is where a person moved it.
MarkKind: TypeAlias = Literal[
    "kept", "moved", "meant", "relabelled", "replaced", "deleted", "added"
]


@dataclass(frozen=True, slots=True)
class ReviewFacts:
    """What was looked at. `source` and `url` are the project in words and where people see it."""

    project: int
    source: str
    url: str
    made_at: str
    since: str | None = None
    #: The versions that are counted, where they were named.
    versions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class HiddenFigures:
    """What the models had found of the regions that people added.

    `hidden` were found below the threshold, at `median_score`; `shown_now` reach the threshold of the
    label config as it is now; of `unknown` the cache tells nothing any more.
    """

    hidden: int = 0
    median_score: float | None = None
    shown_now: int = 0
    not_found: int = 0
    unknown: int = 0


@dataclass(frozen=True, slots=True)
class LabelFigures:
    """One label: shares are of the predicted regions that somebody reviewed."""

    control: str
    label: str
    predicted: int
    kept: Share
    moved: Share
    median_iou: float | None
    relabelled: Share
    replaced: Share
    deleted: Share
    added: int
    relabelled_to: int
    unseen: int
    hidden: HiddenFigures | None = None


@dataclass(frozen=True, slots=True)
class Confused:
    """So many regions were predicted as one label, and people made them another."""

    predicted: str
    now: str
    count: int


@dataclass(frozen=True, slots=True)
class TagFigures:
    """One tag for choices, texts or numbers, or one choice of it (`value`)."""

    control: str
    kind: str
    value: str | None
    kept: Share
    changed: int
    removed: int
    added: int
    unseen: int


@dataclass(frozen=True, slots=True)
class GroupFigures:
    """The annotations of one version, annotator or time; `kept` of their predicted regions."""

    name: str
    annotations: int
    kept: Share
    edits_per_image: float
    median_s: float | None


@dataclass(frozen=True, slots=True)
class Bin:
    """Regions whose prediction had a score around `score`; `right`: there, and of that label."""

    score: float
    right: Share


@dataclass(frozen=True, slots=True)
class Mark:
    """A box in percent of the image: left, top, width, height."""

    kind: MarkKind
    label: str
    box: tuple[float, float, float, float]
    score: float | None = None


@dataclass(frozen=True, slots=True)
class Picture:
    """An image as an address that holds it, and its sides in pixels."""

    address: str
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class WorstTask:
    """An image that took many edits, and where people see it."""

    task: int
    annotation: int | None
    edits: int
    url: str
    #: The tag of the image that the marks are on, and its page; others of the task are left out.
    image: str
    page: int
    marks: tuple[Mark, ...]

    @property
    def picture(self) -> str:
        """Which picture the marks belong on: two annotations of one task may be about two of its images."""
        return f"{self.task}/{self.page}/{self.image}"


@dataclass(frozen=True, slots=True)
class ReviewReport:
    """All figures. `annotations` is what was looked at; `reviewed` began from a prediction."""

    facts: ReviewFacts
    annotations: int
    reviewed: int
    unseen: int
    untold: int
    skipped: int
    nothing: int
    lost: int
    hasty: int
    #: Reviewed annotations of versions that are not counted.
    others: int
    unread: int
    edits_per_image: float | None
    median_s: float | None
    median_s_without: float | None
    total: LabelFigures
    labels: tuple[LabelFigures, ...]
    confusion: tuple[Confused, ...]
    tags: tuple[TagFigures, ...]
    scores: tuple[Bin, ...]
    by_version: tuple[GroupFigures, ...]
    by_time: tuple[GroupFigures, ...]
    by_annotator: tuple[GroupFigures, ...]
    worst: tuple[WorstTask, ...]
    notes: tuple[str, ...] = ()
    #: Where only a sample of the tasks was looked at.
    sample: SampleFigures | None = None

    def to_json(self) -> str:
        """Every figure; times in UTC, shares in 0..1. Half an emoji in a name becomes a question mark."""
        return to_json(asdict(self)).encode("utf-8", "replace").decode()
