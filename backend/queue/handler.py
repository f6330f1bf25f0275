"""What a worker does with a job: fetch and decode its image, ask the models, give the outcome.

reference -> known bytes? -> known outputs?  -> Answer, no model run
image     -> upright RGB  -> missing queries -> models -> outputs kept -> Answer
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from backend.errors import LabelConfigError
from backend.images.decode import decode_image
from backend.images.fetch import FetchedImage, ImageFetcher
from backend.plan import ModelRequest
from backend.queue.output_cache import KnownContent, OutputCache
from backend.queue.payload import Answer, decode_request
from models.protocols import ImageQueries, Runtime, UnsupportedQuery
from models.queries import PerBox, Query
from models.types import ImageSize, ModelOutput

__all__ = ["PredictHandler", "PreparedImage"]


@dataclass(frozen=True, slots=True)
class PreparedImage:
    """A decoded image, the queries that the models have yet to answer, and those answered before."""

    asked: tuple[Query, ...]
    missing: ImageQueries
    known: Mapping[Query, ModelOutput] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PredictHandler:
    """`prepare` runs in a thread pool, `infer` in the worker's main thread."""

    fetcher: ImageFetcher
    runtime: Runtime
    cache: OutputCache
    max_pixels: int

    def prepare(self, payload: object) -> PreparedImage | Answer:
        """The image of a job and what to ask of it; its answer, if all of it is known.

        Raises `ImageError` (never worth another try), `ImageUnreachable` (worth it), `InternalError`.
        """
        request = decode_request(payload)
        known = self.cache.known(request.image)
        if known is None:
            return self._read(request, self.fetcher.fetch(request.image), None)
        fetched = self.fetcher.fetch_if_changed(request.image, known.validators)
        if fetched is not None:
            return self._read(request, fetched, known)
        outputs = self._known(known.sha256, request.queries)
        if len(outputs) == len(request.queries):
            return self._answer(request.queries, outputs, known.size, known.sha256)
        return self._read(request, self.fetcher.fetch(request.image), known)

    def infer(self, batch: Sequence[PreparedImage]) -> list[Answer]:
        """One answer per image, in order.

        Raises `LabelConfigError` for a phrase that only the loaded model could refuse.
        """
        try:
            runs = self.runtime.run_raw([item.missing for item in batch])
        except UnsupportedQuery as error:
            raise LabelConfigError(str(error)) from error
        fresh = {
            (item.missing.content_key, query): output
            for item, outputs in zip(batch, runs, strict=True)
            for query, output in zip(item.missing.queries, outputs, strict=True)
        }
        self.cache.put(fresh)
        return [self._complete(item, fresh) for item in batch]

    def _complete(
        self, item: PreparedImage, fresh: Mapping[tuple[str, Query], ModelOutput]
    ) -> Answer:
        sha256, image = item.missing.content_key, item.missing.image
        outputs = {query: fresh[sha256, query] for query in item.missing.queries}
        return self._answer(item.asked, {**item.known, **outputs}, ImageSize(*image.size), sha256)

    def _read(
        self, request: ModelRequest, fetched: FetchedImage, known: KnownContent | None
    ) -> PreparedImage | Answer:
        """The bytes' image and what is left to ask; not even decoded when nothing is left."""
        outputs = self._known(fetched.sha256, request.queries)
        missing = tuple(query for query in request.queries if query not in outputs)
        if not missing and known is not None and known.sha256 == fetched.sha256:
            return self._answer(request.queries, outputs, known.size, known.sha256)
        image = decode_image(fetched.data, self.max_pixels)
        size = ImageSize(*image.size)
        self.cache.remember(request.image, KnownContent(fetched.sha256, size, fetched.validators))
        if not missing:
            return self._answer(request.queries, outputs, size, fetched.sha256)
        queries = ImageQueries(image, fetched.sha256, missing, known=outputs)
        return PreparedImage(request.queries, queries, outputs)

    def _known(self, sha256: str, queries: Sequence[Query]) -> dict[Query, ModelOutput]:
        """What is known of these bytes. What was said of boxes counts beside these same boxes alone."""
        outputs = self.cache.get(sha256, queries)
        return {
            query: output
            for query, output in outputs.items()
            if not (isinstance(query, PerBox) and query.boxes in queries) or query.boxes in outputs
        }

    def _answer(
        self,
        asked: Sequence[Query],
        outputs: Mapping[Query, ModelOutput],
        size: ImageSize,
        sha256: str,
    ) -> Answer:
        tidied = tuple(self.runtime.tidy(outputs[query], size) for query in asked)
        return Answer(size, tidied, sha256)
