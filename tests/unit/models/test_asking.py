"""Large images asked in tiles: more is found, nothing twice, and a batch answers as each image alone."""

from __future__ import annotations

from functools import cache

import pytest
from PIL import Image

from models.answering import Overrides
from models.boxes import iou
from models.measures import Counts, count_boxes
from models.protocols import ImageQueries
from models.queries import Detect, Ground, Query, Tiling
from models.runtime import LoadedRuntime, RuntimeOptions, load_runtime
from models.tiny.scenes import SHAPES, generate_scene
from models.types import Box, Detections
from tests.engines import florence_of

FIRST_SEED = 7_100_000_000
CELL_PX = 320
TILING = Tiling(CELL_PX)


@cache
def canvas(number: int) -> tuple[Image.Image, tuple[tuple[str, str, Box], ...]]:
    """Sixteen scenes on one background, side by side, and each thing's shape, name and box."""
    image = Image.new("RGB", (4 * CELL_PX, 4 * CELL_PX))
    things = []
    placed, seed = 0, FIRST_SEED + 1000 * number
    background = generate_scene(seed).background
    while placed < 16:
        scene = generate_scene(seed, max_objects=4)
        seed += 1
        if scene.background != background:
            continue
        left, top = placed % 4 * CELL_PX, placed // 4 * CELL_PX
        image.paste(scene.image.resize((CELL_PX, CELL_PX)), (left, top))
        across, down = CELL_PX / scene.image.width, CELL_PX / scene.image.height
        for thing in scene.objects:
            box = Box(
                thing.box.x_min * across + left,
                thing.box.y_min * down + top,
                thing.box.x_max * across + left,
                thing.box.y_max * down + top,
            )
            things.append((thing.shape, thing.name, box))
        placed += 1
    return image, tuple(things)


def ask(runtime: LoadedRuntime, image: Image.Image, key: str, query: Query) -> Detections:
    ((output,),) = runtime.run([ImageQueries(image, key, (query,))])
    assert isinstance(output, Detections)
    return output


def counts(runtime: LoadedRuntime, tiling: Tiling | None) -> Counts:
    total = Counts()
    for number in range(2):
        image, things = canvas(number)
        truth = [(name, box) for _, name, box in things]
        found = ask(runtime, image, f"canvas {number}", Detect(tiling)).items
        total += count_boxes(found, truth, least_iou=0.5)
    return total


def test_tiles_find_what_is_too_small_to_see_in_the_whole_image(tiny: LoadedRuntime) -> None:
    whole, tiled = counts(tiny, None), counts(tiny, TILING)

    assert whole.recall < 0.3
    assert tiled.recall > 0.85
    assert tiled.precision > 0.75


def test_hardly_anything_is_marked_twice_where_tiles_overlap(tiny: LoadedRuntime) -> None:
    """Put side by side without a look at doubles, 14 of 193 boxes are some."""
    boxes = doubles = 0
    for number in range(3):
        image, _ = canvas(number)
        found = ask(tiny, image, f"canvas {number}", Detect(TILING)).items
        boxes += len(found)
        doubles += sum(
            one.phrase == other.phrase and iou(one.box, other.box) >= 0.3
            for place, one in enumerate(found)
            for other in found[:place]
        )

    assert boxes > 100
    assert doubles <= 0.02 * boxes


def test_a_batch_of_tiled_images_answers_as_each_alone(tiny: LoadedRuntime) -> None:
    scene = generate_scene(FIRST_SEED)
    queries: tuple[Query, ...] = (Detect(TILING), Ground(SHAPES[:2], tiling=Tiling(400)), Detect())
    corners = [canvas(number)[0].crop((100, 100, 640, 700)) for number in (0, 1)]
    images = [corners[0], scene.image, corners[1]]

    together = tiny.run(
        [ImageQueries(image, f"tiled together {n}", queries) for n, image in enumerate(images)]
    )

    for number, (image, outputs) in enumerate(zip(images, together, strict=True)):
        for query, output in zip(queries, outputs, strict=True):
            alone = ask(tiny, image, f"tiled alone {number} {query}", query)
            assert isinstance(output, Detections)
            assert [(item.phrase, item.box) for item in output.items] == [
                (item.phrase, item.box) for item in alone.items
            ]
            for one, other in zip(output.items, alone.items, strict=True):
                assert one.score == pytest.approx(other.score, abs=1e-3)


def test_a_tile_is_encoded_once_whatever_is_asked_of_it(tiny: LoadedRuntime) -> None:
    image = canvas(0)[0].crop((0, 0, 480, 320))
    item = ImageQueries(image, "encoded tiles", (Detect(TILING), Ground(("star",), tiling=TILING)))
    before = florence_of(tiny).images_encoded

    tiny.run([item])
    tiny.run([item])

    assert florence_of(tiny).images_encoded == before + 3  # two tiles and the whole


def test_an_image_no_larger_than_a_tile_is_asked_whole(tiny: LoadedRuntime) -> None:
    scene = generate_scene(FIRST_SEED)

    tiled = ask(tiny, scene.image, "small", Detect(Tiling(2000)))

    assert tiled == ask(tiny, scene.image, "small", Detect())


def test_an_answer_cut_short_is_asked_again_of_quarters_where_tiles_are_allowed() -> None:
    short = RuntimeOptions(cpu_threads=1, overrides=Overrides(max_new_tokens=40))
    runtime = load_runtime("tiny-florence2", device="cpu", options=short)
    scenes = [generate_scene(FIRST_SEED + n, min_objects=8, max_objects=8) for n in range(6)]
    whole, tiled = Counts(), Counts()
    for number, scene in enumerate(scenes):
        truth = [(thing.name, thing.box) for thing in scene.objects]
        cut_short = ask(runtime, scene.image, f"many {number}", Detect())
        again = ask(runtime, scene.image, f"many {number}", Detect(Tiling()))
        assert cut_short.truncated
        assert not again.truncated
        whole += count_boxes(cut_short.items, truth, least_iou=0.5)
        tiled += count_boxes(again.items, truth, least_iou=0.5)

    assert tiled.recall > whole.recall + 0.2


@pytest.mark.parametrize("size_wh", [(1, 1), (20_000, 50), (50, 3000)])
def test_images_of_any_shape_are_answered_in_tiles(
    tiny: LoadedRuntime, size_wh: tuple[int, int]
) -> None:
    image = Image.new("RGB", size_wh, (95, 150, 70))

    found = ask(tiny, image, f"blank tiled {size_wh}", Ground(("star",), tiling=Tiling(768)))

    for item in found.items:
        assert 0 <= item.box.x_min < item.box.x_max <= size_wh[0]
        assert 0 <= item.box.y_min < item.box.y_max <= size_wh[1]
