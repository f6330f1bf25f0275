"""Which device and number format to compute in, and what to do when memory runs out."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

import torch
from torch import Tensor

__all__ = [
    "Chip",
    "CudaDevice",
    "check_finite",
    "cuda_devices",
    "device_words",
    "fused_attention_is_slow",
    "in_batches",
    "native_format",
    "out_of_memory",
    "pick_device",
    "pick_dtype",
    "with_smaller_batches",
]

Item = TypeVar("Item")
Result = TypeVar("Result")

_DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
#: Below this many parameters, converting to and from bfloat16 on a CPU costs more than it saves.
_BF16_PARAMETERS = 20_000_000

#: Compute capabilities below 7 with float16 at twice the speed of float32: Tegra X1, P100, Tegra X2.
#: The other Pascals (6.1) have it at a 64th.
_FLOAT16_BEFORE_VOLTA = frozenset({(5, 3), (6, 0), (6, 2)})
#: Turing (7.5) without tensor cores: convolutions in float16 give NaN there (pytorch issues 58123, 77955).
_TURING_WITHOUT_TENSOR_CORES = re.compile(
    r"\b(GTX 16\d\d|T400|T500|T550|T600|T1000|T1200|T2000|MX450|MX550)\b", re.IGNORECASE
)
#: AMD's chips with matrix units for bfloat16: MI100, MI200, MI300 and later, RX 7000, RX 9000.
_AMD_BFLOAT16 = ("gfx908", "gfx90a", "gfx94", "gfx95", "gfx11", "gfx12")
#: And with float16 at twice the speed of float32: Vega, MI50, RX 6000. RX 5000 (gfx101) gives NaN in it.
_AMD_FLOAT16 = ("gfx900", "gfx906", "gfx103")


@dataclass(frozen=True, slots=True)
class Chip:
    """What a CUDA or ROCm device says of itself."""

    name: str
    #: CUDA's compute capability, major and minor; ROCm's numbers mean something else.
    capability: tuple[int, int]
    #: An AMD chip's architecture, such as `gfx90a:sramecc+:xnack-`.
    amd: str | None = None


@dataclass(frozen=True, slots=True)
class CudaDevice:
    """A CUDA or ROCm device: how torch calls it here, and what it is called wherever it is seen."""

    name: str
    uuid: str


def cuda_devices() -> tuple[CudaDevice, ...]:
    """Gives the CUDA devices that this process may use, in torch's order.

    Numbers differ between processes (`CUDA_VISIBLE_DEVICES`) and containers; a device's UUID does not.
    """
    return tuple(
        CudaDevice(f"cuda:{number}", str(torch.cuda.get_device_properties(number).uuid))
        for number in range(torch.cuda.device_count())
    )


def pick_device(wanted: str) -> torch.device:
    """Gives the device: `auto` takes cuda, then mps, then cpu; of `cuda:auto` a worker has made one.

    Where nobody has, `cuda:auto` is `cuda`.

    Raises `ValueError` when the device wanted is not there.
    """
    if wanted == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda:0")
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    try:
        device = torch.device("cuda" if wanted == "cuda:auto" else wanted)
    except RuntimeError as exc:
        raise ValueError(
            f"expected a device such as auto, cpu, cuda:0 or mps, got {wanted!r}"
        ) from exc
    there = {
        "cpu": not device.index,
        "cuda": (device.index or 0) < torch.cuda.device_count(),
        "mps": torch.backends.mps.is_available(),
    }
    if not there.get(device.type, False):
        raise ValueError(f"expected a device that this machine has, got {wanted!r}; try auto")
    try:
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError) as exc:  # the latter of a torch that was built without it
        reason = (str(exc).splitlines() or [type(exc).__name__])[0]
        raise ValueError(f"the device {wanted!r} does not work here: {reason}; try cpu") from exc
    return device


def pick_dtype(wanted: str, device: torch.device, *, parameters: int) -> torch.dtype:
    """Gives the number format: `auto` takes the shortest that the device computes in natively.

    That is bfloat16 or float16 on a GPU (see `native_format`), bfloat16 on a CPU with AMX or AVX-512
    BF16, and float32 elsewhere and for models so small (under 20 million `parameters`) that nothing
    is gained. On Apple's GPUs it is float32, as no other was measured.

    Raises `ValueError` for an unknown format, and for one that the device does not compute in.
    """
    if wanted != "auto":
        if wanted not in _DTYPES:
            raise ValueError(f"expected auto or one of {', '.join(_DTYPES)}, got {wanted!r}")
        _check_computes_in(_DTYPES[wanted], device)
        return _DTYPES[wanted]
    if parameters < _BF16_PARAMETERS:
        return torch.float32
    if device.type == "cuda":
        return native_format(_chip(device))
    if device.type == "cpu" and _cpu_has_bf16():
        return torch.bfloat16
    return torch.float32


def native_format(chip: Chip) -> torch.dtype:
    """Gives the shortest number format that a GPU computes in natively, not by emulation.

    bfloat16 has float32's range, so it goes before float16, in which large numbers overflow.

    >>> native_format(Chip("Tesla T4", (7, 5)))
    torch.float16
    """
    if chip.amd is not None:
        if chip.amd.startswith(_AMD_BFLOAT16):
            return torch.bfloat16
        return torch.float16 if chip.amd.startswith(_AMD_FLOAT16) else torch.float32
    if chip.capability >= (8, 0):
        return torch.bfloat16
    if chip.capability[0] == 7 and not _TURING_WITHOUT_TENSOR_CORES.search(chip.name):
        return torch.float16
    return torch.float16 if chip.capability in _FLOAT16_BEFORE_VOLTA else torch.float32


def check_finite(values: Tensor) -> None:
    """Checks what a model computed in a short number format.

    Raises `FloatingPointError` when a number overflowed: scores would be made of nothing.
    """
    if values.dtype is not torch.float32 and not bool(values.isfinite().all()):
        words = str(values.dtype).removeprefix("torch.")
        raise FloatingPointError(
            f"expected numbers from the model, got an overflow in {words} on "
            f"{device_words(values.device)}; compute with `--dtype float32`"
        )


def fused_attention_is_slow(device: torch.device, dtype: torch.dtype) -> bool:
    """Says whether plain products beat torch's fused attention: in bfloat16 on a CPU without AMX.

    Measured on AVX-512 BF16: reading one more token of 20 answers takes twice as long with it.
    """
    if device.type != "cpu" or dtype is not torch.bfloat16:
        return False
    return not torch.cpu.get_capabilities().get("amx_tile")


def device_words(device: torch.device) -> str:
    """Gives the device in words: `cpu`, `cuda:0 (NVIDIA H200)`."""
    if device.type == "cuda":
        return f"{device} ({torch.cuda.get_device_name(device)})"
    return str(device)


def in_batches(items: Sequence[Item], most: int) -> Iterator[Sequence[Item]]:
    """Gives the items in as few batches of at most so many as will do, all about as large.

    >>> list(in_batches("abcde", 4))
    ['abc', 'de']
    """
    batches = -(-len(items) // most)
    size = -(-len(items) // max(1, batches))
    for start in range(0, len(items), max(1, size)):
        yield items[start : start + size]


def with_smaller_batches(
    items: Sequence[Item], run: Callable[[Sequence[Item]], list[Result]]
) -> list[Result]:
    """Gives what `run` gives for the items; when memory runs out, in halves and halves of halves.

    Raises what `run` raises, and the memory error when one item alone is too much.
    """
    try:
        return run(items)
    except RuntimeError as exc:
        if len(items) < 2 or not out_of_memory(exc):
            raise
    # Outside the handler, so that the failed attempt's tensors are freed.
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    middle = len(items) // 2
    return [
        *with_smaller_batches(items[:middle], run),
        *with_smaller_batches(items[middle:], run),
    ]


def out_of_memory(exc: Exception) -> bool:
    """Tells whether an error is want of memory, on whatever device."""
    words = str(exc)
    return isinstance(exc, torch.OutOfMemoryError | MemoryError) or any(
        sign in words for sign in ("can't allocate memory", "not enough memory", "out of memory")
    )


def _check_computes_in(dtype: torch.dtype, device: torch.device) -> None:
    """Raises `ValueError` for bfloat16 on a device without it; float16 every GPU can at least store."""
    if dtype is not torch.bfloat16:
        return
    if device.type == "cuda" and native_format(_chip(device)) is not torch.bfloat16:
        raise ValueError(
            "expected a number format that the device computes in, got bfloat16, which "
            f"{device_words(device)} would only emulate; take auto, float16 or float32"
        )
    if device.type == "mps" and not torch.backends.mps.is_macos_or_newer(14, 0):
        raise ValueError(
            "expected a number format that the device computes in, got bfloat16, which needs "
            "macOS 14 or newer; take auto, float16 or float32"
        )


def _chip(device: torch.device) -> Chip:
    amd = None
    if torch.version.hip is not None:
        amd = str(torch.cuda.get_device_properties(device).gcnArchName)
    return Chip(torch.cuda.get_device_name(device), torch.cuda.get_device_capability(device), amd)


def _cpu_has_bf16() -> bool:
    can = torch.cpu.get_capabilities()
    return bool(can.get("avx512_bf16") or can.get("amx_bf16") or can.get("amx_tile"))
