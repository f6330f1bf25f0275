"""`firstpass evaluate` as a person runs it, with the tiny models."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from typer.testing import CliRunner

from backend.cli.main import app
from backend.demo.evaluation import boxes_of
from backend.demo.images import DemoImage, demo_images
from backend.evaluation.asking import WaysHandler
from backend.evaluation.ways import AS_PREDICTED, Way
from backend.images.fetch import ImageFetcher
from backend.images.reference import ImageRef, parse_image_ref
from backend.plain import Json
from backend.prediction.plan import ModelRequest
from backend.settings import load_settings
from models.queries import Ground
from models.runtime import RuntimeOptions, load_runtime
from models.tiny.scenes import BACKGROUND_NAMES, SHAPES, generate_scene
from models.types import Box, Detection
from tests import forks
from tests.engines import florence_of
from tests.forks import Forked
from tests.standin.held_command import MANY, hold
from training.evaluate import HELD_OUT_SEED, evaluate

REPOSITORY = Path(__file__).parents[2]
CONFIG = REPOSITORY / "label_config" / "demo.xml"
PATIENCE_S = 600.0
Start = Callable[..., Forked]


@pytest.fixture(autouse=True)
def _one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FIRSTPASS_CPU_THREADS", "1")


def firstpass(*arguments: object, status: int = 0) -> str:
    """What the command prints, in this process."""
    done = CliRunner().invoke(app, [str(one) for one in arguments])
    assert done.exit_code == status, done.output + str(done.exception)
    return done.stdout


def measured(home: Path, *arguments: object) -> Json:
    """The figures of an evaluation with the tiny models."""
    report: Json = json.loads(
        firstpass("evaluate", *arguments, "--model", "tiny", "--home", home, "--json")
    )
    return report


def save(folder: Path, images: Sequence[DemoImage]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for image in images:
        (folder / image.name).write_bytes(image.png)
    return folder


def coco(
    path: Path, images: Sequence[tuple[str, tuple[int, int], Sequence[tuple[str, Box]]]]
) -> Path:
    """A COCO file of boxes of shapes."""
    marked = [
        {
            "image_id": number,
            "category_id": SHAPES.index(label) + 1,
            "bbox": [box.x_min, box.y_min, box.x_max - box.x_min, box.y_max - box.y_min],
            "area": box.area,
            "iscrowd": 0,
        }
        for number, (_, _, boxes) in enumerate(images)
        for label, box in boxes
    ]
    body = {
        "images": [
            {"id": number, "file_name": name, "width": size[0], "height": size[1]}
            for number, (name, size, _) in enumerate(images)
        ],
        "annotations": [{"id": number, **one} for number, one in enumerate(marked, start=1)],
        "categories": [{"id": number, "name": name} for number, name in enumerate(SHAPES, start=1)],
    }
    path.write_text(json.dumps(body))
    return path


def predicted(
    folder: Path, out: Path, home: Path, images: Sequence[DemoImage]
) -> dict[str, list[Detection]]:
    """What prelabel, another way in, says is on the images."""
    firstpass(
        *("prelabel", "folder", folder, "--model", "tiny", "--home", home),
        *("--config", CONFIG, "--out", out, "--url-prefix", "https://example.com/"),
    )
    tasks = json.loads(out.read_text())
    found = {task["data"]["image"].rsplit("/", 1)[1]: task["predictions"][0] for task in tasks}
    return {image.name: boxes_of(found[image.name], image.truth.size) for image in images}


def test_planted_annotations_give_the_planted_figures(tmp_path: Path) -> None:
    """Made from what the models say: some boxes as they are, some moved, some left out, some too many."""
    images = demo_images(8)
    folder = save(tmp_path / "in", images)
    said = predicted(folder, tmp_path / "tasks.json", tmp_path / "home", images)
    sizes = {image.name: (image.truth.size.width, image.truth.size.height) for image in images}
    planted: dict[str, list[tuple[str, Box]]] = {}
    hits: dict[float, dict[str, int]] = {0.5: defaultdict(int), 0.75: defaultdict(int)}
    shown: dict[str, int] = defaultdict(int)
    there: dict[str, int] = defaultdict(int)
    for number, (name, boxes) in enumerate(said.items()):
        planted[name] = []
        for place, one in enumerate(boxes):
            shown[one.phrase] += 1
            if (number + place) % 4 == 3:
                continue  # people say that nothing is there
            box, moved = one.box, (number + place) % 4 == 2
            if moved:  # a quarter of its width aside, away from the nearer edge: an IoU of 0.6
                aside = (box.x_max - box.x_min) / 4
                if box.x_min + box.x_max > sizes[name][0]:
                    aside = -aside
                box = Box(box.x_min + aside, box.y_min, box.x_max + aside, box.y_max)
            planted[name].append((one.phrase, box))
            there[one.phrase] += 1
            hits[0.5][one.phrase] += 1
            hits[0.75][one.phrase] += not moved
        # A thing that is far too small for the models to have found it.
        planted[name].append(("heart", Box(1, 1, 3, 3)))
        there["heart"] += 1
    path = coco(
        tmp_path / "planted.json", [(name, sizes[name], boxes) for name, boxes in planted.items()]
    )

    report = measured(
        tmp_path / "home",
        *("folder", folder, "--format", "coco", "--annotations", path, "--config", CONFIG),
    )

    labels = {row["label"]: row for row in report["labels"]}
    assert sum(shown.values()) > 20
    for label in SHAPES:
        row = labels[label]
        assert (row["truths"], row["shown"]) == (there[label], shown[label])
        for least, suffix in ((0.5, ""), (0.75, "_75")):
            right = hits[least][label]
            for figure, boxes_in_all in (("precision", shown[label]), ("recall", there[label])):
                expected = round(right / boxes_in_all, 4) if boxes_in_all else None
                assert row[f"{figure}{suffix}"] == expected, (label, figure, least)
            both = shown[label] + there[label]
            assert row[f"f1{suffix}"] == (round(2 * right / both, 4) if both else None)
    assert report["all_labels"]["truths"] == sum(there.values())


def test_the_tiny_pair_is_as_good_as_its_own_evaluation_says(tmp_path: Path) -> None:
    """The same scenes through both doors."""
    count = 24
    scenes = [generate_scene(HELD_OUT_SEED + number) for number in range(count)]
    (tmp_path / "in").mkdir()
    for number, scene in enumerate(scenes):
        scene.image.save(tmp_path / "in" / f"{number:03d}.png")
    path = coco(
        tmp_path / "in" / "annotations.json",
        [
            (f"{number:03d}.png", scene.image.size, [(one.shape, one.box) for one in scene.objects])
            for number, scene in enumerate(scenes)
        ],
    )
    runtime = load_runtime("tiny", "cpu", options=RuntimeOptions(cpu_threads=1))
    wanted = evaluate(runtime, n=count, seed=HELD_OUT_SEED)["labels: 7 shapes"]
    assert isinstance(wanted, dict)

    report = measured(
        tmp_path / "home",
        *("folder", path.parent, "--format", "coco", "--score-threshold", 0, "--device", "cpu"),
    )

    got = report["all_labels"]
    for figure, name in (
        ("f1", "f1@0.5"),
        ("precision", "precision@0.5"),
        ("recall", "recall@0.5"),
        ("f1_75", "f1@0.75"),
        ("auroc", "score auroc"),
        ("ece", "score ece"),
        ("best_f1", "f1@0.5 at best threshold"),
        ("best_threshold", "best threshold"),
    ):
        assert got[figure] == pytest.approx(wanted[name], abs=1e-3), name
    assert (got["found"], got["found_false"]) == (wanted["boxes"], wanted["false boxes"])
    assert got["f1_by_threshold"] == {
        f"{float(least):g}": pytest.approx(f1, abs=1e-3)
        for least, f1 in wanted["f1@0.5 by threshold"].items()
    }


@pytest.mark.parametrize("format_name", ["coco", "yolo", "voc"])
def test_a_dataset_that_prelabel_wrote_agrees_with_the_models_that_made_it(
    tmp_path: Path, format_name: str
) -> None:
    """Written and read back: every box is right, and none is missing."""
    folder = save(tmp_path / "in" / "a b", demo_images(4)).parent
    home = tmp_path / "home"
    firstpass(
        *("prelabel", "folder", folder, "--model", "tiny", "--home", home, "--config", CONFIG),
        *("--format", format_name, "--out", tmp_path / "set"),
    )

    report = measured(home, "folder", tmp_path / "set", "--format", format_name, "--config", CONFIG)

    every = report["all_labels"]
    assert report["images"] == 4
    assert every["truths"] == every["shown"] > 8
    assert (every["f1"], every["f1_75"], every["boxed_absent"]) == (1.0, 1.0, 0)


def export_of(images: Sequence[DemoImage]) -> list[Json]:
    """What Label Studio exports when people drew just what is there."""
    tasks = []
    for number, image in enumerate(images, start=1):
        size = image.truth.size
        drawn = [
            {
                "id": f"r{place}", "from_name": "box", "to_name": "image", "type": "rectanglelabels",
                "original_width": size.width, "original_height": size.height, "image_rotation": 0,
                "value": {
                    "x": 100 * one.box.x_min / size.width,
                    "y": 100 * one.box.y_min / size.height,
                    "width": 100 * (one.box.x_max - one.box.x_min) / size.width,
                    "height": 100 * (one.box.y_max - one.box.y_min) / size.height,
                    "rotation": 0,
                    "rectanglelabels": [one.label],
                },
            }
            for place, one in enumerate(image.truth.boxes)
        ]  # fmt: skip
        ticked = {
            "id": "t", "from_name": "scene", "to_name": "image", "type": "choices",
            "value": {"choices": [image.truth.tag]},
        }  # fmt: skip
        annotation = {"id": number, "was_cancelled": False, "result": [*drawn, ticked]}
        data = {"image": f"/data/upload/1/0123abcd-{image.name}"}
        tasks.append({"id": number, "data": data, "annotations": [annotation], "predictions": []})
    return tasks


def test_an_export_is_measured_with_its_choices_and_drawn_on_a_page(tmp_path: Path) -> None:
    """One image is gone: it is named, and the rest is measured."""
    images = demo_images(6)
    folder = save(tmp_path / "in", images)
    (folder / images[0].name).unlink()
    path = tmp_path / "export.json"
    path.write_text(json.dumps(export_of(images)))
    arguments = (
        *("evaluate", "export", path, "--model", "tiny", "--home", tmp_path / "home"),
        *("--images", folder, "--config", CONFIG),
        *("--report", tmp_path / "r.html", "--report", tmp_path / "r.json"),
    )

    said = firstpass(*arguments, status=3)

    report = json.loads((tmp_path / "r.json").read_text())
    assert (report["images"], report["failed"]) == (5, 1)
    assert report["all_labels"]["f1"] > 0.9
    (tag,) = report["tags"]
    assert tag["accuracy"] >= 0.8
    assert {choice["choice"] for choice in tag["choices"]} == set(BACKGROUND_NAMES)
    assert "task 1" in said
    page = (tmp_path / "r.html").read_text()
    assert page.count("data:image/jpeg;base64,") == len(report["worst"])


def test_best_thresholds_go_into_the_label_config_and_change_the_version(tmp_path: Path) -> None:
    """Half of a shape's boxes are said to be wrong; what is left of it depends on the scores alone."""
    images = demo_images(16)
    folder = save(tmp_path / "in", images)
    config = tmp_path / "config.xml"
    config.write_text(CONFIG.read_text())
    path = coco(
        tmp_path / "annotations.json",
        [
            (
                image.name,
                (image.truth.size.width, image.truth.size.height),
                [(one.label, one.box) for one in image.truth.boxes],
            )
            for image in images
        ],
    )
    arguments = (
        *("folder", folder, "--format", "coco", "--annotations", path, "--config", config),
        *("--score-threshold", 0.9),
    )
    before = measured(tmp_path / "home", *arguments)

    said = firstpass(
        "evaluate", *arguments, "--model", "tiny", "--home", tmp_path / "home", "--write-thresholds"
    )
    after = measured(tmp_path / "home", *arguments)

    better = [change for change in before["thresholds"] if not change["kept_because"]]
    assert better
    for change in better:
        assert f'model_score_threshold="{change["best"]:g}"' in config.read_text()
    assert f"{before['model_version']} -> {after['model_version']}" in said
    assert before["model_version"] != after["model_version"]
    rows = {row["label"]: row for row in after["labels"]}
    for change in better:
        assert rows[change["label"]]["f1"] == pytest.approx(change["f1_best"], abs=1e-4)
    for change in before["thresholds"]:
        if "under 10" in change["kept_because"]:
            assert rows[change["label"]]["threshold"] == 0.9


def test_a_sweep_compares_ways_and_models_and_says_which_to_take(tmp_path: Path) -> None:
    images = demo_images(5)
    folder = save(tmp_path / "in", images)
    path = tmp_path / "export.json"
    path.write_text(json.dumps(export_of(images)))

    report = measured(
        tmp_path / "home",
        *(
            "export",
            path,
            "--images",
            folder,
            "--config",
            CONFIG,
            "--sweep",
            "--against",
            "tiny-florence2",
        ),
    )

    rows = [(row["model"], row["way"]) for row in report["sweep"]]
    assert rows[:6] == [
        ("tiny", way)
        for way in ("now", "joined", "detect", "3 beams", "gate off", "tiles of 160 px")
    ]
    assert ("tiny-florence2", "now") in rows
    assert all(row["images"] == 5 and row["seconds"] > 0 for row in report["sweep"])
    assert report["sweep"][0]["f1"] > 0.9
    assert "5 images are few" in report["advice"]


def test_each_image_is_encoded_once_whatever_the_number_of_ways(tmp_path: Path) -> None:
    """But for the one that warms up; tiles are images of their own, and are no part of this."""
    images = demo_images(3)
    folder = save(tmp_path / "in", images)
    runtime = load_runtime("tiny", "cpu", options=RuntimeOptions(cpu_threads=1))
    ways = [
        AS_PREDICTED,
        Way("", "joined"),
        Way("", "detect"),
        Way("", num_beams=3),
        Way("", gated=False),
    ]
    settings = load_settings(local_files_root=folder)
    with ImageFetcher(settings, None) as fetcher:
        handler = WaysHandler(
            fetcher,
            [(way, runtime.variant(num_beams=way.num_beams, gated=way.gated)) for way in ways],
            settings.image_max_pixels,
        )
        batch = [
            handler.prepare(handler.fetch(ModelRequest(_reference(image.name), (Ground(SHAPES),))))
            for image in images
        ]
        answers = handler.infer(batch)

    assert [len(answer.outputs) for answer in answers] == [len(ways)] * len(images)
    assert florence_of(runtime).images_encoded == len(images) + 1


def _reference(name: str) -> ImageRef:
    return parse_image_ref(f"/data/local-files/?d={name}", task_id=None)


@pytest.fixture
def start(tmp_path_factory: pytest.TempPathFactory) -> Start:
    """Starts the command with a home and more arguments; `held`: it never ends by itself."""

    def start(home: Path, *arguments: object, held: bool = False) -> Forked:
        words = tmp_path_factory.mktemp("words")
        return forks.start(
            *("evaluate", *arguments, "--model", "tiny", "--home", home),
            env=dict(os.environ),  # noqa: TID251
            out=words / "out",
            err=words / "err",
            first=hold if held else None,
            models=True,
        )

    return start


def finish(process: Forked, status: int) -> tuple[str, str]:
    out, err = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == status, out + err
    assert "Traceback" not in out + err
    return out, err


def states(home: Path) -> dict[str, int]:
    """How many images the only ledger of this home has in which state."""
    files = list(home.glob("evaluate/*.sqlite"))
    if not files:
        return {}
    database = sqlite3.connect(files[0], timeout=10)
    try:
        return dict(database.execute("SELECT state, COUNT(*) FROM tasks GROUP BY state"))
    except sqlite3.OperationalError:  # not made yet
        return {}
    finally:
        database.close()


@pytest.mark.parametrize(("signum", "status"), [(signal.SIGKILL, -9), (signal.SIGINT, 130)])
def test_a_run_that_was_stopped_goes_on_and_comes_to_the_same(
    start: Start, tmp_path: Path, signum: int, status: int
) -> None:
    images = demo_images(MANY)
    folder = save(tmp_path / "in", images)
    path = tmp_path / "export.json"
    path.write_text(json.dumps(export_of(images)))
    arguments = ("export", path, "--images", folder, "--config", CONFIG, "--json")
    home = tmp_path / "home"
    stopped = start(home, *arguments, held=True)
    deadline = time.monotonic() + PATIENCE_S
    while states(home).get("done", 0) < 3:
        assert stopped.poll() is None, stopped.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.05)

    second = start(home, *arguments)
    _, err = finish(second, 2)
    assert "another `firstpass evaluate`" in " ".join(err.split())
    stopped.send_signal(signum)
    out, err = finish(stopped, status)
    assert out == ""
    if signum == signal.SIGINT:
        assert "same command goes on" in err
    before = states(home)
    assert before["done"] + before["waiting"] == MANY

    out, err = finish(start(home, *arguments), 0)

    assert f"{before['done']} of {MANY} images" in err
    whole = measured(tmp_path / "fresh", *arguments[:-1])
    resumed = json.loads(out)
    for part in ("all_labels", "labels", "tags", "worst"):
        assert resumed[part] == whole[part]
