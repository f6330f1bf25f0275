"""`firstpass index` and `firstpass search` with the real Label Studio, workers and Redis, as the page says it."""

from __future__ import annotations

import io
import json
import re
from pathlib import Path

import pytest

from backend.demo.client import LabelStudioClient
from backend.demo.environment import Running
from backend.label_studio.api import LabelStudioApi
from models.tiny.scenes import SHAPES, Scene, generate_scene
from tests import forks
from tests.e2e.killing import PATIENCE_S
from tests.e2e.test_page_commands import at_a_shell, run
from tests.page_commands import SEARCHED, commands_run_by

pytestmark = pytest.mark.redis

FIRST_SEED = 8_400_000_000
SCENES = 10
CONFIG = (
    '<View><Image name="image" value="$image"/><RectangleLabels name="box" toName="image">'
    + "".join(f'<Label value="{shape}"/>' for shape in SHAPES)
    + "</RectangleLabels></View>"
)


def png(scene: Scene) -> bytes:
    file = io.BytesIO()
    scene.image.save(file, format="PNG")
    return file.getvalue()


def with_a_star(first_seed: int) -> Scene:
    seeds = range(first_seed, first_seed + 1000)
    made = (generate_scene(seed, max_objects=3) for seed in seeds)
    return next(one for one in made if any(thing.name == "red star" for thing in one.objects))


def submitted(scene: Scene) -> dict[str, object]:
    width, height = scene.image.size
    result = [
        {
            "id": f"r{number}", "from_name": "box", "to_name": "image", "type": "rectanglelabels",
            "origin": "manual", "original_width": width, "original_height": height, "image_rotation": 0,
            "value": {
                "x": 100 * thing.box.x_min / width,
                "y": 100 * thing.box.y_min / height,
                "width": 100 * (thing.box.x_max - thing.box.x_min) / width,
                "height": 100 * (thing.box.y_max - thing.box.y_min) / height,
                "rotation": 0, "rectanglelabels": [thing.shape],
            },
        }
        for number, thing in enumerate(scene.objects)
    ]  # fmt: skip
    return {"result": result, "lead_time": 9.0}


def told(env: dict[str, str], *arguments: object, expect: int = 0) -> str:
    done = forks.run(*arguments, env=env, timeout_s=PATIENCE_S)
    assert done.returncode == expect, done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    return done.stdout if expect == 0 else " ".join(done.stderr.split())


def test_a_project_is_indexed_and_searched(
    both: Running, client: LabelStudioClient, fork_server: str, tmp_path: Path
) -> None:
    """From nothing; an added task is the only one asked about, is found, and its tab opens; a deleted one is gone.

    Annotations, predictions and data stay as they were.
    """
    env = at_a_shell(both, fork_server, tmp_path)
    project = client.create_project("Searching", CONFIG)
    search = ("search", "--project", project)
    assert f"no index yet: run `firstpass index --project {project}`" in told(
        env, *search, "star", expect=2
    )
    told(env, "index", "--project", project, "--json")
    assert "the index has no image yet" in told(env, *search, "star", expect=2)

    scenes = [generate_scene(FIRST_SEED + number, max_objects=4) for number in range(SCENES)]
    tasks = client.upload(project, {f"{n:02}.png": png(scene) for n, scene in enumerate(scenes)})
    for task, scene in zip(tasks[:4], scenes, strict=False):
        client.post(f"/api/tasks/{task}/annotations/", submitted(scene))

    def command(text: str) -> str:
        text = re.sub(r"project 3\b", f"project {project}", text)
        return text.replace("--like 17", f"--like {tasks[0]}")

    index, words, tab, like = map(command, commands_run_by(SEARCHED))
    assert "were asked for by the label config as it is now" in " ".join(
        run(index, tmp_path, env).split()
    )
    data = {task["id"]: task["data"] for task in client.tasks(project)}
    predictions = client.predictions(project)
    annotations = [client.annotations(task) for task in tasks]
    first = json.loads(told(env, "index", "--project", project, "--json"))
    assert (first["counts"]["images"], first["did"]["indexed"]) == (SCENES, 0)
    assert "Found by 'red star at night'" in " ".join(run(words, tmp_path, env).split())
    assert "Firstpass: found, red-stars" in " ".join(run(tab, tmp_path, env).split())
    run(like, tmp_path, env)
    assert (tmp_path / "like-17.png").stat().st_size > 1000

    added = with_a_star(FIRST_SEED + 5000)
    (new,) = client.upload(project, {"new.png": png(added)})
    client.post(f"/api/tasks/{new}/annotations/", submitted(added))
    second = json.loads(told(env, "index", "--project", project, "--json"))
    assert (second["did"]["indexed"], second["did"]["unchanged"]) == (1, SCENES)
    assert second["did"]["regions_by_source"] == {"annotation": len(added.objects)}
    found = json.loads(told(env, *search, "red star", "--top", 3, "--tab", "red stars", "--json"))
    assert new in [one["task"] for one in found["found"][:2]]
    region = next(one["region"] for one in found["found"] if one["task"] == new)
    assert (region["label"], region["source"]) == ("star", "annotation")
    crops = json.loads(told(env, *search, "--like", f"{new}:{region['region']}", "--json"))
    assert all(one["over"] == "regions" and one["task"] != new for one in crops["found"][:1])

    with LabelStudioApi.from_settings(both.settings) as api:
        titles = {view.data.title: view for view in api.views(project)}
        view = titles["Firstpass: found, red stars"]
        listed = {task.id for page in api.pages(project, view=view.id) for task in page}
        assert listed == {one["task"] for one in found["found"]}

    _delete(client, project, tasks[0])
    third = json.loads(told(env, "index", "--project", project, "--json"))
    assert (third["did"]["removed"], third["did"]["indexed"]) == (1, 0)
    assert f"task {tasks[0]} is not in the index, or not any more" in told(
        env, *search, "--like", tasks[0], expect=2
    )

    now = {task["id"]: task["data"] for task in client.tasks(project)}
    assert {**data, **now} == {**now, tasks[0]: data[tasks[0]]}
    assert client.predictions(project) == predictions
    assert [client.annotations(task) for task in tasks[1:]] == annotations[1:]


def _delete(client: LabelStudioClient, project: int, task: int) -> None:
    client.post(
        f"/api/dm/actions?id=delete_tasks&project={project}",
        {"selectedItems": {"all": False, "included": [task]}},
    )
