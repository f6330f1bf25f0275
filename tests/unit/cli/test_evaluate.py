"""`firstpass evaluate`, up to where models would be loaded."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from backend.cli.evaluate_run import items_in
from backend.cli.main import app
from backend.errors import FirstpassError
from backend.evaluation.coco import read_coco
from backend.evaluation.sources import dataset_source
from backend.label_config.named_heads import with_head
from backend.queue.heads import HeadShelf
from backend.settings import Settings
from tests.unit.evaluation.sets import coco_at, image_at
from tests.unit.learning.heads import a_head

CONFIG = (
    '<View><Image name="image" value="$image"/><RectangleLabels name="box" toName="image">'
    '<Label value="{}"/></RectangleLabels></View>'
)
CAR = {"image_id": 1, "category_id": 1, "bbox": [10, 10, 20, 20]}


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """A COCO set whose image is there, one whose images are elsewhere, label configs and exports."""
    image_at(tmp_path / "in" / "a.png")
    coco_at(tmp_path / "in" / "annotations.json", ["a.png"], [CAR])
    coco_at(tmp_path / "elsewhere.json", ["train/x.png"], [CAR])
    (tmp_path / "empty").mkdir()
    (tmp_path / "plain").mkdir()
    image_at(tmp_path / "plain" / "a.png")
    (tmp_path / "bus.xml").write_text(CONFIG.format("bus"))
    (tmp_path / "car.xml").write_text(CONFIG.format("car"))
    task = {"id": 1, "data": {"image": "/data/upload/1/a.png"}, "annotations": []}
    (tmp_path / "unlabelled.json").write_text(json.dumps([task]))
    return tmp_path


def evaluate(files: Path, arguments: str) -> Result:
    """Names of files in the arguments are below `files`."""
    placed = [one.replace("@", f"{files}/") for one in arguments.split()]
    home = ("--home", str(files / "home"))
    return CliRunner().invoke(app, ["evaluate", *placed, *home], env={"FIRSTPASS_MODEL": "tiny"})


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ("folder @in --format coco --split val", "--format coco takes no --split"),
        ("project 3", "FIRSTPASS_LABEL_STUDIO_URL"),
        ("folder @nowhere --format coco", "expected a COCO file"),
        ("folder @empty --format coco --annotations @elsewhere.json", "found none"),
        (
            "folder @in --format coco --annotations @elsewhere.json",
            "names 1 image (train/x.png), and none",
        ),
        ("folder @plain --format yolo", "expected the classes"),
        ("folder @plain --format voc", "expected Pascal VOC files"),
        ("folder @in --format coco --config @bus.xml", "none of the labels of"),
        ("folder @in --format coco --config @nowhere.xml", "expected a label config"),
        ("folder @in --format coco --write-thresholds", "give --config FILE.xml"),
        ("folder @in --format coco --report @r.pdf", "FILE.json or FILE.html"),
        ("folder @in --format coco --model no-such", "no-such"),
        ("export @unlabelled.json", "none of them with an annotation"),
        ("export @nowhere.json", "No such file"),
    ],
)
def test_what_cannot_work_is_one_sentence(files: Path, arguments: str, reason: str) -> None:
    """And no model was loaded for it."""
    done = evaluate(files, arguments)

    assert isinstance(done.exception, FirstpassError), done.output
    assert reason in str(done.exception)


def test_a_learned_head_is_not_tried_on_its_own_examples(files: Path) -> None:
    """It is there and can be used; what is measured, and its version, are without it."""
    name, data = a_head()
    settings = Settings(model="tiny", home=files / "home")
    HeadShelf(None, settings.home).put(name, data)
    plain, learned = files / "car.xml", files / "learned.xml"
    learned.write_text(with_head(plain.read_text(), ["box"], name))

    asked, without = (
        items_in(
            dataset_source(files / "in", lambda path: read_coco(path, None), xml, settings),
            settings,
        )
        for xml in (learned, plain)
    )

    assert asked.predictor.version == without.predictor.version
    assert asked.predictor.plan == without.predictor.plan
    assert "measured without what was learned from annotations (model_head)" in asked.notes[0]
    assert asked.notes[1:] == without.notes
    told = asked.predictor.settings.for_label_config(learned.read_text())
    assert told.version != without.predictor.version
