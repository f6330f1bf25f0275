"""Training of the tiny checkpoints: lessons say what is on the scene, and each stage learns."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoTokenizer

from models.catalogue import TINY_FOLDER
from models.tiny.scenes import COLORS, SHAPES
from training.clip import ClipBatches, train_clip
from training.export import MOST_BYTES, export
from training.features import cache_features, object_cells
from training.language import LessonDrawer, Mix, train_language
from training.lessons import Kind, Lesson, Lessons
from training.pools import Pool, SceneFacts, make_pool, open_pool
from training.run import load_clip, load_florence
from training.schedule import Plan
from training.tower import SceneDrawer, train_tower
from training.untrained import new_clip, new_florence
from training.vocabulary import clip_processor, florence_processor

SCENES = 8
#: A red circle, two blue stars and a red star.
FACTS = SceneFacts(
    background=0,
    kinds=np.array([(0, 0), (2, 3), (0, 3), (2, 3)]),
    boxes=np.array(
        [(0, 0.1, 0.2, 0.3), (0.2, 0.1, 0.4, 0.3), (0.5, 0.5, 0.7001, 0.7001), (0.8, 0, 1, 0.2)],
        np.float32,
    ),
)


@pytest.fixture(autouse=True, scope="module")
def _one_thread() -> Iterator[None]:
    """Models this small only lose by sharing out their sums, more so on a busy machine."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def pool(tmp_path_factory: pytest.TempPathFactory) -> Pool:
    folder = tmp_path_factory.mktemp("pools")
    make_pool(folder, first_seed=1, count=SCENES)
    return open_pool(folder)


@pytest.fixture(scope="module")
def lessons() -> Lessons:
    return Lessons(AutoTokenizer.from_pretrained(TINY_FOLDER / "florence2"), seed=0)


def test_a_pool_holds_each_scene_at_both_sizes_and_crops_of_known_kind(pool: Pool) -> None:
    assert pool.pixels.shape == (SCENES, 160, 160, 3)
    assert pool.thumbs.shape == (SCENES, 64, 64, 3)
    assert len(pool.facts) == SCENES
    assert len(pool.crops) == len(pool.crop_kinds) >= SCENES
    assert all(fact.boxes.shape == (len(fact.kinds), 4) for fact in pool.facts)
    assert pool.crop_kinds.min() >= -1
    assert (pool.crop_kinds.max(0) < (len(COLORS), len(SHAPES))).all()


@pytest.mark.parametrize("kind", ["one phrase", "joined"])
def test_an_answer_gives_each_phrase_the_boxes_of_all_its_objects_and_no_others(
    lessons: Lessons, kind: Kind
) -> None:
    asked = absent = 0
    for _ in range(200):
        lesson = lessons.make(kind, FACTS)
        for number, span in enumerate(lesson.phrases):
            written = [
                thing
                for thing, phrase, token in zip(
                    lesson.objects, lesson.copied, lesson.answer, strict=True
                )
                if phrase == number and token >= lessons.first_location
            ]
            assert written == [thing for thing in span.objects for _ in range(4)]
            asked += 1
            absent += not span.objects

    assert 0.2 * asked < absent < 0.7 * asked


def test_a_detection_answer_lists_every_object_with_its_box(lessons: Lessons) -> None:
    lesson = lessons.make("detect", FACTS)

    assert _boxes(lesson, lessons.first_location) == [
        [0, 100, 200, 300],
        [200, 100, 400, 300],
        [500, 500, 700, 700],
        [800, 0, 999, 200],
    ]


def test_the_cells_of_an_object_hold_its_middle() -> None:
    cells = object_cells(FACTS.boxes)

    assert cells[0, 21]  # second column, third row: the middle of 0..0.2 and 0.1..0.3
    assert cells.any(1).all()


def test_new_tokenizers_are_those_of_the_bundled_checkpoints() -> None:
    bundled = AutoTokenizer.from_pretrained(TINY_FOLDER / "florence2")
    assert florence_processor().tokenizer.get_vocab() == bundled.get_vocab()

    # CLIP's numbers its letters by chance; its words are the same.
    bundled = AutoTokenizer.from_pretrained(TINY_FOLDER / "clip")
    assert set(clip_processor().tokenizer.get_vocab()) == set(bundled.get_vocab())


def test_new_models_have_the_shape_of_the_bundled_ones() -> None:
    models = {
        "florence2": new_florence(florence_processor()),
        "clip": new_clip(clip_processor()),
    }
    for name, model in models.items():
        bundled = load_file(TINY_FOLDER / name / "model.safetensors")
        state = model.state_dict()
        assert {key: tensor.shape for key, tensor in bundled.items()}.items() <= {
            key: tensor.shape for key, tensor in state.items()
        }.items(), name


def test_the_language_stage_lowers_its_loss_and_leaves_the_tower_alone(
    pool: Pool, tmp_path: Path
) -> None:
    processor = florence_processor()
    model = new_florence(processor)
    tower = {n: p.clone() for n, p in model.model.vision_tower.named_parameters()}
    features = cache_features(model.eval(), pool, tmp_path / "tokens.npy")
    drawer = LessonDrawer(pool.facts, [features], Lessons(processor.tokenizer, 0), 0)
    plan = Plan(steps=12, rate=2e-3, warm_up=2, log_every=3)

    lines = train_language(
        model,
        processor,
        drawer,
        mix=Mix(one_phrase=4, region=1, joined=4, detect=2, caption=1),
        plan=plan,
        folder=tmp_path / "trained",
    )

    assert lines[-1]["text long"] < 0.8 * lines[0]["text long"]
    assert lines[-1]["compose long"] < lines[0]["compose long"]
    assert all(torch.equal(p, tower[n]) for n, p in model.model.vision_tower.named_parameters())


def test_the_vision_stage_lowers_its_loss(pool: Pool, tmp_path: Path) -> None:
    processor = florence_processor()
    model = new_florence(processor)
    plan = Plan(steps=9, rate=2e-3, warm_up=2, log_every=3)

    drawer = SceneDrawer([pool], scenes=6, seed=0)
    lines = train_tower(model, processor, drawer, plan=plan, folder=tmp_path / "tower")

    assert lines[-1]["kind"] < lines[0]["kind"]
    assert lines[-1]["box"] < lines[0]["box"]


def test_the_clip_stage_lowers_its_loss_and_is_shipped_small(pool: Pool, tmp_path: Path) -> None:
    processor = clip_processor()
    model = new_clip(processor)
    plan = Plan(steps=9, rate=2e-3, warm_up=2, log_every=3)
    batches = ClipBatches([pool], crops=12, scenes=6, seed=0)

    lines = train_clip(model, processor, batches, plan=plan, folder=tmp_path / "clip-trained")
    export(*load_clip(tmp_path / "clip-trained"), tmp_path / "clip")

    assert lines[-1]["name"] < lines[0]["name"]
    weights = tmp_path / "clip" / "model.safetensors"
    assert weights.stat().st_size < MOST_BYTES
    assert {tensor.dtype for tensor in load_file(weights).values()} <= {torch.float16, torch.int64}


def test_the_bundled_checkpoint_can_be_trained_further(tmp_path: Path) -> None:
    model, processor = load_florence(TINY_FOLDER / "florence2")

    assert model.dtype == torch.float32
    assert processor.tokenizer.convert_tokens_to_ids("<loc_0>") > 0


def _boxes(lesson: Lesson, first_location: int) -> list[list[int]]:
    bins = [token - first_location for token in lesson.answer if token >= first_location]
    return [bins[at : at + 4] for at in range(0, len(bins), 4)]
