"""From a question's vector to the best region or image of each image, judged by how near others are. Pure but for the reader.

A cosine says little by itself: between a text and an image 0.3 may be a lot. So each is measured by a fixed random
sample of the rows that are searched.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass

import numpy as np

from backend.errors import BadRequest
from backend.vectors.records import Hit, IndexKind
from backend.vectors.store import FloatArray, IndexReader
from models.queries import SearchIndex, SearchOver
from models.types import Hits, IndexHit

__all__ = ["Sought", "like_row", "ranked"]

#: Found for each hit that is wanted, since several may be of one image; more is asked for where that is not enough.
_OVER = 4


@dataclass(frozen=True, slots=True)
class Sought:
    """What is searched for. `but` is a row that is the question itself."""

    vector: FloatArray
    over: SearchOver = "any"
    label: str = ""
    limit: int = 100
    but: int = 0


def like_row(index: IndexReader, row: int, query: SearchIndex) -> Sought:
    """What is like a row of the index; over any, what is of its own kind. Raises `BadRequest` where it is gone."""
    try:
        (vector,) = index.vectors([row])
    except KeyError as error:
        raise BadRequest(f"row {row} is not in the index any more: look at it anew") from error
    own: SearchOver = "regions" if index.regions([row]) else "images"
    over = own if query.over == "any" else query.over
    return Sought(vector, over, query.label, query.limit, but=row)


def ranked(index: IndexReader, sought: Sought) -> Hits:
    """The best of each image, the best first.

    Over `any` both are searched, and the one that stands out more is an image's. With a label only its regions are.
    """
    kinds: tuple[IndexKind, ...] = ("images", "regions")
    if sought.label:
        kinds = ("regions",)
    elif sought.over != "any":
        kinds = (sought.over,)
    best: dict[int, IndexHit] = {}
    compared = 0
    for kind in kinds:
        among = None
        if sought.label:
            among = {one.row for one in index.regions(label=sought.label)}
        compared += len(index.rows(kind)) if among is None else len(among)
        for image, hit in _of_kind(index, kind, sought, among):
            if image not in best or hit.z > best[image].z:
                best[image] = hit
    order = sorted(best.values(), key=lambda hit: (-hit.z, hit.row))
    return Hits(tuple(order[: sought.limit]), compared)


def _of_kind(
    index: IndexReader, kind: IndexKind, sought: Sought, among: Collection[int] | None
) -> Iterator[tuple[int, IndexHit]]:
    """The best row of each image, by the image's row."""
    there = len(index.rows(kind)) if among is None else len(among)
    if not there:
        return
    sample = np.sort(index.sample(kind) @ sought.vector)
    mean, spread = float(sample.mean()), float(sample.std())
    wanted = min(there, _OVER * sought.limit)
    while True:
        (found,) = index.search(sought.vector[None], wanted, kind, among)
        by_image = _first_of_each(index, kind, [hit for hit in found if hit.row != sought.but])
        if len(by_image) >= sought.limit or wanted >= there:
            break
        wanted = min(there, 4 * wanted)
    for image, hit in by_image.items():
        z = (hit.cosine - mean) / spread if spread > 1e-6 else 0.0
        below = float(np.searchsorted(sample, hit.cosine, side="right")) / len(sample)
        yield image, IndexHit(hit.row, kind, round(hit.cosine, 6), round(z, 4), round(below, 4))


def _first_of_each(index: IndexReader, kind: IndexKind, found: list[Hit]) -> dict[int, Hit]:
    if kind == "images":
        return {hit.row: hit for hit in found}
    of = {one.row: one.image for one in index.regions([hit.row for hit in found])}
    first: dict[int, Hit] = {}
    for hit in found:
        if hit.row in of:
            first.setdefault(of[hit.row], hit)
    return first
