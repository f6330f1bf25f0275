"""What `firstpass tune` found, as programs read it; `report_rows` says it to people."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from backend.evaluation.intervals import Interval
from backend.pages.summary import to_json
from backend.review.shares import Share
from backend.tuning.cuts import Estimate

__all__ = ["CalibrationFigures", "LabelTuning", "PhraseFigures", "TuneFacts", "TuneReport"]


@dataclass(frozen=True, slots=True)
class TuneFacts:
    """What was looked at. `aim` in words; `versions`: of now, and with the changes."""

    project: int
    source: str
    url: str
    made_at: str
    aim: str
    since: str | None
    versions: tuple[str, ...]
    version_now: str
    version_tuned: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelTuning:
    """One label. `reviewed`: predicted boxes that people judged; `images` with the label, seen or unseen.

    `known`: on so many of these the answers below the threshold are known. `why`: why the threshold stays.
    Figures of a threshold are `None` where too few were reviewed.
    """

    control: str
    label: str
    reviewed: int
    images: int
    known: int
    threshold: float
    best: float | None = None
    changes: bool = False
    why: str = ""
    f1: float | None = None
    f1_best: float | None = None
    gain: float | None = None
    gain_interval: Interval | None = None
    kept: Estimate | None = None
    false: Estimate | None = None
    hidden: int = 0
    hidden_right: int = 0
    shown: int = 0
    shown_right: int = 0
    #: Where the best threshold was sought from on: below it nothing is known.
    observable: float | None = None


@dataclass(frozen=True, slots=True)
class CalibrationFigures:
    """A tag's curves: what its labels have now and would have, as the label config writes it."""

    control: str
    boxes: int
    now: dict[str, str]
    new: dict[str, str]
    gain: Interval | None
    why: str = ""

    @property
    def changes(self) -> bool:
        """Whether any label would have another."""
        return bool(self.new)


@dataclass(frozen=True, slots=True)
class PhraseFigures:
    """One of several phrases of a label: of its boxes that people saw, so many were right."""

    control: str
    label: str
    phrase: str
    right: Share
    #: Boxes of the label of which it is not known which phrase found them.
    unknown: int


@dataclass(frozen=True, slots=True)
class TuneReport:
    """All figures. `applied`: they were written into the label config."""

    facts: TuneFacts
    annotations: int
    labels: tuple[LabelTuning, ...]
    calibrations: tuple[CalibrationFigures, ...]
    phrases: tuple[PhraseFigures, ...]
    notes: tuple[str, ...] = ()
    applied: bool = False

    @property
    def changes(self) -> int:
        """Labels that would change, in their threshold or their calibration."""
        return len(self.changed)

    @property
    def changed(self) -> frozenset[tuple[str, str]]:
        """Their tags and names."""
        labels = {(one.control, one.label) for one in self.labels if one.changes}
        return frozenset(
            labels | {(one.control, name) for one in self.calibrations for name in one.new}
        )

    def to_json(self) -> str:
        """Every figure; shares, scores and thresholds in 0..1."""
        text = to_json({**asdict(self), "changes": self.changes})
        return text.encode("utf-8", "replace").decode()
