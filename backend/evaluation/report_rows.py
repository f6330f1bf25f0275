"""The rows of an evaluation's tables as texts, alike for the terminal and the page. Pure.

A column whose title ends in `#` holds figures.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from backend.evaluation.box_figures import ENOUGH, AllBoxes, BoxFigures
from backend.evaluation.comparison import FEW_IMAGES, Compared
from backend.evaluation.intervals import Interval
from backend.evaluation.report import EvaluationReport
from backend.evaluation.tag_figures import TagFigures
from backend.evaluation.ways import WAYS_EXPLAINED

__all__ = ["Figures", "figures_of", "share"]


#: Behind a best threshold that rests on few boxes.
FEW = "*"


@dataclass(frozen=True, slots=True)
class Figures:
    """One table."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    #: What to know of it: the first sentence of a sweep says which to take.
    below: tuple[str, ...] = ()


def figures_of(report: EvaluationReport) -> Iterator[Figures]:
    """The tables of a report, those that hold anything."""
    if report.sweep:
        yield _sweep(report.sweep, report.advice)
    if report.labels:
        yield _labels(report.labels, report.all_labels, report.images)
        yield _scores(report.labels, report.all_labels)
    for tag in report.tags:
        yield _tag(tag)


def share(value: float | None) -> str:
    """A share of 0..1, or a dash."""
    return "-" if value is None else f"{value:.3f}"


def _labels(labels: Sequence[BoxFigures], every: AllBoxes | None, images: int) -> Figures:
    """Right and wrong at the thresholds that are set."""
    rows = [
        (
            label.label,
            f"{label.truths:,}",
            f"{label.shown:,}",
            f"{label.threshold:g}",
            share(label.precision),
            share(label.recall),
            share(label.f1),
            share(label.f1_75),
            _of(label.boxed_without, label.images_without),
        )
        for label in labels
    ]
    sure = ""
    below = (
        "thr.: the threshold that is set. F1@.75: at IoU 0.75. absent: images without the label on which it "
        "was boxed."
    )
    if every is not None:
        rows.append(
            (
                "all labels", f"{every.truths:,}", f"{every.shown:,}", "", share(every.precision),
                share(every.recall), share(every.f1), share(every.f1_75),
                _of(every.boxed_absent, every.absent),
            )
        )  # fmt: skip
        sure = _sure(every.f1_interval, images)
    return Figures(
        "Boxes at IoU 0.5 and the thresholds that are set",
        ("label", "there#", "shown#", "thr.#", "prec.#", "recall#", "F1#", "F1@.75#", "absent#"),
        _named(labels, rows),
        tuple(filter(None, (below, sure))),
    )


def _scores(labels: Sequence[BoxFigures], every: AllBoxes | None) -> Figures:
    """Whatever the thresholds: how far scores can be trusted, and where the best threshold lies."""
    rows = [
        (
            label.label,
            *map(share, (label.ap50, label.ap, label.auroc, label.ece)),
            f"{label.best_threshold:g}{'' if label.is_enough else FEW}",
            share(label.best_f1 if label.truths else None),
        )
        for label in labels
    ]
    if every is not None:
        rows.append(
            (
                "all labels",
                *map(share, (every.ap50, every.ap, every.auroc, every.ece)),
                f"{every.best_threshold:g}",
                share(every.best_f1),
            )
        )
    few = (
        "" if all(label.is_enough for label in labels) else f" {FEW}: under {ENOUGH} boxes, chance."
    )
    return Figures(
        "Scores, whatever the threshold",
        ("label", "AP50#", "AP#", "AUROC#", "ECE#", "best thr.#", "F1 there#"),
        _named(labels, rows),
        (
            "AP: COCO's average precision, at IoU 0.5 and as the mean over 0.5 to 0.95. AUROC: how well "
            "scores tell right boxes from wrong ones (0.5: not at all). ECE: how far scores are from shares "
            f"of right boxes (0: not at all).{few}",
        ),
    )


def _tag(tag: TagFigures) -> Figures:
    columns = ["choice", "there#", "ticked#", "prec.#", "recall#", "F1#", "AUROC#"]
    if tag.multiple:
        columns += ["thr.#", "best thr.#", "F1 there#"]
    rows = []
    for choice in tag.choices:
        row = [
            choice.choice,
            f"{choice.truths:,}",
            f"{choice.ticked:,}",
            *map(share, (choice.precision, choice.recall, choice.f1, choice.auroc)),
        ]
        if tag.multiple:
            few = "" if choice.is_enough else FEW
            best = "-" if choice.best_threshold is None else f"{choice.best_threshold:g}{few}"
            row += [f"{choice.threshold:g}", best, share(choice.best_f1)]
        rows.append(tuple(row))
    exactly = (
        "exactly the choices that people ticked" if tag.multiple else "the choice that people made"
    )
    return Figures(
        f"Choices of {tag.control}",
        tuple(columns),
        tuple(rows),
        (
            f"{tag.images:,} images: {tag.accuracy:.1%} have {exactly}. Scores: AUROC {share(tag.auroc)}, "
            f"ECE {share(tag.ece)}.",
        ),
    )


def _sweep(rows: Sequence[Compared], advice: str) -> Figures:
    several = len({row.model for row in rows}) > 1
    tags = any(row.accuracy is not None for row in rows)
    columns = [*(["model"] if several else []), "way", "F1#", "95 %#", "AP50#", "AP#",
               "absent#", *(["choices right#"] if tags else []), "s/image#"]  # fmt: skip
    return Figures(
        "Ways of asking",
        tuple(columns),
        tuple(
            (
                *((row.model,) if several else ()),
                row.way,
                share(row.f1),
                _between(row.f1_interval),
                share(row.ap50),
                share(row.ap),
                share(row.boxed_absent_share),
                *((share(row.accuracy),) if tags else ()),
                f"{row.seconds:.3f}",
            )
            for row in rows
        ),
        (
            advice,
            "F1: at the best threshold of each way, one for all labels. absent: share of absent labels that "
            f"were boxed. {' '.join(WAYS_EXPLAINED)}",
        ),
    )


def _named(
    labels: Sequence[BoxFigures], rows: Sequence[tuple[str, ...]]
) -> tuple[tuple[str, ...], ...]:
    """Rows whose labels name their tag where several have labels."""
    if len({label.control for label in labels}) < 2:
        return tuple(rows)
    named = [
        (f"{row[0]} ({label.control})", *row[1:]) for label, row in zip(labels, rows, strict=False)
    ]
    return (*named, *rows[len(labels) :])


def _sure(interval: Interval | None, images: int) -> str:
    """How far the F1 of all labels can be relied on."""
    if interval is None:
        return "How much the F1 of all labels owes to chance cannot be told: the images came out all alike."
    few = f" {images} images are few: in truth it is wider." if images < FEW_IMAGES else ""
    return f"F1 of all labels: {_between(interval)} with 95 % confidence.{few}"


def _of(some: int, total: int) -> str:
    return f"{some:,} of {total:,}" if total else "-"


def _between(interval: Interval | None) -> str:
    return "-" if interval is None else f"{interval.low:.3f} to {interval.high:.3f}"
