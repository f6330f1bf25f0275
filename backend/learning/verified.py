"""Which annotations a person has reviewed, so that they may teach; and a sentence for those that may not. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from backend.label_studio.records import AnnotationRow, TaskRow
from backend.prediction.model_version import is_model_version
from backend.review.annotation_review import AnnotationReview, Beginning
from backend.review.comparison import base_of, review_of
from backend.wording import annotation_count, tasks

__all__ = ["Verified"]


class Verified:
    """Gives the annotation of each task that may teach, and counts what it saw."""

    def __init__(self) -> None:
        self.used = 0
        self._left: Counter[str] = Counter()
        self._drawn = self._of_others = 0

    def of(self, task: TaskRow) -> AnnotationRow | None:
        """The latest annotation of a task that somebody reviewed; `None` where nobody has."""
        rows = {row.id: row for row in task.predictions}
        reviews = [review_of(one, base_of(one, rows)) for one in task.annotations]
        self._left["unread"] += len(task.unread) + (task.failure is not None)
        seen = [one for one in reviews if self._teaches(one)]
        if not seen:
            return None
        last = max(seen, key=lambda one: (one.annotation.updated_at, one.annotation.created_at))
        self._left["earlier"] += len(seen) - 1
        self.used += 1
        self._drawn += last.began is Beginning.NOTHING
        of_another = last.began is Beginning.PREDICTION and not is_model_version(last.version)
        self._of_others += of_another
        return last.annotation

    def _teaches(self, review: AnnotationReview) -> bool:
        began = Beginning.UNSEEN if _says_nothing(review) else review.began
        if began in (Beginning.UNSEEN, Beginning.SKIPPED):
            self._left[began.value] += 1
            return False
        self._left["hasty"] += review.hasty
        return not review.hasty

    @property
    def seen(self) -> int:
        """All annotations, whether they teach or not."""
        return self.used + sum(self._left.values())

    def notes(self) -> Iterator[str]:
        """What was used and what was not, a sentence each."""
        left = self._left
        if self._drawn:
            yield (
                f"{annotation_count(self._drawn)} began from no prediction; what people drew counts, and is set "
                "against what would be predicted now"
            )
        if self._of_others:
            yield (
                f"{annotation_count(self._of_others)} began from other tools' predictions; what people made of "
                "them counts, and is set against what Firstpass would predict now"
            )
        if left["unseen"]:
            yield f"not used, since nobody looked: {annotation_count(left['unseen'])} made in bulk or imported"
        if left["hasty"]:
            yield f"not used: {annotation_count(left['hasty'])} submitted untouched in under 2 s"
        if left["skipped"]:
            yield f"not used: {tasks(left['skipped'])} that were skipped"
        if left["earlier"]:
            yield f"of tasks with several annotations the latest counts: {annotation_count(left['earlier'])} not used"
        if left["unread"]:
            yield f"not used, since they cannot be read: {left['unread']:,} annotations or tasks"

    def why_nothing(self) -> str:
        """Why there is nothing to learn from."""
        if not self.seen:
            return "there is no annotation to learn from; review some predictions in Label Studio, then learn"
        why = "; ".join(note for note in self.notes())
        return f"none of the {self.seen:,} annotations was reviewed by a person: {why}"


def _says_nothing(review: AnnotationReview) -> bool:
    """Whether nothing tells that a person found nothing: an import without result looks the same."""
    one = review.annotation
    return review.began is Beginning.NOTHING and one.lead_time is None and not one.result
