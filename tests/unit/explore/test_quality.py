"""What is odd about an image is told beside the set that it is in."""

from __future__ import annotations

from dataclasses import replace

import pytest

from backend.explore.quality import ImageLooks, quality_hints

USUAL = ImageLooks(640, 480, brightness=0.5, contrast=0.2, sharpness=800.0, commonest_share=0.1)
SET = [replace(USUAL, brightness=0.4 + n / 200, sharpness=600.0 + 20 * n) for n in range(40)]
ODD = {
    "one colour": replace(USUAL, commonest_share=0.99, sharpness=0.0, contrast=0.0),
    "dark": replace(USUAL, brightness=0.03),
    "bright": replace(USUAL, brightness=0.98),
    "pale": replace(USUAL, contrast=0.01),
    "blurred": replace(USUAL, sharpness=4.0),
    "size": replace(USUAL, width=64, height=48),
    "shape": replace(USUAL, width=2400, height=200),
    "tiny": replace(USUAL, width=1000, height=20),
}


@pytest.mark.parametrize("kind", ODD)
def test_each_kind_is_found(kind: str) -> None:
    found = quality_hints([*SET, ODD[kind]])

    assert {hint.item for hint in found} == {40}
    assert kind in {hint.kind for hint in found}
    assert all(hint.reason.startswith(hint.kind) for hint in found)


def test_an_even_set_has_none() -> None:
    assert quality_hints(SET) == []


def test_a_set_of_night_shots_is_not_all_dark() -> None:
    night = [replace(one, brightness=0.1 + n / 1000) for n, one in enumerate(SET)]

    assert quality_hints(night) == []


@pytest.mark.parametrize("count", [0, 1, 2, 40])
def test_equal_and_few_images_have_none(count: int) -> None:
    assert quality_hints([USUAL] * count) == []


def test_what_is_wrong_in_any_set_is_told_of_one_image() -> None:
    assert [hint.kind for hint in quality_hints([ODD["dark"]])] == ["dark"]


def test_reasons_say_both_figures() -> None:
    (hint,) = quality_hints([*SET, ODD["blurred"]])

    assert hint.reason.startswith("blurred: sharpness 4, usual here is ")
