"""The project that a bulk run fills: what it was when the run began, and whether it still is."""

from __future__ import annotations

from dataclasses import dataclass

from backend.errors import BadRequest, CallerError, LabelConfigError, LabelStudioRefuses
from backend.label_studio.api import LabelStudioApi
from backend.label_studio.project_key import ProjectKey, data_page
from backend.label_studio.records import Project
from backend.prediction.predictor import Predictor, PredictorSettings

__all__ = ["ConfigChanged", "TargetProject", "target_project"]

NOT_FOUND = 404


class ConfigChanged(CallerError):
    """The project's label config was changed while a run was filling it."""


@dataclass(frozen=True, slots=True)
class TargetProject:
    """`project` is as it was when the run began; `predictor` is that of its label config."""

    api: LabelStudioApi
    predictors: PredictorSettings
    key: ProjectKey
    predictor: Predictor
    project: Project
    #: Label Studio's address as people know it, where it is another than ours.
    shown_at: str | None = None

    @property
    def version(self) -> str:
        """The `model_version` of the run's rows."""
        return self.predictor.version

    @property
    def words(self) -> str:
        """The project as a person knows it."""
        return f"project {self.key.id} ({self.project.title}), {self.home}"

    @property
    def home(self) -> str:
        """Its address in Label Studio, as people know it."""
        return data_page(self.shown_at or self.api.url, self.key.id)

    def address(self, task: int) -> str:
        """Where a person opens one task of it."""
        return f"{self.home}?task={task}"

    @property
    def source(self) -> str:
        """The same for the same project alone."""
        return f"project {self.key} at {self.api.url}"

    def check(self) -> None:
        """Return while rows of this run are what the project asks for.

        Raises `ConfigChanged` when they are not, `LabelStudioRefuses` when the project is gone.
        """
        found = self.api.project(self.key.id)
        try:
            now = self.predictors.for_label_config(found.label_config).version
        except LabelConfigError as error:
            raise ConfigChanged(
                f"{self._changed}: nothing of it can be predicted ({error})"
            ) from error
        if now != self.version:
            raise ConfigChanged(
                f"{self._changed}: predictions would be of {self.version}, it asks for {now} now. What is "
                "written stays; the same command begins anew with the new label config"
            )

    @property
    def _changed(self) -> str:
        return f"the label config of project {self.key.id} was changed"


def target_project(
    api: LabelStudioApi,
    project: int,
    predictors: PredictorSettings,
    *,
    shown_at: str | None = None,
) -> TargetProject:
    """The project as it is now.

    Raises `BadRequest` for one that is not there, `LabelConfigError` when nothing of it can be served,
    `LabelStudioRefuses` for a token that is not taken.
    """
    try:
        found = api.project(project)
    except LabelStudioRefuses as error:
        if error.status != NOT_FOUND:
            raise
        raise BadRequest(
            f"there is no project {project} at {api.url}, or not for the user whose token this is; its "
            "number is in its address: /projects/<number>/data"
        ) from error
    if found.key is None:
        raise BadRequest(f"project {project} at {api.url} does not say when it was made")
    predictor = predictors.for_label_config(found.label_config)
    return TargetProject(api, predictors, found.key, predictor, found, shown_at)
