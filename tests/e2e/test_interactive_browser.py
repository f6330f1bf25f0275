"""A person draws with a smart tool and types a prompt, and accepts what Firstpass suggests."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from backend.cli.status import open_redis
from backend.demo.client import LabelStudioClient
from backend.demo.environment import Running
from backend.demo.images import demo_images
from backend.label_studio.api import LabelStudioApi
from backend.label_studio.project_key import ProjectKey
from backend.review.phrase_tally import PhraseTally
from models.boxes import grown, iou
from models.types import Box
from tests.conftest import missing_command
from tests.e2e.browser import Editor, chromium
from tests.e2e.killing import wait_until
from tests.e2e.smart_tools import SmartTools
from tests.real_label_studio import NewProject

#: Two stars, a circle, a cross and a ring before bricks.
SCENE = demo_images(4)[3]
#: Nothing is pre-filled: no star is that sure, and there is no heart.
CONFIG = """
<View>
  <Image name="image" value="$image"/>
  <TextArea name="prompt" toName="image" smart="true"/>
  <RectangleLabels name="box" toName="image" smart="true">
    <Label value="Star" predicted_values="star" model_score_threshold="1"/>
    <Label value="Round" predicted_values="heart"/>
  </RectangleLabels>
</View>
"""


@dataclass(frozen=True, slots=True)
class Desk:
    """A task that is open in the editor with the smart tools on."""

    project: int
    task: int
    editor: Editor
    tools: SmartTools

    def submit(self, client: LabelStudioClient) -> list[dict[str, Any]]:
        """What Label Studio has stored of it."""
        self.editor.submit(saved=lambda: client.annotations(self.task))
        (annotation,) = client.annotations(self.task)
        return list(annotation["result"])


@pytest.fixture
def desk(
    both: Running, client: LabelStudioClient, new_project: NewProject, tmp_path: Path
) -> Iterator[Desk]:
    commands = (missing_command("chromium"), missing_command("chromedriver"))
    project = new_project(CONFIG)
    (task,) = client.upload(project, {SCENE.name: SCENE.png})
    with chromium(*commands, tmp_path / "profile") as window:
        editor = Editor(window, both.label_studio)
        editor.sign_in()
        editor.open_task(project, 0)
        editor.settled()
        tools = SmartTools(window)
        tools.switch_on()
        yield Desk(project, task, editor, tools)


def box_of(region: dict[str, Any]) -> Box:
    value, size = region["value"], SCENE.truth.size
    left, top = value["x"] * size.width / 100, value["y"] * size.height / 100
    width, height = value["width"] * size.width / 100, value["height"] * size.height / 100
    return Box(left, top, left + width, top + height)


def test_a_rectangle_that_a_person_draws_is_tightened(client: LabelStudioClient, desk: Desk):
    """The suggestion takes the place of what was drawn; label and score come along."""
    star = next(thing.box for thing in SCENE.truth.boxes if thing.label == "star")
    careless = grown(star, 0.4)

    desk.tools.choose_label("Star")
    desk.tools.draw_rectangle(careless, SCENE.truth.size)
    assert desk.tools.suggested() == 1
    desk.tools.accept()

    (region,) = desk.submit(client)
    assert desk.editor.errors() == []
    assert region["value"]["rectanglelabels"] == ["Star"]
    assert iou(box_of(region), star) > 0.7 > iou(careless, star)
    assert 0 < region["score"] <= 1


def test_what_a_person_types_is_found(client: LabelStudioClient, both: Running, desk: Desk):
    """Under the label behind the arrow, with the phrase as a note; and that it was kept is counted."""
    accept_webhooks(both, desk.project)
    circle = next(thing.box for thing in SCENE.truth.boxes if thing.label == "circle")

    desk.tools.type_prompt("find the blue circle -> Round")
    assert desk.tools.suggested() == 1
    desk.tools.accept()

    prompt, region = sorted(desk.submit(client), key=lambda one: one["type"] != "textarea")
    assert desk.editor.errors() == []
    assert prompt["value"]["text"] == ["find the blue circle -> Round"]
    assert region["value"]["rectanglelabels"] == ["Round"]
    assert iou(box_of(region), circle) > 0.7
    assert region["meta"] == {"text": ["blue circle"]}
    assert typed_lately(both, client.project(desk.project)) == [("Round", "blue circle", 1, 1)]


def accept_webhooks(both: Running, project: int) -> None:
    """Give the project's webhook the credentials that ours wants, as `firstpass connect` does."""
    given = ":".join(both.backend.auth or ()).encode()
    headers = {"Authorization": f"Basic {b64encode(given).decode()}"}
    with LabelStudioApi.from_settings(both.settings) as api:
        (webhook,) = api.webhooks(project)
        api.update_webhook(webhook.id, url=webhook.url, headers=headers)


def typed_lately(both: Running, project: dict[str, Any]) -> list[tuple[str, str, int, int]]:
    """What was typed, with how often it was asked and kept: once nothing more is counted."""
    key = ProjectKey.of(project)
    assert key is not None
    with open_redis(both.settings) as connection:
        tally = PhraseTally(connection, clock=lambda: 0.0)
        wait_until(lambda: any(one.kept for one in tally.lately(key)))
        return [(one.label, one.phrase, one.asked, one.kept) for one in tally.lately(key)]
