"""Letters on pictures: a font of this machine that has them, else the letters' numbers.

A font draws the same empty box for every letter that it lacks, and says so to nobody: by that box it is told.
"""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Iterator, Sequence
from contextlib import suppress
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import TypeAlias

from PIL import ImageFont

__all__ = ["Font", "PictureFonts", "picture_font"]

Font: TypeAlias = ImageFont.FreeTypeFont | ImageFont.ImageFont

#: Many alphabets, in plain letters; the first that is installed is for everything that it has.
_USUAL = ("DejaVuSans.ttf", "NotoSans-Regular.ttf", "LiberationSans-Regular.ttf", "Arial.ttf")
#: Asked first where the usual one lacks a letter, before all others that are installed.
_WIDE = (
    "NotoSansCJK-Regular.ttc", "NotoSansCJKjp-Regular.otf", "SourceHanSans-Regular.ttc", "wqy-zenhei.ttc",
    "DroidSansFallbackFull.ttf", "ipag.ttf", "Arial Unicode.ttf", "arialuni.ttf", "unifont.ttf",
)  # fmt: skip
_SUFFIXES = (".ttf", ".otf", ".ttc")
#: Fonts that are opened for a letter, at the most.
_MOST_FONTS = 300
#: No letter: what a font draws for it is what it draws for all that it lacks.
_NO_LETTER = "\U0010fffd"
#: Kinds of characters without a form: controls, joiners, blanks.
_UNDRAWN = ("Cc", "Cf", "Zl", "Zp", "Zs")
#: They choose between forms of the letter before them.
_SELECTORS = frozenset(map(chr, range(0xFE00, 0xFE10)))


def picture_font(size_px: int) -> Font:
    """The usual font; where none is installed the one in Pillow, which has Latin letters only."""
    for name in _USUAL:
        with suppress(OSError):
            return ImageFont.truetype(name, size_px)
    return ImageFont.load_default(size_px)


class PictureFonts:
    """The fonts of one size; others than the usual one are looked for when a text needs them."""

    def __init__(self, size_px: int, folders: Sequence[Path] | None = None) -> None:
        """`folders` hold the fonts to look among; `None`: where this machine has its fonts."""
        self.usual = picture_font(size_px)
        self._size_px = size_px
        self._folders = _font_folders() if folders is None else folders
        self._fonts: dict[str, Font | None] = {}

    def shown(self, text: str) -> tuple[str, Font]:
        """The text and the font to draw it in; letters that none has are written as their numbers.

        >>> PictureFonts(15, folders=[]).shown("a\\U000f0000")[0]
        'a\\\\U000f0000'
        """
        lacking = [letter for letter in dict.fromkeys(text) if not _has(self.usual, letter)]
        if not lacking:
            return text, self.usual
        others = (self._font_with(letter) for letter in lacking)
        fonts: list[Font] = [self.usual, *(font for font in others if font is not None)]
        font = max(fonts, key=lambda each: sum(_has(each, letter) for letter in text))
        return "".join(each if _has(font, each) else _escaped(each) for each in text), font

    def _font_with(self, letter: str) -> Font | None:
        if letter not in self._fonts:
            fonts = islice(self._others(), _MOST_FONTS)
            self._fonts[letter] = next((font for font in fonts if _has(font, letter)), None)
        return self._fonts[letter]

    def _others(self) -> Iterator[Font]:
        for path in _font_files(tuple(self._folders)):
            with suppress(OSError):
                yield _opened(path, self._size_px)


def _escaped(letter: str) -> str:
    """As Python writes it: `日` becomes `\\u65e5`."""
    return letter.encode("ascii", "backslashreplace").decode("ascii")


@lru_cache(maxsize=100_000)
def _has(font: Font, letter: str) -> bool:
    """Whether a font draws a letter; blanks and marks without a form of their own count as drawn."""
    if unicodedata.category(letter) in _UNDRAWN or letter in _SELECTORS:
        return True
    if not isinstance(font, ImageFont.FreeTypeFont):
        return letter.isascii()
    alone = _letter_by_letter(font)
    return bytes(alone.getmask(letter)) != bytes(alone.getmask(_NO_LETTER))


@lru_cache(maxsize=1000)
def _letter_by_letter(font: ImageFont.FreeTypeFont) -> ImageFont.FreeTypeFont:
    """The font without shaping, which would draw a circle under a mark that stands alone."""
    return font.font_variant(layout_engine=ImageFont.Layout.BASIC)


@lru_cache(maxsize=_MOST_FONTS)
def _opened(path: Path, size_px: int) -> Font:
    return ImageFont.truetype(path, size_px)


def _font_folders() -> tuple[Path, ...]:
    """Where systems keep fonts."""
    home = Path.home()
    return (
        Path("/usr/share/fonts"),
        Path("/usr/local/share/fonts"),
        home / ".local/share/fonts",
        home / ".fonts",
        Path("/Library/Fonts"),
        Path("/System/Library/Fonts"),
        home / "Library/Fonts",
        Path("C:/Windows/Fonts"),
    )


@lru_cache(maxsize=8)
def _font_files(folders: tuple[Path, ...]) -> tuple[Path, ...]:
    """All font files, the wide ones first, else by name."""
    found = {
        Path(where) / name
        for folder in folders
        for where, _, names in os.walk(folder)
        for name in names
        if name.lower().endswith(_SUFFIXES)
    }
    order = {name: place for place, name in enumerate(_WIDE)}
    return tuple(sorted(found, key=lambda path: (order.get(path.name, len(order)), str(path))))
