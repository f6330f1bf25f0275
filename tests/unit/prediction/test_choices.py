"""Probabilities -> what is ticked, down a tree too."""

from __future__ import annotations

import pytest

from backend.label_config.control_tags import ChoicesTag, TaxonomyTag
from backend.prediction.choices import Chosen, chosen_for
from models.types import Classification
from tests.unit.prediction.answers import steps_for

TREE = (
    '<Choice value="Animal"{}><Choice value="Dog" alias="d"/><Choice value="Cat"/></Choice>'
    '<Choice value="Thing"><Choice value="Car"/></Choice>'
)
ORDER = ("Animal", "Dog", "Cat", "Thing", "Car")


def chosen(tag: str, candidates: tuple[str, ...], *probabilities: float) -> Chosen:
    (step,) = steps_for(tag)
    assert isinstance(step.control, ChoicesTag | TaxonomyTag)
    return chosen_for(step, step.control, Classification(candidates, probabilities))


def taxonomy(attributes: str = "", of_animal: str = "") -> str:
    tree = TREE.replace("{}", of_animal)
    return f'<Taxonomy name="t" toName="img" {attributes}>{tree}</Taxonomy>'


def test_the_path_down_the_tree_is_that_of_the_likeliest_branch_each_time() -> None:
    """A branch counts among its siblings: Animal 0.3 of 0.4, Cat 0.2 of 0.25."""
    found = chosen(taxonomy(), ORDER, 0.3, 0.05, 0.2, 0.1, 0.35)

    assert list(found) == [("Animal", "Cat")]
    assert found["Animal", "Cat"] == pytest.approx(0.75 * 0.8)


def test_a_path_ends_where_it_is_no_longer_sure() -> None:
    """Animal alone at 0.75; with leaves alone allowed, nothing."""
    probabilities = (0.3, 0.12, 0.13, 0.1, 0.35)

    stopped = chosen(taxonomy('model_score_threshold="0.5"'), ORDER, *probabilities)
    none = chosen(taxonomy('model_score_threshold="0.5" leafsOnly="true"'), ORDER, *probabilities)

    assert list(stopped) == [("Animal",)]
    assert none == {}


def test_a_nodes_own_threshold_holds_for_it() -> None:
    assert (
        chosen(taxonomy("", ' model_score_threshold="0.9"'), ORDER, 0.3, 0.1, 0.1, 0.1, 0.4) == {}
    )


def test_branches_that_are_all_impossible_are_told_apart_by_nothing() -> None:
    """Each has its even share; no division by zero."""
    found = chosen(taxonomy(), ORDER, 1.0, 0.0, 0.0, 0.0, 0.0)

    assert found == {("Animal", "d"): 0.5}


def test_an_alias_stands_in_the_path() -> None:
    """As Label Studio writes it."""
    assert list(chosen(taxonomy(), ORDER, 0.5, 0.3, 0.1, 0.05, 0.05)) == [("Animal", "d")]


def test_a_nested_single_choice_is_a_leaf() -> None:
    """The editor ticks what has nothing below it."""
    tag = f'<Choices name="t" toName="img" allowNested="true">{TREE.replace("{}", "")}</Choices>'

    assert list(chosen(tag, ORDER, 0.3, 0.05, 0.2, 0.1, 0.35)) == [("Animal", "Cat")]


def test_nested_multiple_choices_are_the_leaves_that_hold() -> None:
    """Each by itself, with its path."""
    tag = (
        '<Choices name="t" toName="img" allowNested="true" choice="multiple">'
        f"{TREE.replace('{}', '')}</Choices>"
    )

    assert chosen(tag, ("Dog", "Cat", "Car"), 0.9, 0.2, 0.6) == {
        ("Animal", "d"): 0.9,
        ("Thing", "Car"): 0.6,
    }


@pytest.mark.parametrize(
    ("of_tag", "of_choice", "is_ticked"),
    [
        ("", "", False),
        ('model_score_threshold="0"', "", True),
        ("", 'model_score_threshold="0.2"', True),
    ],
)
def test_a_single_choice_stays_open_where_none_fits(
    of_tag: str, of_choice: str, *, is_ticked: bool
) -> None:
    """However sure the best of them is among them; a threshold in the label config decides alone."""
    (step,) = steps_for(
        f'<Choices name="c" toName="img" {of_tag}><Choice value="a" {of_choice}/><Choice value="b"/></Choices>'
    )
    assert isinstance(step.control, ChoicesTag)
    told = Classification(("a", "b"), (0.99, 0.01), none_fits=True)

    assert bool(chosen_for(step, step.control, told)) is is_ticked
