"""Keeps Label Studio's title and version of a project in step with its label config."""

from __future__ import annotations

from dataclasses import dataclass

import structlog

from backend.delivery.owed import OwedTasks
from backend.errors import LabelConfigError, LabelStudioRefuses, LabelStudioUnavailable
from backend.label_studio.api import LabelStudioApi
from backend.label_studio.project_key import ProjectKey
from backend.prediction.predictor import PredictorSettings
from backend.projects.follow import follow
from backend.projects.tabs import ProjectTabs
from backend.settings import Settings

__all__ = ["ProjectFollower"]

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class ProjectFollower:
    """Sees to the projects that `/setup` and webhooks have noted as changed."""

    owed: OwedTasks
    api: LabelStudioApi
    predictors: PredictorSettings
    settings: Settings

    def follow_changed(self) -> None:
        """See to each project that is noted.

        Raises `LabelStudioUnavailable` where Label Studio answers nothing, and `QueueUnavailable`; what
        was not seen to stays noted. A project that it does not answer for, while it answers, is put off.
        """
        for changed in self.owed.changed():
            try:
                self._follow(changed.key)
            except LabelStudioUnavailable as error:
                self.api.version()  # raises where it is not this project alone
                log.warning("project not followed yet", project=changed.key.id, reason=str(error))
                self.owed.put_change_off(changed)
                continue
            except (LabelConfigError, LabelStudioRefuses) as error:
                log.warning("project not followed", project=changed.key.id, reason=str(error))
            self.owed.settle_change(changed)

    def _follow(self, project: ProjectKey) -> None:
        found = self.api.project(project.id)
        if found.key != project:
            return  # another Label Studio's
        version = self.predictors.for_label_config(found.label_config).version
        followed = follow(self.api, project.id, version, self.settings)
        if followed is not None:
            log.info(
                "project follows its label config",
                project=project.id,
                before=followed.before,
                version=followed.version,
            )
        # Also where nothing had to change: an earlier look may have ended before it came to the tabs.
        try:
            ProjectTabs(self.api, project.id, version, "").renew()
        except LabelStudioRefuses as error:
            log.warning("tabs not renewed", project=project.id, reason=str(error))
