"""Predictions drawn side by side."""

from __future__ import annotations

from PIL import Image

from backend.bulk import contact_sheet
from backend.bulk.contact_sheet import COLUMNS, TILE_PX, ContactSheet
from backend.bulk.drawing import LabelColours
from backend.label_studio.bodies import Region
from backend.prediction.read_regions import read_regions
from tests.unit.bulk.rows import SIZE, choice, entry, polygon, rectangle
from tests.unit.prediction.test_brush_mask import CODE

GREY = (128, 128, 128)


def drawn(*result: Region) -> Image.Image:
    """The small picture of a grey image of 200x100 with these regions: 420x210."""
    sheet = ContactSheet(LabelColours())
    sheet.add("image.jpg", Image.new("RGB", (200, 100), GREY), read_regions(result))
    left = contact_sheet.MARGIN_PX
    return sheet.image().crop((left, left + TILE_PX // 2, left + TILE_PX, left + TILE_PX))


def test_a_rectangle_is_drawn_where_its_percents_say() -> None:
    """From 10 % to 50 % of the width, from 20 % to 50 % of the height; within, the image shows."""
    picture = drawn(rectangle("a", "car", 0.5))

    assert picture.getpixel((42, 80)) != GREY
    assert picture.getpixel((210, 80)) != GREY
    assert picture.getpixel((100, 105)) != GREY
    assert picture.getpixel((100, 80)) == GREY
    assert picture.getpixel((300, 150)) == GREY


def test_polygons_ellipses_points_and_masks_are_drawn() -> None:
    triangle = drawn(polygon("a", "tree", (50, 50), (90, 50), (50, 90)))
    assert triangle.getpixel((210, 140)) != GREY
    assert triangle.getpixel((370, 180)) == GREY

    oval = drawn(
        entry("a", "o", {"x": 50, "y": 50, "radiusX": 20, "radiusY": 30, "ellipselabels": ["x"]})
    )
    assert oval.getpixel((210, 42)) != GREY
    assert oval.getpixel((210, 105)) == GREY

    spot = drawn(entry("a", "k", {"x": 50, "y": 50, "width": 0.5, "keypointlabels": ["x"]}))
    assert spot.getpixel((210, 105)) != GREY
    assert spot.getpixel((250, 150)) == GREY

    size = {**SIZE, "original_width": 7, "original_height": 5}
    mask = drawn({**entry("a", "b", {"format": "rle", "rle": CODE, "brushlabels": ["x"]}), **size})
    assert mask.getpixel((210, 120)) != GREY
    assert mask.getpixel((400, 120)) == GREY


def test_labels_differ_in_colour_and_keep_theirs_on_the_whole_sheet() -> None:
    sheet = ContactSheet(LabelColours())
    image = Image.new("RGB", (200, 100), GREY)
    sheet.add(
        "1", image, read_regions([rectangle("a", "car", 0.5), rectangle("b", "tree", 0.5, x=55)])
    )
    sheet.add(
        "2", image, read_regions([rectangle("a", "tree", 0.5), rectangle("b", "car", 0.5, x=55)])
    )
    whole = sheet.image()
    step = TILE_PX + contact_sheet.MARGIN_PX
    left, top = contact_sheet.MARGIN_PX, contact_sheet.MARGIN_PX + TILE_PX // 2
    car, tree = whole.getpixel((left + 42, top + 90)), whole.getpixel((left + 231, top + 90))

    assert car != tree
    assert whole.getpixel((left + step + 42, top + 90)) == tree
    assert whole.getpixel((left + step + 231, top + 90)) == car


def test_what_is_said_of_the_whole_image_stands_under_it() -> None:
    """A choice adds a line of text; nothing of it is drawn into the picture."""
    plain, said = drawn(), drawn(choice("a", "street"))
    assert plain.tobytes() == said.tobytes()

    sheets = []
    for result in ([], [choice("a", "street")]):
        sheet = ContactSheet(LabelColours())
        sheet.add("image.jpg", Image.new("RGB", (200, 100), GREY), read_regions(result))
        sheets.append(sheet.image().tobytes())
    assert sheets[0] != sheets[1]


def test_the_sheet_is_bounded_however_many_pictures_come(monkeypatch) -> None:
    """Further ones are counted in a line at the bottom."""
    monkeypatch.setattr(contact_sheet, "MAX_PICTURES", COLUMNS + 1)
    sheet = ContactSheet(LabelColours())
    for number in range(COLUMNS + 9):
        sheet.add(str(number), Image.new("RGB", (30, 10)), [])

    assert len(sheet) == COLUMNS + 1
    width, height = sheet.image().size
    assert width < (COLUMNS + 1) * TILE_PX
    assert 2 * TILE_PX < height < 3 * TILE_PX


def test_odd_images_and_odd_names_are_no_trouble() -> None:
    """A picture one pixel wide, a name of many lines, a label that fills the page."""
    sheet = ContactSheet(LabelColours())
    sheet.add(
        "x\n\x1b" * 500,
        Image.new("RGB", (1, 5000)),
        read_regions([rectangle("a", "long " * 200, 0.1)]),
    )

    assert sheet.image().width < 2 * TILE_PX


def test_an_empty_sheet_is_still_a_picture() -> None:
    assert min(ContactSheet(LabelColours()).image().size) > 0
