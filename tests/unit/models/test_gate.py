"""A model that boxes whatever it is asked for, judged by the tiny CLIP: what is not there must not show."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import cast

import pytest
from PIL import Image

from models.answering import Answering, GateRules
from models.asking import Asking
from models.catalogue import REGISTRY
from models.florence2.engine import Ask, FlorenceEngine
from models.florence2.parsing import Answer
from models.gate import judged
from models.measures import Counts, count_boxes
from models.postprocess import CleanRules, clean
from models.protocols import ImageQueries, ImageQuery
from models.queries import Detect, Ground, Segment
from models.runtime import LoadedRuntime
from models.tiny.scenes import SHAPES, Scene, generate_scene
from models.types import Box, Detection, Detections, ImageSize
from tests.engines import clip_of
from tests.standin.florence import StandInFlorence, boxes_of_score

FIRST_SEED = 8_750_000_000
SCENES = 80
SCORE = 0.9
THRESHOLD = Answering().score_threshold
SIZE = ImageSize(200, 200)


class BoxesEverything:
    """Boxes what is there where it is, and what is not on a thing, on nothing, or on the whole image."""

    def __init__(self, scenes: Sequence[Scene]) -> None:
        self._scenes = {f"scene {number}": scene for number, scene in enumerate(scenes)}
        self._luck = random.Random(5)

    def __call__(self, ask: Ask) -> Answer:
        (phrase,) = ask.prompt.phrases
        scene, size = self._scenes[ask.content_key], ImageSize(*ask.image.size)
        boxes = [thing.box for thing in scene.objects if thing.shape == phrase]
        return boxes_of_score(boxes or [self._somewhere(scene, size)], size, SCORE)

    def _somewhere(self, scene: Scene, size: ImageSize) -> Box:
        x, y = self._luck.uniform(0, 0.6) * size.width, self._luck.uniform(0, 0.6) * size.height
        nothing = Box(x, y, x + 0.3 * size.width, y + 0.3 * size.height)
        things = [thing.box for thing in scene.objects]
        return self._luck.choice([*things, nothing, Box(0, 0, size.width, size.height)])


def shown(
    tiny: LoadedRuntime,
    scenes: Sequence[Scene],
    asked: Sequence[Sequence[str]],
    rules: GateRules = GateRules(),  # noqa: B008 - frozen
) -> list[tuple[Detection, ...]]:
    """What is left of each scene's boxes at the default threshold."""
    florence = cast(FlorenceEngine, StandInFlorence(BoxesEverything(scenes)))
    asking = Asking(florence, clip_of(tiny), Answering(gate=rules), CleanRules())
    questions = []
    for number, (scene, phrases) in enumerate(zip(scenes, asked, strict=True)):
        query = Ground(tuple(phrases))
        item = ImageQueries(scene.image, f"scene {number}", (query,))
        questions.append(ImageQuery(item, query))
    found = []
    for number, output in enumerate(asking.answer(questions)):
        assert isinstance(output, Detections)
        size = ImageSize(*scenes[number].image.size)
        items = clean(output.items, size, CleanRules())
        found.append(tuple(item for item in items if (item.score or 0.0) >= THRESHOLD))
    return found


@pytest.fixture(scope="module")
def many() -> list[Scene]:
    return [generate_scene(FIRST_SEED + number) for number in range(SCENES)]


def there(scene: Scene) -> set[str]:
    return {thing.shape for thing in scene.objects}


@pytest.mark.parametrize("together", [True, False])
def test_absent_phrases_of_a_model_that_boxes_everything_do_not_show(
    tiny: LoadedRuntime, many: list[Scene], together: bool
) -> None:
    """All labels asked of an image, or one alone, which then has no rivals but texts that say nothing."""
    absent = {number: sorted(set(SHAPES) - there(scene)) for number, scene in enumerate(many)}
    scenes: Sequence[Scene] = many
    asked: list[tuple[str, ...]] = [SHAPES] * len(many)
    if not together:
        pairs = [(number, shape) for number, shapes in absent.items() for shape in shapes]
        scenes = [many[number] for number, _ in pairs]
        asked = [(shape,) for _, shape in pairs]

    found = shown(tiny, scenes, asked)

    false = sum(
        len({item.phrase for item in items} - there(scene))
        for items, scene in zip(found, scenes, strict=True)
    )
    assert false <= 0.1 * sum(map(len, absent.values()))


def test_hardly_anything_that_is_there_is_lost(tiny: LoadedRuntime, many: list[Scene]) -> None:
    """Against what shows without a judge when nothing absent is asked: location bins cost a little too."""
    present = [sorted(there(scene)) or ["star"] for scene in many]
    best = _recall(shown(tiny, many, present, GateRules(judged="off")), many)

    assert best > 0.95
    assert _recall(shown(tiny, many, present), many) >= best - 0.03
    assert _recall(shown(tiny, many, [SHAPES] * len(many)), many) >= best - 0.03


def _recall(found: Sequence[Sequence[Detection]], scenes: Sequence[Scene]) -> float:
    total = Counts()
    for items, scene in zip(found, scenes, strict=True):
        truth = [(thing.shape, thing.box) for thing in scene.objects]
        total += count_boxes(items, truth, least_iou=0.5)
    return total.recall


def test_without_the_gate_everything_shows(tiny: LoadedRuntime, many: list[Scene]) -> None:
    """So the figures above are the gate's doing."""
    rules = Answering(gate=GateRules(judged="off"))
    florence = cast(FlorenceEngine, StandInFlorence(BoxesEverything(many)))
    query = Ground(SHAPES)
    item = ImageQueries(many[0].image, "scene 0", (query,))

    asking = Asking(florence, clip_of(tiny), rules, CleanRules())
    (output,) = asking.answer([ImageQuery(item, query)])

    assert isinstance(output, Detections)
    assert {item.phrase for item in output.items} == set(SHAPES)
    assert all(item.score == pytest.approx(SCORE) for item in output.items)


def test_a_judged_box_keeps_its_place_and_has_its_score_times_its_standing() -> None:
    found = Detection(Box(0, 0, 100, 100), "dog", 0.9)
    unscored = Detection(Box(0, 0, 100, 100), "dog", None)

    sure, doubted, bare = judged([found, found, unscored], lambda asked: [1.0, 0.2, 0.5])
    (untold,) = judged([found], lambda asked: [None])

    assert sure.score == 0.9
    assert doubted.score == pytest.approx(0.18)
    assert doubted.parts.agreement == 0.2
    assert bare.score is None
    assert untold == found
    assert judged([], lambda asked: pytest.fail("nobody to judge")) == []


def test_several_names_of_one_thing_do_not_weaken_each_other(
    tiny: LoadedRuntime, scenes: tuple[Scene, ...]
) -> None:
    """Rivals are met one by one: four names for a circle are no four rivals of it."""
    scene = next(scene for scene in scenes if "circle" in there(scene))
    box = next(thing.box for thing in scene.objects if thing.shape == "circle")
    crop = scene.image.crop((int(box.x_min), int(box.y_min), int(box.x_max), int(box.y_max)))

    alone = clip_of(tiny).standing([(lambda: crop, "circle")], ["circle"])
    among = clip_of(tiny).standing(
        [(lambda: crop, "circle")], ["circle", "circle ", " circle", "Circle"]
    )

    assert alone == pytest.approx(among, abs=1e-3)


@pytest.mark.parametrize("query", [Ground(("dog",)), Segment("dog"), Detect()])
def test_only_asked_phrases_are_judged_always(query: Ground | Segment | Detect) -> None:
    """What a model names by itself it names because it sees it; CLIP is asked where it doubts."""
    asked: list[str] = []

    class Classifier:
        def standing(self, regions: Sequence[object], phrases: object) -> list[float]:
            asked.append("standing")
            return [0.5] * len(regions)

        def agreement(self, regions: Sequence[object], phrases: object) -> list[float]:
            asked.append("agreement")
            return [0.5] * len(regions)

    corners = [Box(10, 10, 150, 150), Box(20, 20, 150, 150)]
    script = lambda ask: boxes_of_score(corners[:2], SIZE, SCORE)  # noqa: E731
    florence = cast(FlorenceEngine, StandInFlorence(script))
    asking = Asking(florence, cast("None", Classifier()), Answering(), CleanRules())
    item = ImageQueries(Image.new("RGB", (200, 200)), "k", (query,))
    asking.answer([ImageQuery(item, query)])

    assert asked == ([] if isinstance(query, Detect) else ["standing"])


def test_the_bundled_pair_is_a_gate_by_itself_and_others_are_not() -> None:
    assert REGISTRY["tiny-florence2"].answering.gate.judged == "doubtful"
    assert REGISTRY["florence-2-base"].answering.gate.judged == "every"
