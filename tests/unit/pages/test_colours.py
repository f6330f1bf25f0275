"""What is written on a colour can be read."""

from __future__ import annotations

import random

from backend.pages.colours import BLACK, WHITE, contrast, ink_on, rgb_of


def test_ink_can_be_read_on_every_ground(dice: random.Random) -> None:
    """WCAG asks for 4.5 between text and ground."""
    grounds = [(0, 0, 0), (255, 255, 255), (119, 119, 119), (118, 118, 118)]
    grounds += [(dice.randrange(256), dice.randrange(256), dice.randrange(256)) for _ in range(500)]

    assert min(contrast(ink_on(ground), ground) for ground in grounds) >= 4.5


def test_contrast_is_that_of_the_standard() -> None:
    """#767676 is the lightest grey that can be read on white."""
    assert round(contrast((0x76, 0x76, 0x76), WHITE), 2) == 4.54
    assert contrast(BLACK, BLACK) == 1


def test_what_is_no_colour_is_none() -> None:
    assert rgb_of("rgb(1,2,3)") == (1, 2, 3)
    assert rgb_of("red;background:url(x)") is None
    assert rgb_of("") is None
