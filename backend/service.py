"""The use case: Label Studio's requests in, predictions and reasons out.

Two thin adapters stand on it: the web routes, and `FirstpassModel` for label-studio-ml's own servers.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from threading import Lock
from typing import Protocol

import structlog

from backend.engine import Engine
from backend.errors import BadRequest, Failure, FirstpassError, InternalError
from backend.images.reference import ImageRef, parse_image_ref
from backend.label_studio.bodies import Prediction, PredictRequest, SetupRequest, Task, WebhookEvent
from backend.label_studio.control_tags import ObjectTag
from backend.label_studio.model_version import model_version
from backend.label_studio.regions import build_prediction
from backend.plan import ModelRequest, Plan, plan_label_config, requests_for_task
from backend.queue.job_queue import Asked
from backend.queue.payload import Answer, Outcome, request_id

__all__ = ["PredictionService", "Slot", "WaitLimits"]

log = structlog.get_logger()

#: Projects whose last version is remembered for `/versions`.
REMEMBERED_PROJECTS = 1000


@dataclass(frozen=True, slots=True)
class WaitLimits:
    """Up to `few_tasks` tasks are interactive and waited for `few_s`; more are bulk, for `many_s`."""

    few_tasks: int
    few_s: float
    many_s: float


@dataclass(frozen=True, slots=True)
class Slot:
    """What one task of a request gets: a prediction, or the reason why there is none (yet)."""

    task_id: int | None
    prediction: Prediction | None = None
    failure: Failure | None = None

    @property
    def outcome(self) -> str:
        """`predicted`, `pending`, or the kind of failure."""
        if self.prediction is not None:
            return "predicted"
        return self.failure.kind if self.failure is not None else "pending"


#: What one task asks: a request per image, named by its job id; or why it cannot be asked.
TaskRequests = dict[ObjectTag, tuple[str, ModelRequest]]


class AsksWorkers(Protocol):
    """`JobQueue`, or what a test puts in its place."""

    def ask(
        self, requests: Mapping[str, ModelRequest], *, interactive: bool, wait_s: float
    ) -> Asked:
        """See `JobQueue.ask`."""


class PredictionService:
    """Stateless but for the versions last announced; safe to call from many threads."""

    def __init__(
        self,
        *,
        queue: AsksWorkers,
        engine: Engine,
        score_threshold: float,
        waits: WaitLimits,
        label_studio_url: str | None,
    ) -> None:
        self._queue = queue
        self._engine = engine
        self._score_threshold = score_threshold
        self._waits = waits
        self._label_studio_url = label_studio_url
        self._versions: OrderedDict[str, str] = OrderedDict()
        self._lock = Lock()

    def setup(self, request: SetupRequest) -> str:
        """The `model_version` for this label config; logs each tag that is not served.

        Raises `LabelConfigError` when nothing of it can be served.
        """
        plan = self._plan(request.label_config)
        for tag in plan.unserved:
            log.warning("control tag not served", project=request.project, tag=str(tag))
        version = self._version(plan)
        with self._lock:
            self._versions[request.project or ""] = version
            self._versions.move_to_end(request.project or "")
            while len(self._versions) > REMEMBERED_PROJECTS:
                self._versions.popitem(last=False)
        return version

    def versions(self) -> list[str]:
        """The versions announced to any project, the latest first."""
        with self._lock:
            return list(dict.fromkeys(reversed(self._versions.values())))

    def predict(self, request: PredictRequest) -> list[Slot]:
        """One slot per task, in order.

        A task that cannot be asked or fails has its reason in its slot; the others are not affected.
        Raises `LabelConfigError` for a config that cannot be served, `QueueUnavailable` without Redis.
        """
        started = time.monotonic()
        if request.params is not None and request.params.context is not None:
            raise BadRequest("interactive pre-annotation (params.context) is not served yet")
        plan = self._plan(request.label_config)
        version = self._version(plan)
        asked_by_task = [self._requests(plan, task) for task in request.tasks]
        jobs = {
            job_id: model_request
            for requests in asked_by_task
            if isinstance(requests, dict)
            for job_id, model_request in requests.values()
        }
        few = len(request.tasks) <= self._waits.few_tasks
        asked = self._queue.ask(
            jobs, interactive=few, wait_s=self._waits.few_s if few else self._waits.many_s
        )
        slots = [
            self._slot(plan, task, requests, asked.outcomes, version)
            for task, requests in zip(request.tasks, asked_by_task, strict=True)
        ]
        self._log(request, slots, asked, time.monotonic() - started)
        return slots

    def event(self, event: WebhookEvent) -> None:
        """Take note of a Label Studio event. Nothing is learned from events yet."""
        log.info("event", action=event.action, project=event.project.get("id"))

    def _plan(self, label_config: str) -> Plan:
        return plan_label_config(label_config, self._score_threshold, self._engine)

    def _version(self, plan: Plan) -> str:
        return model_version(self._engine.name, self._engine.fingerprint, plan)

    def _requests(self, plan: Plan, task: Task) -> TaskRequests | Failure:
        def parse(value: object) -> ImageRef:
            return parse_image_ref(value, task_id=task.id, label_studio_url=self._label_studio_url)

        try:
            requests = requests_for_task(plan, task.data, parse)
        except FirstpassError as error:
            return Failure.of(error)
        return {
            image: (request_id(request, self._engine.fingerprint), request)
            for image, request in requests.items()
        }

    def _slot(
        self,
        plan: Plan,
        task: Task,
        requests: TaskRequests | Failure,
        outcomes: dict[str, Outcome],
        version: str,
    ) -> Slot:
        if isinstance(requests, Failure):
            return Slot(task.id, failure=requests)
        answers = {}
        for image, (job_id, request) in requests.items():
            outcome = outcomes.get(job_id)
            if outcome is None:
                return Slot(task.id)
            if isinstance(outcome, Failure):
                return Slot(task.id, failure=outcome)
            answers[image] = (request, outcome)
        try:
            return Slot(task.id, prediction=_prediction(plan, answers, version))
        except InternalError as error:
            log.error("prediction not valid", task=task.id, error=str(error))
            return Slot(task.id, failure=Failure.of(error))

    @staticmethod
    def _log(request: PredictRequest, slots: Sequence[Slot], asked: Asked, seconds: float) -> None:
        outcomes: dict[str, int] = {}
        for slot in slots:
            outcomes[slot.outcome] = outcomes.get(slot.outcome, 0) + 1
            if slot.failure is not None:
                log.warning(
                    "task not predicted",
                    project=request.project,
                    task=slot.task_id,
                    kind=slot.failure.kind,
                    reason=slot.failure.message,
                )
        log.info(
            "predict",
            project=request.project,
            tasks=len(slots),
            outcomes=outcomes,
            jobs={standing.value: count for standing, count in asked.standings.items()},
            seconds=round(seconds, 3),
        )


def _prediction(
    plan: Plan, answers: dict[ObjectTag, tuple[ModelRequest, Answer]], version: str
) -> Prediction:
    filled = []
    for step in plan.steps:
        request, answer = answers[step.image]
        output = answer.outputs[request.queries.index(step.query)]
        filled.append((step, output, answer.size))
    return build_prediction(filled, version)
