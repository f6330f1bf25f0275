"""Two models of a kind and one label config: each tag gets its own model's answer, in one request."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from backend.bulk.local import local_handler
from backend.inference.handler import PredictHandler
from backend.label_studio.bodies import Prediction, Region, Task
from backend.prediction.engine import engine_for
from backend.prediction.predictor import PredictorSettings
from backend.queue.payload import decode_request, encode_request
from backend.settings import Settings
from models.tiny.scenes import SHAPES, generate_scene
from tests.standin.checkpoints import other_clip, other_florence

LABELS = "".join(f'<Label value="{shape}"/>' for shape in SHAPES)
MOODS = '<Choice value="night"/><Choice value="snow"/>'


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Another Florence-2, another CLIP, and an image."""
    folder = tmp_path_factory.mktemp("several")
    other_florence(folder / "florence")
    other_clip(folder / "clip")
    generate_scene(1).image.save(folder / "scene.png")
    return folder


def config(florence: str, clip: str) -> str:
    """Each tag twice, once by a model of these names."""
    tags = "".join(
        f'<RectangleLabels name="box{n}" toName="img"{one}>{LABELS}</RectangleLabels>'
        f'<Choices name="mood{n}" toName="img"{two}>{MOODS}</Choices>'
        f'<Choices name="per_box{n}" toName="img" perRegion="true" whenTagName="box{n}"'
        f' visibleWhen="region-selected"{two}>{MOODS}</Choices>'
        for n, one, two in ((1, "", ""), (2, florence, clip))
    )
    return f'<View><Image name="img" value="$image"/>{tags}</View>'


def predicted(setting: str, xml: str, folder: Path) -> Prediction:
    """The prediction for the scene, its request through JSON as by the queue."""
    predictor = PredictorSettings(engine_for(setting), 0.3, None).for_label_config(xml)
    requests = predictor.requests(Task(id=1, data={"image": "/data/local-files/?d=scene.png"}))
    assert isinstance(requests, dict)
    ((job_id, request),) = requests.values()
    handler = handler_for(setting, folder)
    prepared = handler.prepare(
        handler.fetch(decode_request(json.loads(json.dumps(encode_request(request)))))
    )
    (answer,) = handler.infer([prepared])  # type: ignore[list-item]
    slot = predictor.slot(1, requests, {job_id: answer})
    assert slot.prediction is not None, slot.failure
    return slot.prediction


def handler_for(setting: str, folder: Path) -> PredictHandler:
    return local_handler(Settings(model=setting, device="cpu", cpu_threads=1), folder)


def said(prediction: Prediction, tag: str) -> list[tuple[object, float | None]]:
    """Values and scores of a tag's rows."""
    rows: list[Region] = [row for row in prediction.result if row["from_name"] == tag]
    assert rows
    return [(row["value"], row.get("score")) for row in rows]


def test_each_tag_is_filled_by_the_model_that_it_names(folder: Path) -> None:
    """As it is where that model is the only one; the first of each kind where none is named."""
    florence, clip = str(folder / "florence"), str(folder / "clip")
    names = (f' model_name="{florence}"', f' model_name="{clip}"')
    unnamed = config("", "")

    both = predicted(f"tiny,{florence},{clip}", config(*names), folder)

    # Doubtful boxes are judged by the first CLIP, so the other Florence-2's are compared beside it.
    first, other_boxes = predicted("tiny", unnamed, folder), f"{florence},tiny-clip"
    for tag in ("box1", "mood1", "per_box1"):
        assert said(both, tag) == said(first, tag)
    assert said(both, "box2") == said(predicted(other_boxes, unnamed, folder), "box2")
    assert said(both, "mood2") == said(
        predicted(f"tiny-florence2,{clip}", unnamed, folder), "mood2"
    )
    for tag in ("box", "mood", "per_box"):
        assert said(both, f"{tag}1") != said(both, f"{tag}2")


def test_a_tag_that_names_a_model_not_loaded_is_left_and_the_others_are_filled(
    folder: Path,
) -> None:
    florence, clip = str(folder / "florence"), str(folder / "clip")
    setting = f"tiny,{florence},{clip}"
    xml = config(f' model_name="{florence}"', ' model_name="clip-vit-b-32"')

    plan = PredictorSettings(engine_for(setting), 0.3, None).for_label_config(xml).plan

    assert [step.control.name for step in plan.steps] == ["box1", "mood1", "per_box1", "box2"]
    loaded = f"one of tiny-florence2, {florence}, tiny-clip, {clip}, got 'clip-vit-b-32'"
    assert all(loaded in tag.reason for tag in plan.unserved)
    assert len(plan.unserved) == 2
