"""The best thresholds put into the label config: which, why not the others, and which version that makes."""

from __future__ import annotations

from codecs import BOM_UTF8
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from backend.dataset.target_project import TargetProject
from backend.errors import BadRequest
from backend.evaluation.box_figures import ENOUGH, BoxFigures
from backend.evaluation.evaluated import Evaluated
from backend.evaluation.tag_figures import ChoiceFigures
from backend.label_config.label_config_file import label_config_in
from backend.label_config.label_thresholds import LabelThreshold, with_thresholds
from backend.label_studio.api import LabelStudioApi
from backend.prediction.predictor import PredictorSettings
from backend.runs.output_file import writing

__all__ = [
    "ThresholdChange",
    "Written",
    "in_file",
    "in_project",
    "threshold_changes",
]


@dataclass(frozen=True, slots=True)
class ThresholdChange:
    """A label's threshold now and its best one. `kept_because`: why the label config keeps what it has."""

    control: str
    label: str
    now: float
    best: float
    f1_now: float | None
    f1_best: float | None
    kept_because: str = ""

    @property
    def line(self) -> str:
        """In words."""
        name = f"{self.label} ({self.control})"
        if self.kept_because:
            return f"{name}: stays at {self.now:g}: {self.kept_because}"
        return f"{name}: {self.now:g} -> {self.best:g}, F1 {self.f1_now or 0:.3f} -> {self.f1_best or 0:.3f}"


@dataclass(frozen=True, slots=True)
class Written:
    """What was written where; `before` and `after` are `model_version`s."""

    place: str
    count: int
    before: str
    after: str


def threshold_changes(evaluated: Evaluated) -> tuple[ThresholdChange, ...]:
    """What the best thresholds would change, label by label."""
    return tuple(_changes(evaluated))


def in_file(
    path: Path, measured: str, changes: Sequence[ThresholdChange], predictors: PredictorSettings
) -> Written:
    """Writes them into the file of the label config that was measured.

    Raises `BadRequest` where somebody has changed it since, and `OutputUnwritable`.
    """

    def store(before: str, after: str) -> None:
        if before != measured:
            raise BadRequest(_changed_meanwhile(str(path)))
        mark = BOM_UTF8 if path.read_bytes().startswith(BOM_UTF8) else b""
        with writing(path) as file:
            file.write(mark + after.encode())

    return _written(str(path), label_config_in(path), changes, predictors, store)


def in_project(
    api: LabelStudioApi, target: TargetProject, changes: Sequence[ThresholdChange]
) -> Written:
    """Writes them into a project's label config, through Label Studio.

    Raises `BadRequest` where somebody has changed it since it was measured.
    """
    measured = target.project.label_config

    def store(before: str, after: str) -> None:
        if before != measured:
            raise BadRequest(_changed_meanwhile(f"project {target.key.id}"))
        api.update_project(target.key.id, label_config=after)

    now = api.project(target.key.id).label_config
    place = f"project {target.key.id}"
    return _written(place, now, changes, target.predictors, store)


def _written(
    place: str,
    before: str,
    changes: Sequence[ThresholdChange],
    predictors: PredictorSettings,
    store: Callable[[str, str], None],
) -> Written:
    wanted = [
        LabelThreshold(change.control, change.label, change.best)
        for change in changes
        if not change.kept_because
    ]
    after = with_thresholds(before, wanted)
    versions = [predictors.for_label_config(xml).version for xml in (before, after)]
    if wanted:
        store(before, after)
    return Written(place, len(wanted), *versions)


def _changed_meanwhile(place: str) -> str:
    return (
        f"the label config of {place} was changed while it was measured: nothing is written; the same command "
        "measures it anew"
    )


def _changes(evaluated: Evaluated) -> Iterator[ThresholdChange]:
    for label in evaluated.labels:
        yield _change(label.control, label.label, label, label.best_threshold)
    for tag in evaluated.tags:
        for choice in tag.choices:
            if choice.best_threshold is not None:
                yield _change(tag.control, choice.choice, choice, choice.best_threshold)


def _change(
    control: str, name: str, of: BoxFigures | ChoiceFigures, best: float
) -> ThresholdChange:
    kept_because = _why_kept(of.threshold, best, of.truths)
    if isinstance(of, ChoiceFigures) and " > " in name:
        kept_because = "choices of a tree are set by hand"
    return ThresholdChange(control, name, of.threshold, best, of.f1, of.best_f1, kept_because)


def _why_kept(now: float, best: float, truths: int) -> str:
    if truths < ENOUGH:
        times = "once" if truths == 1 else f"{truths} times"
        return f"people marked it {times}; with under {ENOUGH} the best threshold is chance"
    if best == now:
        return "no other threshold is better"
    return ""
