"""A typed prompt -> phrase and label."""

from __future__ import annotations

import pytest

from backend.errors import BadRequest
from backend.interactive.typed import Prompt, label_for, parse_prompt
from backend.label_config.control_tags import Label

CAR = Label("Car", ("car", "automobile"))
TRUCK = Label("T", ("lorry",))
DOG = Label("Dog", ("dog",))
LABELS = (CAR, TRUCK, DOG)
ALIASES = (("T", "Truck"),)


@pytest.mark.parametrize(
    ("text", "prompt"),
    [
        ("red cars", Prompt("red cars")),
        ("  find all red   cars. ", Prompt("red cars")),
        ("Please show me every dog!", Prompt("dog")),
        ("Locate the dogs", Prompt("dogs")),
        ("find the green ellipse", Prompt("green ellipse")),
        ("label", Prompt("label")),
        ("find all labels", Prompt("labels")),
        ("finders keepers", Prompt("finders keepers")),
        ("red cars -> Car", Prompt("red cars", "Car")),
        ("find all red cars=>Car", Prompt("red cars", "Car")),
        ("rote Autos → Car", Prompt("rote Autos", "Car")),
    ],
)
def test_phrase_and_label(text: str, prompt: Prompt) -> None:
    assert parse_prompt(text) == prompt


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "says what to find"),
        (" \n ", "says what to find"),
        ("find all  ", "says what to find"),
        ("-> Car", "says what to find"),
        ("red cars ->", "one label behind the arrow"),
        ("red -> Car -> Dog", "one label behind the arrow"),
        ("x" * 5000, "at most 200 characters, got 5000"),
    ],
)
def test_a_prompt_without_a_phrase_is_refused(text: str, reason: str) -> None:
    with pytest.raises(BadRequest, match=reason):
        parse_prompt(text)


@pytest.mark.parametrize(
    ("prompt", "label"),
    [
        (Prompt("anything", "Car"), CAR),
        (Prompt("anything", "cAR"), CAR),
        (Prompt("anything", "automobile"), CAR),
        (Prompt("anything", "truck"), TRUCK),
        (Prompt("anything", "t"), TRUCK),
        (Prompt("LORRY"), TRUCK),
        (Prompt("dog"), DOG),
        (Prompt("red cars"), CAR),
        (Prompt("small dogs on a leash"), DOG),
    ],
)
def test_the_label_of_a_prompt(prompt: Prompt, label: Label) -> None:
    """By name, alias or phrase behind the arrow; else by what the phrase says."""
    assert label_for(prompt, LABELS, ALIASES) == label


def test_the_only_label_there_is_needs_no_name() -> None:
    assert label_for(Prompt("whatever"), (CAR,)) == CAR


@pytest.mark.parametrize(
    ("prompt", "reason"),
    [
        (Prompt("red cars", "Bus"), "labels Car, T, Dog behind the arrow, got 'Bus'"),
        (
            Prompt("green things"),
            "none of the labels Car, T, Dog; say which: 'green things -> Car'",
        ),
        (Prompt("a dog in a car"), "several of the labels"),
        (Prompt("carts"), "none of the labels"),
    ],
)
def test_a_label_that_is_not_clear_is_asked_for(prompt: Prompt, reason: str) -> None:
    """The message names the labels and how to say it."""
    with pytest.raises(BadRequest, match=reason):
        label_for(prompt, LABELS, ALIASES)


def test_many_labels_are_not_all_named() -> None:
    labels = [Label(f"L{n}", (f"thing{n}",)) for n in range(300)]

    with pytest.raises(BadRequest, match="L19 and 280 more"):
        label_for(Prompt("x", "y"), labels)
