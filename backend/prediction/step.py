"""One query whose answer fills one control tag of one image. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace

from backend.errors import InternalError
from backend.label_config.control_tags import ControlTag, Label, ObjectTag, RegionTag, Shape
from models.heads import HeadPart
from models.queries import Contour, Detect, Ground, Judge, PerBox, Query, ReadText

__all__ = ["LearnedPart", "Step"]


@dataclass(frozen=True, slots=True)
class LearnedPart:
    """What was learned for a control tag: a part of the head of that fingerprint, and its rules."""

    head: str
    part: int
    rules: HeadPart


@dataclass(frozen=True, slots=True)
class Step:
    """One query whose answer fills one control tag.

    A tag with `perRegion` has a step for each tag whose regions it is about, a count one for all.
    """

    control: ControlTag
    image: ObjectTag
    #: Of choices that the task brings, a stand-in; `options.resolved` puts theirs in its place.
    query: Query
    #: Least score of a region where neither the label nor the tag names one.
    default_threshold: float
    #: Steps whose regions this one is about: it shares their ids, or counts them.
    bases: tuple[Step, ...] = ()
    #: What people's annotations have it do otherwise.
    learned: LearnedPart | None = None

    @property
    def unlearned(self) -> Step:
        """The same without what was learned, as are the steps that it stands on: of what a person draws or types."""
        if self.learned is None and not any(base.learned for base in self.bases):
            return self
        return replace(self, learned=None, bases=tuple(base.unlearned for base in self.bases))

    def threshold(self, label: Label | None = None) -> float:
        """The label's own threshold, else its tag's, else the default: 0..1."""
        for given in (label.score_threshold if label else None, self.control.score_threshold):
            if given is not None:
                return given
        return self.default_threshold

    @property
    def boxes(self) -> Ground | ReadText:
        """The query for the boxes that its regions are made of. Raises `InternalError` if none are."""
        match self.query:
            case PerBox(boxes=Ground() | ReadText() as query) | (Ground() | ReadText() as query):
                return query
            case other:
                raise InternalError(
                    f"control tag {self.control.name!r} has no boxes, it asks {type(other).__name__}"
                )

    def label_for(self, phrase: str) -> Label | None:
        """The first label that asks this phrase; of text that was read, the first label."""
        if isinstance(self.control, RegionTag) and self.control.is_ocr:
            return self.control.labels[0]
        return next((label for label in self.control.labels if phrase in label.phrases), None)

    def on_page(self, number: int) -> Step:
        """The same for one page of its image, as are the steps whose regions it is about."""
        bases = tuple(base.on_page(number) for base in self.bases)
        return replace(self, image=replace(self.image, item_index=number), bases=bases)

    @property
    def queries(self) -> tuple[Query, ...]:
        """What must be answered for it: boxes before what is asked of each."""
        own = (self.query.boxes, self.query) if isinstance(self.query, PerBox) else (self.query,)
        judging, places = self.judging, self.judging_places
        return (
            *own,
            *(() if judging is None else (judging,)),
            *(() if places is None else (places.boxes, places)),
            *self.fitting,
        )

    @property
    def judging(self) -> Query | None:
        """What asks the learned head about it: each of its boxes, or the image; `None` where none is to be asked."""
        if self.learned is None or not self.learned.rules.asks:
            return None
        judge = Judge(self.learned.head, self.learned.part)
        return PerBox(self.boxes, judge) if isinstance(self.control, RegionTag) else judge

    @property
    def fitting(self) -> tuple[PerBox, ...]:
        """What draws boxes around what stands out in them: those asked for, and those found besides."""
        if self.learned is None or not self.learned.rules.fitted:
            return ()
        asked, places = self.boxes, self.judging_places
        boxes = (asked,) if places is None else (asked, places.boxes)
        return tuple(PerBox(one, Contour()) for one in boxes)

    @property
    def places(self) -> Detect | None:
        """What finds things besides those that are asked for by name; `None` where none are drawn by it."""
        control = self.control
        if not isinstance(control, RegionTag) or control.shape is not Shape.RECTANGLE:
            return None
        boxes = self.boxes
        return Detect(boxes.tiling, model=boxes.model) if isinstance(boxes, Ground) else None

    @property
    def judging_places(self) -> PerBox | None:
        """What asks the learned head about these; `None` where it has nothing to say of them."""
        places = self.places
        if self.learned is None or not self.learned.rules.places or places is None:
            return None
        return PerBox(places, Judge(self.learned.head, self.learned.part))
