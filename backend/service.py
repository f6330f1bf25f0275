"""The use case: Label Studio's requests in, predictions and reasons out.

Two thin adapters stand on it: the web routes, and `FirstpassModel` for label-studio-ml's own servers.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from threading import Lock
from typing import Any, Protocol, TypeAlias

import structlog

from backend.errors import Failure
from backend.interactive.assistant import Assistant, NotesPhrases
from backend.label_config.control_tags import UnservedTag
from backend.label_config.label_config import parse_label_config
from backend.label_studio.bodies import PredictRequest, SetupRequest, WebhookEvent
from backend.label_studio.project_key import ProjectKey
from backend.prediction.engine import Engine
from backend.prediction.predictor import Predictor, PredictorSettings, Slot, TaskRequests
from backend.queue.job_queue import Asked, AsksWorkers
from backend.queue.readiness import NotReady

__all__ = ["PredictionService", "RunningService", "WaitLimits"]

log = structlog.get_logger()

#: Projects whose last version is remembered for `/versions`.
REMEMBERED_PROJECTS = 1000
#: Tasks of one request whose reasons are logged one by one; of more, how many there are.
LOGGED_TASKS = 20


@dataclass(frozen=True, slots=True)
class WaitLimits:
    """Up to `few_tasks` tasks are interactive and waited for `few_s`; more are bulk, for `many_s`."""

    few_tasks: int
    few_s: float
    many_s: float


class DeliversLate(Protocol):
    """`DeliveryDesk`, or what a test puts in its place; see there."""

    @property
    def is_manned(self) -> bool: ...

    def hand_over(self, project: ProjectKey, version: str, slots: Sequence[Slot]) -> list[Slot]: ...

    def note_change(self, project: ProjectKey) -> None: ...

    def note_heads(self, project: ProjectKey, heads: Sequence[str]) -> None: ...


#: Takes note of an event of a project, at once: Label Studio's webhook waits a second.
Listener: TypeAlias = Callable[[WebhookEvent, ProjectKey], None]


class PredictionService:
    """Stateless but for the versions last announced; safe to call from many threads.

    With a `desk`, what is not answered in time is delivered by the courier, and a row is answered only
    if nobody else is about to have it stored.
    """

    def __init__(
        self,
        *,
        queue: AsksWorkers,
        predictors: PredictorSettings,
        waits: WaitLimits,
        desk: DeliversLate | None = None,
        phrases: NotesPhrases | None = None,
        listeners: Sequence[Listener] = (),
        orderly: Callable[[], AbstractContextManager[object]] = nullcontext,
        nobody: Callable[[], NotReady | None] = lambda: None,
    ) -> None:
        """`nobody` tells why nobody predicts now; `None` while somebody does. What workers that wait, such
        as for their models, cannot answer soon is not waited for.

        `listeners` hear of every event, in this order.
        """
        self._queue = queue
        self._predictors = predictors
        self._waits = waits
        self._desk = desk
        self._listeners = tuple(listeners)
        self._orderly = orderly
        self._nobody = nobody
        self._assistant = Assistant(
            queue, wait_s=lambda: self._wait_s(waits.few_s), phrases=phrases, nobody=nobody
        )
        self._announced: OrderedDict[str, tuple[str, tuple[UnservedTag, ...]]] = OrderedDict()
        self._lock = Lock()

    @property
    def engine(self) -> Engine:
        """The models that answer."""
        return self._predictors.engine

    @property
    def queue(self) -> AsksWorkers:
        """The workers, for what is asked besides predictions."""
        return self._queue

    def setup(self, request: SetupRequest) -> str:
        """The `model_version` for this label config; logs each tag that is not served, when that changes.

        Raises `LabelConfigError` when nothing of it can be served.
        """
        project = ProjectKey.parse(request.project)
        predictor = self._predictors.for_label_config(request.label_config)
        version, unserved = predictor.version, predictor.plan.unserved
        name = request.project or ""
        with self._lock:
            before = self._announced.get(name, ("", ()))
            self._announced[name] = (version, unserved)
            self._announced.move_to_end(name)
            while len(self._announced) > REMEMBERED_PROJECTS:
                self._announced.popitem(last=False)
        changed = before[0] != version
        if changed or before[1] != unserved:
            _log_unserved(request.project, unserved)
        if self._desk is not None and project is not None:
            self._desk.note_heads(project, _heads(predictor))
            if changed:
                self._desk.note_change(project)
        return version

    def versions(self) -> list[str]:
        """The versions announced to any project, the latest first."""
        with self._lock:
            return list(dict.fromkeys(version for version, _ in reversed(self._announced.values())))

    def predict(self, request: PredictRequest) -> list[Slot]:
        """One slot per task, in order.

        A task that cannot be asked or fails has its reason in its slot; the others are not affected.
        With `params.context` the one slot holds suggestions for what a person just drew or typed.
        Raises `LabelConfigError` for a config that cannot be served, `BadRequest` for a context that
        cannot, `QueueUnavailable` without Redis.
        """
        started = time.monotonic()
        if request.params is not None and request.params.context is not None:
            return self._suggest(request, request.params.context)
        project = ProjectKey.parse(request.project)
        predictor = self._predictors.for_label_config(request.label_config)
        asked_by_task = [predictor.requests(task) for task in request.tasks]
        few = len(request.tasks) <= self._waits.few_tasks
        # Label Studio stores what it is answered row by row, some twenty a second. The courier is much
        # faster, so it gets all of what nobody waits for.
        late = project is not None and not few and self._desk is not None and self._desk.is_manned
        asked = Asked() if late else self._ask(asked_by_task, few)
        with self._orderly():
            slots = [
                predictor.slot(task.id, requests, asked.outcomes)
                for task, requests in zip(request.tasks, asked_by_task, strict=True)
            ]
            if self._desk is not None and project is not None:
                if heads := _heads(predictor):
                    self._desk.note_heads(project, heads)
                slots = self._desk.hand_over(project, predictor.version, slots)
        self._log(request, slots, asked, time.monotonic() - started)
        return slots

    def event(self, event: WebhookEvent) -> None:
        """Pass a Label Studio event on to all who listen, if it is of a project."""
        log.info("event", action=event.action, project=event.project.get("id"))
        project = ProjectKey.of(event.project)
        if project is not None:
            for listener in self._listeners:
                listener(event, project)

    def _suggest(self, request: PredictRequest, context: Mapping[str, Any]) -> list[Slot]:
        """Suggestions are stored by nobody, so the desk has no part in them."""
        started = time.monotonic()
        project = ProjectKey.parse(request.project)
        slot = self._assistant.suggest(
            self._predictors.for_label_config(request.label_config),
            parse_label_config(request.label_config),
            request.tasks,
            context,
            project,
        )
        self._log(request, [slot], Asked(), time.monotonic() - started)
        return [slot]

    def _ask(self, asked_by_task: Sequence[TaskRequests | Failure], few: bool) -> Asked:
        jobs = {
            job_id: model_request
            for requests in asked_by_task
            if isinstance(requests, dict)
            for job_id, model_request in requests.values()
        }
        wait_s = self._wait_s(self._waits.few_s if few else self._waits.many_s)
        return self._queue.ask(jobs, interactive=few, wait_s=wait_s)

    def _wait_s(self, seconds: float) -> float:
        """How long to wait for the workers: not at all where a person has to help them first."""
        nobody = self._nobody()
        if nobody is None or not nobody.waits:
            return seconds
        log.warning("answers are not waited for", reason=nobody.reason, remedy=nobody.remedy)
        return 0.0

    @staticmethod
    def _log(request: PredictRequest, slots: Sequence[Slot], asked: Asked, seconds: float) -> None:
        outcomes: dict[str, int] = {}
        failed = parts = 0
        for slot in slots:
            outcomes[slot.outcome] = outcomes.get(slot.outcome, 0) + 1
            for reason in slot.left_out:
                parts += 1
                if parts <= LOGGED_TASKS:
                    log.info(
                        "part of a task left out",
                        project=request.project,
                        task=slot.task_id,
                        reason=reason,
                    )
            if slot.failure is None:
                continue
            failed += 1
            if failed <= LOGGED_TASKS:
                log.warning(
                    "task not predicted",
                    project=request.project,
                    task=slot.task_id,
                    kind=slot.failure.kind,
                    reason=slot.failure.message,
                )
        if failed > LOGGED_TASKS:
            log.warning(
                "more tasks not predicted", project=request.project, tasks=failed - LOGGED_TASKS
            )
        log.info(
            "predict",
            project=request.project,
            tasks=len(slots),
            outcomes=outcomes,
            jobs={standing.value: count for standing, count in asked.standings.items()},
            seconds=round(seconds, 3),
        )


def _heads(predictor: Predictor) -> list[str]:
    """The learned heads that the label config names, used or not, each once."""
    return list(dict.fromkeys(head for _, head in predictor.plan.heads))


def _log_unserved(project: str | None, unserved: Sequence[UnservedTag]) -> None:
    """A line per tag: what the label config itself leaves to the annotator is no warning."""
    for tag in unserved[:LOGGED_TASKS]:
        if tag.is_wanted:
            log.info("control tag left to the annotator", project=project, tag=str(tag))
        else:
            log.warning("control tag not served", project=project, tag=str(tag))
    if len(unserved) > LOGGED_TASKS:
        more = len(unserved) - LOGGED_TASKS
        log.warning("more control tags not served", project=project, tags=more)


@dataclass(frozen=True, slots=True)
class RunningService:
    """A service, and what brackets its life: call `start` before it is used and `close` after.

    `release` has all requests that wait answered with what is there, now and from now on.
    """

    service: PredictionService
    start: Callable[[], None]
    close: Callable[[], None]
    release: Callable[[], None] = lambda: None
