"""A checkpoint as it is shipped: half precision, safetensors, in one file under 12 MiB."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import torch

__all__ = ["MOST_BYTES", "export"]

MOST_BYTES = 12 * 1024 * 1024


def export(model: Any, processor: Any, folder: Path) -> None:
    """Writes model and processor to `folder`; the model is left in float16.

    Raises `ValueError` where the weights would be larger than 12 MiB.
    """
    size = sum(p.numel() for p in model.parameters()) * torch.finfo(torch.float16).bits // 8
    if size > MOST_BYTES:
        raise ValueError(f"expected weights of at most {MOST_BYTES} bytes, got {size}")
    shutil.rmtree(folder, ignore_errors=True)
    model.to(torch.float16).save_pretrained(folder)
    processor.save_pretrained(folder)
