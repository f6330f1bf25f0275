"""How fast a loaded model is, and what it takes: one row of figures for each thing measured."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from statistics import median
from typing import Any

import torch

from models.queries import Classify, Ground
from tests.bench.engine_parts import operations, seconds, timed_parts
from tests.bench.engine_size import LABELS, pictures
from tests.bench.gpu_check_ways import Loaded, peak_bytes, run
from tests.engines import florence_of

__all__ = ["classified", "located", "operations_of", "parts", "preparing", "tower"]

#: A pass that takes longer is not repeated: its figure is steady enough, and other figures wait.
_LONG_S = 5.0


def located(
    found: Loaded,
    device: torch.device,
    *,
    images: int,
    labels: int,
    rounds: int,
    beams: int = 1,
) -> dict[str, Any]:
    """Measures images and labels, by the door that a worker uses."""
    asked = Ground(LABELS[:labels])
    runtime = found.runtime.variant(num_beams=beams)
    return _measured(partial(run, runtime, pictures(images), asked), device, images, rounds)


def classified(
    found: Loaded, device: torch.device, *, images: int, labels: int, rounds: int
) -> dict[str, Any]:
    """Measures tagging: one of so many labels for each image, whose texts are known by then."""
    asked = Classify(LABELS[:labels])
    return _measured(partial(run, found.runtime, pictures(images), asked), device, images, rounds)


@torch.inference_mode()
def tower(found: Loaded, device: torch.device, *, images: int, rounds: int) -> dict[str, Any]:
    """Measures the vision tower alone on numbers that are on the device already."""
    model = florence_of(found.runtime)._model
    pixels = _pixels(found, images)
    work = partial(model.model.vision_tower, pixels)
    counted = operations(partial(model.model.vision_tower, pixels[:1]))
    return {"operations": counted, **_measured(work, device, images, rounds)}


def operations_of(found: Loaded, labels: int) -> int:
    """Counts the operations of one image with so many labels; products and attention alone."""
    return operations(partial(run, found.runtime, pictures(1), Ground(LABELS[:labels])))


def preparing(found: Loaded, device: torch.device, *, images: int, rounds: int) -> dict[str, Any]:
    """Measures sizing the images on one processor, and making numbers of them on the device."""
    reader = florence_of(found.runtime)._pixels
    return _measured(partial(reader.read, pictures(images)), device, images, rounds)


def parts(found: Loaded, *, images: int, labels: int) -> dict[str, float]:
    """Gives each part's share of the time; waiting for each part slows the whole a little."""
    with timed_parts(florence_of(found.runtime)._model) as shares:
        run(found.runtime, pictures(images), Ground(LABELS[:labels]))
    return shares.shares()


def _pixels(found: Loaded, images: int) -> Any:
    reader = florence_of(found.runtime)._pixels
    few: Sequence[Any] = pictures(min(images, 4))
    return reader.read([few[number % len(few)] for number in range(images)])


def _measured(
    work: Callable[[], object], device: torch.device, images: int, rounds: int
) -> dict[str, Any]:
    """Gives images per second, the median of the rounds after one more, and the most memory held."""
    first = seconds(work, device)
    peak_bytes(device)
    took = [seconds(work, device) for _ in range(1 if first > _LONG_S else rounds)]
    return {
        "images": images,
        "images_per_s": images / median(took),
        "seconds": took,
        "peak_bytes": peak_bytes(device),
    }
