"""What crosses Redis, as JSON: requests on the way to a worker, outcomes on the way back. Pure.

Decoding validates: a writer of the queue cannot make a worker call or load anything, only ask queries.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, is_dataclass, replace
from functools import lru_cache
from typing import Any, TypeAlias

from pydantic import TypeAdapter, ValidationError

from backend.errors import Failure, InternalError
from backend.images.reference import ImageRef
from backend.plain import as_plain
from backend.plan import ModelRequest
from models.queries import (
    Caption,
    Classify,
    DenseCaption,
    Detect,
    Ground,
    InBox,
    PerBox,
    ProposeRegions,
    Query,
    ReadText,
    Segment,
)
from models.types import BoxOutputs, Classification, Detections, ImageSize, ModelOutput, Texts

__all__ = [
    "Answer",
    "Outcome",
    "decode_outcome",
    "decode_output",
    "decode_request",
    "encode_outcome",
    "encode_output",
    "encode_query",
    "encode_request",
    "read_outcome",
    "request_id",
]

_QUERIES = {
    kind.__name__: TypeAdapter(kind)
    for kind in (
        Ground,
        Detect,
        DenseCaption,
        ProposeRegions,
        Classify,
        Caption,
        ReadText,
        Segment,
        InBox,
        PerBox,
    )
}
_OUTPUTS = {
    kind.__name__: TypeAdapter(kind) for kind in (Detections, Classification, Texts, BoxOutputs)
}


@dataclass(frozen=True, slots=True)
class Answer:
    """One output per query of the request, for an upright image of `size` with these bytes."""

    size: ImageSize
    outputs: tuple[ModelOutput, ...]
    sha256: str


#: What became of a request: answered, or failed for a reason.
Outcome: TypeAlias = Answer | Failure


def request_id(request: ModelRequest, engine_fingerprint: str) -> str:
    """Names the work: the same image reference, queries and engine give the same id (64 hex digits).

    It is RQ's job id, so that the same work is queued once, however many ask.
    """
    image, engine = json.dumps(request.image.identity), json.dumps(engine_fingerprint)
    canonical = f"[{image}, {_queries_text(request.queries)}, {engine}]"
    return hashlib.sha256(canonical.encode()).hexdigest()


@lru_cache(maxsize=32)
def _queries_text(queries: tuple[Query, ...]) -> str:
    """The same for every image of a project."""
    return json.dumps([_tagged(query) for query in queries], sort_keys=True)


def encode_request(request: ModelRequest) -> dict[str, Any]:
    """JSON for a request; the job's only argument."""
    return {
        "image": request.image.to_json(),
        "queries": [_tagged(query) for query in request.queries],
    }


def decode_request(data: object) -> ModelRequest:
    """The request of a job.

    Raises `InternalError` for anything `encode_request` does not make, `ImageRefused` for a reference
    that no task may hold.
    """
    try:
        match data:
            case {"image": dict(image), "queries": list(queries)}:
                decoded: tuple[Query, ...] = tuple(_untagged(_QUERIES, query) for query in queries)
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
                "outputs": [_tagged(output) for output in outcome.outputs],
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
                decoded: tuple[ModelOutput, ...] = tuple(
                    _untagged(_OUTPUTS, output) for output in outputs
                )
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


def encode_query(query: Query) -> str:
    """Canonical JSON text of a query: equal queries, equal text."""
    return json.dumps(_tagged(query), sort_keys=True)


def encode_output(output: ModelOutput) -> str:
    """JSON text of one output, as it is cached."""
    return json.dumps(_tagged(output), separators=(",", ":"))


def decode_output(text: str | bytes) -> ModelOutput:
    """The output of a cached text. Raises `InternalError` for what `encode_output` did not make."""
    try:
        output: ModelOutput = _untagged(_OUTPUTS, json.loads(text))
    except (ValidationError, ValueError) as error:
        raise InternalError(f"a cached output does not decode: {error}") from error
    return output


def _tagged(value: Query | ModelOutput) -> dict[str, Any]:
    return {"type": type(value).__name__, **as_plain(value)}


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


def _untagged(adapters: dict[str, TypeAdapter[Any]], data: object) -> Any:
    match data:
        case {"type": str(kind), **content} if kind in adapters:
            return adapters[kind].validate_python(content)
    raise ValueError(f"expected one of {', '.join(adapters)}")
