"""`firstpass learn` with the real Label Studio, workers and Redis, as the page says it."""

from __future__ import annotations

import io
import json
from collections import Counter
from pathlib import Path

import httpx
import pytest

from backend.demo.client import LabelStudioClient
from backend.demo.environment import Running
from backend.plain import Json
from models.boxes import grown
from models.tiny.scenes import SHAPES, Scene, generate_scene
from models.types import Box
from tests import forks
from tests.e2e.killing import PATIENCE_S
from tests.e2e.test_page_commands import at_a_shell, run
from tests.page_commands import LEARNED, commands_run_by

pytestmark = pytest.mark.redis

FIRST_SEED = 7_700_000_000
SCENES = 24
#: People draw boxes wider by so much, and call every star a kelvin.
LOOSER = 0.25
LABELS = (*SHAPES, "kelvin")
CONFIG = (
    '<View><Image name="image" value="$image"/><RectangleLabels name="box" toName="image">'
    + "".join(f'<Label value="{label}"/>' for label in LABELS)
    + "</RectangleLabels></View>"
)


def learn(env: dict[str, str], *arguments: object, expect: int = 0) -> str:
    done = forks.run("learn", *arguments, env=env, timeout_s=PATIENCE_S)
    assert done.returncode == expect, done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    return done.stdout if expect == 0 else " ".join(done.stderr.split())


def png(scene: Scene) -> bytes:
    file = io.BytesIO()
    scene.image.save(file, format="PNG")
    return file.getvalue()


def submitted(scene: Scene) -> list[Json]:
    """What a person draws: every thing, wider than it is."""
    width, height = scene.image.size
    found = []
    for number, thing in enumerate(scene.objects):
        box = grown(thing.box, LOOSER)
        left, top = max(0.0, box.x_min), max(0.0, box.y_min)
        right, bottom = min(float(width), box.x_max), min(float(height), box.y_max)
        label = "kelvin" if thing.shape == "star" else thing.shape
        value = {
            "x": 100 * left / width, "y": 100 * top / height, "width": 100 * (right - left) / width,
            "height": 100 * (bottom - top) / height, "rotation": 0, "rectanglelabels": [label],
        }  # fmt: skip
        found.append(
            {
                "id": f"r{number}", "from_name": "box", "to_name": "image", "type": "rectanglelabels",
                "origin": "manual", "original_width": width, "original_height": height,
                "image_rotation": 0, "value": value,
            }
        )  # fmt: skip
    return found


def boxes_of(row: Json) -> list[tuple[str, Box]]:
    return [
        (
            one["value"]["rectanglelabels"][0],
            Box(
                one["value"]["x"],
                one["value"]["y"],
                one["value"]["x"] + one["value"]["width"],
                one["value"]["y"] + one["value"]["height"],
            ),
        )
        for one in row["result"]
    ]


@pytest.mark.redis
def test_a_project_learns_and_forgets(
    both: Running, client: LabelStudioClient, fork_server: str, tmp_path: Path
) -> None:
    """Without --apply nothing is written; then new predictions have the learned labels, wider boxes and a new
    version; and without it the old version is back."""
    env = at_a_shell(both, fork_server, tmp_path)
    project = client.create_project("Learning", CONFIG)
    said = learn(env, "--project", project, expect=2)
    assert "there is no annotation to learn from" in said

    scenes = [generate_scene(FIRST_SEED + n, max_objects=6) for n in range(SCENES)]
    tasks = client.upload(
        project, {f"scene-{number:02}.png": png(scene) for number, scene in enumerate(scenes)}
    )
    prelabel = ("prelabel", "project", str(project), "--all")
    forks.run(*prelabel, env=env, timeout_s=PATIENCE_S).check_returncode()
    before = {row["task"]: row for row in client.predictions(project)}
    assert len(before) == SCENES
    (old,) = {row["model_version"] for row in before.values()}
    for task, scene in zip(tasks, scenes, strict=True):
        body = {
            "result": submitted(scene),
            "lead_time": 9.0,
            "parent_prediction": before[task]["id"],
        }
        client.post(f"/api/tasks/{task}/annotations/", body)
    annotations = client.get(
        f"/api/projects/{project}/export?exportType=JSON&download_all_tasks=true"
    )

    commands = [one.replace("project 3", f"project {project}") for one in commands_run_by(LEARNED)]
    look, apply, forget = commands
    printed = run(look, tmp_path, env)
    assert "Nothing was written" in " ".join(printed.split())
    assert client.project(project)["label_config"] == CONFIG
    assert not list((tmp_path / "home").glob("heads/*"))
    told = json.loads(learn(env, "--project", project, "--json"))
    on = {(one["label"], one["part"]) for one in told["verdicts"] if one["is_on"]}
    assert ("star", "label") in on
    assert ("circle", "box") in on
    assert (told["before"], told["applied"]) == (old, False)
    assert told["after"] != old

    address = f"{both.backend.url}/review/{project}"
    assert "Found and not applied: " in httpx.get(address, auth=both.backend.auth).text
    assert told["after"] in run(apply, tmp_path, env)
    page = httpx.get(address, auth=both.backend.auth).text
    assert 'id="learned"' in page
    assert "Applied: " in page
    assert "how it is drawn" in page
    named = client.project(project)["label_config"]
    assert f'model_head="{told["head"]}"' in named
    assert named.replace(f' model_head="{told["head"]}"', "") == CONFIG
    forks.run(*prelabel, env=env, timeout_s=PATIENCE_S).check_returncode()
    after = {
        row["task"]: row
        for row in client.predictions(project)
        if row["model_version"] == told["after"]
    }
    assert after.keys() == before.keys()
    labels, stars = (
        Counter(label for row in rows.values() for label, _ in boxes_of(row))
        for rows in (after, before)
    )
    # A star of few pixels shows nothing by itself, and is called what it was.
    assert labels["kelvin"] >= 0.7 * stars["star"] > 0
    assert labels["kelvin"] + labels["star"] == stars["star"] + stars["kelvin"]
    areas = [
        sum(box.area for row in rows.values() for label, box in boxes_of(row) if label == "circle")
        for rows in (before, after)
    ]
    assert areas[1] > 1.3 * areas[0]

    assert old in run(forget, tmp_path, env)
    assert client.project(project)["label_config"] == CONFIG
    assert not list((tmp_path / "home").glob("heads/*"))
    assert json.loads(learn(env, "--project", project, "--json"))["before"] == old
    assert "nothing to forget" in run(forget, tmp_path, env)
    left = client.get(f"/api/projects/{project}/export?exportType=JSON&download_all_tasks=true")
    assert [one["annotations"] for one in left] == [one["annotations"] for one in annotations]
