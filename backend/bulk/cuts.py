"""Label thresholds of a plan: predictions with all boxes that the models gave, and the same at the thresholds. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from backend.label_config.control_tags import RegionTag
from backend.label_studio.bodies import Prediction
from backend.prediction.plan import Plan
from backend.prediction.predictor import Predictor
from backend.prediction.read_regions import ReadRegion, read_regions
from backend.prediction.regions import prediction_of
from backend.prediction.step import Step

__all__ = ["Cut", "cuts_of", "kept_at", "with_all_boxes"]


@dataclass(frozen=True, slots=True)
class Cut:
    """From which score on regions of a label are predicted, 0..1."""

    control: str
    label: str
    least: float


def cuts_of(plan: Plan) -> tuple[Cut, ...]:
    """Those of all labels of tags for regions, in the order of the label config."""
    found = {
        (step.control.name, label.value): Cut(step.control.name, label.value, step.threshold(label))
        for step in plan.steps
        if isinstance(step.control, RegionTag)
        for label in step.control.labels
    }
    return tuple(found.values())


def with_all_boxes(predictor: Predictor) -> Predictor:
    """The same, asking the same, but for thresholds: its predictions hold what the models gave from 0.1 on.

    What is ticked, read and counted stays as it is.
    """
    steps = tuple(map(_open, predictor.plan.steps))
    return replace(predictor, plan=Plan(steps, predictor.plan.unserved))


def kept_at(cuts: Iterable[Cut], prediction: Prediction) -> Prediction:
    """Without the regions that do not reach their label's threshold, nor what is said of them."""
    least = {(cut.control, cut.label): cut.least for cut in cuts}

    def is_below(region: ReadRegion) -> bool:
        needed = [least.get((region.from_name, label)) for label in region.predicted_labels]
        return any(one is not None and (region.raw_score or 0.0) < one for one in needed)

    dropped = {region.id for region in read_regions(prediction.result) if is_below(region)}
    result = [region for region in prediction.result if region["id"] not in dropped]
    return prediction_of(result, prediction.model_version)


def _open(step: Step) -> Step:
    control = step.control
    if isinstance(control, RegionTag):
        # Thresholds are about raw scores, so these are what stands beside the sliders.
        labels = tuple(
            replace(label, score_threshold=None, calibration=None) for label in control.labels
        )
        opened = replace(control, labels=labels, score_threshold=None)
        return replace(step, control=opened, default_threshold=0.0)
    if getattr(control, "per_region", None) is not None:
        return replace(step, bases=tuple(map(_open, step.bases)))
    return step
