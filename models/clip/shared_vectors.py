"""Image vectors kept outside this process, as bytes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import Tensor

from models.protocols import VectorStore

__all__ = ["SharedVectors"]


class SharedVectors:
    """float32 vectors by content key, in a store that other models may use too."""

    def __init__(self, store: VectorStore, model: str) -> None:
        """`model` names the weights: vectors of two models never meet."""
        self._store = store
        self._model = model

    def get(self, keys: Sequence[str]) -> dict[str, Tensor]:
        """Gives what is kept for these keys, on the CPU, shape (width,)."""
        found = self._store.get([self._name(key) for key in keys]) if keys else ()
        return {
            key: torch.from_numpy(np.frombuffer(value, dtype="<f4").copy())
            for key, value in zip(keys, found, strict=True)
            if value is not None
        }

    def put(self, vectors: Mapping[str, Tensor]) -> None:
        """Keeps vectors of shape (width,)."""
        self._store.put(
            {
                self._name(key): vector.detach().float().cpu().numpy().astype("<f4").tobytes()
                for key, vector in vectors.items()
            }
        )

    def _name(self, key: str) -> str:
        return f"{self._model}:{key}"
