"""Whether the label stream gives the least sure task first, and what it did before.

What it did before is noted with our ML backend, in the parameters that Label Studio keeps for it: it goes
when the backend goes, and people see it nowhere.
"""

from __future__ import annotations

from collections.abc import Sequence

from backend.label_studio.api import LabelStudioApi
from backend.label_studio.records import Backend
from backend.projects.finding import Finding, Level
from backend.projects.our_backend import OurBackend

__all__ = ["LEAST_SURE_FIRST", "order_before", "set_order", "take_back_order"]

LEAST_SURE_FIRST = "Uncertainty sampling"
BY_ID = "Sequential sampling"
_NOTE = "firstpass_sampling_before"


def order_before(backends: Sequence[Backend]) -> str | None:
    """What the label stream went by before we had it give the least sure first; `None`: we did not."""
    notes = [(backend.extra_params or {}).get(_NOTE) for backend in backends]
    return next((note for note in notes if isinstance(note, str) and note), None)


def set_order(api: LabelStudioApi, ours: OurBackend, project_id: int) -> Finding:
    """Have the label stream give the least sure first. Our backend must be connected."""
    before = api.project(project_id).sampling
    if before == LEAST_SURE_FIRST:
        return Finding(Level.ALREADY, "Label All Tasks gives the least sure first")
    _note(api, ours, project_id, before or BY_ID)  # first, so that it can be taken back in any case
    api.update_project(project_id, sampling=LEAST_SURE_FIRST)
    return Finding(
        Level.DONE, f"Label All Tasks gives the least sure first; it went by {before or BY_ID}"
    )


def take_back_order(api: LabelStudioApi, ours: OurBackend, project_id: int) -> Finding:
    """Have the label stream go as it did before, or by ids where that is not known."""
    if api.project(project_id).sampling != LEAST_SURE_FIRST:
        return Finding(Level.ALREADY, "Label All Tasks does not go by scores")
    before = order_before(ours.among(api.backends(project_id))) or BY_ID
    api.update_project(project_id, sampling=before)
    _note(api, ours, project_id, None)
    return Finding(Level.DONE, f"Label All Tasks goes by {before} again")


def _note(api: LabelStudioApi, ours: OurBackend, project_id: int, before: str | None) -> None:
    for backend in ours.among(api.backends(project_id))[:1]:
        params = {
            name: each for name, each in (backend.extra_params or {}).items() if name != _NOTE
        }
        if before is not None:
            params[_NOTE] = before
        fields = ours.fields(backend.title)
        api.update_backend(backend.id, project=project_id, **fields, extra_params=params)
