"""`FirstpassModel`: the same service under label-studio-ml's own servers, 1.0.9 and 2.0.x.

Our own web process does not use this: importing label_studio_ml imports torch wherever it is installed.
"""

from __future__ import annotations

import inspect
from functools import cache
from typing import Any

from label_studio_ml.model import LabelStudioMLBase

from backend.label_studio.bodies import PredictRequest, SetupRequest, WebhookEvent
from backend.processes.assembly import assemble_service
from backend.service import PredictionService
from backend.settings import load_settings

__all__ = ["FirstpassModel"]

#: 2.0.x names the project when it makes a model, and keeps values per project; 1.0.9 does neither.
_KNOWS_PROJECTS = "project_id" in inspect.signature(LabelStudioMLBase.__init__).parameters


class FirstpassModel(LabelStudioMLBase):  # type: ignore[misc] # label_studio_ml carries no types
    """A model per request, as those servers want it; the service behind it is shared.

    `service` may be set on the class; otherwise it is made from the environment at first use.
    """

    service: PredictionService | None = None

    def __init__(
        self, project_id: str | None = None, label_config: str | None = None, **kwargs: Any
    ) -> None:
        self._given_config = label_config
        self._given_project = project_id
        if _KNOWS_PROJECTS:
            super().__init__(project_id=project_id, label_config=label_config)
        else:
            super().__init__(label_config=label_config, **kwargs)

    def setup(self) -> None:
        """Announce the version for this label config; 2.0.x calls it when the model is made."""
        if self._given_config is None:
            return
        request = SetupRequest(schema=self._given_config, project=self._given_project)
        self.set("model_version", self._the_service().setup(request))

    def predict(
        self, tasks: list[dict[str, Any]], context: dict[str, Any] | None = None, **kwargs: Any
    ) -> list[Any]:
        """One prediction dict per task, in order; `[]` for a task that has none (yet)."""
        request = PredictRequest.model_validate(
            {
                "tasks": tasks,
                "label_config": self._given_config or "",
                "project": self._given_project,
                "params": {"context": context or None},
            }
        )
        slots = self._the_service().predict(request)
        return [slot.prediction.model_dump() if slot.prediction else [] for slot in slots]

    def fit(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """Take note of an event: `fit(event, data)` in 2.0.x, `fit((), event=, data=)` in 1.0.9."""
        event = kwargs.get("event") or (args[0] if args else "")
        data = kwargs.get("data") or (args[1] if len(args) > 1 else {})
        self._the_service().event(
            WebhookEvent(action=str(event), project=data.get("project") or {})
        )
        return {}

    def _the_service(self) -> PredictionService:
        return self.service or _service_from_environment()


@cache
def _service_from_environment() -> PredictionService:
    running = assemble_service(load_settings())
    running.start()
    return running.service
