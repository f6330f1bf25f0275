"""Workers behind a window: they answer what a test lets them, in the order it likes."""

from __future__ import annotations

from collections.abc import Mapping

from backend.label_studio.bodies import Task
from backend.prediction.engine import engine_for
from backend.prediction.plan import ModelRequest
from backend.prediction.predictor import PredictorSettings
from backend.prediction.request import Outcome
from backend.queue.payload import decode_outcome, encode_outcome
from tests.standin.queue import Answers, answered

SETTINGS = PredictorSettings(engine_for("tiny"), 0.3, None)


def task(number: int, image: str | None = None) -> Task:
    """A task with one image of its own, or the one of that name."""
    name = image if image is not None else f"ok-{number}"
    return Task(id=number, data={"image": f"http://images.example/{name}"})


class StandInWindow:
    """Takes the place of `Window`. Answers the last asked first; `most` outcomes in one `collect`."""

    def __init__(self, answers: Answers = answered, most: int | None = None) -> None:
        self.answers, self.most = answers, most
        self.pending: dict[str, ModelRequest] = {}
        self.asked: list[str] = []
        self.most_pending = 0

    def add(self, requests: Mapping[str, ModelRequest]) -> None:
        self.asked += requests
        self.pending.update(requests)
        self.most_pending = max(self.most_pending, len(self.pending))

    def collect(self, wait_s: float) -> dict[str, Outcome]:
        outcomes: dict[str, Outcome] = {}
        for job_id, request in reversed(list(self.pending.items())):
            outcome = self.answers(request)
            if outcome is not None and (self.most is None or len(outcomes) < self.most):
                outcomes[job_id] = decode_outcome(encode_outcome(outcome))
                del self.pending[job_id]
        return outcomes
