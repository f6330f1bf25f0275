"""How many corrections a task's prediction is expected to take, and why. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import prod

from backend.label_studio.records import PredictionRow
from backend.review.disagreements import Meanings, disagreements
from backend.review.edit_chances import EditChances
from backend.review.result_content import DrawnThing, Statement, content_of

__all__ = ["TaskDoubts", "doubts_of"]

#: Parts that are named; the rest are counted.
_NAMED = 3
#: From this chance on a part is called unsure.
_UNSURE = 0.3


@dataclass(frozen=True, slots=True)
class TaskDoubts:
    """`expected` corrections of a task; `reasons` with the corrections that each stands for, the most first."""

    task: int
    expected: float
    reasons: tuple[tuple[float, str], ...]
    labels: frozenset[str]


def doubts_of(
    task: int, row: PredictionRow, chances: EditChances, meanings: Meanings
) -> TaskDoubts:
    """Of the task with this prediction."""
    content = content_of(row.result or ())
    things, statements = content.all_things, list(content.statements.values())
    regions = [chances.of_region((one.control, one.label), one.raw_score) for one in things]
    tags = [chances.of_tag(said.control, said.score) for said in statements]
    added = chances.added if things else chances.added_to_nothing
    reasons = [
        *_unsure(things, regions),
        *_unsure_tags(statements, tags),
        (added, "regions that people add" if things else "nothing found"),
    ]
    for found in disagreements(things, statements, meanings):
        parts = [regions[n] for n in found.things] + [tags[n] for n in found.statements]
        by_scores = 1 - prod(1 - part for part in parts)
        reasons.append((max(0.0, chances.disagreement - by_scores), found.words))
    told = sorted((one for one in reasons if one[0] > 0), key=lambda one: -one[0])
    expected = sum(weight for weight, _ in told)
    return TaskDoubts(task, expected, tuple(told), frozenset(one.label for one in things))


def _unsure(things: Sequence[DrawnThing], chances: Sequence[float]) -> Iterator[tuple[float, str]]:
    named = [(one.label or "a region", one.score) for one in things]
    yield from _least_sure(named, chances, "region")


def _unsure_tags(
    statements: Sequence[Statement], chances: Sequence[float]
) -> Iterator[tuple[float, str]]:
    named = [(f"{said.control} {', '.join(said.values)}", said.score) for said in statements]
    yield from _least_sure(named, chances, "tag")


def _least_sure(
    named: Sequence[tuple[str, float | None]], chances: Sequence[float], what: str
) -> Iterator[tuple[float, str]]:
    """The least sure by name; where none is unsure, how many there are."""
    if not named:
        return
    ordered = sorted(zip(chances, named, strict=True), key=lambda one: -one[0])
    unsure = [one for chance, one in ordered if chance >= _UNSURE]
    if unsure:
        words = ", ".join(_scored(*one) for one in unsure[:_NAMED])
        more = len(unsure) - _NAMED
        words = f"unsure: {words}" + (f" and {more} more" if more > 0 else "")
    else:
        words = f"{len(named)} {what}{'s' if len(named) > 1 else ''}, each with a small chance"
    yield sum(chances), words


def _scored(name: str, score: float | None) -> str:
    shown = name if len(name) <= 40 else f"{name[:40]}..."
    return f"{shown} without a score" if score is None else f"{shown} {score:.2f}"
