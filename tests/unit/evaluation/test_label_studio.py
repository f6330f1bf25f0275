"""Annotated tasks of an export and of a project."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest

from backend.dataset.target_project import TargetProject, target_project
from backend.errors import BadRequest
from backend.evaluation.label_studio import read_export, read_project
from backend.label_studio.api import LabelStudioApi
from backend.label_studio.records import Project, TaskRow
from backend.prediction.predictor import PredictorSettings
from tests.unit.bulk.folders import CONFIG, predictor
from tests.unit.evaluation.sets import image_at

BOX = {
    "id": "r", "from_name": "box", "to_name": "image", "type": "rectanglelabels",
    "original_width": 100, "original_height": 50,
    "value": {"x": 10, "y": 20, "width": 20, "height": 40, "rectanglelabels": ["car"]},
}  # fmt: skip


def task(number: int, image: str, *annotations: dict[str, Any]) -> dict[str, Any]:
    return {"id": number, "data": {"photo": image}, "annotations": list(annotations)}


def submitted(*result: dict[str, Any], **more: object) -> dict[str, Any]:
    return {"id": 1, "result": list(result), **more}


def export_at(path: Path, *tasks: dict[str, Any]) -> Path:
    path.write_text(json.dumps(list(tasks)))
    return path


def test_an_export_gives_its_annotated_tasks_and_says_what_it_leaves_out(tmp_path: Path) -> None:
    path = export_at(
        tmp_path / "export.json",
        task(1, "/data/upload/1/a.png", submitted(BOX)),
        task(2, "/data/upload/1/b.png"),
        task(3, "/data/upload/1/c.png", submitted(was_cancelled=True)),
        task(4, "/data/upload/1/d.png", submitted(BOX), submitted(BOX, BOX)),
    )

    labelled = read_export(path, None)

    assert [one.key for one in labelled.tasks] == ["task 1", "task 4"]
    assert labelled.labels() == {"car": 2}
    notes = " ".join(labelled.notes)
    assert "tasks that people skipped (1)" in notes
    assert "ground truth counts, else the newest (1 task)" in notes
    assert "annotated: 2 of 4 tasks" in notes


@pytest.mark.parametrize(
    "address",
    [
        "/data/local-files/?d=scans/a%20b.png",
        "/data/upload/7/0123abcd-a%20b.png",
        "/data/upload/7/a%20b.png",
        "https://example.com/x/a%20b.png?sig=1",
        "s3://bucket/deep/a b.png",
    ],
)
def test_images_are_found_in_a_folder_whatever_the_task_calls_them(
    tmp_path: Path, address: str
) -> None:
    image_at(tmp_path / "images" / "scans" / "a b.png")
    path = export_at(tmp_path / "export.json", task(1, address, submitted(BOX)))

    (one,) = read_export(path, tmp_path / "images").tasks

    assert one.failure is None
    assert one.data == {"photo": "/data/local-files/?d=scans/a%20b.png"}


def test_an_image_that_is_not_there_fails_alone_and_all_of_them_are_one_sentence(
    tmp_path: Path,
) -> None:
    image_at(tmp_path / "images" / "a.png")
    gone = task(2, "/data/upload/1/gone.png", submitted(BOX))
    path = export_at(tmp_path / "e.json", task(1, "/data/upload/1/a.png", submitted(BOX)), gone)

    a, b = read_export(path, tmp_path / "images").tasks
    assert a.failure is None
    assert b.failure is not None

    with pytest.raises(BadRequest, match=r"none of the 1 task .* /data/upload/1/gone.png"):
        read_export(export_at(tmp_path / "e.json", gone), tmp_path / "images")


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("{", "JSON export"),
        ("{}", "a list of tasks"),
        ('[{"image": "a", "label": []}]', "not JSON-MIN"),
        ("[]", "no tasks"),
        ('[{"id": 1, "data": {}, "annotations": []}]', "none of them with an annotation"),
        (
            '[{"id": 1, "data": {}, "annotations": [{"result": [], "was_cancelled": true}]}]',
            "skipped",
        ),
    ],
)
def test_what_cannot_be_measured_is_told(tmp_path: Path, body: str, reason: str) -> None:
    (tmp_path / "e.json").write_text(body)

    with pytest.raises(BadRequest, match=reason):
        read_export(tmp_path / "e.json", None)


class StandInApi:
    """A project with these tasks."""

    url = "http://label-studio"

    def __init__(self, *tasks: dict[str, Any], total: int) -> None:
        self._tasks, self._total = tasks, total

    def project(self, project: int) -> Project:
        return Project(
            id=project, title="Cars", created_at="2026-01-01T00:00:00Z", label_config=CONFIG,
            task_number=self._total, model_version="", show_collab_predictions=True,
        )  # fmt: skip

    def annotated(self, project: int) -> Iterator[TaskRow]:
        yield from map(TaskRow.model_validate, self._tasks)


def target(api: StandInApi) -> TargetProject:
    settings = predictor().settings
    return target_project(
        cast("LabelStudioApi", api), 3, PredictorSettings(settings.engine, 0.3, None)
    )


def test_a_project_gives_its_annotated_tasks() -> None:
    api = StandInApi(task(5, "/data/upload/1/a.png", submitted(BOX)), total=9)

    labelled = read_project(api, target(api))  # type: ignore[arg-type]

    assert [(one.key, one.task_id) for one in labelled.tasks] == [("task 5", 5)]
    assert labelled.notes == ("annotated: 1 of 9 tasks",)
    assert "Cars" in labelled.words


def test_a_project_that_nobody_has_labelled_is_one_sentence() -> None:
    api = StandInApi(total=9)

    with pytest.raises(
        BadRequest, match=r"project 3 \(Cars\).*9 tasks, none of them with an annotation"
    ):
        read_project(api, target(api))  # type: ignore[arg-type]


def test_of_several_files_of_a_name_none_is_taken_and_the_reason_says_so(tmp_path: Path) -> None:
    for name in ("one/a.png", "two/a.png", "b.png"):
        image_at(tmp_path / "images" / name)
    addresses = ("/data/upload/1/a.png", "/data/upload/1/b.png")
    tasks = [task(number, at, submitted(BOX)) for number, at in enumerate(addresses)]
    path = export_at(tmp_path / "export.json", *tasks)
    path.write_text("\ufeff" + path.read_text(), encoding="utf-8")

    ambiguous, plain = read_export(path, tmp_path / "images").tasks

    assert plain.failure is None
    assert ambiguous.failure is not None
    assert "several files of that name" in ambiguous.failure.message


def test_what_is_no_annotation_does_not_count(tmp_path: Path) -> None:
    listed = task(1, "/a.png", submitted(BOX))
    listed["annotations"] += [3, None]

    found = read_export(export_at(tmp_path / "export.json", listed), None)

    assert len(found.tasks) == 1
    assert found.notes == ("left out: annotations that cannot be read (2)",)
