"""An image that nothing could be predicted for: what a person reads, and why it is not said as the task opens."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from backend.demo.client import LabelStudioClient
from backend.demo.environment import Running
from tests.e2e.browser import keep_screenshot
from tests.e2e.chromium import SharedChromium
from tests.e2e.desk import SCENE, WITH_NOTE, signed_in
from tests.real_label_studio import NewProject

#: A browser draws it; Firstpass takes no drawings.
DRAWING = '<svg xmlns="http://www.w3.org/2000/svg" width="320" height="240"><rect width="99" height="99"/></svg>'


def address(data: bytes, kind: str) -> str:
    return f"data:image/{kind};base64,{base64.b64encode(data).decode()}"


def test_a_failed_image_is_explained_once_somebody_asks(
    both: Running,
    client: LabelStudioClient,
    new_project: NewProject,
    shared_chromium: SharedChromium,
    request: pytest.FixtureRequest,
):
    """It is never stored as predicted, neither by opening it nor by asking, and the reason is not submitted."""
    project = new_project(WITH_NOTE)
    (task,) = client.import_tasks(project, [{"image": address(DRAWING.encode(), "svg+xml")}])
    with signed_in(both, project, task, shared_chromium) as desk:
        assert desk.tools.texts() == []

        desk.tools.type_prompt("circle -> Round")
        desk.tools.answered("The image cannot be looked at: expected an image (JPEG, PNG, ")
        keep_screenshot(desk.window, request.node.name)

        result = desk.submit(client)
    assert {region["from_name"] for region in result} <= {"prompt"}
    assert client.predictions(project) == []


def test_a_stored_reason_would_count_as_a_prediction(
    client: LabelStudioClient, new_project: NewProject
):
    """So a failure on opening is not stored: whatever its version, Label Studio would ask no more, count and export it."""
    project = new_project(WITH_NOTE)
    image = {"image": address(SCENE.png, "png")}
    noted, other = client.import_tasks(project, [image, image])
    value = {"text": ["The image cannot be looked at."]}
    note = {"from_name": "note", "to_name": "image", "type": "textarea", "value": value}
    row: dict[str, Any] = {"task": noted, "model_version": "failed", "result": [note]}
    client.post("/api/predictions/", row)

    (opened,) = client.task(noted)["predictions"]
    (asked,) = client.task(other)["predictions"]

    assert (opened["model_version"], opened["score"]) == ("failed", None)
    assert asked["model_version"] == client.project(project)["model_version"]
    assert client.project(project)["total_predictions_number"] == 2
    everything = {"exportType": "JSON", "download_all_tasks": "true"}
    exported = client._call("GET", f"/api/projects/{project}/export", params=everything)
    assert sorted(len(each["predictions"]) for each in exported) == [1, 1]
