"""The use case of smart tools: what a person drew or typed in, suggestions to accept or reject out."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import structlog

from backend.errors import BadRequest, Failure, FirstpassError, InternalError
from backend.interactive.by_drawing import regions_by_drawing
from backend.interactive.by_example import (
    example_of,
    label_by_example,
    regions_alike,
)
from backend.interactive.by_prompt import must_be_prompt, search_for
from backend.interactive.gesture import Gesture, Typed, asked_in, gestures_of, regions_of
from backend.interactive.notes import (
    ELSEWHERE,
    NOWHERE,
    emptied,
    note_region,
    of_alike,
    of_drawn,
    of_failure,
    of_late,
    of_search,
)
from backend.interactive.repeats import Placed, on_screen, placed
from backend.interactive.scene import NotDone, Scene
from backend.interactive.targets import tags_for
from backend.interactive.typed import parse_prompt
from backend.label_config.control_tags import LabelConfig
from backend.label_studio.bodies import Region, Task
from backend.label_studio.project_key import ProjectKey
from backend.prediction.predictor import Predictor, Slot
from backend.prediction.read_regions import ReadRegion, read_regions
from backend.prediction.regions import prediction_of
from backend.queue.job_queue import AsksWorkers
from backend.queue.readiness import NotReady

__all__ = ["Assistant", "NotesPhrases"]

log = structlog.get_logger()


class NotesPhrases(Protocol):
    """`PhraseNotes`, or what a test puts in its place; see there."""

    def asked(self, project: ProjectKey, label: str, phrase: str) -> None: ...


@dataclass(frozen=True, slots=True)
class _Told:
    """Suggestions, and what is said of them; nothing where nothing was asked."""

    regions: tuple[Region, ...] = ()
    sentence: str = ""


class Assistant:
    """Answers gestures, each for itself; safe to share between threads."""

    def __init__(
        self,
        queue: AsksWorkers,
        *,
        wait_s: Callable[[], float],
        phrases: NotesPhrases | None = None,
        nobody: Callable[[], NotReady | None] = lambda: None,
    ) -> None:
        """One answer waits for the workers for `wait_s()` seconds at most; `nobody` says why none would answer."""
        self._queue = queue
        self._wait_s = wait_s
        self._phrases = phrases
        self._nobody = nobody

    def suggest(
        self,
        predictor: Predictor,
        config: LabelConfig,
        tasks: Sequence[Task],
        context: Mapping[str, Any],
        project: ProjectKey | None = None,
    ) -> Slot:
        """Suggestions for a task: an empty prediction where there is nothing to suggest.

        A prompt that is answered is taken out of the editor. Where the label config has a note tag, a
        sentence comes along, also with a failure. Without one: pending where the workers are not done in
        time (they go on, and the next gesture finds their answer); raises `BadRequest` for a context that
        cannot be served, `QueueUnavailable`.
        """
        if len(tasks) != 1:
            raise BadRequest(f"expected one task with params.context, got {len(tasks)}")
        (task,) = tasks
        asked: Sequence[ReadRegion] = ()
        failure: Failure | None = None
        try:
            asked = asked_in(regions_of(context), config)
            told = self._told(predictor, config, task, asked, project)
            prediction = prediction_of(list(told.regions), predictor.version)
            sentence = told.sentence
        except NotDone as reason:
            failure, prediction = reason.failure, None
            sentence = of_late(self._nobody()) if failure is None else of_failure(failure)
        except FirstpassError as error:
            if isinstance(error, InternalError):
                log.error("suggestion not valid", task=task.id, error=str(error))
            elif not config.notes:
                raise
            failure, prediction = Failure.of(error), None
            sentence = of_failure(failure)
        last = asked[-1] if asked else None
        note = config.note_for(None if last is None else last.to_name)
        if prediction is None:
            if note is None:
                return Slot(task.id, failure=failure)
            prediction = prediction_of([], predictor.version)
        said = [note_region(note, sentence)] if note is not None and sentence else []
        result = [*prediction.result, *emptied(config, last), *said]
        shown = prediction.model_copy(update={"result": result})
        return Slot(task.id, prediction=shown, failure=failure)

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

    def _told(
        self,
        predictor: Predictor,
        config: LabelConfig,
        task: Task,
        asked: Sequence[ReadRegion],
        project: ProjectKey | None,
    ) -> _Told:
        """One suggestion for each thing; nothing where what was drawn has been taken away again."""
        gestures = gestures_of(asked)
        if not gestures:
            return _Told()
        new = gestures[-1]
        scene = self._scene(predictor, config, task, new)
        there = on_screen(new, asked, task, predictor.version)
        if isinstance(new.shape, Typed):
            must_be_prompt(scene, new)
            prompt = parse_prompt(new.shape.text)
            if prompt.is_by_example:
                label, examples = example_of(scene, new, prompt, there)
                alike = regions_alike(scene, new, label, examples)
                found = placed(alike.regions, there)
                return _Told(found.regions, of_alike(alike.label, alike.examples, found.fates))
            search = search_for(scene, new, prompt)
            if self._phrases is not None and project is not None:
                self._phrases.asked(project, search.label, search.phrase)
            hits = search.hits(scene)
            found = placed(hits.regions, there)
            said = of_search(
                search.phrase, search.label, found.fates, hits.hidden, search.threshold
            )
            return _Told(found.regions, said)
        return _drawn(scene, gestures, there)


def _drawn(scene: Scene, gestures: Sequence[Gesture], there: Sequence[ReadRegion]) -> _Told:
    """What each gesture means; where the new one has a label that is filled by example, what is like it as well."""
    new = gestures[-1]
    regions: list[Region] = []
    found = Placed()
    for gesture in gestures:
        try:
            suggested = regions_by_drawing(scene, gesture)
        except BadRequest:
            if gesture is new:
                raise
            continue
        found = placed(suggested, there, regions, mends=True)
        regions += found.regions
        if gesture is new:
            told = _Told(tuple(regions), _of_new(scene, new, suggested, found))
            return _with_alike(scene, new, told, suggested, there)
    return _Told(tuple(regions))


def _with_alike(
    scene: Scene,
    new: Gesture,
    told: _Told,
    suggested: Sequence[Region],
    there: Sequence[ReadRegion],
) -> _Told:
    """With what else looks like what was drawn, and like what is there of its label, where that is filled by example."""
    label = label_by_example(scene, new)
    if label is None:
        return told
    examples = [
        one
        for one in (*there, *read_regions(suggested))
        if label.value in one.labels and (one.to_name, one.page) == (new.to_name, new.page)
    ]
    alike = regions_alike(scene, new, label, examples)
    found = placed(alike.regions, there, told.regions)
    said = of_alike(alike.label, alike.examples, found.fates)
    return _Told((*told.regions, *found.regions), f"{told.sentence} {said}")


def _of_new(scene: Scene, new: Gesture, suggested: Sequence[Region], found: Placed) -> str:
    if not suggested:
        return NOWHERE if tags_for(scene.steps, new) else ELSEWHERE
    label = next((label for one in read_regions(suggested) for label in one.labels), "")
    return of_drawn(label, found.fates[0], suggested[0].get("score"))
