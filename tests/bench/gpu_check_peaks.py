"""What a card could do: its maker's figure, and a large matrix product measured on it."""

from __future__ import annotations

import shutil
import subprocess
from statistics import median
from typing import Any

import torch
import transformers

from tests.bench.engine_parts import seconds

__all__ = ["card", "makers_peak", "measured_peak"]

#: bfloat16 with dense matrices, TFLOP/s, by the name that torch gives. From NVIDIA's data sheets of the
#: H100 (SXM 1,979 and PCIe 1,513 with sparsity), H200 (1,979), A100, L40S (733), L4 (242) and A10 (250), and
#: its white papers on the chips GA102 and AD102 (sums in float32).
_PEAKS = {
    "NVIDIA H200": 989.5,
    "NVIDIA H100 80GB HBM3": 989.5,
    "NVIDIA H100 PCIe": 756.5,
    "NVIDIA A100-SXM4-80GB": 312.0,
    "NVIDIA A100-SXM4-40GB": 312.0,
    "NVIDIA A100 80GB PCIe": 312.0,
    "NVIDIA A100-PCIE-40GB": 312.0,
    "NVIDIA L40S": 362.0,
    "NVIDIA L4": 121.0,
    "NVIDIA A10": 125.0,
    "NVIDIA GeForce RTX 3090": 71.0,
    "NVIDIA GeForce RTX 4090": 165.2,
}


def makers_peak(name: str, dtype: torch.dtype) -> float | None:
    """Gives a card's operations per second in bfloat16 by its maker, `None` if it is not listed.

    >>> makers_peak("NVIDIA L40S", torch.bfloat16)
    362000000000000.0
    >>> makers_peak("NVIDIA L40S", torch.float16)
    """
    if dtype is not torch.bfloat16 or name not in _PEAKS:
        return None
    return _PEAKS[name] * 1e12


def measured_peak(device: torch.device, dtype: torch.dtype, side: int) -> float:
    """Gives the operations per second of a square matrix product of random numbers."""
    square = torch.randn(side, side, device=device).to(dtype)
    times = 10

    def products() -> None:
        for _ in range(times):
            square @ square

    products()
    took = median(seconds(products, device) for _ in range(3))
    return times * 2 * side**3 / took


def card(device: torch.device) -> dict[str, Any]:
    """Gives what the figures depend on: card, memory, driver and versions."""
    versions = {
        "torch": torch.__version__,
        "transformers": transformers.__version__,
        "runtime": f"ROCm {torch.version.hip}"
        if torch.version.hip
        else f"CUDA {torch.version.cuda}",
    }
    if device.type != "cuda":
        return {"name": "no GPU (a trial of the check itself)", **versions}
    properties = torch.cuda.get_device_properties(device)
    return {
        "name": properties.name,
        "memory_gib": round(properties.total_memory / 2**30, 1),
        "capability": ".".join(map(str, torch.cuda.get_device_capability(device))),
        "driver": _driver(),
        **versions,
    }


def _driver() -> str:
    program = shutil.which("nvidia-smi")
    if program is None:
        return "unknown"
    asked = [program, "--query-gpu=driver_version", "--format=csv,noheader"]
    told = subprocess.run(asked, capture_output=True, text=True, check=False)
    return told.stdout.split("\n")[0].strip() or "unknown"
