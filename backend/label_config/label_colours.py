"""The colour of each label, as Label Studio shows it: its `background`, else one that follows from its name. Pure."""

from __future__ import annotations

import colorsys
from math import floor

from backend.label_config.label_config import read_xml

__all__ = ["label_backgrounds", "usual_colour"]

_GOLDEN = 0.618033988749895
#: What Label Studio takes for no colour given.
_NONE_GIVEN = "#36b37e"


def label_backgrounds(xml: str) -> dict[tuple[str, str], str]:
    """The `background` of labels and choices, by control tag and by what regions carry; only where one is given.

    Raises `LabelConfigError` for XML that cannot be read.

    >>> label_backgrounds('<View><Labels name="b" toName="i"><Label value="Car" background="red"/></Labels></View>')
    {('b', 'Car'): 'red'}
    """
    found: dict[tuple[str, str], str] = {}
    for control in read_xml(xml).iter():
        if control.get("toName") is None:
            continue
        for label in control.iter():
            ground = label.get("background", "").strip()
            value = label.get("alias") or label.get("value")
            if (
                label.tag in ("Label", "Choice")
                and value
                and ground.lower() not in ("", _NONE_GIVEN)
            ):
                found[control.get("name", ""), value] = ground
    return found


def usual_colour(label: str) -> tuple[int, int, int]:
    """Red, green and blue of a label that names no background.

    Label Studio makes it of the label's text: RC4 is keyed with its UTF-16 units, the first number drawn gives
    the hue, turned by the golden ratio, and saturation and brightness are always 0.4 and 0.75.

    >>> usual_colour("car") == usual_colour("car") != usual_colour("tree")
    True
    """
    drawn = floor(_first_random(label) * 361)
    hue = (drawn + drawn / _GOLDEN) % 360
    red, green, blue = colorsys.hsv_to_rgb(hue / 360, 0.4, 0.75)
    return floor(255 * red + 1e-9), floor(255 * green + 1e-9), floor(255 * blue + 1e-9)


def _first_random(seed: str) -> float:
    """0..1: eight bytes of the RC4 stream of the seed, the lowest first."""
    code = seed.encode("utf-16-le", "surrogatepass")
    units = [low + 256 * high for low, high in zip(code[::2], code[1::2], strict=True)] or [0]
    state, at = list(range(256)), 0
    for number in range(256):
        at = (at + state[number] + units[number % len(units)]) % 256
        state[number], state[at] = state[at], state[number]
    at, total = 0, 0
    for number in range(1, 9):
        at = (at + state[number]) % 256
        state[number], state[at] = state[at], state[number]
        total += state[(state[number] + state[at]) % 256] << (8 * (number - 1))
    return total / 2**64
