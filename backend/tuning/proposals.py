"""Evidence -> what would change, label by label and tag by tag, and why the rest stays."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from backend.label_config.control_tags import Label, RegionTag
from backend.prediction.predictor import Predictor
from backend.prediction.step import Step
from backend.review.remarks import ENOUGH
from backend.review.shares import share_of
from backend.tuning.aim import Aim
from backend.tuning.calibrating import Judged, tag_curves
from backend.tuning.cuts import CUTS, ChosenCut, chosen_cut
from backend.tuning.evidence import LabelKey, OnImage
from backend.tuning.figures import CalibrationFigures, LabelTuning, PhraseFigures

__all__ = ["calibrations", "phrase_figures", "tunable", "tuned_labels"]

#: Images that a label was reviewed on: fewer say nothing of others, however many boxes are on each.
LEAST_IMAGES = 5
_Steps = Mapping[LabelKey, tuple[Step, Label]]


def tunable(predictor: Predictor) -> _Steps:
    """The labels that are asked, of tags for regions; not those of printed text, which all have one label."""
    found: dict[LabelKey, tuple[Step, Label]] = {}
    for step in predictor.plan.steps:
        control = step.control
        if isinstance(control, RegionTag) and not control.is_ocr:
            for label in control.labels:
                found.setdefault((control.name, label.value), (step, label))
    return found


def tuned_labels(
    labels: _Steps,
    found: Mapping[LabelKey, Sequence[OnImage]],
    aim: Aim,
    versions: Mapping[str, _Steps],
) -> tuple[LabelTuning, ...]:
    """What reviews say of each label's threshold; `versions` are those whose thresholds are known."""
    return tuple(
        _tuned(
            key,
            step.threshold(label),
            found.get(key, ()),
            aim,
            {
                name: steps[key][0].threshold(steps[key][1])
                for name, steps in versions.items()
                if key in steps
            },
        )
        for key, (step, label) in labels.items()
    )


def calibrations(
    labels: _Steps,
    found: Mapping[LabelKey, Sequence[OnImage]],
    tuned: Sequence[LabelTuning],
) -> tuple[CalibrationFigures, ...]:
    """What reviews say of each tag's scores, of the boxes that its thresholds would show."""
    least = {
        (one.control, one.label): one.best
        if one.changes and one.best is not None
        else one.threshold
        for one in tuned
    }
    tags: dict[str, dict[str, list[Judged]]] = {}
    for key in labels:
        judged = tags.setdefault(key[0], {}).setdefault(key[1], [])
        for one in found.get(key, ()):
            judged += [
                Judged(box.score, box.right, one.task)
                for box in one.boxes
                if box.score >= least[key]
            ]
    return tuple(_calibrated(labels, control, judged) for control, judged in tags.items())


def phrase_figures(
    labels: _Steps, found: Mapping[LabelKey, Sequence[OnImage]]
) -> tuple[PhraseFigures, ...]:
    """Which phrase's boxes people kept, of labels that ask several."""
    return tuple(
        figures
        for key, (_, label) in labels.items()
        if len(label.phrases) > 1
        for figures in _of_phrases(key, label, found.get(key, ()))
    )


def _tuned(
    key: LabelKey,
    now: float,
    images: Sequence[OnImage],
    aim: Aim,
    thresholds: Mapping[str, float],
) -> LabelTuning:
    about = {
        "control": key[0],
        "label": key[1],
        "threshold": now,
        "reviewed": _reviewed(images),
        "images": len(images),
        "known": sum(one.known for one in images),
    }
    least = _observable(images, thresholds)
    chosen, why = _chosen(images, least, now, aim)
    if chosen is None:
        return LabelTuning(**about, why=why)  # type: ignore[arg-type]
    cut, observable = chosen
    return LabelTuning(
        **about,  # type: ignore[arg-type]
        best=cut.best,
        changes=cut.acts,
        why="" if cut.acts else _why_kept(cut, aim),
        f1=cut.f1_now,
        f1_best=cut.f1_best,
        gain=cut.gain,
        gain_interval=cut.interval,
        kept=cut.kept,
        false=cut.false,
        hidden=cut.hidden,
        hidden_right=cut.hidden_right,
        shown=cut.shown,
        shown_right=cut.shown_right,
        observable=observable,
    )


def _chosen(
    images: Sequence[OnImage], least: Mapping[str, float], now: float, aim: Aim
) -> tuple[tuple[ChosenCut, float] | None, str]:
    """The best threshold and from where on it was sought, or why none is.

    Higher ones are sought on all images: where people did not see what lies between the threshold of now
    and theirs, it scores lower than what they saw, so it is right no more often. Lower ones are sought
    where the answers below are known. What gains more for certain is taken.
    """
    known = [one for one in images if one.known]
    tried: list[tuple[ChosenCut, float]] = []
    for some in [images] if len(known) == len(images) else [images, known]:
        tasks = len({one.task for one in some})
        if _reviewed(some) >= ENOUGH and tasks >= LEAST_IMAGES:
            floors = (0.0 if one.known else min(now, least[one.version]) for one in some)
            floor = max(floors, default=0.0)
            tried.append((chosen_cut(some, now, max(floor, CUTS[0]), aim), floor))
    if tried:
        return max(tried, key=lambda each: (each[0].acts, each[0].interval.low)), ""
    if (missing := ENOUGH - _reviewed(images)) > 0:
        boxes = "box is" if missing == 1 else "boxes are"
        return None, f"too few: {missing} reviewed {boxes} missing"
    missing = LEAST_IMAGES - len({one.task for one in images})
    return (
        None,
        f"too few: reviewed boxes of {missing} more {'image' if missing == 1 else 'images'} are missing",
    )


def _reviewed(images: Sequence[OnImage]) -> int:
    return sum(box.shown for one in images for box in one.boxes)


def _observable(images: Sequence[OnImage], thresholds: Mapping[str, float]) -> dict[str, float]:
    """From which score on people saw the boxes of each version: its threshold, else the least that it showed."""
    least: dict[str, float] = {}
    for one in images:
        scores = [box.score for box in one.boxes if box.shown]
        least[one.version] = min([least.get(one.version, 1.0), *scores])
    return {name: thresholds.get(name, score) for name, score in least.items()}


def _why_kept(cut: ChosenCut, aim: Aim) -> str:
    if not cut.reached:
        return f"no threshold reaches a precision of {aim.precision:g}"
    if cut.best == cut.now:
        return "no other threshold is better by more than chance"
    return f"{cut.best:g} may be better by chance"


def _calibrated(
    labels: _Steps, control: str, judged: Mapping[str, Sequence[Judged]]
) -> CalibrationFigures:
    now = {name: labels[control, name][1].calibration for name in judged}
    curves = tag_curves(judged, now)
    return CalibrationFigures(
        control=control,
        boxes=curves.boxes,
        now={name: one.text for name, one in now.items() if one is not None},
        new={name: one.text for name, one in curves.curves.items()},
        gain=curves.gain,
        why=curves.why,
    )


def _of_phrases(key: LabelKey, label: Label, images: Sequence[OnImage]) -> Iterator[PhraseFigures]:
    shown = [box for one in images for box in one.boxes if box.shown]
    unknown = sum(box.phrase is None for box in shown)
    for phrase in label.phrases:
        own = [box.right for box in shown if box.phrase == phrase]
        yield PhraseFigures(*key, phrase, share_of(sum(own), len(own)), unknown)
