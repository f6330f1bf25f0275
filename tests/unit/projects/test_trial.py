"""The prediction that `connect` tries."""

from __future__ import annotations

import httpx

from backend.projects.finding import Finding, Level
from backend.projects.trial import predict_one
from tests.standin.label_studio import StandInLabelStudio
from tests.unit.projects.label_studio import OLD, VERSION, a_label_studio, our_web, the_project


def row(version: str) -> dict[str, object]:
    return {"id": 1, "model_version": version}


def trial(
    label_studio: StandInLabelStudio, *, errors: list[dict[str, str]] | None = None
) -> Finding:
    def predict(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, json={"results": [[]], "errors": errors or []})

    def later(seconds: float) -> None:
        label_studio.store([1], VERSION)

    return predict_one(label_studio.api(), our_web(predict), the_project(), VERSION, 5, later)


def a_task(*versions: str) -> dict[str, object]:
    return {"id": 1, "data": {"image": "a"}, "predictions": [row(one) for one in versions]}


def test_a_row_that_comes_with_the_task_is_well() -> None:
    label_studio = a_label_studio()
    label_studio.put(a_task())
    label_studio.on_open = lambda task: label_studio.store([task], VERSION)

    assert "came with a prediction" in trial(label_studio).what


def test_a_row_that_is_delivered_later_is_well() -> None:
    label_studio = a_label_studio()
    label_studio.put(a_task())

    found = trial(label_studio)

    assert found.level is Level.OK
    assert "a little later" in found.what


def test_the_reason_why_there_can_be_none_is_given() -> None:
    label_studio = a_label_studio()
    label_studio.put(a_task())

    found = trial(label_studio, errors=[{"kind": "ImageNotFound", "message": "404"}])

    assert found.level is Level.ERROR
    assert "ImageNotFound: 404" in found.what


def test_a_project_whose_tasks_are_all_predicted_is_counted() -> None:
    """Opening one would ask nobody."""
    label_studio = a_label_studio()
    label_studio.store([1] * 1200, VERSION)
    label_studio.store([1] * 3, OLD)
    assert trial(label_studio).what == "1,200 predictions of this version are there"

    label_studio.rows.clear()
    label_studio.store([1] * 3, OLD)
    assert "predictions of another version" in trial(label_studio).what
