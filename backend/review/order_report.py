"""The order of review as programs read it, and as people do. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass

from backend.pages.summary import to_json
from backend.review.edit_chances import ENOUGH, EditChances
from backend.review.task_order import OrderedTask
from backend.wording import tasks

__all__ = ["OrderReport", "chances_in_words", "order_lines", "order_notes"]

#: Tasks that people are shown.
MOST_SHOWN = 20
_REASONS = 2


@dataclass(frozen=True, slots=True)
class OrderReport:
    """Every task in its order; `url` is the project's in browsers."""

    project: int
    source: str
    url: str
    made_at: str
    model_version: str
    #: Whether what was reviewed so far bends the scores, and of how many regions and tags that is known.
    calibrated: bool
    reviewed_parts: int
    notes: tuple[str, ...]
    tasks: tuple[OrderedTask, ...]

    def to_json(self) -> str:
        """All of it; half an emoji in a name becomes a question mark."""
        ordered = [
            {"place": place, **asdict(one), "url": f"{self.url}?task={one.task}"}
            for place, one in enumerate(self.tasks, start=1)
        ]
        return to_json({**asdict(self), "tasks": ordered}).encode("utf-8", "replace").decode()


def order_notes(chances: EditChances, found: Sequence[OrderedTask], unread: int) -> list[str]:
    """What the order goes by, and what it cannot go by."""
    notes = [chances_in_words(chances)]
    if chances.added == chances.added_to_nothing == 0:
        notes.append(
            "regions that people will add are not counted: too few reviewed images tell of them"
        )
    notes.append(
        "the front is spread over the sets of labels that were predicted, not over what the images look like: there "
        "is no index of images"
    )
    if unread:
        notes.append(f"left out, since Label Studio cannot list them: {tasks(unread)}")
    return notes


def chances_in_words(chances: EditChances) -> str:
    """What the chances of a correction come from."""
    if not chances.calibrated:
        return (
            f"by raw scores: {chances.parts:,} predicted regions and tags were reviewed so far, and from {ENOUGH} on "
            "they tell what scores are worth"
        )
    return (
        f"by scores as {chances.parts:,} reviewed regions and tags bear them out, for {len(chances.curves):,} labels "
        "and tags each by itself"
    )


def order_lines(report: OrderReport) -> Iterator[tuple[str, str]]:
    """The first of the order: a line for each that leads to it, and one that says why."""
    for place, one in enumerate(report.tasks[:MOST_SHOWN], start=1):
        corrections = f"{one.expected:.1f} corrections expected"
        yield (
            f"{place:>2}  {corrections}  {report.url}?task={one.task}",
            "; ".join(one.reasons[:_REASONS]) or "nothing in doubt",
        )
