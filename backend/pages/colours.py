"""Colours as label configs and pages write them, and the ink that can be read on each. Pure."""

from __future__ import annotations

from typing import TypeAlias

from PIL import ImageColor

__all__ = ["BLACK", "WHITE", "Rgb", "as_hex", "contrast", "ink_on", "rgb_of"]

#: Red, green and blue, 0..255 each.
Rgb: TypeAlias = tuple[int, int, int]

BLACK: Rgb = (0, 0, 0)
WHITE: Rgb = (255, 255, 255)


def rgb_of(text: str) -> Rgb | None:
    """The colour that a text names as CSS does; `None` for what names none.

    >>> rgb_of("#36B37E"), rgb_of("Tomato"), rgb_of("var(--x)")
    ((54, 179, 126), (255, 99, 71), None)

    A part beyond 0..255 is the nearest that there is, as in browsers:

    >>> rgb_of("rgb(300, 0, 16)")
    (255, 0, 16)
    """
    try:
        parts = ImageColor.getrgb(text.strip()[:100])
    except (ValueError, OverflowError):
        return None
    red, green, blue = (min(255, max(0, part)) for part in parts[:3])
    return red, green, blue


def as_hex(colour: Rgb) -> str:
    """As CSS and SVG take it.

    >>> as_hex((255, 0, 16))
    '#ff0010'
    """
    return "#{:02x}{:02x}{:02x}".format(*colour)


def ink_on(ground: Rgb) -> Rgb:
    """Black or white, whichever is easier to read on this ground: one of them always has a contrast above 4.5.

    >>> ink_on((255, 255, 0)), ink_on((0, 0, 117))
    ((0, 0, 0), (255, 255, 255))
    """
    return max(BLACK, WHITE, key=lambda ink: contrast(ink, ground))


def contrast(one: Rgb, other: Rgb) -> float:
    """How far apart two colours are in brightness, 1..21, as WCAG 2 reckons it.

    >>> round(contrast(BLACK, WHITE), 1)
    21.0
    """
    low, high = sorted((_luminance(one), _luminance(other)))
    return (high + 0.05) / (low + 0.05)


def _luminance(colour: Rgb) -> float:
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4
        for part in (side / 255 for side in colour)
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
