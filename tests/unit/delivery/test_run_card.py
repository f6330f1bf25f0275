"""What a run's card tells of the time that is left."""

from __future__ import annotations

import pytest

from backend.delivery.run_card import RunCard


@pytest.mark.parametrize(
    ("pace", "predicted", "left"),
    [
        (2.0, 60, 20.0),
        (2.0, 100, 0.0),
        (2.0, 101, None),
        (0.0, 60, None),
        (-9.0, 60, None),
        (float("nan"), 60, None),
        (None, 60, None),
    ],
)
def test_time_is_left_only_where_it_is_known(
    pace: float | None, predicted: int, left: float | None
) -> None:
    """A card may be of another version, so whatever pace it names is met."""
    card = RunCard("4.1", "Street", "tiny-1", "host", 1, 0.0, predicted, 0, 100, pace)

    assert card.seconds_left == left
