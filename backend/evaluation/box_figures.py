"""What boxes are worth: label by label, and all together. Pure but for the library's average precision."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from backend.evaluation.average_precision import AveragePrecision
from backend.evaluation.intervals import Interval, f1_interval
from backend.evaluation.on_image import LabelKey, OnImage
from models.measures import Counts, auroc, best_threshold, calibration_error

__all__ = ["ENOUGH", "AllBoxes", "BoxFigures", "all_boxes", "box_figures", "by_image"]

#: True boxes (or images with a choice) from which on a best threshold is more than chance.
ENOUGH = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class _Figures:
    """What is measured of one label, and of all. Shares and scores are 0..1; `None`: nothing to compute it from.

    `precision`, `recall` and `f1` are at IoU 0.5 and the threshold that is set now, as `/predict` shows
    boxes; those with `_75` at IoU 0.75. `auroc` and `ece` are of the scores of all boxes found.
    """

    truths: int
    shown: int
    precision: float | None
    recall: float | None
    f1: float | None
    precision_75: float | None
    recall_75: float | None
    f1_75: float | None
    ap50: float | None
    ap: float | None
    auroc: float | None
    ece: float | None
    best_threshold: float
    best_f1: float


@dataclass(frozen=True, slots=True, kw_only=True)
class BoxFigures(_Figures):
    """One label."""

    control: str
    label: str
    images_with: int
    threshold: float
    #: Images that have none, and how many of them were given a box.
    images_without: int
    boxed_without: int

    @property
    def boxed_without_share(self) -> float | None:
        """Share of the images without the label on which it was boxed."""
        return self.boxed_without / self.images_without if self.images_without else None

    @property
    def is_enough(self) -> bool:
        """Whether there are boxes enough for the best threshold to be more than chance."""
        return self.truths >= ENOUGH


@dataclass(frozen=True, slots=True, kw_only=True)
class AllBoxes(_Figures):
    """All labels together: `f1` and the like count every box alike, `ap` is the mean over labels.

    `best_threshold` is one for all labels. `f1_by_threshold` has its F1 at each that was tried.
    """

    #: Found down to a low score, and of these the wrong ones; shown are those above their thresholds.
    found: int
    found_false: int
    f1_interval: Interval | None
    absent: int
    boxed_absent: int
    f1_by_threshold: Mapping[str, float]

    @property
    def boxed_absent_share(self) -> float | None:
        """Share of absent labels (label and image without it) that were boxed."""
        return self.boxed_absent / self.absent if self.absent else None


def box_figures(images: Sequence[OnImage], precision: AveragePrecision | None) -> BoxFigures:
    """The figures of one label from all images."""
    key, threshold = images[0].key, images[0].threshold
    found, _ = _measured(images, [precision] if precision is not None else [], threshold)
    without = [one for one in images if one.says_absent]
    return BoxFigures(
        control=key.control,
        label=key.label,
        images_with=sum(bool(one.truth) for one in images),
        threshold=threshold,
        images_without=len(without),
        boxed_without=sum(bool(one.shown()) for one in without),
        **found,
    )


def all_boxes(
    images: Mapping[LabelKey, Sequence[OnImage]],
    precisions: Mapping[LabelKey, AveragePrecision],
) -> AllBoxes:
    """The figures of all labels together."""
    every = [one for some in images.values() for one in some]
    usual = max((one.threshold for one in every), default=0.0)
    figures, tried = _measured(every, list(precisions.values()), usual)
    true = _scored(every)[1]
    without = [one for one in every if one.says_absent]
    return AllBoxes(
        found=len(true),
        found_false=len(true) - sum(true),
        f1_interval=f1_interval(list(by_image(every).values())),
        absent=len(without),
        boxed_absent=sum(bool(one.shown()) for one in without),
        f1_by_threshold={f"{least:g}": round(counts.f1, 4) for least, counts in tried.items()},
        **figures,
    )


def _measured(
    images: Sequence[OnImage], precisions: Sequence[AveragePrecision], usual: float
) -> tuple[dict[str, Any], Mapping[float, Counts]]:
    """The fields of `_Figures`, and the counts at each threshold that was tried."""
    at_50, at_75 = (_total(images, least_iou) for least_iou in (0.5, 0.75))
    scores, true = _scored(images)
    best, tried = best_threshold(lambda least: _total(images, 0.5, least), usual)
    return {
        "truths": at_50.there,
        "shown": at_50.given,
        **_shares(at_50, at_75),
        "ap50": _mean([each.ap50 for each in precisions]),
        "ap": _mean([each.ap for each in precisions]),
        "auroc": auroc(scores, true),
        "ece": calibration_error(scores, true),
        "best_threshold": best,
        "best_f1": tried[best].f1,
    }, tried


def by_image(images: Iterable[OnImage], threshold: float | None = None) -> dict[str, Counts]:
    """The counts of each image over all its labels, at IoU 0.5."""
    counts: dict[str, Counts] = {}
    for one in images:
        counts[one.image] = counts.get(one.image, Counts()) + one.counts(0.5, threshold)
    return counts


def _total(images: Sequence[OnImage], least_iou: float, threshold: float | None = None) -> Counts:
    return sum((one.counts(least_iou, threshold) for one in images), Counts())


def _scored(images: Sequence[OnImage]) -> tuple[list[float], list[bool]]:
    pairs = [pair for one in images for pair in one.scored()]
    return [score for score, _ in pairs], [true for _, true in pairs]


def _shares(at_50: Counts, at_75: Counts) -> dict[str, float | None]:
    """Precision, recall and F1 at both; `None` where no box is shown, there, or either."""
    shares: dict[str, float | None] = {}
    for counts, suffix in ((at_50, ""), (at_75, "_75")):
        shares[f"precision{suffix}"] = counts.precision if counts.given else None
        shares[f"recall{suffix}"] = counts.recall if counts.there else None
        shares[f"f1{suffix}"] = counts.f1 if counts.given or counts.there else None
    return shares


def _mean(values: Sequence[float]) -> float | None:
    return sum(values) / len(values) if values else None
