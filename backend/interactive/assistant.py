"""The use case of smart tools: what a person drew or typed in, suggestions to accept or reject out."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import structlog

from backend.errors import BadRequest, Failure, InternalError
from backend.interactive.by_drawing import regions_by_drawing
from backend.interactive.by_prompt import search_for
from backend.interactive.gesture import Gesture, Typed, gestures_of
from backend.interactive.repeats import on_screen, without_repeats
from backend.interactive.scene import NotDone, Scene
from backend.label_config.control_tags import LabelConfig
from backend.label_studio.bodies import Region, Task
from backend.label_studio.project_key import ProjectKey
from backend.prediction.predictor import Predictor, Slot
from backend.prediction.read_regions import ReadRegion, read_regions
from backend.prediction.regions import prediction_of
from backend.queue.job_queue import AsksWorkers

__all__ = ["Assistant", "NotesPhrases"]

log = structlog.get_logger()


class NotesPhrases(Protocol):
    """`PhraseNotes`, or what a test puts in its place; see there."""

    def asked(self, project: ProjectKey, label: str, phrase: str) -> None: ...


class Assistant:
    """Answers gestures, each for itself; safe to share between threads."""

    def __init__(
        self,
        queue: AsksWorkers,
        *,
        wait_s: Callable[[], float],
        phrases: NotesPhrases | None = None,
    ) -> None:
        """One answer waits for the workers for `wait_s()` seconds at most."""
        self._queue = queue
        self._wait_s = wait_s
        self._phrases = phrases

    def suggest(
        self,
        predictor: Predictor,
        config: LabelConfig,
        tasks: Sequence[Task],
        context: Mapping[str, Any],
        project: ProjectKey | None = None,
    ) -> Slot:
        """Suggestions for a task: an empty prediction where there is nothing to suggest.

        Pending where the workers are not done in time: they go on, and the next gesture finds their
        answer. Raises `BadRequest` for a context that cannot be served, `QueueUnavailable`.
        """
        if len(tasks) != 1:
            raise BadRequest(f"expected one task with params.context, got {len(tasks)}")
        (task,) = tasks
        gestures = gestures_of(context)
        if not gestures:
            # What was drawn has been taken away again.
            return Slot(task.id, prediction=prediction_of([], predictor.version))
        try:
            scene = self._scene(predictor, config, task, gestures[-1])
            there = on_screen(gestures, context, task, predictor.version)
            regions = self._regions(scene, gestures, there, project)
            prediction = prediction_of(regions, predictor.version)
        except NotDone as reason:
            return Slot(task.id, failure=reason.failure)
        except InternalError as error:
            log.error("suggestion not valid", task=task.id, error=str(error))
            return Slot(task.id, failure=Failure.of(error))
        return Slot(task.id, prediction=prediction)

    def _scene(
        self, predictor: Predictor, config: LabelConfig, task: Task, gesture: Gesture
    ) -> Scene:
        if gesture.from_name not in config.names:
            raise BadRequest(
                f"expected a region of {', '.join(sorted(config.names))}, got one of "
                f"{gesture.from_name!r}, which the label config has no more; reload the page"
            )
        requests = predictor.requests(task)
        if isinstance(requests, Failure):
            raise NotDone(requests)
        for image, (job_id, request) in requests.items():
            if image.name == gesture.to_name and image.item_index in (None, gesture.page):
                deadline = time.monotonic() + self._wait_s()
                return Scene(config, predictor, self._queue, deadline, job_id, request)
        raise BadRequest(
            f"expected a region on an image that Firstpass looks at, got one on {gesture.to_name!r}; "
            "`firstpass plan` says which are"
        )

    def _regions(
        self,
        scene: Scene,
        gestures: Sequence[Gesture],
        there: Sequence[ReadRegion],
        project: ProjectKey | None,
    ) -> list[Region]:
        """One suggestion for each thing, and none for what is there."""
        new = gestures[-1]
        if isinstance(new.shape, Typed):
            search = search_for(scene, new, new.shape.text)
            if self._phrases is not None and project is not None:
                self._phrases.asked(project, search.label, search.phrase)
            return without_repeats(search.regions(scene), there)
        found: list[Region] = []
        for gesture in gestures:
            try:
                regions = regions_by_drawing(scene, gesture)
            except BadRequest:
                if gesture is new:
                    raise
                continue
            found += without_repeats(regions, [*there, *read_regions(found)])
        return found
