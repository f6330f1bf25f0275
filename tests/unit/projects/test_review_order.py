"""The order of the label stream, set and taken back."""

from __future__ import annotations

import pytest

from backend.projects.finding import Level
from backend.projects.review_order import LEAST_SURE_FIRST, order_before, set_order, take_back_order
from tests.standin.label_studio import StandInLabelStudio
from tests.unit.projects.label_studio import (
    OURS,
    PROJECT,
    VERSION,
    a_backend,
    a_label_studio,
    the_backend,
)

UNIFORM = "Uniform sampling"


@pytest.fixture
def label_studio() -> StandInLabelStudio:
    made = a_label_studio()
    made.backends = [a_backend(extra_params={"device": "cpu"})]
    made.found["sampling"] = UNIFORM
    return made


def test_it_is_set_and_taken_back(label_studio: StandInLabelStudio) -> None:
    """To what it was; what else is told to the backend stays, and so does its name."""
    api = label_studio.api()

    assert set_order(api, OURS, PROJECT).level is Level.DONE

    assert label_studio.found["sampling"] == LEAST_SURE_FIRST
    assert order_before(api.backends(PROJECT)) == UNIFORM
    assert label_studio.backends[0]["title"] == VERSION

    assert take_back_order(api, OURS, PROJECT).level is Level.DONE

    assert label_studio.found["sampling"] == UNIFORM
    assert label_studio.backends[0]["extra_params"] == {"device": "cpu"}
    assert order_before(api.backends(PROJECT)) is None


def test_set_again_what_was_before_is_not_forgotten(label_studio: StandInLabelStudio) -> None:
    api = label_studio.api()
    set_order(api, OURS, PROJECT)
    label_studio.writes.clear()

    assert set_order(api, OURS, PROJECT).level is Level.ALREADY
    assert label_studio.writes == []
    assert order_before(api.backends(PROJECT)) == UNIFORM


def test_what_was_before_is_noted_first(label_studio: StandInLabelStudio) -> None:
    """So that it can be taken back wherever a run ends."""
    set_order(label_studio.api(), OURS, PROJECT)

    assert [path for _, path, _ in label_studio.writes] == ["/api/ml/3", "/api/projects/7/"]


def test_where_somebody_else_set_it_it_goes_by_ids_then(label_studio: StandInLabelStudio) -> None:
    """Whoever says --usual-order wants another one than this."""
    label_studio.found["sampling"] = LEAST_SURE_FIRST

    take_back_order(label_studio.api(), OURS, PROJECT)

    assert label_studio.found["sampling"] == "Sequential sampling"


def test_what_is_as_it_was_is_left_alone(label_studio: StandInLabelStudio) -> None:
    assert take_back_order(label_studio.api(), OURS, PROJECT).level is Level.ALREADY
    assert label_studio.writes == []


@pytest.mark.parametrize("params", [None, {}, {"firstpass_sampling_before": 7}, [], "x"])
def test_odd_parameters_are_no_note(params: object) -> None:
    assert order_before([the_backend(extra_params=params)]) is None
