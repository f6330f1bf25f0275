"""What pixels look like: copies have near hashes, other pictures far ones, and measures say what they mean."""

from __future__ import annotations

import base64
import hashlib
import io
from collections.abc import Sequence

import pytest
from PIL import Image, ImageFilter, ImageOps

from models import eye
from models.protocols import ImageQueries
from models.queries import Embed, InBox, Look
from models.runtime import LoadedRuntime
from models.tiny.scenes import Scene
from models.types import Appearance, Box


def appearance(image: Image.Image) -> Appearance:
    return eye.appearance(image, 128)


def apart(one: int, other: int) -> int:
    return (one ^ other).bit_count()


def as_jpeg(image: Image.Image, quality: int) -> Image.Image:
    data = io.BytesIO()
    image.save(data, "JPEG", quality=quality)
    return Image.open(data).convert("RGB")


def test_copies_are_near_and_other_scenes_far(scenes: Sequence[Scene]) -> None:
    for scene in scenes:
        own = appearance(scene.image).hash
        half = scene.image.resize((scene.image.width // 2, scene.image.height // 2))
        bright = scene.image.point(lambda value: min(255, int(value * 1.15)))
        copies = (as_jpeg(scene.image, 40), half, bright)
        assert max(apart(own, appearance(copy).hash) for copy in copies) <= 8
    hashes = [appearance(scene.image).hash for scene in scenes]
    others = [apart(a, b) for n, a in enumerate(hashes) for b in hashes[:n]]
    assert min(others) > 8


def test_the_mirrored_hash_is_that_of_the_mirror_image(scenes: Sequence[Scene]) -> None:
    for scene in scenes:
        one, other = appearance(scene.image), appearance(ImageOps.mirror(scene.image))
        assert apart(one.mirrored_hash, other.hash) <= 2
        assert apart(one.hash, other.mirrored_hash) <= 2


def test_measures_tell_light_blur_and_blank_images(scenes: Sequence[Scene]) -> None:
    image = scenes[0].image
    told, dark = appearance(image), appearance(image.point(lambda value: value // 4))
    blurred = appearance(image.filter(ImageFilter.GaussianBlur(4)))
    assert dark.brightness < told.brightness / 3
    assert dark.contrast < told.contrast / 3
    assert blurred.sharpness < told.sharpness / 10
    blank = appearance(Image.new("RGB", (300, 200), (10, 20, 30)))
    assert (blank.contrast, blank.sharpness, blank.commonest_share) == (0, 0, 1)
    assert told.commonest_share < 0.9


def test_pixels_are_named_whatever_the_file(scenes: Sequence[Scene]) -> None:
    image = scenes[0].image
    again = image.copy()
    again.info["comment"] = b"another file"
    assert appearance(again).pixels_sha256 == appearance(image).pixels_sha256
    turned = image.transpose(Image.Transpose.TRANSPOSE)
    assert appearance(turned).pixels_sha256 != appearance(image).pixels_sha256


@pytest.mark.parametrize("size", [(1, 1), (1, 3000), (3000, 1), (5, 4), (2000, 1500)])
def test_any_size_has_a_thumbnail(size: tuple[int, int]) -> None:
    told = appearance(Image.new("RGB", size, "red"))
    shown = Image.open(io.BytesIO(base64.b64decode(told.thumbnail)))
    assert max(shown.size) == min(128, max(size))


def test_a_runtime_looks_at_images_and_boxes_beside_its_models(
    tiny: LoadedRuntime, scenes: Sequence[Scene]
) -> None:
    image, box = scenes[0].image, scenes[0].objects[0].box
    key = hashlib.sha256(image.tobytes()).hexdigest()
    ((whole, crop, _),) = tiny.run(
        [ImageQueries(image, key, (Look(128), InBox(box, Look(128)), InBox(box, Embed())))]
    )
    assert isinstance(whole, Appearance)
    assert isinstance(crop, Appearance)
    assert whole == appearance(image)
    assert crop.pixels_sha256 != whole.pixels_sha256
    assert crop == tiny.run([ImageQueries(image, key, (InBox(box, Look(128)),))])[0][0]


def test_a_box_at_the_edge_is_looked_at(tiny: LoadedRuntime) -> None:
    image = Image.new("RGB", (50, 50), "blue")
    ((told,),) = tiny.run([ImageQueries(image, "k", (InBox(Box(45, 45, 50, 50), Look(128)),))])
    assert isinstance(told, Appearance)
