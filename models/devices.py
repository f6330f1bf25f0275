"""Which device and number format to compute in, and what to do when memory runs out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

import torch

__all__ = [
    "device_words",
    "fused_attention_is_slow",
    "pick_device",
    "pick_dtype",
    "with_smaller_batches",
]

Item = TypeVar("Item")
Result = TypeVar("Result")

_DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
#: Below this many parameters, converting to and from bfloat16 on a CPU costs more than it saves.
_BF16_PARAMETERS = 20_000_000


def pick_device(wanted: str) -> torch.device:
    """Gives the device: `auto` takes cuda, then mps, then cpu.

    Raises `ValueError` when the device wanted is not there.
    """
    if wanted == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda:0")
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    try:
        device = torch.device(wanted)
    except RuntimeError as exc:
        raise ValueError(
            f"expected a device such as auto, cpu, cuda:0 or mps, got {wanted!r}"
        ) from exc
    there = {
        "cpu": True,
        "cuda": (device.index or 0) < torch.cuda.device_count(),
        "mps": torch.backends.mps.is_available(),
    }
    if not there.get(device.type, False):
        raise ValueError(f"expected a device that this machine has, got {wanted!r}; try auto")
    return device


def pick_dtype(wanted: str, device: torch.device, *, parameters: int) -> torch.dtype:
    """Gives the number format: `auto` takes bfloat16 where the device computes in it natively.

    That is a CUDA device that supports it, or a CPU with AMX or AVX-512 BF16; float32 elsewhere and
    for models so small (under 20 million `parameters`) that nothing is gained.

    Raises `ValueError` for an unknown format.
    """
    if wanted != "auto":
        if wanted not in _DTYPES:
            raise ValueError(f"expected auto or one of {', '.join(_DTYPES)}, got {wanted!r}")
        return _DTYPES[wanted]
    if parameters < _BF16_PARAMETERS:
        return torch.float32
    if device.type == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float32
    if device.type == "cpu" and _cpu_has_bf16():
        return torch.bfloat16
    return torch.float32


def fused_attention_is_slow(device: torch.device, dtype: torch.dtype) -> bool:
    """Says whether plain products beat torch's fused attention: in bfloat16 on a CPU without AMX.

    Measured on AVX-512 BF16: reading one more token of 20 answers takes twice as long with it.
    """
    can = torch.cpu.get_capabilities()
    return device.type == "cpu" and dtype is torch.bfloat16 and not can.get("amx_tile")


def device_words(device: torch.device) -> str:
    """Gives the device in words: `cpu`, `cuda:0 (NVIDIA H200)`."""
    if device.type == "cuda":
        return f"{device} ({torch.cuda.get_device_name(device)})"
    return str(device)


def with_smaller_batches(
    items: Sequence[Item], run: Callable[[Sequence[Item]], list[Result]]
) -> list[Result]:
    """Gives what `run` gives for the items; when memory runs out, in halves and halves of halves.

    Raises what `run` raises, and the memory error when one item alone is too much.
    """
    try:
        return run(items)
    except RuntimeError as exc:
        if len(items) < 2 or not _out_of_memory(exc):
            raise
    # Outside the handler, so that the failed attempt's tensors are freed.
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    middle = len(items) // 2
    return [
        *with_smaller_batches(items[:middle], run),
        *with_smaller_batches(items[middle:], run),
    ]


def _out_of_memory(exc: RuntimeError) -> bool:
    words = str(exc)
    return isinstance(exc, torch.OutOfMemoryError) or any(
        sign in words for sign in ("can't allocate memory", "not enough memory", "out of memory")
    )


def _cpu_has_bf16() -> bool:
    can = torch.cpu.get_capabilities()
    return bool(can.get("avx512_bf16") or can.get("amx_bf16") or can.get("amx_tile"))
