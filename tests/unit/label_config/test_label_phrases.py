"""Phrases of a label in a label config's text."""

from __future__ import annotations

import doctest

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.errors import BadRequest, LabelConfigError
from backend.label_config import label_phrases
from backend.label_config.label_config import parse_label_config
from backend.label_config.label_phrases import with_phrase, without_phrase

#: With all that people do to a file that they keep by hand.
CONFIG = """\
<?xml version="1.0"?>
<View style="display: flex">
  <!-- <Label value="Car" predicted_values="not this one"/> ü -->
  <Image name='img'   value="$image"/>
  <RectangleLabels name="box" toName="img">
    <Label  value='Car'   background="#f00"
            hint=" predicted_values='nor this' "   />
    <Label value="Truck" predicted_values = 'lorry, "big" truck'></Label>
  </RectangleLabels>
  <Choices name="scene" toName="img"><Choice value="Truck"/><Choice value="Größe &amp; mehr"/></Choices>
  <PolygonLabels name="poly" toName="img"><Label value="Auto" alias="Car"/></PolygonLabels>
</View>
"""


def test_examples_hold() -> None:
    assert doctest.testmod(label_phrases).failed == 0


def test_only_the_attribute_of_the_labels_start_tag_changes() -> None:
    """In every tag for regions that has the label, by value or alias; the rest stays byte for byte."""
    changed = with_phrase(CONFIG, "Car", "red cars")

    assert changed == CONFIG.replace(
        "<Label  value='Car' ", "<Label  value='Car' predicted_values=\"Car,red cars\" "
    ).replace('value="Auto" ', 'value="Auto" predicted_values="Auto,red cars" ')


def test_one_tag_can_be_named() -> None:
    changed = with_phrase(CONFIG, "car", "red cars", control="poly")

    assert changed == CONFIG.replace(
        'value="Auto" ', 'value="Auto" predicted_values="Auto,red cars" '
    )


def test_a_list_that_is_there_is_added_to_in_its_quotes() -> None:
    changed = with_phrase(CONFIG, "Truck", "driver's van")

    assert "predicted_values = 'lorry,\"big\" truck,driver&apos;s van'>" in changed
    assert '<Choice value="Truck"/>' in changed


def test_a_choice_is_changed_where_no_region_has_the_name() -> None:
    changed = with_phrase(CONFIG, "Größe & mehr", "a < b")

    assert 'value="Größe &amp; mehr" predicted_values="Größe &amp; mehr,a &lt; b"/>' in changed


def test_what_was_added_can_be_removed() -> None:
    """And the text is what it was."""
    assert without_phrase(with_phrase(CONFIG, "Car", "red cars"), "Car", "red cars") == CONFIG


def test_a_phrase_among_others_is_removed() -> None:
    assert "predicted_values = '\"big\" truck'>" in without_phrase(CONFIG, "Truck", "lorry")


@pytest.mark.parametrize(
    ("label", "phrase", "reason"),
    [
        ("Bus", "red bus", "a label of Car, Truck, Größe & mehr, Auto, got 'Bus'"),
        ("Truck", "lorry", "asks 'lorry' already"),
        ("Truck", "a, b", "without commas"),
        ("Truck", " \n ", "without commas"),
        ("Truck", "x" * 201, "1 to 200 characters"),
    ],
)
def test_what_cannot_be_added_says_why(label: str, phrase: str, reason: str) -> None:
    with pytest.raises(BadRequest, match=reason):
        with_phrase(CONFIG, label, phrase)


def test_what_is_not_asked_cannot_be_removed() -> None:
    with pytest.raises(BadRequest, match=r"does not ask 'van'; it asks 'lorry', '\"big\" truck'"):
        without_phrase(CONFIG, "Truck", "van")


def test_the_last_phrase_stays() -> None:
    with pytest.raises(BadRequest, match="the only phrase of label 'Car'"):
        without_phrase(CONFIG, "Car", "Car", control="box")


@pytest.mark.parametrize(
    ("attributes", "reason"),
    [('value="a, b"', "has a comma"), ('value="a" model_prompt="b"', "model_prompt")],
)
def test_a_label_that_cannot_have_a_list_says_so(attributes: str, reason: str) -> None:
    label = "a, b" if "," in attributes else "a"
    with pytest.raises(BadRequest, match=reason):
        with_phrase(f"<View><Labels><Label {attributes}/></Labels></View>", label, "c")


def test_a_config_that_cannot_be_read_is_not_changed() -> None:
    entity = '<!DOCTYPE View [<!ENTITY x "y">]><View><Label value="Car"/></View>'
    for xml in ("<View><Label value='Car'></View>", entity):
        with pytest.raises(LabelConfigError):
            with_phrase(xml, "Car", "red cars")


NAMES = st.text(
    st.characters(exclude_categories=("C", "Z"), exclude_characters=","), min_size=1, max_size=20
)


@given(NAMES, st.lists(NAMES, min_size=1, max_size=4, unique=True), st.sampled_from("\"'"))
def test_what_is_added_is_asked(value: str, phrases: list[str], quote: str) -> None:
    """Whatever characters label and phrase have, and whatever quotes the text."""
    entity = {"&": "&amp;", "<": "&lt;", '"': "&quot;", "'": "&apos;"}
    written = "".join(entity.get(char, char) for char in value)
    xml = (
        f"<View><Image name='i' value='$i'/><RectangleLabels name='b' toName='i'>"
        f"<Label value={quote}{written}{quote}/></RectangleLabels></View>"
    )
    wanted = [phrase for phrase in phrases if phrase != value]

    for phrase in wanted:
        xml = with_phrase(xml, value, phrase)

    assert parse_label_config(xml).controls[0].labels[0].phrases == (value, *wanted)
