"""What `--precision` and `--cost` say."""

from __future__ import annotations

import pytest

from backend.errors import BadRequest
from backend.tuning.aim import Aim, aim_of


def test_what_is_said_is_what_is_sought() -> None:
    assert aim_of(None, None) == Aim()
    assert aim_of("0.9", None) == Aim(precision=0.9)
    assert aim_of(None, "delete=0.3, add=1") == Aim(add=1.0, delete=0.3)


@pytest.mark.parametrize("text", ["", "90", "0", "-1", "nan", "high", "inf", "1e999"])
def test_a_precision_that_is_no_share_is_refused(text: str) -> None:
    with pytest.raises(BadRequest, match=r"expected --precision as a share above 0 .* got"):
        aim_of(text, None)


@pytest.mark.parametrize(
    "text",
    ["", "1", "add=1", "add=1,delete=", "add=1,delete=x", "add=1,delete=0.3,move=2", "add=1;delete=1",
     "add=nan,delete=1"],
)  # fmt: skip
def test_costs_that_are_not_two_numbers_are_refused(text: str) -> None:
    with pytest.raises(BadRequest, match=r"expected --cost add=1,delete=0\.3, both numbers, got"):
        aim_of(None, text)


@pytest.mark.parametrize("text", ["add=-1,delete=1", "add=0,delete=0"])
def test_costs_that_cost_nothing_are_refused(text: str) -> None:
    with pytest.raises(BadRequest, match="with numbers of 0 or more, not both 0"):
        aim_of(None, text)


def test_one_of_them_at_most() -> None:
    with pytest.raises(BadRequest, match="got both"):
        aim_of("0.9", "add=1,delete=1")
