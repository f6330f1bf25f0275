"""What crosses Redis, as JSON: requests on the way to a worker, outcomes on the way back. Pure.

Decoding validates: a writer of the queue cannot make a worker call or load anything, only ask queries.
"""

from __future__ import annotations

import json
from dataclasses import asdict, replace
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
        "subject": None if request.subject is None else request.subject.to_json(),
        "queries": [tagged(query) for query in request.queries],
    }


def decode_request(data: object) -> ModelRequest:
    """The request of a job.

    Raises `InternalError` for anything `encode_request` does not make, `ImageRefused` for a reference
    that no task may hold.
    """
    try:
        match data:
            case {"subject": dict() | None as subject, "queries": list(queries)}:
                decoded: tuple[Query, ...] = tuple(map(untagged_query, queries))
                image = None if subject is None else ImageRef.from_json(subject)
                return ModelRequest(image, decoded)
    except (ValidationError, ValueError, KeyError, TypeError) as error:
        raise InternalError(
            f"a job holds a request that does not decode: {error}; give web, workers and courier the same "
            "version of Firstpass, then `firstpass retry`"
        ) from error
    raise InternalError(f"expected a job with subject and queries, got a {type(data).__name__}")


def encode_outcome(outcome: Outcome) -> str:
    """JSON text for an outcome; stored under the result key."""
    match outcome:
        case Answer():
            body: dict[str, Any] = {
                "size": outcome.image_size and asdict(outcome.image_size),
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
            case {"size": dict() | None as size, "outputs": list(outputs), "sha256": str(sha256)}:
                decoded: tuple[ModelOutput, ...] = tuple(map(untagged_output, outputs))
                return Answer(None if size is None else ImageSize(**size), decoded, sha256)
    except (ValidationError, ValueError, KeyError, TypeError) as error:
        raise InternalError(f"a stored result does not decode: {error}") from error
    raise InternalError("expected a stored result with size, outputs and sha256")


def read_outcome(text: str | bytes) -> Outcome:
    """The outcome of a request; a failure that may pass for text that `encode_outcome` did not make."""
    try:
        return decode_outcome(text)
    except InternalError as error:
        return replace(Failure.of(error), transient=True)
