"""Request and reply bodies of the ML-backend protocol, as Label Studio 1.23 sends and reads them.

Keys that Firstpass does not use are ignored, so that other Label Studio versions work too.
"""

from __future__ import annotations

from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from backend.errors import BadRequest

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


class _Body(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", protected_namespaces=())


class Task(_Body):
    """One Label Studio item: `data` is raw, as stored, its URIs unresolved."""

    id: int | None = None
    data: dict[str, Any]
    #: What is stored for it, as Label Studio sends it: looked into for suggestions alone.
    predictions: Any = None
    drafts: Any = None


class PredictParams(_Body):
    """`context` holds the regions of an interactive request; `None` otherwise."""

    context: dict[str, Any] | None = None


class PredictRequest(_Body):
    """Body of `POST /predict`."""

    tasks: list[Task] = Field(min_length=1)
    label_config: str
    project: str | None = None
    params: PredictParams | None = None


class SetupRequest(_Body):
    """Body of `POST /setup`; the label config is named `schema` there."""

    label_config: str = Field(alias="schema")
    project: str | None = None


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
    try:
        return kind.model_validate_json(raw)
    except ValidationError as error:
        problems = "; ".join(
            f"{'.'.join(map(str, problem['loc'])) or 'body'}: {problem['msg']}"
            for problem in error.errors(include_input=False, include_url=False)[:5]
        )
        raise BadRequest(f"expected the JSON body of Label Studio's request; {problems}") from error
