"""All that is counted while annotations pass by, one after another."""

from __future__ import annotations

import heapq
from array import array
from collections import Counter
from collections.abc import Callable, Collection
from dataclasses import dataclass, field

from backend.label_studio.records import TaskRow
from backend.prediction.model_version import engine_name_in, is_model_version
from backend.review.annotation_review import AddedRegion, AnnotationReview, Beginning, Fate
from backend.review.counts import GroupCounts, LabelCounts, ScoreBins, TagCounts

__all__ = ["Found", "Reviews", "Worst"]

#: Images that went worst and are shown.
MOST_WORST = 10


@dataclass(frozen=True, slots=True)
class Found:
    """What the models had found of a region that a person added, as far as the cache still tells.

    `score`: the best answer there, `None` where they found nothing; `shown`: it reaches the threshold of
    the label config as it is now.
    """

    score: float | None
    shown: bool = False


@dataclass(frozen=True, slots=True)
class Worst:
    """An annotation with many edits, and its task."""

    edits: int
    review: AnnotationReview
    task: TaskRow


@dataclass(slots=True)
class Reviews:
    """The counts. `versions` are those that are counted; empty: all of Firstpass's own, or of its `engine`'s.

    `looked_up` tells what the models had found of added regions, `None` for one of which that is
    not known any more; without it none is known.
    """

    versions: Collection[str] = ()
    looked_up: Callable[[TaskRow, tuple[AddedRegion, ...]], list[Found | None]] | None = None
    engine: str | None = None
    began: Counter[Beginning] = field(default_factory=Counter)
    unread: int = 0
    hasty: int = 0
    #: Accepted unseen, and no prediction is there that tells what.
    untold: int = 0
    labels: dict[tuple[str, str], LabelCounts] = field(default_factory=dict)
    tags: dict[str, TagCounts] = field(default_factory=dict)
    confusion: Counter[tuple[str, str]] = field(default_factory=Counter)
    scores: ScoreBins = field(default_factory=ScoreBins)
    total: GroupCounts = field(default_factory=GroupCounts)
    by_version: dict[str, GroupCounts] = field(default_factory=dict)
    by_annotator: dict[int | None, GroupCounts] = field(default_factory=dict)
    by_day: dict[str, GroupCounts] = field(default_factory=dict)
    seconds_without: array[float] = field(default_factory=lambda: array("d"))
    found: dict[tuple[str, str], list[Found | None]] = field(default_factory=dict)
    _worst: list[tuple[int, int, Worst]] = field(default_factory=list)
    _seen: int = 0

    def add(self, one: AnnotationReview, task: TaskRow) -> None:
        """Count one annotation."""
        counted = one.version is None or self.is_counted(one.version)
        if one.began is Beginning.PREDICTION:
            self.by_version.setdefault(one.version or "", GroupCounts()).add(one)
        if not counted:
            return
        self.began[one.began] += 1
        match one.began:
            case Beginning.PREDICTION:
                self._reviewed(one, task)
            case Beginning.UNSEEN:
                self._unseen(one)
            case Beginning.NOTHING if one.annotation.lead_time is not None:
                self.seconds_without.append(one.annotation.lead_time)

    def worst(self) -> list[Worst]:
        """The annotations with most edits, the worst first; none without."""
        return [one for _, _, one in sorted(self._worst, reverse=True, key=lambda each: each[:2])]

    def is_counted(self, version: str) -> bool:
        """Whether annotations that began from this version are counted, and not only named."""
        if self.versions:
            return version in self.versions
        return is_model_version(version) and self.engine in (None, engine_name_in(version))

    def can_count(self, version: str) -> bool:
        """Whether they would be, were the version asked for: of one engine's models only what is Firstpass's."""
        return self.engine is None or is_model_version(version)

    def _reviewed(self, one: AnnotationReview, task: TaskRow) -> None:
        annotation = one.annotation
        self.hasty += one.hasty
        self.total.add(one)
        self.by_annotator.setdefault(annotation.completed_by, GroupCounts()).add(one)
        self.by_day.setdefault(annotation.created_at[:10], GroupCounts()).add(one)
        for region in one.regions:
            self._label(region.key).add(region)
            self.scores.add(region)
            if region.fate is Fate.RELABELLED and region.now is not None:
                now = region.now
                self._label((now.control, now.label)).relabelled_to += 1
                self.confusion[region.thing.label, now.label] += 1
        for added in one.added:
            self._label(added.key).added += 1
        if one.added:
            unknown: list[Found | None] = [None] * len(one.added)
            found = unknown if self.looked_up is None else self.looked_up(task, one.added)
            for added, each in zip(one.added, found, strict=True):
                self.found.setdefault(added.key, []).append(each)
        for statement in one.statements:
            about = statement.about
            self.tags.setdefault(about.control, TagCounts(about.kind)).add(statement)
        self._keep_if_worst(one, task)

    def _unseen(self, one: AnnotationReview) -> None:
        self.untold += one.version is None
        for region in one.regions:
            self._label(region.key).unseen += 1
        for statement in one.statements:
            about = statement.about
            self.tags.setdefault(about.control, TagCounts(about.kind)).unseen += 1

    def _label(self, key: tuple[str, str]) -> LabelCounts:
        return self.labels.setdefault(key, LabelCounts())

    def _keep_if_worst(self, one: AnnotationReview, task: TaskRow) -> None:
        """Of equally many edits the earlier ones are kept."""
        self._seen += 1
        if one.edits == 0:
            return
        entry = (one.edits, -self._seen, Worst(one.edits, one, task))
        if len(self._worst) < MOST_WORST:
            heapq.heappush(self._worst, entry)
        else:
            heapq.heappushpop(self._worst, entry)
