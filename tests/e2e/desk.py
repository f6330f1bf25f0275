"""A task that is open in the editor with the smart tools on, and the scene that it shows."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from selenium import webdriver

from backend.demo.client import LabelStudioClient
from backend.demo.environment import Running
from backend.demo.images import demo_images
from models.types import Box
from tests.e2e.browser import Editor
from tests.e2e.chromium import SharedChromium
from tests.e2e.smart_tools import SmartTools

__all__ = ["CONFIG", "NOTE", "SCENE", "WITH_NOTE", "Desk", "box_of", "region_of", "signed_in"]

#: Two stars, a circle, a cross and a ring before bricks.
SCENE = demo_images(4)[3]
#: Nothing is pre-filled: no star is that sure, and there is no heart.
CONFIG = """
<View>
  <TextArea name="prompt" toName="image" smart="true"/>
  <Image name="image" value="$image"/>
  <RectangleLabels name="box" toName="image" smart="true">
    <Label value="Star" predicted_values="star" model_score_threshold="1"/>
    <Label value="Round" predicted_values="heart"/>
  </RectangleLabels>
</View>
"""
NOTE = (
    '<TextArea name="note" toName="image" editable="false" maxSubmissions="0" smart="false" '
    'visibleWhen="choice-selected" whenTagName="note"/>'
)
#: Above the image, where it is in sight.
WITH_NOTE = CONFIG.replace("<Image", f"{NOTE}<Image")


@dataclass(frozen=True, slots=True)
class Desk:
    """Somebody's editor, with a task in it."""

    project: int
    task: int
    window: webdriver.Chrome
    editor: Editor
    tools: SmartTools

    def submit(self, client: LabelStudioClient) -> list[dict[str, Any]]:
        """What Label Studio has stored of it."""
        self.editor.submit(saved=lambda: client.annotations(self.task))
        (annotation,) = client.annotations(self.task)
        return list(annotation["result"])


@contextmanager
def signed_in(both: Running, project: int, task: int, browser: SharedChromium) -> Iterator[Desk]:
    """The project's first task, opened by a person."""
    with browser.window(both.label_studio.url) as window:
        editor = Editor(window, both.label_studio)
        editor.sign_in()
        editor.open_task(project, 0)
        editor.settled()
        tools = SmartTools(window)
        tools.switch_on()
        yield Desk(project, task, window, editor, tools)


def region_of(box: Box, label: str = "Round", key: str = "misplaced") -> dict[str, Any]:
    """A rectangle that was predicted."""
    size = SCENE.truth.size
    value = {
        "x": 100 * box.x_min / size.width,
        "y": 100 * box.y_min / size.height,
        "width": 100 * (box.x_max - box.x_min) / size.width,
        "height": 100 * (box.y_max - box.y_min) / size.height,
        "rotation": 0,
        "rectanglelabels": [label],
    }
    names = {"id": key, "from_name": "box", "to_name": "image", "type": "rectanglelabels"}
    sizes = {"original_width": size.width, "original_height": size.height, "image_rotation": 0}
    return {**names, **sizes, "value": value}


def box_of(region: dict[str, Any]) -> Box:
    value, size = region["value"], SCENE.truth.size
    left, top = value["x"] * size.width / 100, value["y"] * size.height / 100
    width, height = value["width"] * size.width / 100, value["height"] * size.height / 100
    return Box(left, top, left + width, top + height)
