"""Vectors of what images show, kept for as long as there is room, and beyond this process where wished."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from PIL import Image
from torch import Tensor

from models.clip.crops import middle
from models.clip.shared_vectors import SharedVectors
from models.devices import check_finite, with_smaller_batches
from models.feature_cache import FeatureCache
from models.pixels import PixelReader

__all__ = ["ImageVectors"]


class ImageVectors:
    """The image side of a CLIP or SigLIP. A vector is float32, of shape (width,) and length 1."""

    def __init__(
        self,
        model: Any,
        image_processor: Any,
        *,
        batch: int,
        cache_bytes: int,
        shared: SharedVectors | None,
    ) -> None:
        """`batch`: images encoded at once."""
        self._model = model
        self._crops_middle = bool(getattr(image_processor, "do_center_crop", False))
        self._pixels = PixelReader(image_processor, model.device, model.dtype)
        self._batch = batch
        self._cache = FeatureCache(cache_bytes)
        self._shared = shared

    def of(self, shown: Sequence[tuple[Image.Image, str]]) -> list[Tensor]:
        """Give a vector for each upright RGB image; the text beside it names its pixels."""
        wanted = {key: (key, image) for image, key in shown}
        vectors = self._cache.features(wanted, self._encoded_or_shared, at_once=self._batch)
        return [vectors[key] for _, key in shown]

    def encode(self, images: Sequence[Image.Image]) -> list[Tensor]:
        """Give a vector for each image of a batch, which is kept nowhere."""
        return with_smaller_batches(images, self._encode)

    def _encoded_or_shared(self, named: Sequence[tuple[str, Image.Image]]) -> list[Tensor]:
        if self._shared is None:
            return self.encode([image for _, image in named])
        found = self._shared.get([key for key, _ in named])
        vectors = {key: vector.to(self._model.device) for key, vector in found.items()}
        missing = [(key, image) for key, image in named if key not in vectors]
        if missing:
            encoded = self.encode([image for _, image in missing])
            fresh = {key: vector for (key, _), vector in zip(missing, encoded, strict=True)}
            self._shared.put(fresh)
            vectors |= fresh
        return [vectors[key] for key, _ in named]

    @torch.inference_mode()
    def _encode(self, images: Sequence[Image.Image]) -> list[Tensor]:
        if self._crops_middle:
            # What the processor would cut off anyway; a sliver would grow to gigabytes before that.
            images = [middle(image, longest_ratio=2) for image in images]
        encoded = self._model.get_image_features(
            pixel_values=self._pixels.read(images)
        ).pooler_output
        check_finite(encoded)
        return [row.clone() for row in torch.nn.functional.normalize(encoded.float(), dim=-1)]
