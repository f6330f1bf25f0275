"""What was found, put into a project's label config; and taken back."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from backend.errors import BadRequest
from backend.label_config.calibration import Calibration
from backend.label_config.label_config import parse_label_config
from backend.label_config.tuned_labels import TakenBack, TunedLabel, as_before_tuning
from backend.label_studio.api import LabelStudioApi
from backend.tuning.figures import CalibrationFigures, LabelTuning
from models.postprocess import CleanRules, clean
from models.types import Detection, ImageSize

__all__ = ["changes_of", "store", "take_back", "tidy"]


def changes_of(
    labels: Iterable[LabelTuning], calibrations: Iterable[CalibrationFigures]
) -> list[TunedLabel]:
    """Each label that changes, with all that does."""
    least = {(one.control, one.label): one.best for one in labels if one.changes}
    curves = {
        (one.control, name): Calibration.parse(text)
        for one in calibrations
        for name, text in one.new.items()
    }
    return [
        TunedLabel(*key, least=least.get(key), calibration=curves.get(key))
        for key in dict.fromkeys([*least, *curves])
    ]


def store(api: LabelStudioApi, project: int, measured: str, after: str) -> None:
    """Give a project the label config `after`. Raises `BadRequest` where it is not what was `measured`."""
    if api.project(project).label_config != measured:
        raise BadRequest(
            f"the label config of project {project} was changed meanwhile: nothing is written; the same "
            "command looks at it anew"
        )
    lost = set(parse_label_config(after).unserved) - set(parse_label_config(measured).unserved)
    if lost:
        raise BadRequest(f"nothing was changed: {'; '.join(sorted(map(str, lost)))}")
    api.update_project(project, label_config=after)


def take_back(
    api: LabelStudioApi, project: int, version: Callable[[str], str]
) -> tuple[Sequence[TakenBack], str, str]:
    """What the last change had written is taken out; which labels, and the versions before and after.

    Raises `BadRequest` where nothing is noted.
    """
    before = api.project(project).label_config
    after, taken = as_before_tuning(before)
    if not taken:
        raise BadRequest(
            f"nothing to take back: no label of project {project} has model_tuned_from, which `firstpass tune "
            "--apply` writes"
        )
    store(api, project, before, after)
    return taken, version(before), version(after)


def tidy(detections: Sequence[Detection], size: ImageSize) -> Sequence[Detection]:
    """An image's detections without repeats, by the rules that the models' answers are tidied with."""
    return clean(detections, size, CleanRules())
