"""What a worker does with a job: fetch and decode its image, ask the models, give the outcome."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from backend.images.decode import decode_image
from backend.images.fetch import ImageFetcher
from backend.queue.payload import Answer, decode_request
from models.protocols import ImageQueries, Runtime
from models.types import ImageSize

__all__ = ["PredictHandler"]


@dataclass(frozen=True, slots=True)
class PredictHandler:
    """`prepare` runs in a thread pool, `infer` in the worker's main thread."""

    fetcher: ImageFetcher
    runtime: Runtime
    max_pixels: int

    def prepare(self, payload: object) -> ImageQueries:
        """The upright RGB image of a job and what to ask of it.

        Raises `ImageError` (never worth another try), `ImageUnreachable` (worth it), `InternalError`.
        """
        request = decode_request(payload)
        fetched = self.fetcher.fetch(request.image)
        image = decode_image(fetched.data, self.max_pixels)
        return ImageQueries(image=image, content_key=fetched.sha256, queries=request.queries)

    def infer(self, batch: Sequence[ImageQueries]) -> list[Answer]:
        """One answer per image, in order."""
        return [
            Answer(ImageSize(*item.image.size), outputs, item.content_key)
            for item, outputs in zip(batch, self.runtime.run(batch), strict=True)
        ]
