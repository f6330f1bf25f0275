"""The image that somebody draws on: what was said of it already, and the way to ask more."""

from __future__ import annotations

import time
from dataclasses import dataclass

from backend.errors import Failure
from backend.label_config.control_tags import LabelConfig
from backend.prediction.plan import ModelRequest
from backend.prediction.predictor import Predictor
from backend.prediction.request import Answer, request_id
from backend.prediction.step import Step
from backend.queue.job_queue import AsksWorkers
from models.queries import Query

__all__ = ["NotDone", "Scene"]


class NotDone(Exception):
    """An image that failed, or (`failure` is `None`) is not done in time."""

    def __init__(self, failure: Failure | None) -> None:
        super().__init__(failure)
        self.failure = failure


@dataclass(frozen=True, slots=True)
class Scene:
    """`job_id` and `prediction` are what the task's own prediction asks of the image.

    Workers are waited for until `deadline`, in seconds of the monotonic clock.
    """

    config: LabelConfig
    predictor: Predictor
    queue: AsksWorkers
    deadline: float
    job_id: str
    prediction: ModelRequest

    @property
    def steps(self) -> tuple[Step, ...]:
        """Those of the image."""
        return tuple(step.unlearned for step in self.prediction.steps)

    def refuses(self, query: Query) -> str | None:
        """Why no loaded model can answer a query; `None` when one can."""
        return self.predictor.settings.engine.refuses(query)

    def predicted(self) -> Answer:
        """The answer to all that the task's prediction asks of the image. Raises `NotDone`."""
        return self._ask(self.job_id, self.prediction)

    def ask(self, queries: tuple[Query, ...]) -> Answer:
        """The answer to further queries. Raises `NotDone`."""
        request = ModelRequest(self.prediction.image, queries)
        return self._ask(request_id(request, self.predictor.settings.engine.fingerprint), request)

    def _ask(self, job_id: str, request: ModelRequest) -> Answer:
        """Before all bulk work."""
        wait_s = max(0.0, self.deadline - time.monotonic())
        asked = self.queue.ask({job_id: request}, interactive=True, wait_s=wait_s)
        outcome = asked.outcomes.get(job_id)
        if isinstance(outcome, Answer):
            return outcome
        raise NotDone(outcome)
