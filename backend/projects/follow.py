"""A project's ML backend follows its version: when the label config changes, so do title and scores.

Label Studio keeps the title that the backend was connected under. With another version than that, its
scores, its sorting and its label stream go on showing the rows of before.
"""

from __future__ import annotations

from dataclasses import dataclass

import structlog

from backend.label_studio.api import LabelStudioApi
from backend.label_studio.records import Backend, Project
from backend.prediction.model_version import is_model_version
from backend.projects.our_backend import OurBackend, same_address
from backend.settings import Settings

__all__ = ["Followed", "Step", "follow", "next_step"]

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Step:
    """What has to change: the backend's title, the version that the project shows."""

    title: bool
    shown: bool


@dataclass(frozen=True, slots=True)
class Followed:
    """The versions before and after."""

    before: str
    version: str


def follow(
    api: LabelStudioApi, project_id: int, version: str, settings: Settings
) -> Followed | None:
    """Bring a project's backend and `model_version` to `version`; `None` when nothing had to change.

    Rows of other versions stay. Label Studio calls our `/health` and `/setup` meanwhile. Raises
    `LabelStudioRefuses` and `LabelStudioUnavailable`; may be called again at any time.
    """
    ours = OurBackend.from_settings(settings)
    project, backends = api.project(project_id), api.backends(project_id)
    backend = next((one for one in backends if ours.answers_for(one, version)), None)
    step = next_step(project, backend, version)
    if backend is None or step is None:
        return None
    if step.title:
        fields = {"title": version, "url": backend.url, "project": project_id}
        if same_address(backend.url, ours.url):
            fields |= ours.credential_fields
        elif ours.auth is not None:
            # Whoever is behind that address would be sent our password.
            log.warning(
                "backend does not follow: set FIRSTPASS_PUBLIC_URL to the address it is connected under",
                project=project_id,
                url=backend.url,
            )
            return None
        api.update_backend(backend.id, **fields)
    if step.shown:
        api.update_project(project_id, model_version=version)
    return Followed(before=backend.title, version=version)


def next_step(project: Project, backend: Backend | None, version: str) -> Step | None:
    """What has to change for a backend of ours (`None`: there is none); `None` when nothing has to.

    A project that shows no predictions, or those of another model, was told to by a person.
    """
    if backend is None:
        return None
    shown = project.model_version
    replaceable = not shown or is_model_version(shown)
    step = Step(
        title=backend.title != version,
        shown=project.show_collab_predictions and shown != version and replaceable,
    )
    return step if step.title or step.shown else None
