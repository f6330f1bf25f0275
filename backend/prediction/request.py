"""What a request is called, and what becomes of it: an answer or a failure. Pure.

Queries and outputs are told apart in JSON by the name of their type. What is read back is validated: a
writer of the queue or the cache can only name queries and outputs that there are.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass
from functools import lru_cache
from typing import Any, TypeAlias, cast, get_args

from pydantic import TypeAdapter, ValidationError

from backend.errors import Failure, InternalError
from backend.plain import as_plain
from backend.prediction.plan import ModelRequest
from models.queries import Classify, Embed, Ground, Judge, Query, ReadText
from models.types import ImageSize, ModelOutput

__all__ = [
    "Answer",
    "Outcome",
    "decode_output",
    "encode_output",
    "encode_query",
    "request_id",
    "tagged",
    "untagged_output",
    "untagged_query",
]

_QUERIES = {kind.__name__: TypeAdapter(kind) for kind in get_args(Query)}
#: Fields of a query that may hold another one.
_INNER = ("boxes", "ask")
#: Those that are told apart by their fields; their text is older than the names of what is within another query.
_UNNAMED = (Ground, ReadText, Classify, Embed, Judge)
_OUTPUTS = {kind.__name__: TypeAdapter(kind) for kind in get_args(ModelOutput)}


@dataclass(frozen=True, slots=True)
class Answer:
    """One output per query of the request, and which bytes they are about: empty where about none."""

    #: Size of the upright image; `None` where there is none.
    image_size: ImageSize | None
    outputs: tuple[ModelOutput, ...]
    sha256: str

    @property
    def size(self) -> ImageSize:
        """Size of the upright image. Raises `InternalError` where it is about none."""
        if self.image_size is None:
            raise InternalError("expected an answer about an image, got one about texts")
        return self.image_size


#: What became of a request: answered, or failed for a reason.
Outcome: TypeAlias = Answer | Failure


def request_id(request: ModelRequest, engine_fingerprint: str) -> str:
    """Names the work: the same image (or none), queries and engine give the same id (64 hex digits).

    It is RQ's job id, so that the same work is queued once, however many ask.
    """
    subject = None if request.subject is None else request.subject.identity
    engine = json.dumps(engine_fingerprint)
    canonical = f"[{json.dumps(subject)}, {_queries_text(request.queries)}, {engine}]"
    return hashlib.sha256(canonical.encode()).hexdigest()


@lru_cache(maxsize=32)
def _queries_text(queries: tuple[Query, ...]) -> str:
    """The same for every image of a project."""
    return json.dumps([tagged(query) for query in queries], sort_keys=True)


def encode_query(query: Query) -> str:
    """Canonical JSON text of a query: equal queries, equal text."""
    return json.dumps(tagged(query), sort_keys=True)


def encode_output(output: ModelOutput) -> str:
    """JSON text of one output, as it is cached."""
    return json.dumps(tagged(output), separators=(",", ":"))


def decode_output(text: str | bytes) -> ModelOutput:
    """The output of a cached text. Raises `InternalError` for what `encode_output` did not make."""
    try:
        return untagged_output(json.loads(text))
    except (ValidationError, ValueError) as error:
        raise InternalError(f"a cached output does not decode: {error}") from error


def tagged(value: Query | ModelOutput) -> dict[str, Any]:
    """JSON for a query or an output, under the name of its type; so is a query within another."""
    plain = {"type": type(value).__name__, **as_plain(value)}
    for name, inner in _inner_queries(value):
        if not isinstance(inner, _UNNAMED):
            plain[name] = tagged(inner)
    return plain


def _inner_queries(value: Query | ModelOutput) -> Iterator[tuple[str, Query]]:
    for name in _INNER:
        inner = getattr(value, name, None)
        if isinstance(inner, get_args(Query)):
            yield name, inner


def untagged_query(data: object) -> Query:
    """The query that `tagged` made this of. Raises `ValueError` (pydantic's is one) for anything else.

    A field that this version does not know is refused: to leave it out would answer another question.
    """
    if isinstance(data, Mapping):
        named = {
            name: untagged_query(inner)
            for name in _INNER
            if isinstance(inner := data.get(name), Mapping) and "type" in inner
        }
        data = {**data, **named}
    query = cast("Query", _untagged(_QUERIES, data))
    _check_fields(query, data)
    return query


def untagged_output(data: object) -> ModelOutput:
    """The output that `tagged` made this of. Raises `ValueError` (pydantic's is one) for anything else."""
    return cast("ModelOutput", _untagged(_OUTPUTS, data))


def _check_fields(value: object, told: object) -> None:
    """Raise `ValueError` for a field that this version does not know, at any depth."""
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
