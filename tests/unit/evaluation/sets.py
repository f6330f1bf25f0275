"""Small labelled sets on disk, in the forms that people have them, and answers without a model."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from PIL import Image

from backend.evaluation.items import Item
from backend.evaluation.labelled import TrueBox, Truth
from backend.evaluation.on_image import LabelKey, OnImage
from backend.evaluation.run import AnsweredItem
from backend.label_studio.bodies import Task
from backend.prediction.engine import engine_for
from backend.prediction.plan import ModelRequest
from backend.prediction.predictor import PredictorSettings
from models.matching import Ignored
from models.queries import Query
from models.types import Box, Detection, ImageSize, ModelOutput

SIZE = ImageSize(100, 50)
CAR = Box(10, 10, 30, 30)
#: It overlaps `CAR` with an IoU of 0.6, and lies nowhere near `FAR`.
NEAR_CAR = Box(15, 10, 35, 30)
FAR = Box(60, 10, 90, 40)


def image_at(path: Path, size: tuple[int, int] = (100, 50)) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size).save(path)
    return path


def coco_at(path: Path, images: Sequence[str], annotations: Sequence[Mapping[str, Any]]) -> Path:
    """Images of 100x50 pixels, numbered from 1; categories 1 car and 2 dog."""
    path.parent.mkdir(parents=True, exist_ok=True)
    body = {
        "images": [
            {"id": number, "file_name": name, "width": 100, "height": 50}
            for number, name in enumerate(images, start=1)
        ],
        "annotations": [{"id": number, **one} for number, one in enumerate(annotations)],
        "categories": [{"id": 1, "name": "car"}, {"id": 2, "name": "dog"}],
    }
    path.write_text(json.dumps(body))
    return path


def found(box: Box, score: float | None = 0.9, label: str = "car") -> Detection:
    return Detection(box, label, score)


def on_image(
    image: str,
    detections: Sequence[Detection] = (),
    truth: Sequence[Box] = (),
    ignored: Sequence[Ignored] = (),
    *,
    threshold: float = 0.3,
    label: str = "car",
) -> OnImage:
    return OnImage(
        image, LabelKey("box", label), tuple(detections), tuple(truth), tuple(ignored), threshold
    )


def answered(
    outputs: Sequence[Mapping[Query, ModelOutput]],
    request: ModelRequest,
    truth: Truth,
    *,
    key: str = "a.png",
    size: ImageSize = SIZE,
    seconds: tuple[float, ...] = (1.0,),
    encoding_s: float | None = None,
) -> AnsweredItem:
    item = Item(key, "", truth, request)
    return AnsweredItem(item, size, tuple(outputs), seconds, encoding_s, "cpu")


def request_for(config: str) -> ModelRequest:
    """What a label config asks of one image, of models that answer every kind of question."""
    engine = engine_for("florence-2-base,clip-vit-b-32")
    asking = PredictorSettings(engine, 0.3, None).for_label_config(config)
    key = asking.plan.images[0].data_key
    requests = asking.requests(Task(id=1, data={key: "/data/local-files/?d=a.png"}))
    assert isinstance(requests, dict)
    ((_, request),) = requests.values()
    return request


def true_box(box: Box, label: str = "car", control: str = "box", **more: bool) -> TrueBox:
    """A box in pixels of an image of `SIZE`."""
    return TrueBox(
        label,
        Box(box.x_min / 100, box.y_min / 50, box.x_max / 100, box.y_max / 50),
        control,
        **more,
    )
