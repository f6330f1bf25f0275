"""What the worker asks of a model runtime, and nothing more."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from PIL import Image

from models.types import ModelOutput, Query

__all__ = ["ImageQueries", "PhraseRefused", "Runtime", "UnsupportedQuery"]


@dataclass(frozen=True, slots=True)
class ImageQueries:
    """One upright RGB image and what to ask of it.

    `content_key` names the pixels (sha256 of the file's bytes); features are cached under it.
    """

    image: Image.Image
    content_key: str
    queries: tuple[Query, ...]


class Runtime(Protocol):
    """Loaded models on one device."""

    @property
    def fingerprint(self) -> str:
        """Repository and revision of every model, independent of device and dtype."""

    @property
    def device(self) -> str:
        """Where it runs, in words: `cpu`, `cuda:0 (NVIDIA H200)`."""

    def run(self, batch: Sequence[ImageQueries]) -> list[tuple[ModelOutput, ...]]:
        """One output per query, in the order asked; each image is encoded once.

        Boxes are xyxy pixels of the image given. Raises `UnsupportedQuery` for a query that no
        loaded model serves; nothing of the batch is answered then.
        """


class UnsupportedQuery(ValueError):
    """No loaded model answers this kind of query."""


class PhraseRefused(UnsupportedQuery):
    """A phrase that cannot be asked faithfully; the message says why."""
