"""What stands out in a box is outlined by its pixels: however the box lies on it, and nothing where nothing does."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageDraw

from models.boxes import iou
from models.clip.contours import contour
from models.protocols import ImageQueries
from models.queries import Contour, Ground, PerBox
from models.runtime import LoadedRuntime
from models.types import Box, BoxOutputs, Detections

THING = Box(60, 50, 121, 111)


def a_disc(scale: int = 1) -> Image.Image:
    """One on a ground that is not all alike."""
    chance = np.random.default_rng(0).integers(90, 130, (160 * scale, 200 * scale, 3))
    image = Image.fromarray(chance.astype(np.uint8))
    sides = [side * scale for side in (60, 50, 120, 110)]
    ImageDraw.Draw(image).ellipse(sides, fill=(230, 220, 40))
    return image


@pytest.mark.parametrize(
    "box", [Box(52, 45, 125, 118), Box(66, 57, 117, 104), Box(50, 50, 112, 112)]
)
def test_a_box_too_wide_too_narrow_or_beside_comes_to_the_thing(box: Box) -> None:
    (found,) = contour(a_disc(), box).items

    assert iou(found.box, THING) >= 0.95 > iou(box, THING)
    assert found.polygon is not None
    assert len(found.polygon) > 10


def test_a_large_box_is_looked_at_shrunk() -> None:
    (found,) = contour(a_disc(6), Box(312, 270, 750, 708)).items

    assert iou(found.box, Box(360, 300, 726, 666)) >= 0.95


def test_the_same_pixels_give_the_same_outline() -> None:
    boxes = [Box(52, 45, 125, 118), Box(0, 0, 40, 40), Box(66, 57, 117, 104)]

    first = [contour(a_disc(), box) for box in boxes]
    again = [contour(a_disc(), box) for box in reversed(boxes)]

    assert first == again[::-1]


@pytest.mark.parametrize(
    ("image", "box"),
    [
        (Image.new("RGB", (100, 100), "grey"), Box(20, 20, 60, 60)),
        (a_disc(), Box(0, 0, 200, 160)),
        (Image.new("RGB", (3, 3)), Box(0, 0, 3, 3)),
    ],
    ids=["all alike", "no surroundings", "hardly an image"],
)
def test_nothing_is_outlined_where_nothing_stands_out(image: Image.Image, box: Box) -> None:
    assert contour(image, box) == Detections(())


def test_a_box_off_the_image_is_refused() -> None:
    with pytest.raises(ValueError, match="expected a box on an image"):
        contour(a_disc(), Box(300, 300, 340, 340))


def test_it_is_asked_of_each_box_that_is_found(tiny: LoadedRuntime) -> None:
    ground = Ground(("circle",))
    asked = PerBox(ground, Contour())

    ((boxes, outlines),) = tiny.run_raw([ImageQueries(a_disc(), "a disc", (ground, asked))])

    assert isinstance(boxes, Detections)
    assert isinstance(outlines, BoxOutputs)
    assert len(outlines.items) == len(boxes.items) > 0
    (said,) = {item.output for item in outlines.items}
    assert isinstance(said, Detections)
    assert iou(said.items[0].box, THING) >= 0.95
