"""What the worker asks of a model runtime, and nothing more."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from PIL import Image

from models.queries import Query
from models.types import ImageSize, ModelOutput

__all__ = ["ImageQueries", "PhraseRefused", "Runtime", "UnsupportedQuery", "VectorStore"]


@dataclass(frozen=True, slots=True)
class ImageQueries:
    """One upright RGB image and what to ask of it.

    `content_key` names the pixels (sha256 of the file's bytes); features are cached under it. `known`
    holds raw outputs of earlier runs, which need not be found again to ask about their boxes.
    """

    image: Image.Image
    content_key: str
    queries: tuple[Query, ...]
    known: Mapping[Query, ModelOutput] = field(default_factory=dict)


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


class UnsupportedQuery(ValueError):
    """No loaded model answers this kind of query."""


class PhraseRefused(UnsupportedQuery):
    """A phrase that cannot be asked faithfully; the message says why."""
