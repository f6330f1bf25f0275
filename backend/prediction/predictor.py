"""One label config: what to ask for a task, and the task's prediction from the answers. No I/O.

`/predict`, the courier and bulk runs all predict through this, so that they give the same rows.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache

import structlog

from backend.errors import Failure, FirstpassError, InternalError
from backend.images.reference import ImageRef, parse_image_ref
from backend.label_config.control_tags import ObjectTag
from backend.label_studio.bodies import Prediction, Task
from backend.prediction.engine import Engine, engine_of
from backend.prediction.learned import with_heads
from backend.prediction.model_version import model_version
from backend.prediction.options import options_left_out
from backend.prediction.pages import blank_images
from backend.prediction.plan import ModelRequest, Plan, plan_label_config, requests_for_task
from backend.prediction.regions import ImageAnswers, build_prediction
from backend.prediction.request import Outcome, request_id
from backend.settings import Settings
from models.heads import HeadCard, HeadUnusable

__all__ = ["Predictor", "PredictorSettings", "Slot", "TaskRequests", "predictor_settings"]

log = structlog.get_logger()


class TaskRequests(dict[ObjectTag, tuple[str, ModelRequest]]):
    """What one task asks: a request per image, named by its job id."""

    #: A sentence for each image, page or choice of the task that is not asked about, while others are.
    left_out: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Slot:
    """What became of one task: a prediction, or the reason why there is none (yet)."""

    task_id: int | None
    prediction: Prediction | None = None
    failure: Failure | None = None
    #: The job of the image in which a worker found the failure, and by which it has noted it.
    failed_job: str | None = None
    #: What of the task was not looked at, a sentence each.
    left_out: tuple[str, ...] = ()

    @property
    def outcome(self) -> str:
        """`predicted`, `pending`, or the kind of failure."""
        if self.prediction is not None:
            return "predicted"
        return self.failure.kind if self.failure is not None else "pending"


def _no_heads(fingerprint: str) -> HeadCard:
    raise HeadUnusable("this process knows no learned heads")


@lru_cache(maxsize=256)
def _complain(reason: str) -> None:
    """Log it, once for each reason: it holds for every request until somebody sees to it."""
    log.warning("learned head not used", reason=reason)


@dataclass(frozen=True, slots=True)
class PredictorSettings:
    """What besides the label config decides a prediction.

    `score_threshold` in 0..1; `None`: that of the model which is asked. `heads` gives the card of a learned
    head that a label config names, or raises `HeadUnusable`.
    """

    engine: Engine
    score_threshold: float | None
    label_studio_url: str | None
    heads: Callable[[str], HeadCard] = _no_heads

    def for_label_config(self, label_config: str) -> Predictor:
        """The predictor for a label config; cheap when it was planned before.

        Raises `LabelConfigError` when nothing of it can be served.
        """
        plan = plan_label_config(label_config, self.score_threshold, self.engine)
        complaints: tuple[str, ...] = ()
        if plan.heads:
            found = with_heads(plan, self.engine, self.heads)
            plan, complaints = found.plan, found.complaints
            for complaint in complaints:
                _complain(complaint)
        version = model_version(self.engine.name, self.engine.fingerprint, plan)
        return Predictor(plan, version, self, complaints)


@dataclass(frozen=True, slots=True)
class Predictor:
    """`version` is the `model_version` of every prediction it gives."""

    plan: Plan
    version: str
    settings: PredictorSettings
    #: What of the learned heads that the label config names is not used, a sentence each.
    complaints: tuple[str, ...] = ()

    def requests(self, task: Task) -> TaskRequests | Failure:
        """What to ask for a task; why it cannot be asked, where that is so."""

        def parse(value: object) -> ImageRef:
            return parse_image_ref(
                value, task_id=task.id, label_studio_url=self.settings.label_studio_url
            )

        if task.failure is not None:
            return task.failure
        fingerprint = self.settings.engine.fingerprint
        try:
            requests = TaskRequests(
                (image, (request_id(request, fingerprint), request))
                for image, request in requests_for_task(self.plan, task.data, parse).items()
            )
            requests.left_out = (
                *blank_images(self.plan.images, task.data),
                *options_left_out((step.control for step in self.plan.steps), task.data),
            )
        except FirstpassError as error:
            return Failure.of(error)
        except Exception as error:
            # A mistake of ours, which the other tasks of the request must not pay for.
            log.exception("task not planned", task=task.id)
            return Failure.of(InternalError(f"this task could not be planned: {error!r:.200}"))
        return requests

    def slot(
        self,
        task_id: int | None,
        requests: TaskRequests | Failure,
        outcomes: Mapping[str, Outcome],
    ) -> Slot:
        """The task's slot from the outcomes known by job id; pending while one is not known."""
        if isinstance(requests, Failure):
            return Slot(task_id, failure=requests)
        answers = []
        for job_id, request in requests.values():
            outcome = outcomes.get(job_id)
            if outcome is None:
                return Slot(task_id)
            if isinstance(outcome, Failure):
                return Slot(task_id, failure=outcome, failed_job=job_id)
            outputs = dict(zip(request.queries, outcome.outputs, strict=True))
            answers.append(ImageAnswers(request.steps, outputs, outcome.size))
        try:
            prediction = build_prediction(answers, self.version)
            return Slot(task_id, prediction=prediction, left_out=requests.left_out)
        except InternalError as error:
            log.error("prediction not valid", task=task_id, error=str(error))
            return Slot(task_id, failure=Failure.of(error))
        except Exception as error:
            log.exception("prediction not made", task=task_id)
            failed = InternalError(f"no prediction could be made of its answers: {error!r:.200}")
            return Slot(task_id, failure=Failure.of(failed))


def predictor_settings(
    settings: Settings, heads: Callable[[str], HeadCard] = _no_heads
) -> PredictorSettings:
    """What decides predictions, from the settings; `heads`: see `PredictorSettings`.

    Raises `ModelUnavailable` for an unknown model.
    """
    return PredictorSettings(
        engine_of(settings), settings.score_threshold, settings.label_studio_url, heads=heads
    )
