"""On a real GPU: `pytest -m gpu tests/unit/models/test_on_gpu.py`. The models are the bundled ones."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence

import pytest
import torch

from models.boxes import iou
from models.devices import pick_dtype
from models.pixels import PixelReader
from models.protocols import ImageQueries
from models.queries import Classify, Ground, Query
from models.runtime import LoadedRuntime, load_runtime
from models.tiny.scenes import Scene
from models.types import Classification, Detections, ModelOutput
from tests.conftest import missing
from tests.engines import clip_of, florence_of

pytestmark = pytest.mark.gpu

PHRASES = Ground(("red circle", "blue square", "green triangle", "yellow star"))
TAGS = Classify(("red circle", "blue square", "green triangle", "yellow star"))
#: Of a score or probability, in float32.
TOLERANCE = 0.01


@pytest.fixture(scope="module")
def gpu() -> torch.device:
    if not torch.cuda.is_available():
        missing("no GPU that torch sees")
    return torch.device("cuda:0")


@pytest.fixture(scope="module")
def on_gpu(gpu: torch.device) -> LoadedRuntime:
    return load_runtime("tiny", str(gpu), "float32")


@pytest.fixture(autouse=True)
def _float32_is_float32() -> Iterator[None]:
    """cuDNN's convolutions drop 13 of the 23 bits unless told otherwise."""
    allowed = torch.backends.cudnn.allow_tf32
    torch.backends.cudnn.allow_tf32 = False
    yield
    torch.backends.cudnn.allow_tf32 = allowed


def test_auto_is_native_on_this_card(gpu: torch.device) -> None:
    """What torch knows of the card, without the emulation that it counts by default."""
    picked = pick_dtype("auto", gpu, parameters=200_000_000)

    native = torch.cuda.is_bf16_supported(including_emulation=False)
    if torch.version.hip is None:
        assert (picked is torch.bfloat16) is native
    square = torch.randn(64, 64, device=gpu).to(picked)
    assert (square @ square).isfinite().all()


@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16"])
def test_the_weights_are_on_the_device_in_the_format_asked_for(
    gpu: torch.device, dtype: str
) -> None:
    if dtype == "bfloat16" and not torch.cuda.is_bf16_supported(including_emulation=False):
        pytest.skip("this card only emulates bfloat16")
    runtime = load_runtime("tiny", str(gpu), dtype)

    for engine in (florence_of(runtime), clip_of(runtime)):
        weights = [*engine._model.parameters(), *engine._model.buffers()]
        assert {weight.device for weight in weights} == {gpu}
        floating = {weight.dtype for weight in weights if weight.is_floating_point()}
        assert floating == {getattr(torch, dtype)}


def test_boxes_and_tags_equal_those_of_the_cpu(
    tiny: LoadedRuntime, on_gpu: LoadedRuntime, scenes: tuple[Scene, ...]
) -> None:
    for query in (PHRASES, TAGS):
        expected, found = _ask(tiny, scenes, query), _ask(on_gpu, scenes, query)
        for one, other in zip(expected, found, strict=True):
            _assert_alike(one, other)
    assert sum(len(output.items) for output in _boxes(tiny, scenes)) > 0


def test_a_batch_answers_as_single_images_do(
    gpu: torch.device, on_gpu: LoadedRuntime, scenes: tuple[Scene, ...]
) -> None:
    alone = load_runtime("tiny", str(gpu), "float32")

    for query in (PHRASES, TAGS):
        together = _ask(on_gpu, scenes, query)
        for scene, output in zip(scenes, together, strict=True):
            (single,) = _ask(alone, [scene], query)
            _assert_alike(single, output)


def test_pixels_become_the_same_numbers_as_on_the_cpu(
    gpu: torch.device, on_gpu: LoadedRuntime, scenes: tuple[Scene, ...]
) -> None:
    processor = florence_of(on_gpu)._image_processor
    images = [scene.image for scene in scenes]

    read = PixelReader(processor, gpu, torch.float32).read(images)

    assert read.device == gpu
    assert torch.equal(read.cpu(), processor(images=images, return_tensors="pt")["pixel_values"])


def _ask(runtime: LoadedRuntime, scenes: Sequence[Scene], query: Query) -> list[ModelOutput]:
    keys = [hashlib.sha256(scene.image.tobytes()).hexdigest() for scene in scenes]
    batch = [
        ImageQueries(scene.image, key, (query,)) for scene, key in zip(scenes, keys, strict=True)
    ]
    return [output for (output,) in runtime.run(batch)]


def _boxes(runtime: LoadedRuntime, scenes: Sequence[Scene]) -> list[Detections]:
    outputs = _ask(runtime, scenes, PHRASES)
    return [output for output in outputs if isinstance(output, Detections)]


def _assert_alike(one: ModelOutput, other: ModelOutput) -> None:
    if isinstance(one, Classification) and isinstance(other, Classification):
        assert other.probabilities == pytest.approx(one.probabilities, abs=TOLERANCE)
        return
    assert isinstance(one, Detections)
    assert isinstance(other, Detections)
    assert [item.phrase for item in one.items] == [item.phrase for item in other.items]
    for mine, theirs in zip(one.items, other.items, strict=True):
        assert iou(mine.box, theirs.box) > 0.98
        assert theirs.score == pytest.approx(mine.score, abs=TOLERANCE)
