"""The best of each image first, judged by how near the others are."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from backend.errors import BadRequest
from backend.vectors.file_store import FileIndex
from backend.vectors.file_writer import open_writer
from backend.vectors.ranking import Sought, like_row, ranked
from backend.vectors.records import IndexedRegion
from backend.vectors.searching import HomeIndexes
from models.queries import SearchIndex
from models.types import Hits
from tests.unit.vectors.made_rows import CLASSIFIER, image, place_in, region, unit

WIDTH = 8


def towards(axis: int, share: float, seed: int) -> tuple[float, ...]:
    """A vector that has so much of an axis, and for the rest is anywhere."""
    rest = np.array(unit(seed, WIDTH))
    rest[axis] = 0
    rest *= np.sqrt(1 - share**2) / np.linalg.norm(rest)
    rest[axis] = share
    return tuple(rest.tolist())


@pytest.fixture
def index(tmp_path: Path) -> FileIndex:
    """Forty images with two regions each; those of task 7 and 9 have much of axis 0, in a region."""
    put = []
    for task in range(1, 41):
        share = {7: 0.95, 9: 0.9}.get(task, 0.1)
        regions = (
            region(100 + task, "car" if task != 9 else "bus"),
            region(200 + task, "car" if task != 9 else "bus"),
        )
        vectors = (towards(0, share, 100 + task), towards(0, 0.1, 200 + task))
        put.append(
            image(
                task,
                *(_with(one, vector) for one, vector in zip(regions, vectors, strict=True)),
                vector=towards(0, 0.1, task),
            )
        )
    with open_writer(place_in(tmp_path)) as writer:
        writer.put(put)
    return FileIndex(place_in(tmp_path))


def _with(one: IndexedRegion, vector: tuple[float, ...]) -> IndexedRegion:
    return replace(one, vector=vector)


AXIS = np.eye(WIDTH, dtype=np.float32)[0]


def tasks(index: FileIndex, hits: Hits) -> list[int | None]:
    regions = {one.row: one.image for one in index.regions()}
    images = {one.row: one.task for one in index.images()}
    return [images[regions.get(hit.row, hit.row)] for hit in hits.items]


def test_the_best_region_stands_for_its_image(index: FileIndex) -> None:
    hits = ranked(index, Sought(AXIS, limit=5))
    found = tasks(index, hits)
    assert found[:2] == [7, 9]
    assert len(set(found)) == 5
    assert [hit.over for hit in hits.items[:2]] == ["regions", "regions"]
    assert hits.items[0].z > 3
    assert hits.items[0].percentile == 1
    assert hits.compared == 120


def test_whole_images_alone_do_not_show_what_is_in_them(index: FileIndex) -> None:
    hits = ranked(index, Sought(AXIS, "images", limit=40))
    assert {hit.over for hit in hits.items} == {"images"}
    assert hits.items[0].cosine == pytest.approx(0.1, abs=2e-3)


def test_a_label_leaves_out_all_others(index: FileIndex) -> None:
    hits = ranked(index, Sought(AXIS, label="bus", limit=5))
    assert tasks(index, hits) == [9]
    assert hits.compared == 2
    assert ranked(index, Sought(AXIS, label="tram")).compared == 0


def test_what_is_like_a_region_is_other_regions(index: FileIndex) -> None:
    row = index.regions_of(index.of_task(7)[0].row)[0].row
    query = SearchIndex("n", "0", row, limit=3)
    hits = ranked(index, like_row(index, row, query))
    assert row not in {hit.row for hit in hits.items}
    assert tasks(index, hits)[0] == 9
    with pytest.raises(BadRequest, match="row 9999 is not in the index any more"):
        like_row(index, 9999, query)


def test_all_images_alike_are_all_found_and_none_stands_out(tmp_path: Path) -> None:
    with open_writer(place_in(tmp_path)) as writer:
        writer.put([image(task, vector=unit(1)) for task in range(1, 6)])
    hits = ranked(FileIndex(place_in(tmp_path)), Sought(np.array(unit(1), np.float32)))
    assert [hit.z for hit in hits.items] == [0] * 5


def test_an_empty_index_and_one_without_regions_find_nothing_there(tmp_path: Path) -> None:
    with open_writer(place_in(tmp_path)) as writer:
        empty = FileIndex(place_in(tmp_path))
        assert ranked(empty, Sought(AXIS)) == Hits((), 0)
        writer.put([image(1)])
    assert ranked(FileIndex(place_in(tmp_path)), Sought(AXIS, "regions")) == Hits((), 0)


def test_one_image_is_found(tmp_path: Path) -> None:
    with open_writer(place_in(tmp_path)) as writer:
        writer.put([image(1)])
    (hit,) = ranked(FileIndex(place_in(tmp_path)), Sought(np.array(unit(3), np.float32))).items
    assert (hit.z, hit.over) == (0, "images")


def test_a_worker_answers_from_the_indexes_of_its_home_as_they_are_now(
    index: FileIndex, tmp_path: Path
) -> None:
    search = HomeIndexes(tmp_path)
    query = SearchIndex(index.place.name, "1", "red", limit=3)
    assert tasks(index, search(query, AXIS.tolist(), CLASSIFIER))[0] == 7
    with open_writer(index.place) as writer:
        writer.put([image(50, vector=towards(0, 0.99, 50))])
        writer.remove(["7"])
    found = search(query, AXIS.tolist(), CLASSIFIER)
    index.refresh()
    assert set(tasks(index, found)[:2]) == {50, 9}


def test_a_worker_without_the_index_says_where_to_make_it(tmp_path: Path) -> None:
    query = SearchIndex("project-3-0a1b2c3d", "1", "red")
    with pytest.raises(BadRequest, match="run `firstpass index --project 3` where the workers run"):
        HomeIndexes(tmp_path)(query, AXIS.tolist(), CLASSIFIER)
    with pytest.raises(BadRequest, match="expected the name of an index"):
        HomeIndexes(tmp_path)(SearchIndex("../x", "1", "red"), AXIS.tolist(), CLASSIFIER)
