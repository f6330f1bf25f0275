"""Where the time goes: vision, encoder, decoder; and how near the tower comes to a matrix product."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from statistics import median
from typing import Any

import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode, sdpa_flop_count

from tests.bench.engine_size import IMAGE_SIDE

__all__ = ["Parts", "TowerSpeed", "operations", "seconds", "timed_parts", "tower_speed"]

#: Side of the square matrices whose product is the measure.
_SQUARE = 2048


@dataclass(slots=True)
class Parts:
    """Seconds in each part of the model; what is left of `total` is preparation and bookkeeping."""

    total: float = 0.0
    #: Of all processors together: little changed by what else the machine does.
    cpu_seconds: float = 0.0
    inside: dict[str, float] = field(
        default_factory=lambda: dict.fromkeys(("vision", "encoder", "decoder"), 0.0)
    )

    def shares(self) -> dict[str, float]:
        """Gives each part's share of the total, `other` included.

        >>> Parts(4.0, inside={"vision": 2.0, "encoder": 1.0}).shares()
        {'vision': 0.5, 'encoder': 0.25, 'other': 0.25}
        """
        shares = {name: took / self.total for name, took in self.inside.items()}
        return {**shares, "other": max(0.0, 1.0 - sum(shares.values()))}


@dataclass(frozen=True, slots=True)
class TowerSpeed:
    """Floating-point operations of the vision tower for one image, and per second."""

    operations: int
    tower_per_s: float
    product_per_s: float

    @property
    def share(self) -> float:
        """Of a plain matrix product's speed.

        >>> TowerSpeed(100, 30.0, 40.0).share
        0.75
        """
        return self.tower_per_s / self.product_per_s


def seconds(work: Callable[[], object], device: torch.device) -> float:
    """Seconds that the work takes, until the device has done it."""
    _finish(device)
    started = time.perf_counter()
    work()
    _finish(device)
    return time.perf_counter() - started


@contextmanager
def timed_parts(model: Any) -> Iterator[Parts]:
    """Measures what passes through the model's parts meanwhile."""
    core = model.model
    modules = {
        "vision": (core.vision_tower, core.multi_modal_projector),
        "encoder": (core.language_model.encoder,),
        "decoder": (core.language_model.decoder, model.lm_head),
    }
    parts = Parts()
    hooks = [
        hook
        for name, group in modules.items()
        for module in group
        for hook in _clocked(module, name, parts, model.device)
    ]
    _finish(model.device)
    started, worked = time.perf_counter(), time.process_time()
    try:
        yield parts
    finally:
        _finish(model.device)
        parts.total = time.perf_counter() - started
        parts.cpu_seconds = time.process_time() - worked
        for hook in hooks:
            hook.remove()


@torch.inference_mode()
def tower_speed(model: Any, images: int, rounds: int) -> TowerSpeed:
    """Gives the tower's speed on so many images at once beside a matrix product's, by turns."""
    device, dtype = model.device, model.dtype
    # As the engine gives them to it.
    layout = torch.channels_last if device.type == "cpu" else torch.contiguous_format
    pixels = torch.randn(images, 3, IMAGE_SIDE, IMAGE_SIDE)
    pixels = pixels.to(device, dtype, memory_format=layout)
    square = torch.randn(_SQUARE, _SQUARE).to(device, dtype)
    counted = operations(lambda: model.model.vision_tower(pixels[:1]))
    tower, product = [], []
    for _ in range(rounds):
        took = seconds(lambda: model.model.vision_tower(pixels), device)
        tower.append(images * counted / took)
        took = seconds(lambda: [square @ square for _ in range(10)], device)
        product.append(10 * 2 * _SQUARE**3 / took)
    return TowerSpeed(counted, median(tower), median(product))


def operations(work: Callable[[], object]) -> int:
    """Multiplications and additions of products, convolutions and attention; nothing else counts."""
    # The counter knows every attention kernel but the CPU's.
    kernel = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu
    counter = FlopCounterMode(display=False, custom_mapping={kernel: _attention})
    with counter:
        work()
    return int(counter.get_total_flops())


def _attention(
    query: tuple[int, ...], key: tuple[int, ...], value: tuple[int, ...], *_: Any, **__: Any
) -> int:
    return int(sdpa_flop_count(query, key, value))


def _clocked(module: Any, name: str, parts: Parts, device: torch.device) -> list[Any]:
    began = [0.0]

    def before(*_: Any) -> None:
        _finish(device)
        began[0] = time.perf_counter()

    def after(_module: Any, _inputs: Any, _output: Tensor) -> None:
        _finish(device)
        parts.inside[name] += time.perf_counter() - began[0]

    return [module.register_forward_pre_hook(before), module.register_forward_hook(after)]


def _finish(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
