"""A queue whose workers answer at once, or never, or fail for a given reason."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from backend.errors import Failure
from backend.prediction.plan import ModelRequest
from backend.prediction.request import Answer, Outcome
from backend.queue.job_queue import Asked
from backend.queue.payload import decode_outcome, encode_outcome
from tests.standin.answers import SIZE, answer

Answers = Callable[[ModelRequest], Outcome | None]


def answered(request: ModelRequest) -> Outcome | None:
    """The stand-in model's answer."""
    return Answer(SIZE, tuple(answer(query) for query in request.queries), "0" * 64)


class StandInQueue:
    """Takes the place of `JobQueue`; remembers what it was asked. `None` leaves a job pending."""

    def __init__(self, answers: Answers = answered) -> None:
        self.answers = answers
        self.asked: list[dict[str, ModelRequest]] = []
        self.interactive: list[bool] = []

    def ask(
        self, requests: Mapping[str, ModelRequest], *, interactive: bool, wait_s: float
    ) -> Asked:
        self.asked.append(dict(requests))
        self.interactive.append(interactive)
        result = Asked(pending=set(requests))
        for job_id, request in requests.items():
            outcome = self.answers(request)
            if outcome is not None:
                # Encoded and decoded, as the real one does.
                result.outcomes[job_id] = decode_outcome(encode_outcome(outcome))
                result.pending.discard(job_id)
        return result


def failing(failure: Failure, *, where: str) -> Answers:
    """Answers all but the images whose location contains `where`."""
    return lambda request: failure if where in request.image.location else answered(request)
