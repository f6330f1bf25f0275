"""Vectors of images, boxes and texts are those of transformers, of length one, and kept."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
import torch
from transformers import AutoTokenizer, CLIPModel
from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil

from models.catalogue import TINY_FOLDER
from models.clip.crops import crop_square
from models.protocols import ImageQueries, PhraseRefused, UnsupportedQuery
from models.queries import Classify, Embed, EmbedTexts, Ground, InBox, PerBox, Query
from models.runtime import LoadedRuntime, RuntimeOptions, load_runtime
from models.tiny.scenes import SHAPES, Scene
from models.types import BoxOutputs, ModelOutput, Vector, Vectors

FOLDER = TINY_FOLDER / "clip"
TEXTS = ("a photo of a star", "snow")


@pytest.fixture(scope="module")
def reference() -> Any:
    return CLIPModel.from_pretrained(FOLDER, dtype=torch.float32).eval()


def ask(runtime: LoadedRuntime, scene: Scene | None, key: str, *queries: Query) -> Any:
    (outputs,) = runtime.run([ImageQueries(scene.image if scene else None, key, queries)])
    return outputs if len(queries) > 1 else outputs[0]


def of_image(reference: Any, image: Any) -> list[float]:
    pixels = CLIPImageProcessorPil.from_pretrained(FOLDER)(images=[image], return_tensors="pt")
    with torch.inference_mode():
        encoded = reference.get_image_features(**pixels).pooler_output[0]
    return list((encoded / encoded.norm()).tolist())


def is_vector(output: ModelOutput, expected: Sequence[float]) -> None:
    assert isinstance(output, Vector)
    assert output.values == pytest.approx(expected, abs=2e-5)
    assert math.hypot(*output.values) == pytest.approx(1, abs=1e-6)


def test_an_image_and_a_box_of_it_have_the_vectors_of_the_reference(
    tiny: LoadedRuntime, scenes: tuple[Scene, ...], reference: Any
) -> None:
    """A box as the crop of it that is classified."""
    scene = next(scene for scene in scenes if scene.objects)
    box = scene.objects[0].box

    whole, part = ask(tiny, scene, "reference", Embed(), InBox(box, Embed()))

    is_vector(whole, of_image(reference, scene.image))
    is_vector(part, of_image(reference, crop_square(scene.image, box)))
    assert whole != part


def test_texts_have_the_vectors_of_the_reference(tiny: LoadedRuntime, reference: Any) -> None:
    """As they stand, in their order, and about no image."""
    output = ask(tiny, None, "", EmbedTexts(TEXTS))

    tokens = AutoTokenizer.from_pretrained(FOLDER)(list(TEXTS), padding=True, return_tensors="pt")
    with torch.inference_mode():
        encoded = reference.get_text_features(**tokens).pooler_output
    assert isinstance(output, Vectors)
    for one, expected in zip(output.items, encoded, strict=True):
        is_vector(one, (expected / expected.norm()).tolist())


def test_of_every_box_found_the_vector_is_asked_too(
    tiny: LoadedRuntime, scenes: tuple[Scene, ...]
) -> None:
    scene = scenes[0]

    found = ask(tiny, scene, "every box", PerBox(Ground(SHAPES), Embed()))

    assert isinstance(found, BoxOutputs)
    assert found.items
    for item in found.items:
        alone = ask(tiny, scene, "one box", InBox(item.detection.box, Embed()))
        # In a batch of others the products are summed in another order.
        is_vector(item.output, alone.values)


def test_an_image_whose_vector_is_kept_is_not_encoded_again(scenes: tuple[Scene, ...]) -> None:
    """Whether it was classified or embedded before, by this process or another."""
    kept = Kept()
    first, second = (
        load_runtime("tiny-clip", "cpu", options=RuntimeOptions(cpu_threads=1), vectors=kept)
        for _ in range(2)
    )
    ask(first, scenes[0], "kept", Classify(("night", "snow")))
    assert kept.puts == 1

    here = ask(first, scenes[0], "kept", Embed())
    elsewhere = ask(second, scenes[0], "kept", Embed())

    assert here == elsewhere
    assert kept.puts == 1


def test_an_image_is_needed_where_one_is_asked_about(tiny: LoadedRuntime) -> None:
    with pytest.raises(UnsupportedQuery, match="expected an image to ask about"):
        ask(tiny, None, "", Embed())


def test_a_text_that_the_model_cannot_read_is_refused(tiny: LoadedRuntime) -> None:
    with pytest.raises(PhraseRefused, match="at most"):
        ask(tiny, None, "", EmbedTexts(("猫" * 100,)))
    with pytest.raises(PhraseRefused, match="control token"):
        ask(tiny, None, "", EmbedTexts(("<|endoftext|>",)))


class Kept:
    """A `VectorStore` that counts what is put."""

    def __init__(self) -> None:
        self.held: dict[str, bytes] = {}
        self.puts = 0

    def get(self, names: Sequence[str]) -> list[bytes | None]:
        return [self.held.get(name) for name in names]

    def put(self, vectors: Mapping[str, bytes]) -> None:
        self.puts += len(vectors)
        self.held |= vectors
