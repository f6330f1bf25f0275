"""Ways of asking side by side: quality against seconds, and which to take. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from backend.evaluation.evaluated import Evaluated
from backend.evaluation.intervals import Interval, f1_difference, f1_interval

__all__ = ["FEW_IMAGES", "Compared", "advice", "compared"]

#: Images below which any advice is a guess, and says so.
FEW_IMAGES = 30
#: A way that takes at most this share of the time counts as quicker.
QUICKER = 0.75
#: F1 that a quicker way may lack, at the lower end of the interval.
AS_GOOD = 0.02


@dataclass(frozen=True, slots=True)
class Compared:
    """One row. F1 is at the way's own best threshold for all labels, since ways score differently.

    `difference` is how much better than the first row it is, on the same images, as an interval.
    """

    model: str
    way: str
    setting: str
    images: int
    f1: float | None
    f1_interval: Interval | None
    ap50: float | None
    ap: float | None
    threshold: float | None
    boxed_absent_share: float | None
    accuracy: float | None
    seconds: float
    difference: Interval | None


def compared(rows: Sequence[tuple[str, str, str, Evaluated]]) -> tuple[Compared, ...]:
    """The rows of a sweep: model, way and setting, with what came of it. The first is what is done now."""
    first = rows[0][3]
    return tuple(
        _row(model, way, setting, each, first if number else None)
        for number, (model, way, setting, each) in enumerate(rows)
    )


def advice(rows: Sequence[Compared]) -> str:
    """Which of the rows to take, in a sentence or two that claim no more than the images tell."""
    now = rows[0]
    if now.f1 is None:
        return _advice_for_tags(rows)
    chance = _chance(now)
    takeable = [row for row in rows[1:] if row.setting and row.f1 is not None]
    better = [row for row in takeable if row.difference is not None and row.difference.low > 0]
    if better:
        best = max(better, key=lambda row: row.f1 or 0.0)
        return f"Take {_named(best)}: {_against(best, now)}. To have it: {best.setting}. {chance}"
    quicker = [
        row
        for row in takeable
        if row.seconds <= QUICKER * now.seconds
        and row.difference is not None
        and row.difference.low >= -AS_GOOD
    ]
    if quicker:
        best = min(quicker, key=lambda row: row.seconds)
        return (
            f"Take {_named(best)}, which is as good and quicker: {_against(best, now)}. To have it: "
            f"{best.setting}. {chance}"
        )
    nearest = max(rows[1:], key=lambda row: row.f1 or 0.0, default=None)
    if nearest is None:
        return f"There was nothing to compare with. {chance}"
    return (
        f"Stay with what is done now: nothing that can be set is better by more than chance. Next is "
        f"{_named(nearest)}: {_against(nearest, now)}{_not_yet(nearest)}. {chance}"
    )


def _row(model: str, way: str, setting: str, each: Evaluated, first: Evaluated | None) -> Compared:
    boxes = each.all_labels
    counts = each.seen.counts(boxes.best_threshold) if boxes is not None else []
    difference = None
    if first is not None and first.all_labels is not None and boxes is not None:
        by_image = dict(zip(each.seen.images, counts, strict=True))
        own = first.seen.counts(first.all_labels.best_threshold)
        both = [
            (by_image[image], count)
            for image, count in zip(first.seen.images, own, strict=True)
            if image in by_image
        ]
        difference = f1_difference([one for one, _ in both], [other for _, other in both])
    return Compared(
        model=model,
        way=way,
        setting=setting,
        images=len(each.seen.images),
        f1=boxes.best_f1 if boxes is not None else None,
        f1_interval=f1_interval(counts),
        ap50=boxes.ap50 if boxes is not None else None,
        ap=boxes.ap if boxes is not None else None,
        threshold=boxes.best_threshold if boxes is not None else None,
        boxed_absent_share=boxes.boxed_absent_share if boxes is not None else None,
        accuracy=(sum(tag.accuracy for tag in each.tags) / len(each.tags) if each.tags else None),
        seconds=each.seen.seconds,
        difference=difference,
    )


def _advice_for_tags(rows: Sequence[Compared]) -> str:
    told = [row for row in rows if row.accuracy is not None]
    if len(told) < 2:
        return "There was nothing to compare with: only boxes are asked in several ways."
    best = max(told, key=lambda row: row.accuracy or 0.0)
    return (
        f"{_named(best)} is right most often: {best.accuracy:.3f} against {told[0].accuracy:.3f} of what is "
        f"done now. {_chance(rows[0])}"
    )


def _named(row: Compared) -> str:
    return f"{row.way!r} with {row.model}"


def _against(row: Compared, now: Compared) -> str:
    return (
        f"F1 {row.f1:.3f} against {now.f1:.3f}{_difference(row.difference)}, {row.seconds:.2f} s an image "
        f"against {now.seconds:.2f} s"
    )


def _difference(interval: Interval | None) -> str:
    if interval is None:
        return ""
    if interval.low == interval.high:
        return (
            f" (difference {interval.low:+.3f}, however the images are drawn)"
            if interval.low
            else ""
        )
    return f" (difference {interval.low:+.3f} to {interval.high:+.3f}, 95 % interval)"


def _not_yet(row: Compared) -> str:
    return "" if row.setting else " (no setting has it so; it is shown to compare)"


def _chance(now: Compared) -> str:
    if now.images < FEW_IMAGES:
        return f"{now.images} images are few: label {FEW_IMAGES} or more before you rely on it."
    return f"Measured on {now.images:,} images; others may differ."
