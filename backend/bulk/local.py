"""Images of a folder predicted by models in this process: no Label Studio, no Redis.

The same handler as a worker's reads them and asks the models, so bounds, upright images and answers are
the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import quote

from backend.errors import Failure
from backend.images.fetch import ImageFetcher
from backend.images.reference import ImageRef
from backend.inference.batch import Handler, Prepared
from backend.inference.batch_size import BatchSizer
from backend.inference.handler import PredictHandler
from backend.inference.load import load_models
from backend.inference.local_batches import LocalBatches
from backend.inference.output_cache import KnownContent, OutputCache
from backend.label_config.control_tags import ObjectTag
from backend.label_studio.bodies import Task
from backend.prediction.predictor import Predictor, Slot, TaskRequests
from backend.prediction.request import Outcome
from backend.queue.heads import HeadShelf
from backend.runs.job import Take
from backend.settings import Settings
from models.queries import Query
from models.types import ModelOutput

__all__ = ["FolderPredictor", "address_of", "local_handler"]


class FolderPredictor:
    """Predicts images by their paths below a folder."""

    def __init__(
        self, predictor: Predictor, image: ObjectTag, handler: Handler, sizer: BatchSizer
    ) -> None:
        """`image` is the one that the label config reads from a task; `handler` reads from the folder."""
        self._predictor = predictor
        self._image = image
        self._batches = LocalBatches(handler, sizer)

    def predict(self, take: Take) -> Iterator[dict[str, Slot]]:
        """What became of each image, batch by batch; the next is read while the models run.

        Holds two batches at most. Raises `InferenceFailed` when the device is beyond use.
        """
        with ThreadPoolExecutor(1, thread_name_prefix="read-ahead") as ahead:
            paths = take(self._batches.size)
            reading = ahead.submit(self._prepare, paths)
            while paths:
                requests, prepared = reading.result()
                following = take(self._batches.size)
                reading = ahead.submit(self._prepare, following)
                yield self._slots(paths, requests, self._batches.run(prepared))
                paths = following

    def _prepare(
        self, paths: Sequence[str]
    ) -> tuple[Mapping[str, TaskRequests | Failure], Prepared[str]]:
        requests = {
            path: self._predictor.requests(Task(data=self._image.data_of(address_of(path)) or {}))
            for path in paths
        }
        jobs = {
            job_id: request
            for asked in requests.values()
            if not isinstance(asked, Failure)
            for job_id, request in asked.values()
        }
        return requests, self._batches.read(list(jobs), list(jobs.values()))

    def _slots(
        self,
        paths: Sequence[str],
        requests: Mapping[str, TaskRequests | Failure],
        outcomes: Mapping[str, Outcome],
    ) -> dict[str, Slot]:
        return {path: self._predictor.slot(None, requests[path], outcomes) for path in paths}


def local_handler(
    settings: Settings, folder: Path, *, follow_links: bool = False
) -> PredictHandler:
    """Loads the models of the settings, to be asked about files below `folder`; seconds, and memory.

    Raises `ModelUnavailable`.
    """
    runtime = load_models(settings, heads=HeadShelf(None, settings.home).get)
    here = settings.model_copy(update={"local_files_root": folder, "label_studio_url": None})
    fetcher = ImageFetcher(here, None, follow_links=follow_links, listed=True)
    return PredictHandler(fetcher, runtime, _NoCache(), settings.image_max_pixels)


class _NoCache(OutputCache):
    """Keeps nothing: what is predicted stands in the ledger."""

    def __init__(self) -> None:
        pass

    def get(self, sha256: str, queries: Sequence[Query]) -> dict[Query, ModelOutput]:
        return {}

    def put(self, outputs: Mapping[tuple[str, Query], ModelOutput]) -> None:
        pass

    def known(self, ref: ImageRef) -> KnownContent | None:
        return None

    def remember(self, ref: ImageRef, content: KnownContent) -> None:
        pass


def address_of(path: str) -> str:
    """The image as a task would name it whose local files begin at the folder."""
    return f"/data/local-files/?d={quote(path)}"
