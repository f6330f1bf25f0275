"""Letters on pictures are drawn, or written as their numbers; never as empty boxes."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from backend.bulk.contact_sheet import ContactSheet
from backend.bulk.drawing import LabelColours
from backend.pages.picture_font import PictureFonts, picture_font

builder = pytest.importorskip("fontTools.fontBuilder")
pens = pytest.importorskip("fontTools.pens.ttGlyphPen")


def font_with(folder: Path, name: str, letters: str) -> Path:
    """A font that has these letters, as triangles of different heights, and a box for all others."""

    def drawn(height: int, *, is_box: bool = False) -> object:
        pen = pens.TTGlyphPen(None)
        pen.moveTo((50, 0))
        pen.lineTo((450, 0))
        pen.lineTo((450 if is_box else 250, height))
        if is_box:
            pen.lineTo((50, height))
        pen.closePath()
        return pen.glyph()

    names = [f"g{number}" for number in range(len(letters))]
    font = builder.FontBuilder(1000, isTTF=True)
    font.setupGlyphOrder([".notdef", *names])
    font.setupCharacterMap(dict(zip(map(ord, letters), names, strict=True)))
    glyphs = {each: drawn(300 + 40 * number) for number, each in enumerate(names)}
    font.setupGlyf({".notdef": drawn(700, is_box=True), **glyphs})
    font.setupHorizontalMetrics(dict.fromkeys((".notdef", *names), (500, 50)))
    font.setupHorizontalHeader(ascent=800, descent=-200)
    font.setupNameTable({"familyName": name, "styleName": "Regular"})
    font.setupOS2()
    font.setupPost()
    folder.mkdir(exist_ok=True)
    font.save(folder / f"{name}.ttf")
    return folder / f"{name}.ttf"


@pytest.mark.parametrize("text", ["scan 01.jpg", "Straße, été", "ring 0.97", "a/b (2).png", ""])
def test_what_the_usual_font_has_is_drawn_in_it(text: str) -> None:
    fonts = PictureFonts(15, folders=[])

    assert fonts.shown(text) == (text, fonts.usual)


@pytest.mark.parametrize(
    ("text", "escaped"),
    [
        ("猫.png", "\\u732b.png"),
        ("日本", "\\u65e5\\u672c"),
        ("한글 01", "\\ud55c\\uae00 01"),
        ("कबूतर", "\\u0915\\u092c\\u0942\\u0924\\u0930"),
        ("a\U000f0000b", "a\\U000f0000b"),
        ("ᚠᚢ", "\\u16a0\\u16a2"),
        ("𒀀", "\\U00012000"),
        ("\uf8ff", "\\uf8ff"),
        ("a\u200db\u00a0\ufe0f", "a\u200db\u00a0\ufe0f"),
    ],
)
def test_what_no_font_has_is_written_as_numbers(
    text: str, escaped: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each letter for itself; those that the font has stay letters."""
    latin = font_with(tmp_path / "usual", "Latin", "".join(map(chr, range(33, 127))))
    monkeypatch.setattr("backend.pages.picture_font._USUAL", (str(latin),))

    assert PictureFonts(15, folders=[]).shown(text)[0] == escaped


def test_an_installed_font_that_has_the_letters_draws_them(tmp_path: Path) -> None:
    folder = tmp_path / "fonts"
    font_with(folder, "Other", "xyz")
    font_with(folder, "Cats", "猫犬 .pngcat01")

    text, font = PictureFonts(15, folders=[folder]).shown("猫 cat 01.png")

    assert text == "猫 cat 01.png"
    assert font.getname()[0] == "Cats"  # type: ignore[union-attr]


def test_of_two_scripts_the_one_that_the_font_lacks_is_escaped(tmp_path: Path) -> None:
    font_with(tmp_path / "fonts", "Cats", "猫犬 ")

    assert PictureFonts(15, folders=[tmp_path / "fonts"]).shown("猫犬 한")[0] == "猫犬 \\ud55c"


def test_a_file_that_is_no_font_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / "broken.ttf").write_bytes(b"no font")

    assert PictureFonts(15, folders=[tmp_path]).shown("猫")[0] == "\\u732b"


def test_a_sheet_takes_names_in_any_script() -> None:
    """With whatever fonts this machine has."""
    sheet = ContactSheet(LabelColours())
    for name in ("猫.png", "קובץ.png", "ملف.png", "ภาพ.png", "🐈.png", "🇩🇪", "e\u0301\u200d.png"):
        sheet.add(name, Image.new("RGB", (20, 10)), [])

    assert sheet.image().width > 100
    assert picture_font(15).getlength("a") > 0
