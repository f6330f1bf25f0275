"""`firstpass evaluate project`, as a person runs it, with the real Label Studio."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import httpx
import pytest

from backend.demo.client import LabelStudioClient
from backend.demo.environment import Running
from backend.demo.images import DemoImage, demo_images
from backend.label_studio.api import LabelStudioApi
from backend.label_studio.credential import LabelStudioCredential
from backend.plain import Json
from backend.processes.stack import settings_environment
from tests import forks
from tests.e2e.killing import PATIENCE_S


class Evaluate:
    """Runs the command with what the settings say of Label Studio, and without any Redis."""

    def __init__(self, both: Running, home: Path) -> None:
        environment = settings_environment(both.settings)
        environment.pop("FIRSTPASS_REDIS_URL", None)
        self._environment = environment | {
            "FIRSTPASS_HOME": str(home),
            "PATH": "/usr/local/bin:/usr/bin:/bin",
        }

    def __call__(self, *arguments: object, expect: int = 0) -> str:
        done = forks.run(
            *("evaluate", *arguments),
            env=self._environment,
            timeout_s=PATIENCE_S,
            models=True,
        )
        assert done.returncode == expect, done.stdout + done.stderr
        assert "Traceback" not in done.stdout + done.stderr
        return done.stdout if expect == 0 else done.stderr


@pytest.fixture
def evaluate(both: Running, tmp_path: Path) -> Evaluate:
    return Evaluate(both, tmp_path / "home")


def drawn(image: DemoImage) -> list[Json]:
    """What the editor submits when a person draws what is there, and chooses the ground."""
    size = image.truth.size
    boxes = [
        {
            "id": f"r{number}", "from_name": "box", "to_name": "image", "type": "rectanglelabels",
            "original_width": size.width, "original_height": size.height, "image_rotation": 0,
            "origin": "manual",
            "value": {
                "x": 100 * one.box.x_min / size.width,
                "y": 100 * one.box.y_min / size.height,
                "width": 100 * (one.box.x_max - one.box.x_min) / size.width,
                "height": 100 * (one.box.y_max - one.box.y_min) / size.height,
                "rotation": 0,
                "rectanglelabels": [one.label],
            },
        }
        for number, one in enumerate(image.truth.boxes)
    ]  # fmt: skip
    ground = {
        "id": "g", "from_name": "scene", "to_name": "image", "type": "choices", "origin": "manual",
        "value": {"choices": [image.truth.tag]},
    }  # fmt: skip
    return [*boxes, ground]


def labelled_project(
    both: Running, client: LabelStudioClient, config: str, images: Sequence[DemoImage]
) -> int:
    """Uploads; annotated but for the last two, of which one was skipped and one not opened at all."""
    project = client.create_project("Evaluated", config)
    tasks = client.upload(project, {image.name: image.png for image in images})
    for task, image in zip(tasks[:-2], images[:-2], strict=True):
        annotate(client, task, {"result": drawn(image), "lead_time": 5})
    # A second opinion on the first one, which the one marked as ground truth outweighs.
    annotate(client, tasks[0], {"result": [], "lead_time": 5})
    first = client.annotations(tasks[0])
    kept = next(one for one in first if one["result"])
    put(both, f"/api/annotations/{kept['id']}/", {"ground_truth": True})
    annotate(client, tasks[-2], {"result": [], "was_cancelled": True})
    return project


def annotate(client: LabelStudioClient, task: int, body: Json) -> None:
    client.post(f"/api/tasks/{task}/annotations/", body)


def put(both: Running, path: str, body: Json) -> None:
    credential = LabelStudioCredential.from_settings(both.settings)
    assert credential is not None
    url = both.label_studio.url + path
    httpx.patch(url, json=body, headers=credential.headers(), timeout=60).raise_for_status()


def test_a_project_is_measured_by_its_annotations_and_gets_its_best_thresholds(
    both: Running, client: LabelStudioClient, demo_config: str, evaluate: Evaluate, tmp_path: Path
) -> None:
    """Uploads come with the token; predictions are no truth; the label config keeps all else."""
    images = demo_images(14)
    # So high that shapes are lost, and a lower threshold is better.
    config = demo_config.replace('<Label value="', '<Label model_score_threshold="0.99" value="')
    project = labelled_project(both, client, config, images)

    report = json.loads(evaluate("project", project, "--json", "--report", tmp_path / "r.html"))

    assert (report["images"], report["failed"]) == (12, 0)
    truths = sum(len(image.truth.boxes) for image in images[:12])
    assert report["all_labels"]["truths"] == truths
    assert report["all_labels"]["best_f1"] > 0.9
    assert report["all_labels"]["f1"] < report["all_labels"]["best_f1"]
    (tag,) = report["tags"]
    assert (tag["control"], tag["images"]) == ("scene", 12)
    assert tag["accuracy"] > 0.8
    notes = " ".join(report["notes"])
    assert "people skipped (1)" in notes
    assert "annotated: 12 of 14 tasks" in notes
    assert "ground truth counts, else the newest (1 task)" in notes
    assert "data:image/jpeg" in (tmp_path / "r.html").read_text()

    said = " ".join(evaluate("project", project, "--write-thresholds").split())

    with LabelStudioApi.from_settings(both.settings) as api:
        after = api.project(project).label_config
    better = [change for change in report["thresholds"] if not change["kept_because"]]
    assert better
    for change in better:
        assert f'model_score_threshold="{change["best"]:g}" value="{change["label"]}"' in after
    again = json.loads(evaluate("project", project, "--json"))
    assert f"{report['model_version']} -> {again['model_version']}" in said
    assert again["model_version"] != report["model_version"]
    assert again["all_labels"]["f1"] > report["all_labels"]["f1"]


def test_a_project_that_nobody_has_labelled_is_one_sentence(
    client: LabelStudioClient, demo_config: str, evaluate: Evaluate
) -> None:
    project = client.create_project("Unlabelled", demo_config)
    said = " ".join(evaluate("project", project, expect=2).split())
    assert "has no tasks" in said

    client.upload(project, {image.name: image.png for image in demo_images(2)})
    said = " ".join(evaluate("project", project, expect=2).split())
    assert "has 2 tasks, none of them with an annotation (predictions do not count" in said
    assert said.count("firstpass:") == 1
