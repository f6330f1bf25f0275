"""What a worker does with a job: fetch and decode its image, ask the models, give the outcome.

reference -> known bytes? -> known outputs?  -> Answer, no model run
image     -> upright RGB  -> missing queries -> models -> outputs kept -> Answer
no image                  -> missing queries -> models -> outputs kept -> Answer
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from PIL import Image

from backend.errors import (
    FirstpassError,
    HeadUnavailable,
    InternalError,
    LabelConfigError,
    QueryUnsupported,
)
from backend.images.decode import decode_image, upright_size
from backend.images.fetch import FetchedImage, ImageFetcher
from backend.images.web_url import parse_web_url
from backend.inference.output_cache import KnownContent, OutputCache
from backend.prediction.plan import ModelRequest
from backend.prediction.request import Answer
from models.protocols import HeadMissing, ImageQueries, PhraseRefused, Runtime, UnsupportedQuery
from models.queries import PerBox, Query
from models.types import ImageSize, ModelOutput

__all__ = ["FetchedJob", "PredictHandler", "PreparedImage", "raw_outputs"]

#: Names what is asked of no image, among the outputs kept by an image's sha256.
NO_BYTES = ""
#: Where images of each kind come from; those of web addresses from their own server.
_PLACES = {
    "upload": "label studio",
    "local_file": "label studio",
    "label_studio": "label studio",
    "cloud": "label studio",
    "data": "",
}


def raw_outputs(runtime: Runtime, batch: Sequence[ImageQueries]) -> list[tuple[ModelOutput, ...]]:
    """What the models say, as `Runtime.run_raw` gives it.

    Raises `LabelConfigError` for a phrase that only the loaded model could refuse, and
    `QueryUnsupported` for what no loaded model answers, `HeadUnavailable` for a learned head that is gone.
    """
    try:
        return runtime.run_raw(batch)
    except PhraseRefused as error:
        raise LabelConfigError(str(error)) from error
    except UnsupportedQuery as error:
        raise QueryUnsupported(str(error)) from error
    except HeadMissing as error:
        raise HeadUnavailable(
            # The web process looks whether a head is there after as long (`queue.heads`).
            f"{error}; asked again after 10 s, it is answered without what was learned where that is gone for all; "
            "if it fails again, `firstpass learn --forget` takes it out of the label config"
        ) from error


@dataclass(frozen=True, slots=True)
class FetchedJob:
    """A job's request and its image's bytes; `None` where these, and all that is asked, are known."""

    request: ModelRequest
    image: FetchedImage | None
    known: KnownContent | None = None


@dataclass(frozen=True, slots=True)
class PreparedImage:
    """A decoded image, the queries that the models have yet to answer, and those answered before."""

    asked: tuple[Query, ...]
    missing: ImageQueries
    known: Mapping[Query, ModelOutput] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PredictHandler:
    """`fetch` and `prepare` run in threads, `infer` in the worker's main thread."""

    fetcher: ImageFetcher
    runtime: Runtime
    cache: OutputCache
    max_pixels: int

    def place(self, request: ModelRequest) -> str:
        """The server that is asked for the image; Label Studio's own files are one place too."""
        ref = request.subject
        if ref is None:
            return ""
        try:
            return parse_web_url(ref.location).netloc if ref.kind == "http" else _PLACES[ref.kind]
        except FirstpassError:
            return ""  # `fetch` says what is wrong with it

    def fetch(self, request: ModelRequest) -> FetchedJob:
        """The bytes of a request's image, where they are not known yet with all that is asked of them.

        Raises `ImageError` (never worth another try), `ImageUnreachable` (worth it), `InternalError`.
        """
        if request.subject is None:
            return FetchedJob(request, None)
        known = self.cache.known(request.image)
        if known is None:
            return FetchedJob(request, self.fetcher.fetch(request.image))
        fetched = self.fetcher.fetch_if_changed(request.image, known.validators)
        if fetched is None and len(self._known(known.sha256, request.queries)) < len(
            request.queries
        ):
            fetched = self.fetcher.fetch(request.image)
        return FetchedJob(request, fetched, known)

    def pixels(self, fetched: FetchedJob) -> int:
        """By the file's header; of one that cannot be read `prepare` says why."""
        if fetched.image is None:
            return 0
        try:
            size = upright_size(fetched.image.data, self.max_pixels)
        except FirstpassError:
            return 0
        return size.width * size.height

    def prepare(self, fetched: FetchedJob) -> PreparedImage | Answer:
        """The image of a job and what to ask of it; its answer, if all of it is known.

        Raises as `fetch`, for bytes that are no image.
        """
        request, known = fetched.request, fetched.known
        if request.subject is None:
            return self._left_to_ask(request, None, NO_BYTES)
        if fetched.image is not None:
            return self._read(request, fetched.image, known)
        if known is None:
            raise InternalError("expected an image that was fetched, or one that is known")
        outputs = self._known(known.sha256, request.queries)
        if len(outputs) == len(request.queries):
            return self._answer(request.queries, outputs, known.size, known.sha256)
        # What was known a moment ago is forgotten since.
        return self._read(request, self.fetcher.fetch(request.image), known)

    def infer(self, batch: Sequence[PreparedImage]) -> list[Answer]:
        """One answer per image, in order.

        Raises as `raw_outputs` does.
        """
        runs = raw_outputs(self.runtime, [item.missing for item in batch])
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
        sha256, size = item.missing.content_key, item.missing.size
        outputs = {query: fresh[sha256, query] for query in item.missing.queries}
        return self._answer(item.asked, {**item.known, **outputs}, size, sha256)

    def _read(
        self, request: ModelRequest, fetched: FetchedImage, known: KnownContent | None
    ) -> PreparedImage | Answer:
        """The bytes' image and what is left to ask; not even decoded when nothing is left."""
        if known is not None and known.sha256 == fetched.sha256:
            outputs = self._known(fetched.sha256, request.queries)
            if len(outputs) == len(request.queries):
                return self._answer(request.queries, outputs, known.size, known.sha256)
        image = decode_image(fetched.data, self.max_pixels)
        size = ImageSize(*image.size)
        self.cache.remember(request.image, KnownContent(fetched.sha256, size, fetched.validators))
        return self._left_to_ask(request, image, fetched.sha256)

    def _left_to_ask(
        self, request: ModelRequest, image: Image.Image | None, sha256: str
    ) -> PreparedImage | Answer:
        """What the models have yet to answer; the answer, when that is nothing."""
        outputs = self._known(sha256, request.queries)
        missing = tuple(query for query in request.queries if query not in outputs)
        queries = ImageQueries(image, sha256, missing, known=outputs)
        if not missing:
            return self._answer(request.queries, outputs, queries.size, sha256)
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
        size: ImageSize | None,
        sha256: str,
    ) -> Answer:
        raw = tuple(outputs[query] for query in asked)
        if size is None:
            return Answer(None, raw, sha256)
        return Answer(size, tuple(self.runtime.tidy(output, size) for output in raw), sha256)
