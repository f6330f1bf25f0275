"""Request and reply bodies of the ML-backend protocol, as Label Studio 1.23 sends and reads them.

A task that cannot be read does not take its request down: it says why, and the others are read.
"""

from __future__ import annotations

import json
from typing import Annotated, Any, ClassVar, TypeVar

from pydantic import BeforeValidator, Field, SkipValidation, ValidationError

from backend.errors import BadRequest, Failure, TaskError
from backend.label_studio.fields import Body, Id, Object, known_id, problems
from backend.label_studio.records import (
    AnnotationRow,
    AnyTask,
    DraftRow,
    PredictionRow,
    TaskRow,
)
from backend.plain import Json

__all__ = [
    "PredictParams",
    "PredictRequest",
    "Prediction",
    "Region",
    "SetupRequest",
    "Task",
    "WebhookEvent",
    "parse_body",
]

#: One entry of `result`. A dict, since each control tag has its own `value`.
Region = Json

#: Tasks of one request. Label Studio sends all that are selected, thousands at times.
MOST_TASKS = 100_000
#: Characters of a project's name; Label Studio's are some twenty.
MOST_NAME = 255
#: Digits beyond which Python itself takes no whole number from text.
MOST_DIGITS = 4300


class Task(AnyTask):
    """One Label Studio item: `data` is raw, as stored, its URIs unresolved."""

    ROWS: ClassVar = {"predictions": PredictionRow, "drafts": DraftRow}
    id: Id | None = None
    data: Object
    predictions: SkipValidation[tuple[PredictionRow, ...]] = ()
    drafts: SkipValidation[tuple[DraftRow, ...]] = ()

    @classmethod
    def of(cls, row: TaskRow) -> Task:
        """A stored task, as it is asked for."""
        if row.failure is not None:
            return cls.failed(row.id, row.failure)
        return cls.read({"id": row.id, "data": row.data})

    @classmethod
    def read(cls, value: object) -> Task:
        """The task of a JSON value, whatever that is.

        >>> Task.read({"id": 7, "data": {"image": "a.jpg"}}).failure is None
        True
        >>> Task.read({"id": 7}).failure.message
        'the task cannot be read: data: Field required'
        """
        try:
            return cls.model_validate(value)
        except ValidationError as error:
            number = known_id(value.get("id")) if isinstance(value, dict) else None
            reason = TaskError(f"the task cannot be read: {problems(error)}")
            return cls.failed(number, Failure.of(reason))


def _each_alone(tasks: object) -> object:
    """Tasks, each read by itself; anything but a list is left for pydantic to refuse."""
    if not isinstance(tasks, list):
        return tasks
    if len(tasks) > MOST_TASKS:
        raise ValueError(f"expected at most {MOST_TASKS} tasks, got {len(tasks)}")
    return [task if isinstance(task, Task) else Task.read(task) for task in tasks]


class PredictParams(Body):
    """`context` holds the regions of an interactive request; `None` otherwise."""

    context: dict[str, Any] | None = None


ProjectName = Annotated[str, Field(max_length=MOST_NAME)]


class PredictRequest(Body):
    """Body of `POST /predict`."""

    tasks: Annotated[list[Task], Field(min_length=1), BeforeValidator(_each_alone)]
    label_config: str
    project: ProjectName | None = None
    params: PredictParams | None = None


class SetupRequest(Body):
    """Body of `POST /setup`; the label config is named `schema` there."""

    label_config: str = Field(alias="schema")
    project: ProjectName | None = None


class WebhookEvent(Body):
    """Body of `POST /webhook`: the event's name and the project it is about.

    `annotation` is what somebody submitted; `None` for events about several, and for one that is none.
    """

    action: str
    project: dict[str, Any] = Field(default_factory=dict)
    annotation: Annotated[AnnotationRow | None, BeforeValidator(AnnotationRow.or_none)] = None


class Prediction(Body):
    """Our answer for one task: `score` in 0..1 is the mean of its regions', `None` without any."""

    result: list[Region]
    score: float | None
    model_version: str


AnyBody = TypeVar("AnyBody", bound=Body)


def parse_body(kind: type[AnyBody], raw: bytes) -> AnyBody:
    """A body from JSON text. Raises `BadRequest` that names each key, what was expected and came."""
    expected = "expected the JSON body of Label Studio's request"
    try:
        # As Label Studio itself does it: other readers refuse half an emoji, and very long numbers.
        plain = json.loads(raw, parse_int=_number)
    except RecursionError as error:
        raise BadRequest(f"{expected}, got one that is nested too deeply to be read") from error
    except ValueError as error:
        raise BadRequest(f"{expected}; body: Invalid JSON: {error}") from error
    try:
        return kind.model_validate(plain)
    except ValidationError as error:
        raise BadRequest(f"{expected}; {problems(error)}") from error


def _number(text: str) -> int | float:
    return int(text) if len(text) <= MOST_DIGITS else float(text)
