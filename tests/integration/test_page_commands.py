"""Commands of the pages as they stand there, where they need no Label Studio."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import redis

from backend.delivery.owed import OwedTasks
from backend.label_studio.project_key import ProjectKey
from models.tiny.scenes import Scene, generate_scene
from tests.forked_commands import command_folder
from tests.page_commands import OFFLINE, REDIS, commands_run_by
from tests.pages import REPOSITORY

PATIENCE_S = 600.0
pytestmark = pytest.mark.timeout(900)
#: `status` looks at an installation without workers, and nothing has failed whose id begins so.
NEEDS_A_LOOK = ("firstpass status", "firstpass retry 3fa9c2d1")


Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def run(fork_server: str, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Runs by a shell, in a folder, with `firstpass` on the PATH and the tiny models set."""
    binaries = command_folder(fork_server, tmp_path_factory.mktemp("path") / "bin")

    def run(command: str, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["bash", "-euo", "pipefail", "-c", command],
            cwd=folder,
            env={
                "PATH": f"{binaries}:{os.environ['PATH']}",  # noqa: TID251
                "HOME": str(folder),
                "FIRSTPASS_MODEL": "tiny",
                "FIRSTPASS_CPU_THREADS": "1",
                **environment,
            },
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
            check=False,
        )

    return run


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with what the commands name: pictures, a COCO set, an export of Label Studio, a label config."""
    folder = tmp_path_factory.mktemp("desk")
    shutil.copytree(REPOSITORY / "label_config", folder / "label_config")
    shutil.copy(folder / "label_config" / "demo.xml", folder / "label_config.xml")
    scenes = [generate_scene(seed) for seed in range(3)]
    scenes[0].image.save(folder / "photo.jpg")
    for name in ("scans", "set"):
        (folder / name).mkdir()
        for number, scene in enumerate(scenes):
            scene.image.save(folder / name / f"{number}.png")
    (folder / "set" / "annotations.json").write_text(json.dumps(coco(scenes)))
    (folder / "export.json").write_text(json.dumps(export(scenes)))
    return folder


def coco(scenes: list[Scene]) -> dict[str, object]:
    """All objects as the one class `star`: whether they are is not what these tests ask."""
    images = [
        {"id": n, "file_name": f"{n}.png", "width": s.image.width, "height": s.image.height}
        for n, s in enumerate(scenes)
    ]
    boxes = [(n, item.box) for n, scene in enumerate(scenes) for item in scene.objects]
    annotations = [
        {
            "id": number, "image_id": image, "category_id": 1, "iscrowd": 0,
            "bbox": [box.x_min, box.y_min, box.x_max - box.x_min, box.y_max - box.y_min],
            "area": (box.x_max - box.x_min) * (box.y_max - box.y_min),
        }
        for number, (image, box) in enumerate(boxes)
    ]  # fmt: skip
    classes = [{"id": 1, "name": "star"}]
    return {"images": images, "annotations": annotations, "categories": classes}


def export(scenes: list[Scene]) -> list[dict[str, object]]:
    """As Label Studio exports tasks in its own format."""
    tasks: list[dict[str, object]] = []
    for number, scene in enumerate(scenes):
        width, height = scene.image.size
        result = [
            {
                "id": f"r{place}", "from_name": "box", "to_name": "image", "type": "rectanglelabels",
                "original_width": width, "original_height": height, "image_rotation": 0,
                "value": {
                    "x": 100 * item.box.x_min / width,
                    "y": 100 * item.box.y_min / height,
                    "width": 100 * (item.box.x_max - item.box.x_min) / width,
                    "height": 100 * (item.box.y_max - item.box.y_min) / height,
                    "rotation": 0,
                    "rectanglelabels": [item.shape],
                },
            }
            for place, item in enumerate(scene.objects)
        ]  # fmt: skip
        annotation = {"id": number, "result": result}
        data = {"image": f"/data/upload/1/{number}.png"}
        tasks.append({"id": number, "data": data, "annotations": [annotation]})
    return tasks


@pytest.mark.parametrize("command", commands_run_by(OFFLINE))
def test_it_runs_without_a_server(run: Run, command: str, desk: Path) -> None:
    """With the tiny models, in a folder that holds what it names."""
    done = run(command, desk, FIRSTPASS_HOME=str(desk / "home"))

    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.strip()
    for option in ("--out", "--report"):
        words = command.split()
        if option in words:
            assert (desk / words[words.index(option) + 1]).exists()


@pytest.mark.redis
@pytest.mark.parametrize("command", commands_run_by(REDIS))
def test_it_runs_beside_a_redis(
    run: Run, command: str, redis_connection: redis.Redis, redis_url: str, tmp_path: Path
) -> None:
    """This Redis in place of the one that it names; tasks of project 4 are owed."""
    OwedTasks(redis_connection).add(ProjectKey(4, 1), [12, 17], time.time())
    here = command.replace("redis://localhost:6379/0", redis_url)

    done = run(here, tmp_path, FIRSTPASS_REDIS_URL=redis_url, FIRSTPASS_HOME=str(tmp_path))

    expected = 1 if command.startswith(NEEDS_A_LOOK) else 0
    assert done.returncode == expected, done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr
