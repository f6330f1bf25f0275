"""A person with a browser finds the boxes and the tag filled in, and submits them."""

from __future__ import annotations

from pathlib import Path

import pytest
from selenium import webdriver

from backend.demo.client import LabelStudioClient
from backend.demo.environment import Running
from backend.demo.images import demo_images
from backend.demo.run import predict_all
from tests.e2e.browser import Editor
from tests.real_label_studio import NewProject

#: Its image shows four kinds of shapes: good to look at in the screenshot.
ROW = 3


@pytest.fixture
def editor(both: Running, window: webdriver.Chrome) -> Editor:
    """Label Studio in Chromium, signed in."""
    editor = Editor(window, both.label_studio)
    editor.sign_in_by_hand()
    return editor


def test_a_person_opens_a_task_and_submits_what_is_prefilled(
    client: LabelStudioClient,
    new_project: NewProject,
    demo_config: str,
    editor: Editor,
    screenshot: Path | None,
):
    """The editor shows every predicted box and the choice; the annotation remembers where they came from."""
    project = new_project(demo_config, title="Shapes")
    images = demo_images(8)
    tasks = client.upload(project, {image.name: image.png for image in images})
    prediction = predict_all(client, project, len(images), deadline_s=600)[tasks[ROW]]
    by_type: dict[str, list[str]] = {"rectanglelabels": [], "choices": []}
    for region in prediction["result"]:
        by_type[region["type"]] += region["value"][region["type"]]

    labels = sorted(by_type["rectanglelabels"])

    editor.open_task(project, ROW)
    editor.settled()

    assert editor.errors() == []
    assert sorted(editor.regions(lambda shown: sorted(shown) == labels)) == labels
    assert editor.ticked(lambda shown: shown == by_type["choices"]) == by_type["choices"]
    if screenshot is not None:
        editor.screenshot(screenshot)

    editor.submit(saved=lambda: client.annotations(tasks[ROW]))

    (annotation,) = client.annotations(tasks[ROW])
    assert annotation["parent_prediction"] == prediction["id"]
    assert {region["origin"] for region in annotation["result"]} == {"prediction"}
    assert {region["id"] for region in annotation["result"]} == {
        region["id"] for region in prediction["result"]
    }
