"""What people read of an evaluation's report: its figures and tables. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from backend.evaluation.box_figures import ENOUGH, AllBoxes, BoxFigures
from backend.evaluation.comparison import FEW_IMAGES, Compared
from backend.evaluation.intervals import Interval
from backend.evaluation.report import EvaluationReport
from backend.evaluation.tag_figures import TagFigures
from backend.evaluation.ways import WAYS_EXPLAINED
from backend.pages.summary import Figure, Summary, Table, in_utc
from backend.runs.reasons import failure_table
from backend.wording import duration

__all__ = ["evaluation_summary"]


#: Behind a best threshold that rests on few boxes.
FEW = "*"
_ALL = "all labels"


def evaluation_summary(report: EvaluationReport) -> Summary:
    """What people read of a report: its figures, its tables, and what failed and why."""
    facts = report.facts
    return Summary(
        f"Evaluated: {facts.source}",
        (f"model_version {facts.model_version}", in_utc(facts.ended_at)),
        list(_figures(report)),
        facts.notes,
        list(_tables(report)),
    )


def _figures(report: EvaluationReport) -> Iterator[Figure]:
    facts, every = report.facts, report.all_labels
    left = f"{facts.left:,} not done yet" if facts.left else "all done"
    yield Figure("images", f"{report.images:,}", left)
    yield Figure(
        "failed", f"{report.failed:,}", "each with its reason" if report.failed else "none"
    )
    if every is not None:
        boxes = f"{every.shown:,} boxes shown, {every.truths:,} there"
        yield Figure("F1 at IoU 0.5", _share(every.f1), boxes)
        yield Figure("AP", _share(every.ap), f"AP50 {_share(every.ap50)}")
    for tag in report.tags[:2]:
        yield Figure(f"{tag.control} right", f"{tag.accuracy:.1%}", f"of {tag.images:,} images")
    told = f"{facts.device}, {duration(facts.seconds)} in all"
    yield Figure("s/image", f"{report.image_s:.3f}", told)


def _tables(report: EvaluationReport) -> Iterator[Table]:
    """Those that hold anything."""
    if report.sweep:
        yield _sweep(report.sweep, report.advice)
    if report.labels:
        yield _labels(report.labels, report.all_labels, report.images)
        yield _scores(report.labels, report.all_labels)
    for tag in report.tags:
        yield _tag(tag)
    if report.failures:
        yield failure_table(report.failures, report.facts.ledger)


def _share(value: float | None) -> str:
    """A share of 0..1, or a dash."""
    return "-" if value is None else f"{value:.3f}"


def _labels(labels: Sequence[BoxFigures], every: AllBoxes | None, images: int) -> Table:
    """Right and wrong at the thresholds that are set."""
    rows = [
        _right(
            label.label, f"{label.threshold:g}", label, label.boxed_without, label.images_without
        )
        for label in labels
    ]
    notes = [
        "thr.: the threshold that is set. F1@.75: at IoU 0.75. absent: images without the label on which it "
        "was boxed."
    ]
    if every is not None:
        rows.append(_right(_ALL, "", every, every.boxed_absent, every.absent))
        notes.append(_sure(every.f1_interval, images))
    return Table(
        "Boxes at IoU 0.5 and the thresholds that are set",
        ("label", "there#", "shown#", "thr.#", "prec.#", "recall#", "F1#", "F1@.75#", "absent#"),
        _named(labels, rows),
        notes,
    )


def _right(
    name: str, threshold: str, of: BoxFigures | AllBoxes, boxed: int, absent: int
) -> tuple[str, ...]:
    shares = map(_share, (of.precision, of.recall, of.f1, of.f1_75))
    return (name, f"{of.truths:,}", f"{of.shown:,}", threshold, *shares, _of(boxed, absent))


def _scores(labels: Sequence[BoxFigures], every: AllBoxes | None) -> Table:
    """Whatever the thresholds: how far scores can be trusted, and where the best threshold lies."""
    rows = [
        _trusted(
            label.label,
            "" if label.is_enough else FEW,
            label,
            label.best_f1 if label.truths else None,
        )
        for label in labels
    ]
    if every is not None:
        rows.append(_trusted(_ALL, "", every, every.best_f1))
    few = (
        "" if all(label.is_enough for label in labels) else f" {FEW}: under {ENOUGH} boxes, chance."
    )
    return Table(
        "Scores, whatever the threshold",
        ("label", "AP50#", "AP#", "AUROC#", "ECE#", "best thr.#", "F1 there#"),
        _named(labels, rows),
        (
            "AP: COCO's average precision, at IoU 0.5 and as the mean over 0.5 to 0.95. AUROC: how well "
            "scores tell right boxes from wrong ones (0.5: not at all). ECE: how far scores are from shares "
            f"of right boxes (0: not at all).{few}",
        ),
    )


def _trusted(
    name: str, few: str, of: BoxFigures | AllBoxes, best_f1: float | None
) -> tuple[str, ...]:
    shares = map(_share, (of.ap50, of.ap, of.auroc, of.ece))
    return (name, *shares, f"{of.best_threshold:g}{few}", _share(best_f1))


def _tag(tag: TagFigures) -> Table:
    columns = ["choice", "there#", "ticked#", "prec.#", "recall#", "F1#", "AUROC#"]
    if tag.multiple:
        columns += ["thr.#", "best thr.#", "F1 there#"]
    rows = []
    for choice in tag.choices:
        row = [
            choice.choice,
            f"{choice.truths:,}",
            f"{choice.ticked:,}",
            *map(_share, (choice.precision, choice.recall, choice.f1, choice.auroc)),
        ]
        if tag.multiple:
            few = "" if choice.is_enough else FEW
            best = "-" if choice.best_threshold is None else f"{choice.best_threshold:g}{few}"
            row += [f"{choice.threshold:g}", best, _share(choice.best_f1)]
        rows.append(tuple(row))
    exactly = (
        "exactly the choices that people ticked" if tag.multiple else "the choice that people made"
    )
    return Table(
        f"Choices of {tag.control}",
        tuple(columns),
        tuple(rows),
        (
            f"{tag.images:,} images: {tag.accuracy:.1%} have {exactly}. Scores: AUROC {_share(tag.auroc)}, "
            f"ECE {_share(tag.ece)}.",
        ),
    )


def _sweep(rows: Sequence[Compared], advice: str) -> Table:
    several = len({row.model for row in rows}) > 1
    tags = any(row.accuracy is not None for row in rows)
    columns = [*(["model"] if several else []), "way", "F1#", "95 %#", "AP50#", "AP#",
               "absent#", *(["choices right#"] if tags else []), "s/image#"]  # fmt: skip
    return Table(
        "Ways of asking",
        tuple(columns),
        tuple(
            (
                *((row.model,) if several else ()),
                row.way,
                _share(row.f1),
                _between(row.f1_interval),
                _share(row.ap50),
                _share(row.ap),
                _share(row.boxed_absent_share),
                *((_share(row.accuracy),) if tags else ()),
                f"{row.seconds:.3f}",
            )
            for row in rows
        ),
        (
            "F1: at the best threshold of each way, one for all labels. absent: share of absent labels that "
            f"were boxed. {' '.join(WAYS_EXPLAINED)}",
        ),
        advice,
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
