"""What crosses Redis, as JSON: requests on the way to a worker, outcomes on the way back. Pure.

Decoding validates: a writer of the queue cannot make a worker call or load anything, only ask queries.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, fields, is_dataclass, replace
from typing import Any

from pydantic import ValidationError

from backend.errors import Failure, InternalError
from backend.images.reference import ImageRef
from backend.prediction.plan import ModelRequest
from backend.prediction.request import Answer, Outcome, tagged, untagged_output, untagged_query
from models.queries import Query
from models.types import ImageSize, ModelOutput

__all__ = [
    "decode_outcome",
    "decode_request",
    "encode_outcome",
    "encode_request",
    "read_outcome",
]


def encode_request(request: ModelRequest) -> dict[str, Any]:
    """JSON for a request; the job's only argument."""
    return {
        "image": request.image.to_json(),
        "queries": [tagged(query) for query in request.queries],
    }


def decode_request(data: object) -> ModelRequest:
    """The request of a job.

    Raises `InternalError` for anything `encode_request` does not make, `ImageRefused` for a reference
    that no task may hold.
    """
    try:
        match data:
            case {"image": dict(image), "queries": list(queries)}:
                decoded: tuple[Query, ...] = tuple(map(untagged_query, queries))
                for query, told in zip(decoded, queries, strict=True):
                    _check_fields(query, {name: told[name] for name in told if name != "type"})
                return ModelRequest(ImageRef.from_json(image), decoded)
    except (ValidationError, ValueError, KeyError, TypeError) as error:
        raise InternalError(
            f"a job holds a request that does not decode: {error}; give web, workers and courier the same "
            "version of Firstpass, then `firstpass retry`"
        ) from error
    raise InternalError(f"expected a job with image and queries, got a {type(data).__name__}")


def encode_outcome(outcome: Outcome) -> str:
    """JSON text for an outcome; stored under the result key."""
    match outcome:
        case Answer():
            body: dict[str, Any] = {
                "size": asdict(outcome.size),
                "outputs": [tagged(output) for output in outcome.outputs],
                "sha256": outcome.sha256,
            }
        case Failure():
            body = {"failure": asdict(outcome)}
    return json.dumps(body, separators=(",", ":"))


def decode_outcome(text: str | bytes) -> Outcome:
    """The outcome of a request. Raises `InternalError` for text that `encode_outcome` did not make."""
    try:
        match json.loads(text):
            case {"failure": dict(failure)}:
                return Failure(**failure)
            case {"size": dict(size), "outputs": list(outputs), "sha256": str(sha256)}:
                decoded: tuple[ModelOutput, ...] = tuple(map(untagged_output, outputs))
                return Answer(ImageSize(**size), decoded, sha256)
    except (ValidationError, ValueError, KeyError, TypeError) as error:
        raise InternalError(f"a stored result does not decode: {error}") from error
    raise InternalError("expected a stored result with size, outputs and sha256")


def read_outcome(text: str | bytes) -> Outcome:
    """The outcome of a request; a failure that may pass for text that `encode_outcome` did not make."""
    try:
        return decode_outcome(text)
    except InternalError as error:
        return replace(Failure.of(error), transient=True)


def _check_fields(value: object, told: object) -> None:
    """Raise `ValueError` for a field that this version does not know: to leave it out would answer otherwise."""
    if is_dataclass(value) and isinstance(told, Mapping):
        unknown = told.keys() - {field.name for field in fields(value)} - {"type"}
        if unknown:
            raise ValueError(f"{type(value).__name__} has no {', '.join(sorted(unknown))} here")
        for name, content in told.items():
            _check_fields(getattr(value, name, None), content)
    elif isinstance(value, tuple) and isinstance(told, list):
        for item, content in zip(value, told, strict=True):
            _check_fields(item, content)
