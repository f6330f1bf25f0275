"""Projects whose reviews are known to the box, in the stand-in Label Studio."""

from __future__ import annotations

from collections.abc import Iterable

from backend.plain import Json
from tests.reviewer import OURS, box
from tests.standin.label_studio import StandInLabelStudio

__all__ = ["CONFIG", "NUMBER", "annotated", "project_of"]

NUMBER = 4
CONFIG = (
    '<View>\n  <Image name="image" value="$image"/>\n  <RectangleLabels name="box" toName="image">\n'
    '    <Label value="car"/>\n    <Label value="person" hotkey="2" model_score_threshold = \'0.30\'/>\n'
    '    <Label value="star" predicted_values="star,heart"/>\n  </RectangleLabels>\n</View>\n'
)
_PLACES = ((5, 5), (35, 5), (65, 5), (5, 35), (35, 35), (65, 35), (5, 65), (35, 65), (65, 65))


def annotated(
    number: int,
    boxes: Iterable[tuple[str, float, bool]],
    *,
    added: Iterable[str] = (),
    version: str = OURS,
    **annotation: object,
) -> Json:
    """A task whose boxes (label, score, right) a person kept where they are right, and deleted else."""
    places = iter(_PLACES)
    found = [
        (box(f"r{number}-{n}", label, *next(places), 20, 20, score), right)
        for n, (label, score, right) in enumerate(boxes)
    ]
    result = [{**one, "origin": "prediction"} for one, right in found if right]
    result += [
        {**box(f"n{number}-{n}", label, *next(places), 20, 20, None), "origin": "manual"}
        for n, label in enumerate(added)
    ]
    row = {"id": number, "model_version": version, "result": [one for one, _ in found]}
    made = {
        "id": number, "task": number, "completed_by": 1, "lead_time": 8.0, "parent_prediction": number,
        "created_at": "2026-11-20T08:00:00Z", "result": result, "prediction": row, **annotation,
    }  # fmt: skip
    image = f"http://images.example/{number}.png"
    return {"id": number, "data": {"image": image}, "annotations": [made]}


def project_of(
    tasks: Iterable[Json], config: str = CONFIG, shown: str = OURS
) -> StandInLabelStudio:
    """A project with these tasks, that shows predictions of this version."""
    found = StandInLabelStudio(label_config=config)
    found.found["model_version"] = shown
    found.put(*tasks)
    return found
