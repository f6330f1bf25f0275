"""Finds the near ones of very many vectors without comparing all: a graph (HNSW) kept beside the file of vectors.

Equal vectors are one point of the graph: a thousand copies of one image would be each other's only neighbours,
and cut off from the rest. What was indexed since the graph was made is compared exactly; so it is made anew only
when a fifth of it has changed.
"""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from usearch.index import Index

from backend.vectors.nearest import IntArray, nearest
from backend.vectors.places import IndexPlace
from backend.vectors.records import Hit, IndexKind
from backend.vectors.store import FloatArray
from backend.vectors.vector_file import HalfArray

__all__ = ["EXACT_MOST", "NearIndex", "NearSearch", "is_due", "make_near_index", "near_name"]

#: Up to so many vectors all are compared.
EXACT_MOST = 100_000
#: Share of the vectors that may be others before it is made anew.
CHANGED_MOST = 0.2
_CONNECTIVITY, _EXPANSION_ADD, _EXPANSION_SEARCH = 32, 128, 192
#: Asked for so many times as wanted: some are gone, and some are nearer than their numbers of 16 bits say.
_OVER, _MORE = 2, 8


def near_name(kind: IndexKind) -> str:
    """Under this name SQLite knows the file; empty for none."""
    return f"near_{kind}"


@dataclass(frozen=True, slots=True)
class NearIndex:
    """A graph of vectors by their slots. Point `p` stands for `slots[starts[p]:starts[p + 1]]`."""

    graph: Index
    slots: IntArray
    starts: IntArray

    @classmethod
    def read(cls, place: IndexPlace, name: str | None) -> NearIndex | None:
        """`None` where there is none, or it cannot be read: then all vectors are compared."""
        if not name:
            return None
        try:
            graph = Index.restore(
                str(place.folder / f"{name}.usearch"),
                view=True,
                connectivity=_CONNECTIVITY,
                expansion_search=_EXPANSION_SEARCH,
            )
            with np.load(place.folder / f"{name}.npz", allow_pickle=False) as arrays:
                slots, starts = arrays["slots"], arrays["starts"]
        except (OSError, RuntimeError, ValueError, KeyError):
            return None
        if graph is None or len(graph) != len(starts) - 1:
            return None
        return cls(graph, slots, starts)

    def changed(self, slots: IntArray) -> float:
        """Share of what is there now, or was there then, that is not in both."""
        kept = int(np.isin(slots, self.slots).sum())
        return 1 - kept / max(len(slots), len(self.slots), 1)


class NearSearch:
    """Searches a graph for what an index holds now."""

    def __init__(self, near: NearIndex, rows: IntArray, slots: IntArray) -> None:
        """`slots` are where the vectors of `rows` stand now."""
        self._near, self._rows, self._slots = near, rows, slots
        last = max(int(slots.max(initial=-1)), int(near.slots.max(initial=-1)))
        self._place_of = np.full(last + 1, -1, np.int64)
        self._place_of[slots] = np.arange(len(slots))
        is_fresh = np.ones(last + 1, bool)
        is_fresh[near.slots] = False
        self._fresh = np.flatnonzero(is_fresh[slots])

    def search(self, stored: HalfArray, queries: FloatArray, k: int) -> list[list[Hit]]:
        """The `k` nearest rows of each query; `stored` has the vectors by slot."""
        graph, starts, slots = self._near.graph, self._near.starts, self._near.slots
        found = graph.search(queries, min(_OVER * k + _MORE, len(graph)))
        hits = []
        for query, points in zip(queries, np.atleast_2d(found.keys).tolist(), strict=True):
            groups = [slots[starts[point] : starts[point + 1]] for point in map(int, points)]
            near = self._place_of[np.concatenate(groups)] if groups else self._fresh[:0]
            near = np.concatenate([near[near >= 0], self._fresh])
            if len(near) < min(k, len(self._rows)):  # most of what is near is gone
                near = np.arange(len(self._rows))
            near.sort()
            places, cosine = nearest(stored, self._slots[near], query[None], k)
            rows = self._rows[near[places[0]]]
            hits.append(
                [Hit(int(row), float(one)) for row, one in zip(rows, cosine[0], strict=True)]
            )
        return hits


def is_due(near: NearIndex | None, slots: IntArray) -> bool:
    """Whether a graph is to be made of the vectors in these slots."""
    if len(slots) <= EXACT_MOST:
        return False
    return near is None or near.changed(slots) > CHANGED_MOST


def make_near_index(folder: Path, name: str, stored: HalfArray, slots: IntArray) -> None:
    """Write the graph of these vectors under a name; minutes for a million. Raises `OSError`."""
    order, starts = _equal(stored, slots)
    graph = Index(
        ndim=stored.shape[1],
        metric="ip",
        dtype="f16",
        connectivity=_CONNECTIVITY,
        expansion_add=_EXPANSION_ADD,
        expansion_search=_EXPANSION_SEARCH,
    )
    firsts = order[starts[:-1]]
    for start in range(0, len(firsts), 65_536):
        some = firsts[start : start + 65_536]
        graph.add(np.arange(start, start + len(some)), np.asarray(stored[some], np.float16))
    path = folder / f"{name}.usearch"
    try:
        graph.save(str(path))
        with (folder / f"{name}.npz").open("wb") as file:
            np.savez(file, slots=order, starts=starts)
        for made in (path, folder / f"{name}.npz"):
            _flush(made)
    except (OSError, RuntimeError) as error:
        for made in (path, folder / f"{name}.npz"):
            with suppress(OSError):
                made.unlink()
        raise error if isinstance(error, OSError) else OSError(str(error)) from error


def _equal(stored: HalfArray, slots: IntArray) -> tuple[IntArray, IntArray]:
    """The slots with equal vectors side by side, and where each group of equal ones starts."""
    digests = np.array([hash(stored[slot].tobytes()) for slot in slots.tolist()], np.int64)
    order = slots[np.argsort(digests, kind="stable")]
    digests = np.sort(digests, kind="stable")
    starts = np.flatnonzero(np.concatenate([[True], digests[1:] != digests[:-1]]))
    return order, np.concatenate([starts, [len(order)]]).astype(np.int64)


def _flush(path: Path) -> None:
    file = os.open(path, os.O_RDONLY)
    try:
        os.fsync(file)
    finally:
        os.close(file)
