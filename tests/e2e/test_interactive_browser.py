"""A person draws with a smart tool and types a prompt, reads what became of it, and accepts what is suggested."""

from __future__ import annotations

import sys
from base64 import b64encode
from collections.abc import Iterator
from typing import Any
from xml.sax.saxutils import escape

import pytest

from backend.cli.status import open_redis
from backend.demo.client import LabelStudioClient
from backend.demo.environment import Running
from backend.label_studio.api import LabelStudioApi
from backend.label_studio.project_key import ProjectKey
from backend.review.phrase_tally import PhraseTally
from models.boxes import grown, iou
from models.types import Box
from tests.e2e.browser import keep_screenshot
from tests.e2e.chromium import SharedChromium
from tests.e2e.desk import CONFIG, SCENE, WITH_NOTE, Desk, box_of, region_of, signed_in
from tests.e2e.killing import wait_until
from tests.real_label_studio import NewProject

#: The circle is pre-filled.
PREFILLED = WITH_NOTE.replace('predicted_values="heart"', 'predicted_values="circle"')


@pytest.fixture
def label_config() -> str:
    """Of the project that is open; a test may have another."""
    return CONFIG


@pytest.fixture
def misplaced() -> Box | None:
    """Where the task has the circle boxed wrongly, in a prediction of the version that is asked; or nowhere."""
    return None


@pytest.fixture
def desk(
    both: Running,
    client: LabelStudioClient,
    new_project: NewProject,
    shared_chromium: SharedChromium,
    label_config: str,
    misplaced: Box | None,
) -> Iterator[Desk]:
    project = new_project(label_config)
    (task,) = client.upload(project, {SCENE.name: SCENE.png})
    if misplaced is not None:
        version = client.project(project)["model_version"]
        row = {"task": task, "result": [region_of(misplaced)], "model_version": version}
        client.post("/api/predictions/", row)
    with signed_in(both, project, task, shared_chromium) as desk:
        yield desk


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
    """Under the label behind the arrow, with the phrase as a note; and that it was kept is counted.

    The typed text is gone once it is answered, and is not submitted.
    """
    accept_webhooks(both, desk.project)
    circle = next(thing.box for thing in SCENE.truth.boxes if thing.label == "circle")

    desk.tools.type_prompt("find the blue circle -> Round")
    assert desk.tools.suggested() == 1
    desk.tools.accept()

    prompt, region = sorted(desk.submit(client), key=lambda one: one["type"] != "textarea")
    assert desk.editor.errors() == []
    assert prompt["value"]["text"] == []
    assert region["value"]["rectanglelabels"] == ["Round"]
    assert iou(box_of(region), circle) > 0.7
    assert region["meta"] == {"text": ["blue circle"]}
    assert typed_lately(both, client.project(desk.project)) == [("Round", "blue circle", 1, 1)]


@pytest.mark.parametrize("label_config", [WITH_NOTE], ids=["with a note tag"])
def test_every_prompt_is_answered_with_a_sentence(
    client: LabelStudioClient, desk: Desk, capsys: pytest.CaptureFixture[str]
):
    """Found, too unsure, nothing like it, refused, there already: and nothing of it is submitted or drafted."""
    said = {
        "find the blue circle -> Round": '"blue circle": 1 found for Round.',
        "star -> Star": '"star": nothing found that is sure enough; 2 hidden by the threshold 1 (best ',
        "red cars -> Bus": "Not asked: expected one of the labels Star, Round behind the arrow, got 'Bus'.",
        "a < b &amp; c\u202e -> Round": '"a < b &amp; c\ufffd": nothing like it found.',
    }
    seconds = []
    for typed, sentence in said.items():
        desk.tools.type_prompt(typed)
        seconds.append(round(desk.tools.answered(sentence), 2))
        if "1 found" in sentence:
            assert desk.tools.suggested() == 1
            desk.tools.accept()

    with capsys.disabled():
        sys.stdout.write(f"\nseconds from the key to the sentence: {seconds}\n")
    assert len(desk.tools.texts()) == 1
    result = desk.submit(client)
    assert desk.editor.errors() == []
    assert {region["from_name"] for region in result} == {"prompt", "box"}
    assert [region["value"]["text"] for region in result if region["type"] == "textarea"] == [[]]


@pytest.mark.parametrize("label_config", [PREFILLED], ids=["pre-filled"])
def test_what_was_just_deleted_is_found_again_at_once(client: LabelStudioClient, desk: Desk):
    """Label Studio has not stored the deletion yet; and once it is back it is not there twice."""
    assert desk.editor.regions(lambda labels: labels == ["Round"]) == ["Round"]
    desk.tools.delete("Round")
    assert desk.editor.outlined(0)

    desk.tools.type_prompt("circle")
    assert desk.tools.suggested() == 1
    desk.tools.accept()
    assert desk.editor.outlined(1)
    desk.tools.type_prompt("find every circle")
    desk.tools.answered(
        '"circle": 1 found for Round, there already; accepting brings back only what you deleted.'
    )
    desk.tools.accept()
    assert desk.editor.outlined(1)

    (region,) = [one for one in desk.submit(client) if one["from_name"] == "box"]
    assert region["origin"] == "prediction"


#: What a page or a terminal would obey, in a label and in the names of the tags.
MARKED = "Ci<i>rcle</i> &amp;\u200f"
WITH_MARKS = f"""
<View>
  <TextArea name="ask<b>" toName="image" model_task="prompt"/>
  <TextArea name="told<b>" toName="image" model_task="note" editable="false" maxSubmissions="0" smart="false"/>
  <Image name="image" value="$image"/>
  <RectangleLabels name="box" toName="image" smart="true">
    <Label value="{escape(MARKED)}" predicted_values="heart"/>
  </RectangleLabels>
</View>
""".replace("<b>", "&lt;b&gt;")


@pytest.mark.parametrize("label_config", [WITH_MARKS], ids=["marks in names"])
def test_names_with_marks_are_shown_as_they_are(
    client: LabelStudioClient, desk: Desk, request: pytest.FixtureRequest
):
    """In the sentence as text, where nothing turns the line around; in the annotation as the label config has them."""
    desk.tools.type_prompt("circle")
    desk.tools.answered('"circle": 1 found for Ci<i>rcle</i> &amp;\ufffd.')
    assert desk.tools.suggested() == 1
    desk.tools.accept()
    keep_screenshot(desk.window, request.node.name)

    result = desk.submit(client)
    assert desk.editor.errors() == []
    (region,) = [one for one in result if one["from_name"] == "box"]
    assert region["value"]["rectanglelabels"] == [MARKED]


CIRCLE = next(thing.box for thing in SCENE.truth.boxes if thing.label == "circle")


@pytest.mark.parametrize("label_config", [PREFILLED], ids=["pre-filled"])
@pytest.mark.parametrize("misplaced", [grown(CIRCLE, 0.25)], ids=["too large"])
def test_a_box_drawn_around_a_misplaced_one_takes_its_place(
    client: LabelStudioClient, desk: Desk, misplaced: Box
):
    """What was drawn is gone, and the region has the id that it had."""
    assert desk.editor.outlined(1)

    desk.tools.choose_label("Round")
    desk.tools.draw_rectangle(grown(CIRCLE, 0.4), SCENE.truth.size)
    assert desk.tools.suggested() == 1
    (note,) = desk.tools.texts()
    desk.tools.accept()

    assert note.startswith("Round (")
    assert note.endswith("): it is boxed already; accept to put this one in its place.")
    (region,) = desk.submit(client)
    assert desk.editor.errors() == []
    assert region["id"] == "misplaced"
    assert iou(box_of(region), CIRCLE) > 0.7 > iou(misplaced, CIRCLE)


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
