"""The classifier: templates, caches, and SigLIP's own way of judging."""

from __future__ import annotations

import weakref
from typing import Any

import pytest
import torch
from PIL import Image
from transformers import AutoTokenizer, SiglipConfig, SiglipModel
from transformers.models.siglip.image_processing_pil_siglip import SiglipImageProcessorPil

from models.answering import Neutral
from models.catalogue import TINY_FOLDER
from models.clip.engine import ClipEngine, ClipOptions
from models.clip.texts import TextVectors
from models.protocols import ImageQueries, ImageQuery
from models.queries import Classify
from models.runtime import LoadedRuntime, load_runtime
from models.tiny.scenes import BACKGROUND_NAMES, Scene
from models.types import Classification
from tests.engines import clip_of


@pytest.fixture(scope="module")
def siglip() -> ClipEngine:
    """A small SigLIP of random numbers, with the tiny CLIP's tokenizer."""
    torch.manual_seed(0)
    small: dict[str, Any] = {
        "hidden_size": 32,
        "intermediate_size": 48,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
    }
    config = SiglipConfig(
        text_config={**small, "vocab_size": 800, "max_position_embeddings": 16},
        vision_config={**small, "image_size": 32, "patch_size": 8},
    )
    return ClipEngine(
        SiglipModel(config).eval(),
        AutoTokenizer.from_pretrained(TINY_FOLDER / "clip"),
        SiglipImageProcessorPil(size={"height": 32, "width": 32}),
        kind="siglip",
        templates=("{}", "a photo of {}"),
        neutral=Neutral(),
        options=ClipOptions(),
    )


def classified(
    engine: ClipEngine, image: Image.Image, key: str, *asked: Classify
) -> list[Classification]:
    item = ImageQueries(image, key, asked)
    outputs = engine.answer([ImageQuery(item, query) for query in asked])
    return [output for output in outputs if isinstance(output, Classification)]


def test_siglip_judges_each_candidate_by_its_own_sigmoid(siglip: ClipEngine) -> None:
    image = Image.new("RGB", (50, 40), "red")
    few, many, one = classified(
        siglip,
        image,
        "a",
        Classify(("red", "blue"), multi=True),
        Classify(("red", "blue", "green"), multi=True),
        Classify(("red", "blue", "green")),
    )

    assert many.probabilities[:2] == pytest.approx(few.probabilities, abs=1e-5)
    assert all(0 <= share <= 1 for share in many.probabilities)
    assert sum(one.probabilities) == pytest.approx(1)


def test_the_order_of_candidates_changes_nothing(
    tiny: LoadedRuntime, scenes: tuple[Scene, ...]
) -> None:
    ways = (BACKGROUND_NAMES, BACKGROUND_NAMES[::-1])
    asked = [Classify(names) for names in ways]
    forward, backward = classified(clip_of(tiny), scenes[0].image, "order", *asked)

    assert forward.probabilities == pytest.approx(backward.probabilities[::-1], abs=1e-5)


def test_agreement_is_unknown_where_a_phrase_is_too_long_to_read(
    tiny: LoadedRuntime, scenes: tuple[Scene, ...]
) -> None:
    """And the others are judged as if it had not been asked."""
    long, show = "猫" * 100, scenes[0].image.copy

    for judge in (clip_of(tiny).agreement, clip_of(tiny).standing):
        alone = judge([(show, "star")], ("star", "circle"))
        beside = judge([(show, long), (show, "star")], ("star", long, "circle"))
        assert beside == [None, *alone]
        assert alone != [None]
        assert judge([(show, long)], (long,)) == [None]


def test_regions_are_cut_out_a_batch_at_a_time(tiny: LoadedRuntime) -> None:
    """Some thousand crops of a photo at once would not fit into memory."""
    held: list[weakref.ref[Image.Image]] = []
    most = 0

    def cut() -> Image.Image:
        nonlocal most
        crop = Image.new("RGB", (64, 64), "red")
        held.append(weakref.ref(crop))
        most = max(most, sum(each() is not None for each in held))
        return crop

    judged = clip_of(tiny).standing([(cut, "circle")] * 100, ("circle",))

    assert len(judged) == len(held) == 100
    assert most <= 2 * ClipOptions().image_batch


def test_half_precision_agrees_with_full(tiny: LoadedRuntime, scenes: tuple[Scene, ...]) -> None:
    half = load_runtime("tiny-clip", device="cpu", dtype="bfloat16")
    assert half.dtypes == ("bfloat16",)
    for number, scene in enumerate(scenes[:4]):
        rough, exact = (
            classified(clip_of(one), scene.image, f"half {number}", Classify(BACKGROUND_NAMES))[0]
            for one in (half, tiny)
        )
        assert rough.probabilities == pytest.approx(exact.probabilities, abs=0.1)


def test_siglip_reads_texts_in_lower_case_as_it_was_trained(siglip: ClipEngine) -> None:
    image = Image.new("RGB", (50, 40), "red")

    asked = Classify(("Red Car", "red car", "BLUE"), multi=True)
    (output,) = classified(siglip, image, "a", asked)

    assert output.probabilities[0] == pytest.approx(output.probabilities[1])
    assert output.probabilities[0] != pytest.approx(output.probabilities[2])


def test_neutral_texts_go_through_the_templates_of_the_candidates(siglip: ClipEngine) -> None:
    """One class beside the candidates: asked as a candidate of these words it is the same vector."""
    words = Neutral(texts=("thing",))
    texts = TextVectors(
        siglip._model,
        siglip._texts._tokenizer,
        kind="siglip",
        templates=("{}", "a photo of {}"),
        neutral=words,
        batch=8,
        cache_bytes=1024,
    )

    assert texts.neutral.shape == texts.of(["thing"]).shape
    assert texts.neutral[0].tolist() == pytest.approx(texts.of(["thing"])[0].tolist(), abs=1e-5)
