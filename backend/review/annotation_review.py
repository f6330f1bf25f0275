"""What a person made of the prediction that an annotation began from; `comparison` finds it out."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from backend.label_studio.records import AnnotationRow
from backend.review.result_content import DrawnThing, Statement

__all__ = [
    "AddedRegion",
    "AnnotationReview",
    "Beginning",
    "Fate",
    "RegionReview",
    "StatementReview",
]

#: Submitted untouched in less time than looking takes.
_HASTY_S = 2.0


class Beginning(StrEnum):
    """What an annotation began from, and whether somebody looked."""

    PREDICTION = "prediction"
    #: Made by "Create Annotations From Predictions" or by an import: nobody saw the image.
    UNSEEN = "unseen"
    SKIPPED = "skipped"
    #: Drawn where there was no prediction.
    NOTHING = "nothing"
    #: From a prediction of which neither row nor copy is there any more.
    LOST = "lost"


class Fate(StrEnum):
    """What became of a predicted region."""

    KEPT = "kept"
    MOVED = "moved"
    RELABELLED = "relabelled"
    #: Deleted, and drawn anew.
    REPLACED = "replaced"
    DELETED = "deleted"


@dataclass(frozen=True, slots=True)
class RegionReview:
    """A predicted region: `score` is the prediction's, `iou` with what it is now, `None` if unknown."""

    thing: DrawnThing
    fate: Fate
    iou: float | None = None
    now: DrawnThing | None = None

    @property
    def key(self) -> tuple[str, str]:
        """The tag and the label that were predicted."""
        return self.thing.control, self.thing.label


@dataclass(frozen=True, slots=True)
class AddedRegion:
    """A region that a person drew where nothing of its label was predicted."""

    thing: DrawnThing

    @property
    def key(self) -> tuple[str, str]:
        return self.thing.control, self.thing.label


@dataclass(frozen=True, slots=True)
class StatementReview:
    """What a tag said, and says now; `None` for a tag that says nothing."""

    before: Statement | None
    after: Statement | None

    @property
    def about(self) -> Statement:
        """Whichever is there: they are of the same tag."""
        found = self.before or self.after
        if found is None:
            raise ValueError("expected a statement before or after, got neither")
        return found

    @property
    def fate(self) -> str:
        """`kept`, `changed`, `removed` or `added`."""
        if self.before is None:
            return "added"
        if self.after is None:
            return "removed"
        return "kept" if self.before.values == self.after.values else "changed"


@dataclass(frozen=True, slots=True)
class AnnotationReview:
    """One annotation. `version` is that of the prediction it began from, if that is known."""

    annotation: AnnotationRow
    began: Beginning
    version: str | None = None
    regions: tuple[RegionReview, ...] = ()
    added: tuple[AddedRegion, ...] = ()
    statements: tuple[StatementReview, ...] = ()

    @property
    def edits(self) -> int:
        """Regions and tags that a person had to touch."""
        touched = sum(one.fate is not Fate.KEPT for one in self.regions)
        return touched + len(self.added) + sum(one.fate != "kept" for one in self.statements)

    @property
    def hasty(self) -> bool:
        """Whether it was submitted untouched in less time than looking takes."""
        took = self.annotation.lead_time
        untouched = self.began is Beginning.PREDICTION and not self.edits
        return untouched and took is not None and took < _HASTY_S
