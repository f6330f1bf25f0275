"""Reads an index that lies in a folder: rows in SQLite, vectors mapped into memory."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from backend.vectors.near_index import NearIndex, NearSearch, near_name
from backend.vectors.nearest import IntArray, best, nearest
from backend.vectors.places import IndexPlace
from backend.vectors.records import Hit, ImageRow, IndexKind, RegionRow
from backend.vectors.rows import IndexRows, damaged
from backend.vectors.store import FloatArray
from backend.vectors.vector_file import HalfArray, checksums, mapped, vectors_file

__all__ = ["FileIndex"]

#: By so many vectors a cosine is judged.
SAMPLE = 2000
_SEED = 7
#: So many numbers are kept as they are reckoned with, at most: 64 MB, or 32,000 vectors of 512.
_WIDE_MOST = 16_000_000
KINDS: tuple[IndexKind, ...] = ("images", "regions")


@dataclass(slots=True)
class _Kind:
    """The rows of one kind, ascending, where their vectors stand, and what finds the near ones of many."""

    rows: IntArray
    slots: IntArray
    near: NearSearch | None = None
    #: Kept once they were asked for; all vectors only of an index that is not large.
    sample: FloatArray | None = None
    wide: FloatArray | None = None


@dataclass(frozen=True, slots=True)
class _Snapshot:
    """The index as it was at one moment."""

    state: str
    generation: int
    vectors: HalfArray
    kinds: dict[IndexKind, _Kind]
    #: Of the slots up to this number the checksums were compared.
    checked: int = 0
    #: All rows, ascending, and their slots.
    rows: IntArray = field(default_factory=lambda: np.zeros(0, np.int64))
    slots: IntArray = field(default_factory=lambda: np.zeros(0, np.int64))


class FileIndex:
    """An `IndexReader`. For one thread at a time.

    Raises `BadRequest` where there is no index, `IndexUnusable` where it is damaged.
    """

    def __init__(self, place: IndexPlace) -> None:
        self.place = place
        self._rows = IndexRows(place)
        self._now = self._read(None)

    def images(self, rows: Iterable[int] | None = None) -> list[ImageRow]:
        """All images by row, or those of `rows`."""
        return self._rows.images(rows)

    def regions(
        self, rows: Iterable[int] | None = None, *, label: str | None = None
    ) -> list[RegionRow]:
        """All regions by row, those of `rows`, or those of one label."""
        return self._rows.regions(rows, label=label)

    def of_task(self, task: int) -> list[ImageRow]:
        """The images of a task, in their order; none for one that is not indexed."""
        return self._rows.of_task(task)

    def regions_of(self, image: int) -> list[RegionRow]:
        """The regions of an image, by its row."""
        return self._rows.regions_of(image)

    def labels(self) -> dict[str, int]:
        """How many regions each label has, by label."""
        return self._rows.labels()

    def row_of(self, key: str) -> int | None:
        """The row of the image that has this key."""
        return self._rows.row_of(key)

    def rows(self, of: IndexKind) -> Sequence[int]:
        """The rows of all images or regions, ascending."""
        found: list[int] = self._now.kinds[of].rows.tolist()
        return found

    def vectors(self, rows: Sequence[int]) -> FloatArray:
        """The vectors of these rows, float32 of shape (rows, width). Raises `KeyError` for one that is gone."""
        wanted, now = np.array(rows, np.int64).reshape(-1), self._now
        at = np.searchsorted(now.rows, wanted)
        known = at < len(now.rows)
        known[known] = now.rows[at[known]] == wanted[known]
        if not known.all():
            raise KeyError(int(wanted[~known][0]))
        return self._wide(now.slots[at])

    def all_vectors(self, of: IndexKind) -> FloatArray:
        """Those of all images or regions, in the order of `rows`."""
        return self._wide(self._now.kinds[of].slots)

    def sample(self, of: IndexKind) -> FloatArray:
        """Vectors of a fixed random sample of images or regions, shape (at most 2,000, width)."""
        kind = self._now.kinds[of]
        if kind.sample is None:
            slots = kind.slots
            if len(slots) > SAMPLE:
                slots = np.random.default_rng(_SEED).choice(slots, SAMPLE, replace=False)
            kind.sample = self._wide(slots)
        return kind.sample

    def thumbnail(self, row: int) -> bytes | None:
        """A small JPEG of an image or of a region; `None` for a row that is gone."""
        return self._rows.thumbnail(row)

    def search(
        self, vectors: FloatArray, k: int, of: IndexKind, among: Collection[int] | None = None
    ) -> list[list[Hit]]:
        """The `k` nearest of each vector, the nearest first: exactly up to 100,000, beyond that nearly so."""
        kind, queries = self._now.kinds[of], np.asarray(vectors, np.float32)
        if len(queries) == 0:
            return []
        if among is None and kind.near is not None:
            return kind.near.search(self._now.vectors, queries, k)
        if among is None and kind.rows.size * self._now.vectors.shape[1] <= _WIDE_MOST:
            if kind.wide is None:
                kind.wide = self._wide(kind.slots)
            every = np.arange(len(kind.rows))
            places, found = best(np.tile(every, (len(queries), 1)), queries @ kind.wide.T, k)
            return _hits(kind.rows, places, found)
        rows, slots = kind.rows, kind.slots
        if among is not None:
            counts = np.isin(rows, np.fromiter(among, np.int64, len(among)))
            rows, slots = rows[counts], slots[counts]
        places, found = nearest(self._now.vectors, slots, queries, k)
        return _hits(rows, places, found)

    def state(self) -> str:
        """Another text whenever the index has changed."""
        return self._now.state

    def refresh(self) -> None:
        """See what was written since."""
        if self._rows.state() != self._now.state:
            self._now = self._read(self._now)

    def close(self) -> None:
        """Nothing is held but memory."""

    def _wide(self, slots: IntArray) -> FloatArray:
        found: FloatArray = self._now.vectors[slots].astype(np.float32)
        return found

    def _read(self, before: _Snapshot | None) -> _Snapshot:
        """What is there now; once more where its file was exchanged meanwhile."""
        try:
            return self._read_once(before)
        except FileNotFoundError:
            pass
        try:
            return self._read_once(None)
        except FileNotFoundError as error:
            raise damaged(self.place, f"{error.filename} is gone") from error

    def _read_once(self, before: _Snapshot | None) -> _Snapshot:
        with self._rows.opened() as database:
            database.execute("BEGIN")
            known = dict(database.execute("SELECT name, value FROM meta").fetchall())
            found = {kind: _stored(database, kind) for kind in KINDS}
        generation, slots = int(known["generation"]), int(known["slots"])
        path = vectors_file(self.place.folder, generation)
        try:
            vectors = mapped(path, slots, int(known.get("width", 0)))
        except FileNotFoundError:
            raise
        except (OSError, ValueError) as error:
            raise damaged(self.place, str(error)) from error
        is_same = before is not None and before.generation == generation
        checked = before.checked if before is not None and is_same else 0
        for kind in KINDS:
            self._check(vectors, found[kind], checked)
        kinds = {kind: self._kind(kind, found[kind], known) for kind in KINDS}
        every = np.concatenate([found[kind] for kind in KINDS])
        every = every[np.argsort(every[:, 0])]
        return _Snapshot(
            known["changes"], generation, vectors, kinds, slots, every[:, 0], every[:, 1]
        )

    def _kind(self, kind: IndexKind, found: IntArray, known: Mapping[str, str]) -> _Kind:
        rows, slots = found[:, 0].copy(), found[:, 1].copy()
        near = NearIndex.read(self.place, known.get(near_name(kind)))
        return _Kind(rows, slots, NearSearch(near, rows, slots) if near is not None else None)

    def _check(self, vectors: HalfArray, found: IntArray, checked: int) -> None:
        fresh = found[found[:, 1] >= checked]
        if len(fresh) and int(fresh[:, 1].max()) >= len(vectors):
            raise damaged(self.place, "it names a vector that was never written")
        for start in range(0, len(fresh), SAMPLE):
            some = fresh[start : start + SAMPLE]
            if checksums(vectors[some[:, 1]]) != some[:, 2].tolist():
                raise damaged(self.place, "a vector is not as it was written")


def _hits(rows: IntArray, places: IntArray, found: FloatArray) -> list[list[Hit]]:
    return [
        [Hit(int(rows[place]), float(cosine)) for place, cosine in zip(*line, strict=True)]
        for line in zip(places, found, strict=True)
    ]


def _stored(database: sqlite3.Connection, kind: IndexKind) -> IntArray:
    """Row, slot and checksum of each image or region, shape (n, 3)."""
    found: list[Any] = database.execute(
        f"SELECT row, slot, checksum FROM rows JOIN {kind} USING (row) ORDER BY row"
    ).fetchall()
    return np.array(found, np.int64).reshape(-1, 3)
