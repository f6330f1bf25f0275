"""What the worker asks of a model runtime, and a runtime of a model; nothing more."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol, TypeAlias

from PIL import Image

from models.answering import Answering
from models.queries import Query, QueryKind, SearchIndex
from models.types import Hits, ImageSize, ModelOutput

__all__ = [
    "HeadMissing",
    "HeadSource",
    "ImageQueries",
    "ImageQuery",
    "IndexSearch",
    "PhraseRefused",
    "QueryEngine",
    "Runtime",
    "UnsupportedQuery",
    "VectorStore",
]


@dataclass(frozen=True, slots=True)
class ImageQueries:
    """One upright RGB image, or none where the queries are about none, and what to ask of it.

    `content_key` names the pixels (sha256 of the file's bytes); features are cached under it. `known`
    holds raw outputs of earlier runs, which need not be found again to ask about their boxes.
    """

    subject: Image.Image | None
    content_key: str
    queries: tuple[Query, ...]
    known: Mapping[Query, ModelOutput] = field(default_factory=dict)

    @property
    def image(self) -> Image.Image:
        """The image. Raises `UnsupportedQuery` where there is none."""
        if self.subject is None:
            raise UnsupportedQuery("expected an image to ask about, got none")
        return self.subject

    @property
    def size(self) -> ImageSize | None:
        """Of the image; `None` where there is none."""
        return None if self.subject is None else ImageSize(*self.subject.size)


@dataclass(frozen=True, slots=True)
class ImageQuery:
    """One query of those about an image."""

    item: ImageQueries
    query: Query


class QueryEngine(Protocol):
    """One loaded model: it says which queries it answers, and answers them."""

    @property
    def queries(self) -> frozenset[QueryKind]:
        """Kinds of query that it answers, as `queries.kind_of` tells them."""

    @property
    def dtype(self) -> str:
        """Number format of the weights: `float32`."""

    def answer(self, questions: Sequence[ImageQuery]) -> list[ModelOutput]:
        """One raw output per question, in order; each image is encoded once.

        Raises `PhraseRefused` for words that cannot be asked faithfully.
        """

    def asked_by(self, answering: Answering) -> QueryEngine:
        """The same loaded model, asked by these rules."""


class Runtime(Protocol):
    """Loaded models on one device."""

    @property
    def fingerprint(self) -> str:
        """Repository and revision of every model, independent of device and dtype."""

    @property
    def device(self) -> str:
        """Where it runs, in words: `cpu`, `cuda:0 (NVIDIA H200)`."""

    def run_raw(self, batch: Sequence[ImageQueries]) -> list[tuple[ModelOutput, ...]]:
        """One raw output per query, in the order asked; a model encodes each image once.

        Raw outputs may be kept and made tidy later, by other rules. Boxes are xyxy pixels of the
        image given. Raises `UnsupportedQuery` for a query that no loaded model serves; nothing of
        the batch is answered then.
        """

    def tidy(self, output: ModelOutput, size: ImageSize) -> ModelOutput:
        """A raw output about an image of that size, cleared of repeats and of boxes that cannot be.

        Runs no model; may be called from any thread.
        """


class VectorStore(Protocol):
    """Where image vectors are kept between runs and shared between workers."""

    def get(self, names: Sequence[str]) -> Sequence[bytes | None]:
        """One vector per name, as it was put; `None` for what is not there."""

    def put(self, vectors: Mapping[str, bytes]) -> None:
        """Keep these vectors, or not: it is a cache."""


#: Gives the bytes of a head by its fingerprint; `None` where it is not there.
HeadSource: TypeAlias = Callable[[str], bytes | None]


#: Searches an index of the vectors of the model with this fingerprint. The vector is that of the text, where one is
#: sought.
IndexSearch: TypeAlias = Callable[[SearchIndex, Sequence[float] | None, str], Hits]


class HeadMissing(LookupError):
    """A head that a query names is not there, or cannot be used; the message says why."""


class UnsupportedQuery(ValueError):
    """No loaded model answers this kind of query."""


class PhraseRefused(UnsupportedQuery):
    """A phrase that cannot be asked faithfully; the message says why."""
