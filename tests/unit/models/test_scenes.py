"""Generated scenes are what they say they are."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.boxes import enclosing, iou
from models.tiny.scenes import BACKGROUND_NAMES, COLORS, SHAPES, generate_scene
from models.tiny.shapes import outline


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32))
def test_objects_lie_on_the_image_within_their_boxes(seed: int) -> None:
    scene = generate_scene(seed)

    assert scene.image.mode == "RGB"
    assert scene.background in BACKGROUND_NAMES
    assert len(scene.objects) <= 8
    for thing in scene.objects:
        assert thing.color in COLORS
        assert thing.shape in SHAPES
        assert 0 <= thing.box.x_min < thing.box.x_max <= scene.image.width
        assert 0 <= thing.box.y_min < thing.box.y_max <= scene.image.height
        around = enclosing(thing.polygon)
        assert around is not None
        assert iou(around, thing.box) == pytest.approx(1)


def test_a_seed_gives_the_same_scene_again_and_another_seed_another() -> None:
    one, again, other = generate_scene(5), generate_scene(5), generate_scene(6)

    assert np.array_equal(np.asarray(one.image), np.asarray(again.image))
    assert one.objects == again.objects
    assert one.objects != other.objects


def test_counts_and_size_can_be_asked_for() -> None:
    scene = generate_scene(1, min_objects=0, max_objects=0, long_side=120)

    assert scene.objects == ()
    assert max(scene.image.size) == 120


@pytest.mark.parametrize(
    "wrong", [{"min_objects": 5, "max_objects": 2}, {"min_objects": -1}, {"long_side": 50}]
)
def test_impossible_wishes_are_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="expected"):
        generate_scene(1, **wrong)


def test_every_colour_shape_and_background_turns_up() -> None:
    scenes = [generate_scene(seed) for seed in range(80)]
    things = [thing for scene in scenes for thing in scene.objects]

    assert {scene.background for scene in scenes} == set(BACKGROUND_NAMES)
    assert {thing.color for thing in things} == set(COLORS)
    assert {thing.shape for thing in things} == set(SHAPES)


def test_an_unknown_shape_is_refused() -> None:
    with pytest.raises(ValueError, match="hexagon"):
        outline("hexagon", 5)
