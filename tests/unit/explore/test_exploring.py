"""All questions over an index: the answers are JSON that names its rows, kept beside it and shown on one page."""

from __future__ import annotations

import json
import re
import sqlite3
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from backend.errors import BadRequest
from backend.explore.exploring import Exploring, Words
from backend.explore.findings import FINDINGS_FILE, QUESTIONS, KeptFindings
from backend.explore.image_set import read_images
from backend.explore.report import ExploreReport, ImageName, explore_summary
from backend.explore.report_page import explore_page
from backend.vectors.places import IndexUnusable
from tests.unit.explore.indexes import index_of, labelled
from tests.unit.explore.pictures import COPIES, scene
from tests.unit.explore.sets import around, directions

AT = "2026-11-28T12:00:00Z"


@pytest.fixture
def explored(tmp_path: Path) -> Exploring:
    """Thirty images in three groups; the last two are copies, which people labelled differently."""
    pictures = [scene(number) for number in range(29)]
    pictures.append(COPIES["compressed"](pictures[28]))
    regions = [[labelled(("car", "bus", "dog")[n // 10], 100 + n)] for n in range(29)]
    regions.append([labelled("cat", 129)])
    _, index = index_of(tmp_path, around(directions(3), [10, 10, 10]), pictures, regions)
    words = Words(("cars", "buses", "dogs"), directions(3))
    return Exploring(read_images(index), words=lambda: words)


def test_every_answer_is_json_that_names_rows(explored: Exploring) -> None:
    answers = json.loads(json.dumps(dict(explored.answers())))

    rows = [row.row for row in explored.images.rows]
    assert set(answers) == set(QUESTIONS) - {"drift"}
    assert answers["map"]["rows"] == rows
    (group,) = answers["copies"]["groups"]
    assert group["rows"] == rows[28:]
    assert group["conflict"]
    assert sorted(row for one in answers["clusters"]["clusters"] for row in one["rows"]) == rows


def test_the_same_index_gives_the_same_answers(explored: Exploring) -> None:
    again = Exploring(explored.images, words=explored.words)

    assert json.dumps(dict(explored.answers())) == json.dumps(dict(again.answers()))


def test_clusters_are_named_by_words_and_labels(explored: Exploring) -> None:
    clusters = dict(explored.answers(["clusters"]))["clusters"]["clusters"]

    first = next(one for one in clusters if explored.images.rows[0].row in one["rows"])
    assert first["words"][0] == "cars"
    assert first["labels"][0] == "car"
    assert first["purity"] == 1


def test_another_set_is_held_against_it(explored: Exploring, tmp_path: Path) -> None:
    _, other = index_of(
        tmp_path, around(directions(6)[3:], [10, 10, 10]), name="project-4-0a1b2c3d"
    )
    against = Exploring(explored.images, other=read_images(other), other_name="old")

    drift = dict(against.answers(["drift"]))["drift"]

    assert drift["auroc"] > 0.95
    assert drift["told_apart"]
    assert drift["clusters"][0]["rows"] or drift["clusters"][0]["other_rows"]


@pytest.mark.parametrize("count", [1, 2, 3])
def test_few_images_are_no_trouble(count: int, tmp_path: Path) -> None:
    _, index = index_of(tmp_path, directions(count), [scene(n) for n in range(count)])

    answers = dict(Exploring(read_images(index)).answers())

    assert (
        answers["copies"]["groups"]
        == answers["gaps"]["gaps"]
        == answers["outliers"]["images"]
        == []
    )
    assert len(answers["map"]["x"]) == count
    assert page_of(read_images(index), answers)


def test_equal_images_are_one_group_and_one_cluster(tmp_path: Path) -> None:
    _, index = index_of(tmp_path, np.repeat(directions(1), 30, axis=0), [scene(0)] * 30)

    answers = dict(Exploring(read_images(index)).answers())

    assert [len(group["rows"]) for group in answers["copies"]["groups"]] == [30]
    assert [one["size"] for one in answers["clusters"]["clusters"]] == [30]
    assert answers["outliers"]["images"] == []


def test_an_empty_index_has_nothing(tmp_path: Path) -> None:
    _, index = index_of(tmp_path, [])

    images = read_images(index)

    assert len(images) == 0


def test_a_vector_that_is_none_is_refused_by_its_task(tmp_path: Path) -> None:
    vectors = directions(3)
    vectors[1, 0] = np.nan
    _, index = index_of(tmp_path, vectors)

    with pytest.raises(BadRequest, match=r"task 2.*firstpass index"):
        read_images(index)


def page_of(images: Any, answers: Any, title: str = "project 3") -> str:
    names = {
        row.row: ImageName(row.key, f"task {row.task}", f"http://ls/projects/3/data?task={row.task}", row.task)
        for row in images.rows
    }  # fmt: skip
    report = ExploreReport(title, AT, len(images), 0, answers, names)
    assert json.loads(report.to_json())["rows"]
    assert explore_summary(report).tables
    return explore_page(report, images.index.thumbnail)


def test_the_page_is_one_file_without_a_script(explored: Exploring) -> None:
    page = page_of(explored.images, dict(explored.answers()), title="<script>alert(1)</script>")

    assert "<script" not in page
    assert "&lt;script&gt;" in page
    assert page.count("data:image/jpeg;base64,") >= 30
    assert 'href="http://ls/projects/3/data?task=30"' in page
    assert "labelled differently: car" not in page
    assert "labelled differently: cat / dog" in page
    assert not re.search(r'(src|href)="(?!data:|http://ls/)', page)


def test_findings_are_kept_question_by_question(tmp_path: Path) -> None:
    place, _ = index_of(tmp_path, directions(2))
    kept = KeptFindings(place)

    assert kept.all() == {}
    kept.put({"copies": {"groups": []}, "gaps": {"looked": 1}}, AT, "1")
    kept.put({"copies": {"groups": [1]}}, AT, "2")

    found = kept.all()
    assert (found["copies"].state, found["copies"].body) == ("2", {"groups": [1]})
    assert (found["gaps"].state, found["gaps"].body) == ("1", {"looked": 1})
    assert kept.get("map") is None


def test_findings_that_are_damaged_say_what_to_do(tmp_path: Path) -> None:
    place, _ = index_of(tmp_path, directions(2))
    (place.folder / FINDINGS_FILE).write_bytes(b"no database, but long enough to be looked at" * 9)

    with pytest.raises(IndexUnusable, match="delete that file"):
        KeptFindings(place).all()
    with pytest.raises(IndexUnusable, match="delete that file"):
        KeptFindings(place).put({"gaps": {}}, AT, "1")


def test_findings_of_another_shape_are_no_answer(tmp_path: Path) -> None:
    place, _ = index_of(tmp_path, directions(2))
    with sqlite3.connect(place.folder / FINDINGS_FILE) as database:
        database.execute("CREATE TABLE findings (question, made_at, state, body)")
        database.execute("INSERT INTO findings VALUES ('gaps', '', '', 'no json')")
    database.close()

    with pytest.raises(IndexUnusable, match="cannot be kept or read"):
        KeptFindings(place).all()
