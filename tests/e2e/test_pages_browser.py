"""An image with pages, in Label Studio's own editor: what is predicted of a page is drawn on it."""

from __future__ import annotations

import base64
from collections import Counter

from selenium import webdriver

from backend.demo.client import LabelStudioClient
from backend.demo.environment import Running
from backend.demo.images import demo_images
from tests.e2e.browser import Editor
from tests.real_label_studio import NewProject

LABELS = "".join(f'<Label value="{shape}"/>' for shape in ("circle", "ring", "star", "cross"))
CONFIG = (
    '<View><Image name="page" valueList="$scan.pages"/>'
    f'<RectangleLabels name="box" toName="page">{LABELS}</RectangleLabels>'
    '<Choices name="ground" toName="page" perItem="true"><Choice value="grass"/>'
    '<Choice value="bricks"/></Choices></View>'
)


def test_each_page_shows_its_own_regions_and_keeps_them(
    both: Running, client: LabelStudioClient, new_project: NewProject, window: webdriver.Chrome
):
    """A blank page in between is left out; what is submitted unchanged has the pages that we gave."""
    project = new_project(CONFIG)
    first, last = (address(image.png) for image in demo_images(2))
    (task,) = client.import_tasks(project, [{"scan": {"pages": [first, "", last]}}])

    (prediction,) = client.task(task)["predictions"]

    drawn = [region for region in prediction["result"] if region["from_name"] == "box"]
    pages = Counter(region["item_index"] for region in prediction["result"])
    assert set(pages) == {0, 2}
    editor = Editor(window, both.label_studio)
    editor.sign_in()
    editor.open_task(project, 0)
    assert editor.outlined(len(drawn))
    assert editor.errors() == []
    editor.submit(lambda: client.annotations(task))
    (annotation,) = client.annotations(task)
    kept = Counter(region["item_index"] for region in annotation["result"])
    assert kept == pages
    assert {region["origin"] for region in annotation["result"]} == {"prediction"}


def address(data: bytes) -> str:
    return "data:image/png;base64," + base64.b64encode(data).decode()
