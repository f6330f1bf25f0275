"""What the models said about an image's bytes, and which bytes a reference held last time.

Outputs are kept raw, down to a low score and before overlapping boxes are cleared away: so other
thresholds, label names or overlap rules ask the models nothing.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Protocol

from pydantic import TypeAdapter, ValidationError

from backend.images.fetch import Validators
from backend.images.reference import ImageRef
from backend.prediction.request import decode_output, encode_output, encode_query
from models.queries import Query, is_kept
from models.types import ImageSize, ModelOutput

__all__ = ["KeepsBytes", "KnownContent", "OutputCache", "VectorCache"]


class KeepsBytes(Protocol):
    """Bytes by name, such as the queue's `BoundedStore`; what is kept may be forgotten at any time."""

    def get(self, names: Sequence[str]) -> list[bytes | None]:
        """One value per name, in order; `None` for what is not there."""

    def put(self, values: Mapping[str, bytes]) -> None:
        """Keep these values under their names."""


@dataclass(frozen=True, slots=True)
class KnownContent:
    """What a reference held: the bytes' sha256, the upright size, and how to ask if it still does."""

    sha256: str
    size: ImageSize
    validators: Validators


_CONTENT = TypeAdapter(KnownContent)


class OutputCache:
    """Raw outputs by content, query and engine."""

    def __init__(self, store: KeepsBytes, engine_fingerprint: str) -> None:
        self._store = store
        self._fingerprint = engine_fingerprint

    def get(self, sha256: str, queries: Sequence[Query]) -> dict[Query, ModelOutput]:
        """What is known for these queries about an image with these bytes."""
        kept = [query for query in queries if is_kept(query)]
        values = self._store.get([self._name(sha256, query) for query in kept])
        return {
            query: decode_output(value)
            for query, value in zip(kept, values, strict=True)
            if value is not None
        }

    def put(self, outputs: Mapping[tuple[str, Query], ModelOutput]) -> None:
        """Keep raw outputs, each by its image's sha256 and its query; one round trip for all."""
        self._store.put(
            {
                self._name(sha256, query): encode_output(output).encode()
                for (sha256, query), output in outputs.items()
                if is_kept(query)
            }
        )

    def known(self, ref: ImageRef) -> KnownContent | None:
        """What this reference held last time; `None` when it was not seen lately."""
        (value,) = self._store.get([_content_name(ref)])
        if value is None:
            return None
        try:
            return _CONTENT.validate_json(value)
        except ValidationError:  # another version's, or another program's: fetched anew
            return None

    def remember(self, ref: ImageRef, content: KnownContent) -> None:
        """Note what this reference holds now."""
        self._store.put({_content_name(ref): json.dumps(asdict(content)).encode()})

    def _name(self, sha256: str, query: Query) -> str:
        digest = hashlib.sha256(encode_query(query).encode()).hexdigest()[:32]
        return f"output:{self._fingerprint}:{sha256}:{digest}"


class VectorCache:
    """Image vectors by content: the `VectorStore` that the classifier asks before it runs."""

    def __init__(self, store: KeepsBytes) -> None:
        self._store = store

    def get(self, names: Sequence[str]) -> list[bytes | None]:
        """One vector per name, as the classifier stored it; `None` for what is not there."""
        return self._store.get([f"vector:{name}" for name in names])

    def put(self, vectors: Mapping[str, bytes]) -> None:
        """Keep these vectors."""
        self._store.put({f"vector:{name}": vector for name, vector in vectors.items()})


def _content_name(ref: ImageRef) -> str:
    return f"content:{hashlib.sha256(ref.identity.encode()).hexdigest()}"
