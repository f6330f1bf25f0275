"""A sample of tasks drawn by chance, and what people made of it: an acceptance that no choice of tasks bends. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

from backend.dataset.selection import reservoir
from backend.review.annotation_review import AnnotationReview, Beginning
from backend.review.shares import Share, share_of

__all__ = ["SampleFigures", "SampleTally", "drawn"]


def drawn(ids: Iterable[int], size: int, seed: int) -> list[int]:
    """So many of the tasks, each as likely as any other, ascending; the same ones for the same seed.

    >>> drawn([1, 2, 3, 4, 5], 2, seed=1)
    [2, 4]
    """
    return reservoir(sorted(ids), size, seed)


@dataclass(frozen=True, slots=True)
class SampleFigures:
    """`drawn` tasks, of which `reviewed` were reviewed from a prediction: `accepted` are those left as they were.

    `otherwise` were skipped, or accepted unseen, or began from nothing that is known, or from a version that
    is not counted: they tell nothing.
    """

    drawn: int
    reviewed: int
    otherwise: int
    accepted: Share

    @property
    def open(self) -> int:
        """Tasks that nobody has annotated yet."""
        return self.drawn - self.reviewed - self.otherwise


@dataclass(slots=True)
class SampleTally:
    """Counts each task once, by its first annotation that began from a prediction and that somebody looked at."""

    ids: Collection[int]
    #: By task: the annotation that counts, and whether it left all as it was.
    _accepted: dict[int, tuple[int, bool]] = field(default_factory=dict)
    _otherwise: set[int] = field(default_factory=set)

    def add(self, task: int, one: AnnotationReview, *, counted: bool = True) -> None:
        """Count an annotation, whichever order a task's come in: their ids ascend as they are made.

        `counted`: the version that it began from is.
        """
        if task not in self.ids:
            return
        if counted and one.began is Beginning.PREDICTION:
            entry = (one.annotation.id or 0, one.edits == 0)
            self._accepted[task] = min(entry, self._accepted.get(task, entry))
        else:
            self._otherwise.add(task)

    def figures(self) -> SampleFigures:
        reviewed = len(self._accepted)
        accepted = share_of(sum(left for _, left in self._accepted.values()), reviewed)
        otherwise = len(self._otherwise - self._accepted.keys())
        return SampleFigures(len(self.ids), reviewed, otherwise, accepted)
