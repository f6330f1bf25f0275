"""The prediction that `connect` tries."""

from __future__ import annotations

import httpx

from backend.projects.finding import Finding, Level
from backend.projects.trial import predict_one
from tests.unit.projects.label_studio import OLD, VERSION, LabelStudio, our_web, the_project


def row(version: str) -> dict[str, object]:
    return {"id": 1, "model_version": version}


def trial(label_studio: LabelStudio, *, errors: list[dict[str, str]] | None = None) -> Finding:
    def predict(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, json={"results": [[]], "errors": errors or []})

    def later(seconds: float) -> None:
        label_studio.tasks[0]["predictions"].append(row(VERSION))

    return predict_one(label_studio.api(), our_web(predict), the_project(), VERSION, 5, later)


def a_task(*versions: str) -> dict[str, object]:
    return {"id": 1, "data": {"image": "a"}, "predictions": [row(one) for one in versions]}


def test_a_row_that_comes_with_the_task_is_well() -> None:
    label_studio = LabelStudio()
    label_studio.tasks = [a_task(VERSION)]

    assert "came with a prediction" in trial(label_studio).what


def test_a_row_that_is_delivered_later_is_well() -> None:
    label_studio = LabelStudio()
    label_studio.tasks = [a_task()]

    found = trial(label_studio)

    assert found.level is Level.OK
    assert "a little later" in found.what


def test_the_reason_why_there_can_be_none_is_given() -> None:
    label_studio = LabelStudio()
    label_studio.tasks = [a_task()]

    found = trial(label_studio, errors=[{"kind": "ImageNotFound", "message": "404"}])

    assert found.level is Level.ERROR
    assert "ImageNotFound: 404" in found.what


def test_a_project_whose_tasks_are_all_predicted_is_counted() -> None:
    """Opening one would ask nobody."""
    label_studio = LabelStudio()
    label_studio.versions = {VERSION: 1200, OLD: 3}
    assert trial(label_studio).what == "1,200 predictions of this version are there"

    label_studio.versions = {OLD: 3}
    assert "predictions of another version" in trial(label_studio).what
