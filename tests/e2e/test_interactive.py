"""Smart tools and phrases through the real Label Studio's API."""

from __future__ import annotations

from typing import Any

import pytest
from typer.testing import CliRunner

from backend.cli.main import app
from backend.demo.client import LabelStudioClient
from backend.demo.environment import Running
from backend.demo.images import demo_images
from backend.processes.stack import settings_environment
from models.types import Box, ImageSize
from tests.e2e.killing import wait_until
from tests.real_label_studio import NewProject

#: A circle, two stars, a cross and a ring.
SCENE = demo_images(4)[3]
CONFIG = """\
<View>
  <!-- kept by hand:   do not tidy -->
  <Image name="image"  value="$image"/>
  <TextArea name="prompt" toName="image" smart="true"/>
  <RectangleLabels name="box" toName="image" smart="true">
    <Label value='Star'  predicted_values="heart" />
    <Label value="Circle" predicted_values="circle"/>
  </RectangleLabels>
  <Choices name="colour" toName="image" perRegion="true"><Choice value="red"/><Choice value="blue"/></Choices>
</View>
"""


def suggestions(client: LabelStudioClient, project: int, task: int, **region: Any) -> Any:
    """What the editor gets when somebody draws or types."""
    # Label Studio makes two where its database was locked: it runs the request again.
    backend, *_ = client._call("GET", "/api/ml", params={"project": project})
    context = {"result": [{"id": "new", "to_name": "image", "origin": "manual", **region}]}
    body = {"task": task, "context": context}
    return client.post(f"/api/ml/{backend['id']}/interactive-annotating", body)


def typed(text: str) -> dict[str, Any]:
    return {"from_name": "prompt", "type": "textarea", "value": {"text": [text]}}


@pytest.fixture
def project(client: LabelStudioClient, new_project: NewProject) -> int:
    made = new_project(CONFIG)
    client.upload(made, {SCENE.name: SCENE.png})
    return made


def the_task(client: LabelStudioClient, project: int) -> int:
    """The project's one task, opened: its prediction is stored."""
    (task,) = client.tasks(project)
    assert client.task(task["id"])["predictions"]
    return int(task["id"])


def test_a_prompt_brings_regions_with_their_attributes(client: LabelStudioClient, project: int):
    """Of the version that the task's prediction has; nothing of it is stored."""
    task = the_task(client, project)

    answer = suggestions(client, project, task, **typed("red star -> Star"))["data"]

    *found, prompt = answer["result"]
    assert {region["from_name"] for region in found} == {"box", "colour"}
    assert len({region["id"] for region in found}) == 1
    assert (prompt["id"], prompt["value"]) == ("new", {"text": []})
    assert answer["model_version"] == client.project(project)["model_version"]
    assert len(client.predictions(project)) == 1


def test_what_is_predicted_already_is_suggested_as_it_stands(
    client: LabelStudioClient, project: int
):
    """Label Studio sends the task's predictions along; with its id nothing is there twice once accepted."""
    task = the_task(client, project)
    (row,) = client.predictions(project)
    circle = [one for one in row["result"] if one["value"].get("rectanglelabels") == ["Circle"]]

    found = suggestions(client, project, task, **typed("circle"))["data"]["result"]

    boxes = [one for one in found if one["type"] == "rectanglelabels"]
    assert boxes == [{**circle[0], "origin": "prediction"}]


def test_more_like_a_box_that_was_drawn(client: LabelStudioClient, new_project: NewProject):
    """No label has a word for it: three crosses and two circles are there. The example is in the editor's draft."""
    scene = demo_images(3)[2]
    project = new_project(CONFIG)
    client.upload(project, {scene.name: scene.png})
    task = the_task(client, project)
    crosses = [one.box for one in scene.truth.boxes if one.label == "cross"]
    mine, *others = (percent_of(box, scene.truth.size) for box in crosses)
    value = {**mine, "rotation": 0, "rectanglelabels": ["Star"]}
    drawn = {"id": "mine", "from_name": "box", "to_name": "image", "type": "rectanglelabels"}
    result = [{**drawn, "origin": "manual", "value": value}]
    client.post(f"/api/tasks/{task}/drafts", {"result": result, "lead_time": 1})

    *found, _ = suggestions(client, project, task, **typed("more like this"))["data"]["result"]

    boxes = [one for one in found if one["from_name"] == "box"]
    assert {label for one in boxes for label in one["value"]["rectanglelabels"]} == {"Star"}
    assert not any("score" in one for one in boxes)
    places = sorted(tuple(one["value"][key] for key in mine) for one in boxes)
    assert len(places) == len(others) == 2
    for place, other in zip(places, sorted(tuple(one.values()) for one in others), strict=True):
        assert place == pytest.approx(other, abs=4)
    assert len(client.predictions(project)) == 1


def percent_of(box: Box, size: ImageSize) -> dict[str, float]:
    return {
        "x": 100 * box.x_min / size.width,
        "y": 100 * box.y_min / size.height,
        "width": 100 * (box.x_max - box.x_min) / size.width,
        "height": 100 * (box.y_max - box.y_min) / size.height,
    }


def test_what_cannot_be_served_is_an_error_that_breaks_nothing(
    client: LabelStudioClient, project: int
):
    """Label Studio answers its editor with errors, which suggests nothing; the next prompt is served."""
    task = the_task(client, project)
    flat = {"x": 10, "y": 10, "width": 0, "height": 5}

    for bad in (
        typed("red star -> Bus"),
        {"from_name": "gone", "type": "rectangle", "value": flat},
        {"from_name": "box", "type": "rectangle", "value": flat},
    ):
        answer = suggestions(client, project, task, **bad)
        assert "400 Client Error" in answer["errors"][0]
    assert suggestions(client, project, task, **typed("red star -> Star"))["data"]["result"]


def firstpass(both: Running, *arguments: str) -> str:
    """What a command prints, run with the settings of the running Firstpass."""
    result = CliRunner(env=settings_environment(both.settings)).invoke(
        app, arguments, catch_exceptions=False
    )
    assert result.exit_code == 0, result.output
    return result.output


def test_a_phrase_that_is_remembered_is_predicted_from_then_on(
    client: LabelStudioClient, both: Running, project: int
):
    """It stands in the label config, which stays otherwise byte for byte, and makes another version."""
    task = the_task(client, project)
    suggestions(client, project, task, **typed("red star -> Star"))
    before = client.project(project)

    said = firstpass(both, "phrases", "add", "star", "red star", "--project", str(project))

    after = client.project(project)
    kept = before["label_config"].replace('"heart"', '"heart,red star"')
    assert after["label_config"] == kept != before["label_config"]
    old, _, new = said.split(": ")[1].strip().partition(" -> ")
    assert old == before["model_version"] != new
    client.retrieve_predictions(project)
    wait_until(lambda: new in {row["model_version"] for row in client.predictions(project)})
    (row,) = (row for row in client.predictions(project) if row["model_version"] == new)
    assert row["task"] == task
    assert ["Star"] in [one["value"].get("rectanglelabels") for one in row["result"]]
    listed = firstpass(both, "phrases", "--project", str(project))
    assert "heart, red star" in listed
    assert "red star (1, 0)" in listed
