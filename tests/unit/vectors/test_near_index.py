"""What finds the near ones of very many, against the comparison of all; with a small limit in place of 100,000."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from backend.vectors import near_index
from backend.vectors.file_store import FileIndex
from backend.vectors.file_writer import open_writer
from backend.vectors.nearest import nearest
from backend.vectors.places import IndexPlace
from backend.vectors.store import FloatArray
from tests.unit.vectors.made_rows import image, place_in

WIDTH, MANY = 32, 3000


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> IndexPlace:
    monkeypatch.setattr(near_index, "EXACT_MOST", 1000)
    return place_in(tmp_path)


def vectors(count: int, seed: int = 1) -> FloatArray:
    made = np.random.default_rng(seed).normal(size=(count, WIDTH)).astype(np.float32)
    found: FloatArray = made / np.linalg.norm(made, axis=1, keepdims=True)
    return found


def put(place: IndexPlace, made: FloatArray, first: int = 1) -> None:
    with open_writer(place) as writer:
        writer.put([image(first + n, vector=tuple(one.tolist())) for n, one in enumerate(made)])
        writer.tidy()


def recall(index: FileIndex, queries: FloatArray, k: int = 10) -> float:
    stored = index.all_vectors("images")
    every = np.arange(len(stored))
    places, _ = nearest(stored.astype(np.float16), every, queries, k)
    rows = np.array(index.rows("images"))
    told = index.search(queries, k, "images")
    kept = [
        len({hit.row for hit in hits} & set(rows[line].tolist()))
        for hits, line in zip(told, places, strict=True)
    ]
    return sum(kept) / (k * len(queries))


def graphs(place: IndexPlace) -> set[str]:
    return {one.name for one in place.folder.glob("*.usearch")}


def test_it_finds_what_comparing_all_finds(place: IndexPlace) -> None:
    put(place, vectors(MANY))
    assert len(graphs(place)) == 1
    assert recall(FileIndex(place), vectors(100, seed=2)) >= 0.95


def test_copies_without_number_cut_nothing_off(place: IndexPlace) -> None:
    made = vectors(MANY)
    made[: MANY // 2] = made[0]
    put(place, made)
    index = FileIndex(place)
    assert recall(index, vectors(50, seed=2)) >= 0.95
    (hits,) = index.search(made[:1], 20, "images")
    assert len(hits) == 20
    assert {round(hit.cosine, 3) for hit in hits} == {1.0}


def test_what_came_since_is_found_and_what_went_is_not(place: IndexPlace) -> None:
    made = vectors(MANY)
    put(place, made)
    before = graphs(place)
    with open_writer(place) as writer:
        writer.remove([str(number) for number in range(1, 101)])
        fresh = vectors(50, seed=3)
        writer.put([image(9000 + n, vector=tuple(one.tolist())) for n, one in enumerate(fresh)])
        writer.tidy()
    assert graphs(place) == before
    index = FileIndex(place)
    (hits,) = index.search(fresh[:1], 1, "images")
    assert index.images([hits[0].row])[0].task == 9000
    (gone,) = index.search(made[:1], 1, "images")
    assert gone[0].cosine < 0.99
    assert recall(index, vectors(50, seed=2)) >= 0.95


def test_it_is_made_anew_once_a_fifth_has_changed(place: IndexPlace) -> None:
    put(place, vectors(MANY))
    before = graphs(place)
    put(place, vectors(MANY // 3, seed=4), first=10_000)
    assert graphs(place) != before
    assert len(graphs(place)) == 1


def test_without_its_file_all_are_compared(place: IndexPlace) -> None:
    put(place, vectors(MANY))
    for path in place.folder.glob("*.usearch"):
        path.write_bytes(b"torn")
    assert recall(FileIndex(place), vectors(20, seed=2)) == 1.0
