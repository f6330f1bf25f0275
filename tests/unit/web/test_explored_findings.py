"""What `firstpass explore` keeps is what the pages show: through both, over a made index."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

import pytest

from backend.explore.exploring import Exploring
from backend.explore.findings import KeptFindings
from backend.explore.image_set import read_images
from backend.prediction.engine import engine_for
from backend.prediction.learned import classifier_of
from backend.vectors.file_store import FileIndex
from backend.vectors.file_writer import open_writer
from backend.vectors.places import IndexPlace, index_place, project_index
from backend.web.explored_findings import explored_of, read_explored
from tests.unit.vectors.made_rows import image, region
from tests.unit.web.test_explore_routes import HOME_URL, Http

#: Two islands, whose images are near each other.
EACH = 15


@pytest.fixture
def place(tmp_path: Path) -> IndexPlace:
    made = index_place(
        tmp_path, project_index(HOME_URL, 3), classifier_of(engine_for("tiny")) or ""
    )
    with open_writer(made) as writer:
        writer.put(
            image(
                task, region(task, "star" if task % 2 else "ring"), vector=near(task <= EACH, task)
            )
            for task in range(1, 2 * EACH + 1)
        )
    return made


def near(first: bool, seed: int) -> tuple[float, ...]:
    side = 0.02 * (seed % 7)
    length = (1 + side**2) ** 0.5
    return ((1.0 if first else side) / length, (side if first else 1.0) / length, *([0.0] * 6))


def explore(place: IndexPlace) -> None:
    images = read_images(FileIndex(place))
    answers = dict(Exploring(images, seed=1).answers())
    KeptFindings(place).put(answers, "2026-11-28T11:00:00Z", images.state)


def test_what_is_kept_is_what_is_shown(place: IndexPlace, tmp_path: Path) -> None:
    assert read_explored(place) is None
    explore(place)

    told = read_explored(place)

    assert told is not None
    assert {point.row for point in told.points} == {row.row for row in FileIndex(place).images()}
    assert {point.cluster for point in told.points} == {one.number for one in told.clusters}
    assert sum(one.size for one in told.clusters) == 2 * EACH
    for one in told.clusters:
        own = {point.row for point in told.points if point.cluster == one.number}
        assert set(one.examples) <= own
    assert set(told.oddness) == {row.row for row in FileIndex(place).regions()}
    with ExitStack() as stack:
        client = Http(stack, tmp_path).client()
        assert "explored 2026-11-28T11:00:00Z" in client.get("/explore/3").text
        assert "changed since" not in client.get("/explore/3").text
        assert len(client.get("/explore/3/map").content) == 14 * 2 * EACH
        assert "15 boxes, the oddest first" in client.get("/crops/3/star").text


def test_questions_that_were_not_asked_are_left_out(place: IndexPlace) -> None:
    images = read_images(FileIndex(place))
    answers = dict(Exploring(images).answers(["quality"]))
    KeptFindings(place).put(answers, "2026-11-28T11:00:00Z", images.state)

    told = read_explored(place)

    assert told is not None
    assert (told.points, told.clusters, told.copies, told.oddness) == ((), (), (), {})
    assert explored_of({}) is None
