"""The tiny models behind `Runtime`: order, batches, scores, bad input."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

import pytest
from PIL import Image

from models.boxes import iou
from models.clip.crops import large_enough
from models.matching import judged
from models.measures import Counts, auroc, count_boxes
from models.protocols import ImageQueries, PhraseRefused, UnsupportedQuery
from models.queries import (
    Caption,
    Classify,
    DenseCaption,
    Detect,
    Ground,
    InBox,
    PerBox,
    ProposeRegions,
    Query,
    ReadText,
    Segment,
)
from models.runtime import LoadedRuntime, load_runtime
from models.tiny.scenes import BACKGROUND_NAMES, COLORS, SHAPES, Scene, generate_scene
from models.types import Box, BoxOutputs, Classification, Detection, Detections, ModelOutput, Texts
from tests.engines import florence_of
from training.evaluate import HELD_OUT_SEED

Ask = Callable[[Scene, Query], ModelOutput]
AskAll = Callable[[Sequence[Scene], Query], list[ModelOutput]]

#: Scenes on which rules and weights were chosen, and not those that figures are given for.
CHOOSING_SEED = 8_000_000_000
QUERIES: tuple[Query, ...] = (
    Ground(SHAPES),
    Ground(("red circle", "blue star", "green square"), mode="joined"),
    Detect(),
    Classify(BACKGROUND_NAMES),
    PerBox(Ground(SHAPES), Classify(tuple(COLORS))),
    Caption(),
)


def items(output: ModelOutput) -> tuple[Detection, ...]:
    assert isinstance(output, Detections)
    return output.items


def alike(one: ModelOutput, other: ModelOutput) -> None:
    """Equal but for rounding: the same places to a bin, the same words, scores within 1e-3."""
    if isinstance(one, Detections):
        assert isinstance(other, Detections)
        assert [item.phrase for item in one.items] == [item.phrase for item in other.items]
        for a, b in zip(one.items, other.items, strict=True):
            assert a.box == b.box
            assert a.score == pytest.approx(b.score, abs=1e-3)
    elif isinstance(one, Classification):
        assert isinstance(other, Classification)
        assert one.probabilities == pytest.approx(other.probabilities, abs=1e-4)
    elif isinstance(one, Texts):
        assert isinstance(other, Texts)
        assert one.texts == other.texts
    else:
        assert isinstance(one, BoxOutputs)
        assert isinstance(other, BoxOutputs)
        assert [item.detection.box for item in one.items] == [i.detection.box for i in other.items]
        for a_box, b_box in zip(one.items, other.items, strict=True):
            alike(a_box.output, b_box.output)


def test_a_batch_answers_as_each_image_alone_and_in_order(
    tiny: LoadedRuntime, scenes: tuple[Scene, ...]
) -> None:
    shuffled = random.Random(3)
    batch = []
    for number, scene in enumerate(scenes):
        queries = shuffled.sample(QUERIES, k=number % len(QUERIES) + 1)
        batch.append(ImageQueries(scene.image, f"in batch {number}", tuple(queries)))

    together = tiny.run(batch)

    assert [len(outputs) for outputs in together] == [len(item.queries) for item in batch]
    for number, (item, outputs) in enumerate(zip(batch, together, strict=True)):
        for query, output in zip(item.queries, outputs, strict=True):
            fresh = ImageQueries(item.image, f"alone {number} {query}", (query,))
            ((alone,),) = tiny.run([fresh])
            alike(alone, output)


def test_an_image_is_encoded_once_whatever_is_asked_and_however_often(
    tiny: LoadedRuntime, scenes: tuple[Scene, ...]
) -> None:
    item = ImageQueries(scenes[0].image, "encoded once", QUERIES)
    before = florence_of(tiny).images_encoded

    tiny.run([item, item])
    tiny.run([item])

    assert florence_of(tiny).images_encoded == before + 1


def test_nothing_asked_is_nothing_answered(tiny: LoadedRuntime, scenes: tuple[Scene, ...]) -> None:
    assert tiny.run([]) == []
    assert tiny.run([ImageQueries(scenes[0].image, "nothing", ())]) == [()]


def test_every_detection_carries_exactly_a_phrase_that_was_asked(
    ask: Ask, scenes: tuple[Scene, ...]
) -> None:
    phrases = tuple(f" {color.upper()}  {shape}" for color in COLORS for shape in SHAPES[:2])
    for mode in ("per_phrase", "joined"):
        for scene in scenes[:4]:
            found = items(ask(scene, Ground((*phrases, "circle"), mode=mode)))
            assert {item.phrase for item in found} <= {*phrases, "circle"}


def test_a_phrase_marks_what_it_names_whatever_its_place_in_the_query(
    ask: Ask, scenes: tuple[Scene, ...]
) -> None:
    for scene in scenes:
        forward, backward = (items(ask(scene, Ground(order))) for order in (SHAPES, SHAPES[::-1]))
        assert {(item.phrase, item.box) for item in forward} == {
            (item.phrase, item.box) for item in backward
        }


def test_boxes_lie_on_what_was_drawn(ask_all: AskAll) -> None:
    scenes = [generate_scene(HELD_OUT_SEED + number) for number in range(32)]

    total = Counts()
    for scene, output in zip(scenes, ask_all(scenes, Ground(SHAPES)), strict=True):
        truth = [(thing.shape, thing.box) for thing in scene.objects]
        total += count_boxes(items(output), truth, least_iou=0.5)

    assert total.f1 > 0.92


def test_scores_vary_and_tell_true_boxes_from_false(ask_all: AskAll) -> None:
    # So many that dozens of false boxes are among them: of a few, one decides the figure.
    scenes = [generate_scene(HELD_OUT_SEED + 500 + number) for number in range(300)]
    scores: list[float] = []
    truths: list[bool] = []
    for scene, output in zip(scenes, ask_all(scenes, Detect()), strict=True):
        truth = [(thing.name, thing.box) for thing in scene.objects]
        found = items(output)
        scores += [item.score for item in found if item.score is not None]
        truths += map(bool, judged(found, truth, least_iou=0.5))

    assert len(set(scores)) > 0.9 * len(scores)
    assert max(scores) - min(scores) > 0.3
    assert len(scores) == len(truths)
    assert truths.count(False) >= 20
    assert (auroc(scores, truths) or 0) > 0.9


def test_scores_of_phrases_in_one_prompt_tell_true_boxes_from_false(tiny: LoadedRuntime) -> None:
    scenes = [generate_scene(CHOOSING_SEED + number) for number in range(400)]
    asked = [some_names(scene, number) for number, scene in enumerate(scenes)]
    batch = [
        ImageQueries(scene.image, f"joined {number}", (Ground(phrases, mode="joined"),))
        for number, (scene, phrases) in enumerate(zip(scenes, asked, strict=True))
    ]
    scores: list[float] = []
    truths: list[bool] = []
    for scene, phrases, (output,) in zip(scenes, asked, tiny.run(batch), strict=True):
        truth = [(thing.name, thing.box) for thing in scene.objects if thing.name in phrases]
        found = items(output)
        scores += [item.score for item in found if item.score is not None]
        truths += map(bool, judged(found, truth, least_iou=0.5))

    assert truths.count(False) >= 10
    assert (auroc(scores, truths) or 0) > 0.9


def some_names(scene: Scene, number: int) -> tuple[str, ...]:
    """Two colours and shapes that the scene holds, if it does, and one that it does not."""
    there = sorted({thing.name for thing in scene.objects})
    random.Random(number).shuffle(there)
    return (*there[:2], absent_from(scene, number))


def test_clip_is_asked_of_every_box_of_a_joined_prompt_and_of_few_others(
    ask: Ask, scenes: tuple[Scene, ...]
) -> None:
    agreements: dict[str, list[float | None]] = {}
    for mode in ("per_phrase", "joined"):
        found = [item for scene in scenes for item in items(ask(scene, Ground(SHAPES, mode=mode)))]
        agreements[mode] = [item.parts.agreement for item in found if large_enough(item.box)]

    assert None not in agreements["joined"]
    assert agreements["per_phrase"].count(None) > 0.8 * len(agreements["per_phrase"])


def test_absent_phrases_get_no_boxes(tiny: LoadedRuntime) -> None:
    scenes = [generate_scene(HELD_OUT_SEED + number) for number in range(64)]
    batch = [
        ImageQueries(scene.image, f"absent {number}", (Ground((absent_from(scene, number),)),))
        for number, scene in enumerate(scenes)
    ]

    boxed = sum(bool(items(output)) for (output,) in tiny.run(batch))

    assert boxed <= 1


def absent_from(scene: Scene, number: int) -> str:
    """A colour and shape that the scene does not hold; another one for each number."""
    there = {thing.name for thing in scene.objects}
    names = [f"{color} {shape}" for color in COLORS for shape in SHAPES]
    random.Random(number).shuffle(names)
    return next(name for name in names if name not in there)


def test_the_scene_is_recognised_among_the_candidates(
    ask_all: AskAll, scenes: tuple[Scene, ...]
) -> None:
    for scene, output in zip(scenes, ask_all(scenes, Classify(BACKGROUND_NAMES)), strict=True):
        assert isinstance(output, Classification)
        assert sum(output.probabilities) == pytest.approx(1)
        best = output.probabilities.index(max(output.probabilities))
        assert output.candidates[best] == scene.background


def test_any_number_of_candidates_are_judged_one_by_one(
    ask: Ask, scenes: tuple[Scene, ...]
) -> None:
    few = ask(scenes[0], Classify(BACKGROUND_NAMES[:2], multi=True))
    many = ask(scenes[0], Classify(BACKGROUND_NAMES, multi=True))

    assert isinstance(few, Classification)
    assert isinstance(many, Classification)
    assert many.probabilities[:2] == pytest.approx(few.probabilities)


def test_a_region_is_named_and_an_image_described(ask: Ask, scenes: tuple[Scene, ...]) -> None:
    named = 0
    for scene in scenes:
        category = ask(scene, InBox(scene.objects[0].box, "category"))
        assert isinstance(category, Texts)
        named += category.texts == (scene.objects[0].name,)
        caption = ask(scene, Caption())
        assert isinstance(caption, Texts)
        assert caption.texts[0].endswith(scene.background)
        assert caption.score is not None
        assert 0 < caption.score <= 1
    assert named >= len(scenes) - 1


@pytest.mark.parametrize(
    "query", [ReadText(), Segment("star"), Caption("detailed"), DenseCaption(), ProposeRegions()]
)
def test_what_the_tiny_model_never_learnt_is_refused(
    tiny: LoadedRuntime, scenes: tuple[Scene, ...], query: Query
) -> None:
    with pytest.raises(UnsupportedQuery, match="tiny-florence2"):
        tiny.run([ImageQueries(scenes[0].image, "refused", (Caption(), query))])


def test_a_runtime_without_clip_refuses_to_classify(scenes: tuple[Scene, ...]) -> None:
    runtime = load_runtime("tiny-florence2", device="cpu")

    with pytest.raises(UnsupportedQuery, match="Classify"):
        runtime.run([ImageQueries(scenes[0].image, "a", (Classify(("x",)),))])
    assert runtime.fingerprint != load_runtime("tiny-clip", device="cpu").fingerprint


@pytest.mark.parametrize("mode", ["per_phrase", "joined"])
@pytest.mark.parametrize(
    "phrase",
    [
        "red, round circle",
        'a "red" circle',
        "circle. star",
        "⭐ star",
        "星",
        "صليب",
        "{} %s",
        "\\n",
    ],
)
def test_unusual_phrases_are_asked_without_error(
    ask: Ask, scenes: tuple[Scene, ...], phrase: str, mode: str
) -> None:
    output = ask(scenes[0], Ground((phrase, "star"), mode=mode))  # type: ignore[arg-type]

    assert {item.phrase for item in items(output)} <= {phrase, "star"}
    assert isinstance(ask(scenes[0], Classify(("night", phrase))), Classification)


def test_control_tokens_in_a_phrase_are_refused(ask: Ask, scenes: tuple[Scene, ...]) -> None:
    with pytest.raises(PhraseRefused, match="control token"):
        ask(scenes[0], Ground(("star", "<loc_5>")))
    with pytest.raises(PhraseRefused, match="control token"):
        ask(scenes[0], Classify(("night", "<|endoftext|>")))


def test_a_phrase_longer_than_the_model_reads_is_refused(
    ask: Ask, scenes: tuple[Scene, ...]
) -> None:
    with pytest.raises(PhraseRefused, match="at most"):
        ask(scenes[0], Ground(("猫" * 200,)))
    with pytest.raises(PhraseRefused, match="at most"):
        ask(scenes[0], Classify(("猫" * 200, "night")))


@pytest.mark.parametrize("count", [0, 501])
def test_no_labels_and_too_many_are_refused_before_any_model(count: int) -> None:
    with pytest.raises(ValueError, match="1 to 500 phrases"):
        Ground(tuple(str(number) for number in range(count)))
    with pytest.raises(ValueError, match="1 to 500 phrases"):
        Classify(tuple(str(number) for number in range(count)))


@pytest.mark.parametrize("phrase", ["", "  ", "x" * 5000])
def test_empty_and_endless_phrases_are_refused_before_any_model(phrase: str) -> None:
    with pytest.raises(ValueError, match="expected"):
        Ground((phrase,))
    with pytest.raises(ValueError, match="expected"):
        Classify(("night", phrase))
    with pytest.raises(ValueError, match="expected"):
        Segment(phrase)


def test_five_hundred_labels_are_answered(ask: Ask, scenes: tuple[Scene, ...]) -> None:
    labels = tuple(f"thing {number}" for number in range(493)) + SHAPES

    names = {thing.shape for thing in scenes[1].objects}
    for mode in ("per_phrase", "joined"):
        found = items(ask(scenes[1], Ground(labels, mode=mode)))
        assert {item.phrase for item in found} <= set(labels)
        assert mode == "joined" or names & {item.phrase for item in found}
    assert isinstance(ask(scenes[1], Classify(labels)), Classification)


@pytest.mark.parametrize("size_wh", [(1, 1), (20_000, 50), (50, 20_000), (1, 3000)])
def test_images_of_any_shape_are_answered(tiny: LoadedRuntime, size_wh: tuple[int, int]) -> None:
    image = Image.new("RGB", size_wh, (95, 150, 70))

    (outputs,) = tiny.run([ImageQueries(image, f"blank {size_wh}", QUERIES)])

    for output in outputs:
        if isinstance(output, Detections):
            for item in output.items:
                assert item.box.x_max <= size_wh[0]
                assert item.box.y_max <= size_wh[1]


def test_a_region_of_one_pixel_can_be_described(ask: Ask, scenes: tuple[Scene, ...]) -> None:
    assert isinstance(ask(scenes[0], InBox(Box(5, 5, 6, 6), "category")), Texts)


def test_no_two_boxes_of_a_phrase_mark_one_thing(
    ask_all: AskAll, scenes: tuple[Scene, ...]
) -> None:
    for output in ask_all(scenes, Ground(SHAPES)):
        found = items(output)
        assert list(found) == sorted(found, key=lambda item: -(item.score or 0))
        for number, one in enumerate(found):
            for other in found[:number]:
                assert one.phrase != other.phrase or iou(one.box, other.box) <= 0.5
