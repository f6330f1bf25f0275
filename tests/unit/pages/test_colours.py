"""What is written on a colour can be read."""

from __future__ import annotations

import random
import re

from hypothesis import example, given
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from backend.pages.colours import BLACK, WHITE, as_hex, contrast, ink_on, rgb_of

NUMBERS = st.from_regex(r"[0-9]{1,40}(\.[0-9]{0,3})?%?", fullmatch=True)
FUNCTIONS = st.sampled_from(["rgb", "rgba", "hsl", "hsla", "hsv", "hsb", "HSL"])
WRITTEN = st.builds(
    lambda name, parts: f"{name}({','.join(parts)})",
    FUNCTIONS,
    st.lists(NUMBERS, min_size=2, max_size=5),
)


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


@given(st.one_of(st.text(max_size=120), WRITTEN))
@example("rgb(99999999999999999999,0,0)")
@example("rgb(300,0,0)")
@example("hsv(0,500%,100%)")
@example("hsl(99999999999999999999,50%,900%)")
def test_whatever_names_a_colour_can_be_drawn_and_written(text: str) -> None:
    """A label config holds what somebody typed; no text of it ends a run."""
    found = rgb_of(text)

    if found is not None:
        ImageDraw.Draw(Image.new("RGB", (4, 4))).line((0, 0, 3, 3), fill=found)
        assert re.fullmatch("#[0-9a-f]{6}", as_hex(found))
