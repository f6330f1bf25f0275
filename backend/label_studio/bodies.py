"""Request and reply bodies of the ML-backend protocol, as Label Studio 1.23 sends and reads them.

Keys that Firstpass does not use are ignored, so that other Label Studio versions work too. A task that
cannot be read does not take its request down: it says why, and the others are read.
"""

from __future__ import annotations

import json
from typing import Annotated, Any, TypeVar

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PrivateAttr,
    SkipValidation,
    ValidationError,
)

from backend.errors import BadRequest, Failure, TaskError

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
Region = dict[str, Any]

#: Tasks of one request. Label Studio sends all that are selected, thousands at times.
MOST_TASKS = 100_000
#: Characters of a project's name; Label Studio's are some twenty.
MOST_NAME = 255
#: The largest id that any database of Label Studio's can hold.
MOST_ID = 2**63 - 1
#: Digits beyond which Python itself takes no whole number from text.
MOST_DIGITS = 4300


class _Body(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", protected_namespaces=())


def _object(value: object) -> object:
    """Not looked into: half an emoji, which Label Studio stores, is no text to pydantic."""
    if not isinstance(value, dict):
        raise ValueError(f"expected an object, got {type(value).__name__}")
    return value


class Task(_Body):
    """One Label Studio item: `data` is raw, as stored, its URIs unresolved."""

    id: Annotated[int, Field(ge=0, le=MOST_ID)] | None = None
    data: Annotated[SkipValidation[dict[str, Any]], BeforeValidator(_object)]
    #: What is stored for it, as Label Studio sends it: looked into for suggestions alone.
    predictions: Any = None
    drafts: Any = None
    _failure: Failure | None = PrivateAttr(default=None)

    @property
    def failure(self) -> Failure | None:
        """Why it could not be read; such a task has no data, and an id only where that is one."""
        return self._failure

    @classmethod
    def failed(cls, number: int | None, failure: Failure) -> Task:
        """A task of which no more is known than its id, and why."""
        task = cls(id=number, data={})
        task._failure = failure
        return task

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
            number = value.get("id") if isinstance(value, dict) else None
            known = type(number) is int and 0 <= number <= MOST_ID
            reason = TaskError(f"the task cannot be read: {_problems(error)}")
            return cls.failed(number if known else None, Failure.of(reason))


def _each_alone(tasks: object) -> object:
    """Tasks, each read by itself; anything but a list is left for pydantic to refuse."""
    if not isinstance(tasks, list):
        return tasks
    if len(tasks) > MOST_TASKS:
        raise ValueError(f"expected at most {MOST_TASKS} tasks, got {len(tasks)}")
    return [task if isinstance(task, Task) else Task.read(task) for task in tasks]


class PredictParams(_Body):
    """`context` holds the regions of an interactive request; `None` otherwise."""

    context: dict[str, Any] | None = None


ProjectName = Annotated[str, Field(max_length=MOST_NAME)]


class PredictRequest(_Body):
    """Body of `POST /predict`."""

    tasks: Annotated[list[Task], Field(min_length=1), BeforeValidator(_each_alone)]
    label_config: str
    project: ProjectName | None = None
    params: PredictParams | None = None


class SetupRequest(_Body):
    """Body of `POST /setup`; the label config is named `schema` there."""

    label_config: str = Field(alias="schema")
    project: ProjectName | None = None


class WebhookEvent(_Body):
    """Body of `POST /webhook`: the event's name and the project it is about.

    `annotation` is what somebody submitted, as Label Studio sends it; some events have several.
    """

    action: str
    project: dict[str, Any] = {}
    annotation: Any = None


class Prediction(_Body):
    """Our answer for one task: `score` in 0..1 is the mean of its regions', `None` without any."""

    result: list[Region]
    score: float | None
    model_version: str


AnyBody = TypeVar("AnyBody", bound=_Body)


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
        raise BadRequest(f"{expected}; {_problems(error)}") from error


def _number(text: str) -> int | float:
    return int(text) if len(text) <= MOST_DIGITS else float(text)


def _problems(error: ValidationError) -> str:
    return "; ".join(
        f"{'.'.join(map(str, problem['loc'])) or 'body'}: {problem['msg']}"
        for problem in error.errors(include_input=False, include_url=False)[:5]
    )
