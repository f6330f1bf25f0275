"""Suggestions by the tiny models: an image goes through the vision tower once, however often one draws on it."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest
import redis

from backend.demo.images import demo_images
from backend.images.fetch import ImageFetcher
from backend.inference.handler import PredictHandler, PreparedImage
from backend.inference.output_cache import OutputCache
from backend.interactive.assistant import Assistant
from backend.label_config.label_config import parse_label_config
from backend.label_studio.bodies import Region, Task
from backend.prediction.engine import engine_for
from backend.prediction.plan import ModelRequest
from backend.prediction.predictor import PredictorSettings
from backend.queue.bounded_store import BoundedStore, StoreLimits
from backend.queue.job_queue import Asked
from backend.settings import load_settings
from models.boxes import iou
from models.florence2.engine import FlorenceEngine
from models.runtime import LoadedRuntime, RuntimeOptions, load_runtime
from models.types import Box
from tests.engines import florence_of

pytestmark = pytest.mark.redis

Draw = Callable[..., list[Region]]
SHAPES = ["circle", "square", "triangle", "star", "ring", "cross", "heart"]
CONFIG = (
    '<View><Image name="image" value="$image"/><TextArea name="prompt" toName="image" smart="true"/>'
    '<RectangleLabels name="box" toName="image" smart="true" model_score_threshold="0.3">'
    + "".join(f'<Label value="{shape}"/>' for shape in SHAPES)
    + "</RectangleLabels></View>"
)
#: Stars, a circle, a cross and a ring before bricks.
SCENE = demo_images(4)[3]


class OneWorker:
    """Takes the place of the queue: every request is worked on at once, with the real models."""

    def __init__(self, handler: PredictHandler) -> None:
        self._handler = handler

    def ask(
        self, requests: Mapping[str, ModelRequest], *, interactive: bool, wait_s: float
    ) -> Asked:
        asked = Asked()
        for job_id, request in requests.items():
            prepared = self._handler.prepare(self._handler.fetch(request))
            if isinstance(prepared, PreparedImage):
                (prepared,) = self._handler.infer([prepared])
            asked.outcomes[job_id] = prepared
        return asked


@pytest.fixture
def runtime() -> LoadedRuntime:
    return load_runtime("tiny", options=RuntimeOptions(cpu_threads=1))


@pytest.fixture
def florence(runtime: LoadedRuntime) -> FlorenceEngine:
    return florence_of(runtime)


@pytest.fixture
def draw(runtime: LoadedRuntime, redis_connection: redis.Redis) -> Iterator[Draw]:
    """The suggestions for one region that was drawn or typed on the scene."""
    xml, engine = CONFIG, engine_for("tiny")
    predictor = PredictorSettings(engine, 0.3, None).for_label_config(xml)
    store = BoundedStore(redis_connection, StoreLimits(ttl_s=600, max_entries=1000))
    image = "data:image/png;base64," + base64.b64encode(SCENE.png).decode()
    with ImageFetcher(load_settings(), None) as fetcher:
        handler = PredictHandler(fetcher, runtime, OutputCache(store, "engine"), 1_000_000)
        assistant = Assistant(OneWorker(handler), wait_s=lambda: 60)

        def suggest(**region: Any) -> list[Region]:
            context = {"result": [{"id": "new", "to_name": "image", **region}]}
            task = Task(id=1, data={"image": image})
            slot = assistant.suggest(predictor, parse_label_config(xml), [task], context)
            assert slot.prediction is not None, slot
            # What was typed is taken out of the editor.
            return [one for one in slot.prediction.result if one["from_name"] != "prompt"]

        yield suggest


def typed(text: str) -> dict[str, Any]:
    return {"from_name": "prompt", "type": "textarea", "value": {"text": [text]}}


def drawn(box: Box, label: str | None = None) -> dict[str, Any]:
    """A rectangle a fifth larger than a box on each side: their IoU is 0.51."""
    width, height = box.x_max - box.x_min, box.y_max - box.y_min
    value: dict[str, Any] = {
        "x": 100 * (box.x_min - width / 5) / SCENE.truth.size.width,
        "y": 100 * (box.y_min - height / 5) / SCENE.truth.size.height,
        "width": 140 * width / SCENE.truth.size.width,
        "height": 140 * height / SCENE.truth.size.height,
    }
    if label is not None:
        value["rectanglelabels"] = [label]
    return {"from_name": "box", "type": "rectanglelabels", "value": value}


def box_of(region: Region) -> Box:
    value, size = region["value"], SCENE.truth.size
    left, top = value["x"] * size.width / 100, value["y"] * size.height / 100
    width, height = value["width"] * size.width / 100, value["height"] * size.height / 100
    return Box(left, top, left + width, top + height)


def test_one_look_at_the_image_serves_every_gesture(draw: Draw, florence: FlorenceEngine) -> None:
    """The second prompt, and what is drawn after it, take the decoder's time alone."""
    draw(**typed("red star -> star"))
    assert florence.images_encoded == 1

    draw(**typed("blue circle -> circle"))
    for thing in SCENE.truth.boxes:
        draw(**drawn(thing.box, thing.label))

    assert florence.images_encoded == 1


def test_a_rectangle_drawn_around_a_thing_is_tightened(draw: Draw) -> None:
    """Carelessly drawn; label and score come along."""
    for thing in SCENE.truth.boxes:
        (region,) = draw(**drawn(thing.box, thing.label))

        assert iou(box_of(region), thing.box) > 0.7
        assert region["value"]["rectanglelabels"] == [thing.label]
        assert 0 < region["score"] <= 1


def test_a_prompt_finds_what_it_names(draw: Draw) -> None:
    """Of two stars the red one, as it says."""
    (region,) = draw(**typed("find the red star"))

    first_star = next(thing for thing in SCENE.truth.boxes if thing.label == "star")
    assert iou(box_of(region), first_star.box) > 0.7
    assert region["value"]["rectanglelabels"] == ["star"]
    assert region["meta"] == {"text": ["red star"]}


def test_a_prompt_for_what_is_not_there_finds_nothing(draw: Draw) -> None:
    assert draw(**typed("yellow heart")) == []
