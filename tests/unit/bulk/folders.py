"""Folders of images and a handler that answers without models."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PIL import Image

from backend.bulk.local import FolderPredictor
from backend.bulk.offline import one_image
from backend.errors import ImageUnreadable
from backend.inference.batch_size import BatchSizer
from backend.prediction.engine import engine_for
from backend.prediction.plan import ModelRequest
from backend.prediction.predictor import Predictor, PredictorSettings
from backend.prediction.request import Answer
from models.queries import Classify, Ground
from models.types import Box, Classification, Detection, Detections, ImageSize

CONFIG = (
    '<View><Image name="image" value="$photo"/>'
    '<RectangleLabels name="box" toName="image"><Label value="car"/></RectangleLabels>'
    '<Choices name="scene" toName="image"><Choice value="day"/><Choice value="night"/></Choices></View>'
)


def predictor(config: str = CONFIG) -> Predictor:
    return PredictorSettings(engine_for("tiny"), 0.3, None).for_label_config(config)


def folder_of(folder: Path, *names: str) -> Path:
    """Images of 40x20 pixels under these names."""
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (40, 20)).save(folder / name, "PNG")
    return folder


class StandInHandler:
    """One car in the left half of each image; names say otherwise.

    `bad` cannot be read, `raise` fails in the model, `stop` is interrupted, `empty` shows nothing.
    """

    def __init__(self, *, mended: bool = False) -> None:
        """`mended`: nothing fails in the model."""
        self._mended = mended
        self.batches: list[list[str]] = []

    @property
    def asked(self) -> list[str]:
        """The images that the model saw, in order."""
        return [path for batch in self.batches for path in batch]

    def place(self, payload: object) -> str:
        return ""

    def fetch(self, request: ModelRequest) -> ModelRequest:
        return request

    def pixels(self, fetched: ModelRequest) -> int:
        return 0

    def prepare(self, request: ModelRequest) -> tuple[str, ModelRequest]:
        path = request.image.local_path
        if "bad" in path:
            raise ImageUnreadable("not an image")
        return path, request

    def infer(self, batch: Sequence[tuple[str, ModelRequest]]) -> list[Answer]:
        paths = [path for path, _ in batch]
        if not self._mended and any("raise" in path for path in paths):
            raise RuntimeError("out of luck")
        if any("stop" in path for path in paths):
            raise KeyboardInterrupt
        if any("device" in path for path in paths):
            raise RuntimeError("CUDA error: an illegal memory access")
        self.batches.append(paths)
        return [self._answer(path, request) for path, request in batch]

    @staticmethod
    def _answer(path: str, request: ModelRequest) -> Answer:
        outputs: list[Detections | Classification] = []
        for query in request.queries:
            match query:
                case Ground():
                    car = Detection(Box(0, 0, 20, 20), "car", 0.75)
                    outputs.append(Detections(() if "empty" in path else (car,)))
                case Classify():
                    outputs.append(Classification(query.candidates, (0.25, 0.75)))
        return Answer(ImageSize(40, 20), tuple(outputs), "0" * 64)


def images_of(handler: StandInHandler, config: str = CONFIG, most: int = 4) -> FolderPredictor:
    asks = predictor(config)
    return FolderPredictor(asks, one_image(asks), handler, BatchSizer(most, latency_s=60))
