"""What the vision tower sees of every scene of a pool, kept on disk for the language stage.

With the tower frozen and its features at hand, a language step costs a third of what it would.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from training.pools import Bytes, Pool
from training.vocabulary import GRID

__all__ = ["cache_features", "grid_centres", "normalised", "object_cells"]

_BATCH = 32
_MEAN = torch.tensor([0.485, 0.456, 0.406]).view(1, 3, 1, 1)
_STD = torch.tensor([0.229, 0.224, 0.225]).view(1, 3, 1, 1)


def normalised(pixels: Bytes) -> Tensor:
    """Gives RGB pixels (n, side, side, 3) as the vision tower reads them: float, channels first."""
    images = torch.from_numpy(np.array(pixels)).permute(0, 3, 1, 2).float() / 255
    return (images - _MEAN) / _STD


@torch.inference_mode()
def cache_features(model: Any, pool: Pool, file: Path) -> npt.NDArray[np.float16]:
    """Writes and gives the image tokens of every scene: float16, (n, 1 + cells, width)."""
    rows = []
    for start in range(0, len(pool.pixels), _BATCH):
        seen = model.get_image_features(normalised(pool.pixels[start : start + _BATCH]))
        rows.append(seen.pooler_output.half().numpy())
    features: npt.NDArray[np.float16] = np.concatenate(rows)
    np.save(file, features)
    return features


def grid_centres() -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Gives x and y in 0..1 of the middle of every cell, row by row."""
    y, x = np.mgrid[0:GRID, 0:GRID]
    return (x.ravel() + 0.5) / GRID, (y.ravel() + 0.5) / GRID


def object_cells(boxes: npt.NDArray[np.float32]) -> npt.NDArray[np.bool_]:
    """Gives for xyxy boxes in 0..1 (n, 4) the cells around their middles: (n, cells).

    The cell of the middle is always among them.
    """
    x, y = grid_centres()
    middle_x, middle_y = (boxes[:, 0] + boxes[:, 2]) / 2, (boxes[:, 1] + boxes[:, 3]) / 2
    wide, high = boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1]
    cells = (abs(x - middle_x[:, None]) < 0.3 * wide[:, None]) & (
        abs(y - middle_y[:, None]) < 0.3 * high[:, None]
    )
    cells[np.arange(len(boxes)), middle_cells(boxes)] = True
    return cells


def middle_cells(boxes: npt.NDArray[np.float32]) -> npt.NDArray[np.int64]:
    """Gives the number of the cell in which each box has its middle."""
    column = np.clip(((boxes[:, 0] + boxes[:, 2]) / 2 * GRID).astype(np.int64), 0, GRID - 1)
    row = np.clip(((boxes[:, 1] + boxes[:, 3]) / 2 * GRID).astype(np.int64), 0, GRID - 1)
    return row * GRID + column
