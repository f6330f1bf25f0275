"""Checkpoints that answer unlike the bundled ones: the same files, but for one weight."""

from __future__ import annotations

import shutil
from pathlib import Path

from safetensors.torch import load_file, save_file

from models.catalogue import TINY_FOLDER

__all__ = ["other_clip", "other_florence"]


def other_florence(folder: Path) -> str:
    """A Florence-2 in the folder, as `FIRSTPASS_MODEL` names it: it sees images fainter."""
    return _altered("florence2", folder, "model.multi_modal_projector.image_proj_norm.weight", 0.8)


def other_clip(folder: Path) -> str:
    """A CLIP in the folder, as `FIRSTPASS_MODEL` names it: it is less sure of everything."""
    return _altered("clip", folder, "logit_scale", 0.5)


def _altered(bundled: str, folder: Path, weight: str, factor: float) -> str:
    shutil.copytree(TINY_FOLDER / bundled, folder)
    weights = load_file(folder / "model.safetensors")
    weights[weight] = weights[weight] * factor
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    return str(folder)
