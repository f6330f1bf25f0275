"""What keeps vectors: the interface, whichever store is behind it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from backend.vectors.records import (
    FailedItem,
    Hit,
    ImageRow,
    IndexedImage,
    IndexKind,
    RegionRow,
)

__all__ = ["FloatArray", "IndexReader", "IndexWriter"]

FloatArray: TypeAlias = NDArray[np.float32]


class IndexReader(Protocol):
    """An index as it was when it was opened, or when `refresh` was last called."""

    def images(self, rows: Iterable[int] | None = None) -> list[ImageRow]:
        """All images by row, or those of `rows`; rows that are gone are left out."""

    def regions(
        self, rows: Iterable[int] | None = None, *, label: str | None = None
    ) -> list[RegionRow]:
        """All regions by row, those of `rows`, or those of one label."""

    def rows(self, of: IndexKind) -> Sequence[int]:
        """The rows of all images or regions, ascending: the order of `all_vectors`."""

    def vectors(self, rows: Sequence[int]) -> FloatArray:
        """The vectors of these rows in their order, float32 of shape (rows, width), each of length 1.

        Raises `KeyError` for a row that is gone.
        """

    def all_vectors(self, of: IndexKind) -> FloatArray:
        """Those of all images or regions, in the order of `rows`."""

    def sample(self, of: IndexKind) -> FloatArray:
        """Vectors of a fixed random sample, by which a cosine is judged: the same as long as the index is."""

    def thumbnail(self, row: int) -> bytes | None:
        """A small JPEG of an image or of a region; `None` for a row that is gone."""

    def search(
        self,
        vectors: FloatArray,
        k: int,
        of: IndexKind,
        among: Collection[int] | None = None,
    ) -> list[list[Hit]]:
        """For each vector, shape (queries, width), the `k` rows nearest by cosine, the nearest first.

        `among` are the rows that count; `None`: all. Exact up to a size, and beyond it nearly so.
        """

    def state(self) -> str:
        """Another text whenever the index has changed."""

    def refresh(self) -> None:
        """See what was written since."""

    def close(self) -> None: ...


class IndexWriter(Protocol):
    """The one writer of an index: what it has put is kept, whatever ends it."""

    def stamps(self) -> dict[str, str]:
        """The stamp of each indexed image, by its key."""

    def put(self, images: Iterable[IndexedImage]) -> None:
        """Store these images with their regions, each in place of what was stored of its key."""

    def restamp(self, stamps: Iterable[tuple[str, str]]) -> None:
        """Note new stamps of images that are otherwise as they are stored: key and stamp."""

    def fail(self, items: Iterable[FailedItem]) -> None:
        """Note images that could not be indexed, in place of what was stored of their keys."""

    def failures(self) -> list[FailedItem]:
        """Images that could not be indexed."""

    def remove(self, keys: Collection[str]) -> None:
        """Forget these images, their regions and their failures."""

    def tidy(self) -> None:
        """Give back the room of what is gone, where that is much of it."""
