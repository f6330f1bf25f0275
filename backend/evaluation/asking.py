"""Images put to the models in this process, each in every way that is compared.

An image is read and decoded once, and its features are kept between the ways: what encoding costs is
measured apart, on the first images.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

from backend.errors import InternalError
from backend.evaluation.items import Item
from backend.evaluation.ways import Way
from backend.images.decode import decode_image
from backend.images.fetch import ImageFetcher
from backend.inference.batch import Prepared
from backend.inference.batch_size import BatchSizer
from backend.inference.handler import FetchedJob, raw_outputs
from backend.inference.local_batches import LocalBatches
from backend.prediction.plan import ModelRequest
from backend.prediction.request import Answer, Outcome
from models.protocols import ImageQueries, Runtime
from models.types import ImageSize, ModelOutput

__all__ = ["Asker", "TimedAnswer", "WaysHandler"]

#: Images that the first way is asked twice about, to tell what encoding costs from what the answer costs.
ENCODED_TWICE = 4

#: Gives up to that many further items; none at the end.
Take = Callable[[int], Sequence[Item]]


@dataclass(frozen=True, slots=True)
class TimedAnswer(Answer):
    """`outputs` has those of the first way to all queries, then those of the second, and so on.

    `seconds` per way; the first one's hold encoding the image. `again_s`: what it took without that.
    `device` says in words where it ran.
    """

    seconds: tuple[float, ...] = ()
    again_s: float | None = None
    device: str = ""


class WaysHandler:
    """Answers batches, as `backend.inference.batch.Handler`."""

    def __init__(
        self,
        fetcher: ImageFetcher,
        ways: Sequence[tuple[Way, Runtime]],
        max_pixels: int,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._fetcher, self._ways, self._max_pixels, self._clock = fetcher, ways, max_pixels, clock
        self._twice = ENCODED_TWICE if len(ways) > 1 else 0
        self._warm = False

    def place(self, request: ModelRequest) -> str:
        """None that matters: nothing else is asked meanwhile."""
        return ""

    def fetch(self, request: ModelRequest) -> FetchedJob:
        """The image's bytes. Raises what `PredictHandler.fetch` does."""
        return FetchedJob(request, self._fetcher.fetch(request.image))

    def pixels(self, fetched: FetchedJob) -> int:
        """Not looked at: batches are as large as was asked."""
        return 0

    def prepare(self, fetched: FetchedJob) -> ImageQueries:
        """The decoded image and the plan's queries. Raises what `PredictHandler.prepare` does."""
        if fetched.image is None:
            raise InternalError("expected an image that was fetched")
        image = decode_image(fetched.image.data, self._max_pixels)
        return ImageQueries(image, fetched.image.sha256, fetched.request.queries)

    def infer(self, batch: Sequence[ImageQueries]) -> list[Answer]:
        """One answer per image, in order. Raises `LabelConfigError` as `PredictHandler.infer` does."""
        if not self._warm:
            # The first run of all pays for what every later one finds done.
            self._warm = True
            self._answered(*self._ways[0], [replace(batch[0], content_key="warm-up")])
        outputs: list[list[ModelOutput]] = [[] for _ in batch]
        seconds: list[float] = []
        for way, runtime in self._ways:
            answered, each_s = self._answered(way, runtime, batch)
            seconds.append(each_s)
            for kept, more in zip(outputs, answered, strict=True):
                kept += more
        again_s = None
        if self._twice > 0:
            self._twice -= len(batch)
            _, again_s = self._answered(*self._ways[0], batch)
        return [
            TimedAnswer(
                ImageSize(*item.image.size),
                tuple(kept),
                item.content_key,
                seconds=tuple(seconds),
                again_s=again_s,
                device=self._ways[0][1].device,
            )
            for item, kept in zip(batch, outputs, strict=True)
        ]

    def _answered(
        self, way: Way, runtime: Runtime, batch: Sequence[ImageQueries]
    ) -> tuple[list[list[ModelOutput]], float]:
        """Each image's tidy outputs, and the seconds that one image took."""
        asks = [
            ImageQueries(item.image, item.content_key, tuple(map(way.asked, item.queries)))
            for item in batch
        ]
        started = self._clock()
        runs = raw_outputs(runtime, asks)
        each_s = (self._clock() - started) / len(batch)
        return [
            [
                runtime.tidy(way.read(query, output), ImageSize(*item.image.size))
                for query, output in zip(item.queries, outputs, strict=True)
            ]
            for item, outputs in zip(batch, runs, strict=True)
        ], each_s


class Asker:
    """Asks item after item, batch by batch; the next batch is read while the models run."""

    def __init__(self, handler: WaysHandler, sizer: BatchSizer) -> None:
        self._batches = LocalBatches(handler, sizer)

    def ask(self, take: Take) -> Iterator[dict[str, Outcome]]:
        """What became of each item, by its key. Raises `InferenceFailed` when the device is beyond use."""
        with ThreadPoolExecutor(1, thread_name_prefix="read-ahead") as ahead:
            reading = ahead.submit(self._prepare, take(self._batches.size))
            while (prepared := reading.result()).jobs:
                reading = ahead.submit(self._prepare, take(self._batches.size))
                yield self._batches.run(prepared)

    def _prepare(self, items: Sequence[Item]) -> Prepared[str]:
        asked = [(item.key, item.request) for item in items if item.request is not None]
        return self._batches.read([key for key, _ in asked], [request for _, request in asked])
