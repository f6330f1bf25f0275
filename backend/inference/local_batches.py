"""Batches of images read and predicted in this process, one after another: no queue, no worker."""

from __future__ import annotations

from collections.abc import Sequence

from backend.errors import Failure, ImageNotFound, InferenceFailed
from backend.inference.batch import BatchRunner, DeviceLost, Handler, Prepared, failure_of
from backend.inference.batch_size import BatchSizer
from backend.prediction.request import Outcome

__all__ = ["LocalBatches"]


class LocalBatches:
    """Reads and runs batches; `size` follows what they cost."""

    def __init__(self, handler: Handler, sizer: BatchSizer) -> None:
        self._runner: BatchRunner[str] = BatchRunner(handler)
        self._sizer = sizer

    @property
    def size(self) -> int:
        """How many images the next batch should have."""
        return self._sizer.size

    def read(self, keys: Sequence[str], payloads: Sequence[object]) -> Prepared[str]:
        """The images of these requests, each named by its key, decoded; may run beside `run`."""
        return self._runner.read(list(keys), list(payloads))

    def run(self, prepared: Prepared[str]) -> dict[str, Outcome]:
        """What became of each image, by its key. Raises `InferenceFailed` when the device is beyond use."""
        try:
            results = self._runner.run(prepared)
        except DeviceLost as error:
            raise InferenceFailed(
                f"the device is beyond use for this process ({error}); the same command goes on"
            ) from error
        if results.inferred:
            self._sizer.measured(results.inferred, results.seconds)
        outcomes: dict[str, Outcome] = dict(results.done)
        outcomes.update((key, _reason(error)) for key, error in results.failed)
        return outcomes


def _reason(error: Exception) -> Failure:
    """Why an image failed, in words of a folder rather than of Label Studio's document root."""
    if isinstance(error, ImageNotFound) and isinstance(error.__cause__, OSError):
        return Failure.of(ImageNotFound(f"the file cannot be read: {error.__cause__.strerror}"))
    return failure_of(error)
