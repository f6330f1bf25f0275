"""`firstpass explore` with the real Label Studio, workers and Redis, as the page says it; and all of it taken back."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest

from backend.demo.client import LabelStudioClient
from backend.demo.environment import Running
from backend.label_studio.api import LabelStudioApi
from backend.plain import Json
from models.tiny.scenes import SHAPES, Scene, generate_scene
from tests import forks
from tests.e2e.killing import PATIENCE_S
from tests.e2e.test_page_commands import at_a_shell, run
from tests.page_commands import EXPLORED, commands_run_by

pytestmark = pytest.mark.redis

FIRST_SEED = 8_500_000_000
SCENES = 14
CONFIG = (
    '<View><Image name="image" value="$image"/><RectangleLabels name="box" toName="image">'
    + "".join(f'<Label value="{shape}"/>' for shape in SHAPES)
    + "</RectangleLabels></View>"
)


def picture(scene: Scene, form: str) -> bytes:
    file = io.BytesIO()
    scene.image.save(file, format=form)
    return file.getvalue()


def submitted(label: str) -> dict[str, object]:
    value = {
        "x": 10, "y": 10, "width": 30, "height": 30, "rotation": 0, "rectanglelabels": [label]
    }  # fmt: skip
    region = {
        "id": "r1", "from_name": "box", "to_name": "image", "type": "rectanglelabels",
        "origin": "manual", "original_width": 300, "original_height": 200, "image_rotation": 0,
        "value": value,
    }  # fmt: skip
    return {"result": [region], "lead_time": 9.0}


def test_a_project_is_explored_and_tidied(
    both: Running, client: LabelStudioClient, fork_server: str, tmp_path: Path
) -> None:
    """Copies that people labelled differently come first and have a tab; tidy leaves all as it was before."""
    env = at_a_shell(both, fork_server, tmp_path)
    project = client.create_project("Exploring", CONFIG)
    scenes = [generate_scene(FIRST_SEED + number, max_objects=4) for number in range(SCENES)]
    files = {f"{n:02}.png": picture(scene, "PNG") for n, scene in enumerate(scenes)}
    files["copy-a.jpg"] = picture(scenes[2], "JPEG")
    files["copy-b.jpg"] = picture(scenes[5], "JPEG")
    tasks = client.upload(project, files)
    for task, label in ((tasks[5], "star"), (tasks[15], "ring")):
        client.post(f"/api/tasks/{task}/annotations/", submitted(label))

    def state() -> dict[str, object]:
        return {
            "views": client.get(f"/api/dm/views/?project={project}"),
            "tasks": client.tasks(project),
            "predictions": client.predictions(project),
            "annotations": [_stored(one) for task in tasks for one in client.annotations(task)],
        }

    before = state()
    forks.run("index", "--project", project, env=env, timeout_s=PATIENCE_S).check_returncode()
    look, page, tab = (
        re.sub(r"project 3\b", f"project {project}", one) for one in commands_run_by(EXPLORED)
    )
    printed = " ".join(run(look, tmp_path, env).split())
    assert "in 2 groups; 1 labelled differently, 0 in several splits" in printed
    assert state() == before, "without --tab nothing is written"

    run(page, tmp_path, env)
    told = (tmp_path / "explored.html").read_text()
    assert "<script" not in told
    assert "labelled differently: ring / star" in told
    assert f"/projects/{project}/data?task={tasks[5]}" in told

    done = forks.run("explore", "--project", project, "--json", env=env, timeout_s=PATIENCE_S)
    done.check_returncode()
    found = json.loads(done.stdout)
    task_of = {int(row): name["task"] for row, name in found["rows"].items()}
    groups = [sorted(task_of[row] for row in one["rows"]) for one in found["copies"]["groups"]]
    assert groups == [sorted([tasks[5], tasks[15]]), sorted([tasks[2], tasks[14]])]
    assert [one["conflict"] for one in found["copies"]["groups"]] == [True, False]
    assert any(one["words"] for one in found["clusters"]["clusters"]), "the workers were asked"

    assert "Firstpass: copies" in " ".join(run(tab, tmp_path, env).split())
    with LabelStudioApi.from_settings(both.settings) as api:
        view = next(one for one in api.views(project) if one.data.title == "Firstpass: copies")
        listed = {task.id for some in api.pages(project, view=view.id) for task in some}
    assert listed == {tasks[number] for number in (2, 5, 14, 15)}
    forks.run(
        "tidy", "--project", project, "--yes", env=env, timeout_s=PATIENCE_S
    ).check_returncode()
    assert state() == before


def _stored(annotation: Json) -> Json:
    """All of it but how long ago it was made."""
    return {name: value for name, value in annotation.items() if name != "created_ago"}


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as opened:
        yield opened


@pytest.mark.redis
def test_the_pages_show_what_was_kept(
    both: Running,
    client: LabelStudioClient,
    fork_server: str,
    tmp_path: Path,
    stack: ExitStack,
) -> None:
    """Of the home that the web process and its worker have; a worker answers a search, and a tab is made."""
    env = at_a_shell(both, fork_server, tmp_path) | {"FIRSTPASS_HOME": str(both.settings.home)}
    project = client.create_project("Pages", CONFIG)
    scenes = [generate_scene(FIRST_SEED + 500 + n, max_objects=4) for n in range(12)]
    tasks = client.upload(
        project,
        {f"page-{n:02}.png": picture(scene, "PNG") for n, scene in enumerate(scenes)},
    )
    web = stack.enter_context(
        httpx.Client(base_url=both.backend.url, auth=both.backend.auth, timeout=PATIENCE_S)
    )
    assert web.get(f"/explore/{project}").status_code == 404
    forks.run("index", "--project", project, env=env, timeout_s=PATIENCE_S).check_returncode()
    asked = ("explore", "--project", project, "--only", "clusters,map,boxes")
    forks.run(*asked, env=env, timeout_s=PATIENCE_S).check_returncode()

    page = web.get(f"/explore/{project}").text
    points = web.get(f"/explore/{project}/map").content
    found = web.get(f"/explore/{project}", params={"q": "red star"}).text
    labels = web.get(f"/crops/{project}").text

    assert "<strong>12</strong>" in page
    assert 'id="map"' in page
    assert len(points) == 12 * 14
    assert "Found for" in found
    assert " ahead of " in found
    assert f"/projects/{project}/data?task=" in found
    label = next(iter(scenes[0].objects)).shape
    assert f">{label}<" in labels
    crops = web.get(f"/crops/{project}/{label}").text
    assert "the oddest first" in crops
    row = crops.partition("/thumbnail/")[2].partition('"')[0]
    assert web.get(f"/explore/{project}/thumbnail/{row}").content.startswith(b"\xff\xd8")
    made = web.post(f"/explore/{project}/tab", json={"tasks": tasks[:3]})
    assert made.status_code == 200, made.text
    with LabelStudioApi.from_settings(both.settings) as api:
        view = next(one for one in api.views(project) if one.data.title == "Firstpass: chosen")
        listed = {task.id for some in api.pages(project, view=view.id) for task in some}
    assert made.json()["url"].endswith(f"/projects/{project}/data?tab={view.id}")
    assert listed == set(tasks[:3])
