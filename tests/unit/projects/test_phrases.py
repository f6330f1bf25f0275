"""A project's phrases: in its label config, through Label Studio."""

from __future__ import annotations

import json

import httpx
import pytest

from backend.errors import BadRequest, LabelStudioRefuses
from backend.projects.our_web import BackendRefuses
from backend.projects.phrases import AskedLabel, Changed, ProjectPhrases, asked_labels
from tests.standin.label_studio import StandInLabelStudio
from tests.unit.projects.label_studio import (
    PROJECT,
    a_label_studio,
    a_project,
    our_web,
)

CONFIG = (
    '<View><Image name="img" value="$image"/><!-- keep me -->'
    '<RectangleLabels name="box" toName="img"><Label value="Car" predicted_values="car,van"/></RectangleLabels>'
    '<RectangleLabels name="line" toName="img" model_task="ocr"><Label value="Text"/></RectangleLabels>'
    '<Choices name="scene" toName="img"><Choice value="in"/></Choices></View>'
)


def version(request: httpx.Request) -> httpx.Response:
    """One that says how long the label config is."""
    if request.url.path != "/setup":
        return httpx.Response(200, json={"workers": 1})
    return httpx.Response(
        200, json={"model_version": f"v{len(json.loads(request.content)['schema'])}"}
    )


@pytest.fixture
def label_studio() -> StandInLabelStudio:
    one = a_label_studio()
    one.found = a_project(label_config=CONFIG)
    return one


@pytest.fixture
def phrases(label_studio: StandInLabelStudio) -> ProjectPhrases:
    return ProjectPhrases(label_studio.api(), our_web(version))


def test_the_labels_of_regions_and_what_they_ask() -> None:
    """Choices are not asked by prompts, and print is read whatever it says."""
    assert asked_labels(CONFIG) == [AskedLabel("box", "Car", ("car", "van"))]


def test_a_phrase_is_written_into_the_label_config(
    phrases: ProjectPhrases, label_studio: StandInLabelStudio
) -> None:
    """And nothing else of the project is."""
    changed = phrases.add(PROJECT, "Car", "red cars")

    edited = CONFIG.replace("car,van", "car,van,red cars")
    assert label_studio.writes == [("PATCH", f"/api/projects/{PROJECT}/", {"label_config": edited})]
    assert changed == Changed(f"v{len(CONFIG)}", f"v{len(edited)}")


def test_a_phrase_is_taken_out_again(
    phrases: ProjectPhrases, label_studio: StandInLabelStudio
) -> None:
    phrases.remove(PROJECT, "Car", "van")

    assert label_studio.found["label_config"] == CONFIG.replace("car,van", "car")


@pytest.mark.parametrize(
    ("label", "phrase", "reason"),
    [("Bus", "bus", "label of Car"), ("Car", "<loc_5>", "control token")],
)
def test_what_cannot_be_asked_changes_nothing(
    phrases: ProjectPhrases, label_studio: StandInLabelStudio, label: str, phrase: str, reason: str
) -> None:
    with pytest.raises(BadRequest, match=reason):
        phrases.add(PROJECT, label, phrase)

    assert label_studio.writes == []


def test_a_tag_that_would_no_longer_be_served_is_not_changed(
    phrases: ProjectPhrases, label_studio: StandInLabelStudio
) -> None:
    """One phrase too many for a tag."""
    many = ",".join(f"car {number}" for number in range(500))
    label_studio.found["label_config"] = CONFIG.replace("car,van", many)

    with pytest.raises(BadRequest, match=r"nothing was changed: .*at most 500 phrases"):
        phrases.add(PROJECT, "Car", "red cars")
    assert label_studio.writes == []


def test_without_firstpass_nothing_is_changed(label_studio: StandInLabelStudio) -> None:
    """It says which versions that makes, and rows follow them."""
    down = our_web(lambda request: httpx.Response(503, json={"error": {"message": "not now"}}))

    with pytest.raises(BackendRefuses):
        ProjectPhrases(label_studio.api(), down).add(PROJECT, "Car", "red cars")
    assert label_studio.writes == []


def test_label_studio_may_refuse(phrases: ProjectPhrases, label_studio: StandInLabelStudio) -> None:
    label_studio.refusal = (403, {"detail": "You do not have permission to perform this action."})

    with pytest.raises(LabelStudioRefuses, match="permission"):
        phrases.add(PROJECT, "Car", "red cars")
