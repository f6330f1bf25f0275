"""`firstpass tune` with the real Label Studio, as the page says it: predicted, reviewed, tuned, taken back."""

from __future__ import annotations

import json
from pathlib import Path

import httpx
import pytest

from backend.demo.client import LabelStudioClient
from backend.demo.environment import Running
from backend.demo.review_scenes import PLAIN, Truth, picture_of
from backend.demo.scene_reviewer import SceneReviewer
from backend.plain import Json
from models.tiny.scenes import generate_scene
from models.types import Box, ImageSize
from tests import forks
from tests.e2e.killing import PATIENCE_S, wait_until
from tests.e2e.test_page_commands import at_a_shell, run
from tests.e2e.test_review import annotations_of
from tests.page_commands import TUNED, commands_run_by
from tests.real_label_studio import NewProject

#: Twenty with seven things or more each.
SCENES = tuple(
    7_600_000_000 + number
    for number in (0, 1, 4, 5, 10, 12, 17, 18, 22, 28, 38, 42, 45, 46, 48, 49, 56, 60, 62, 63)
)
#: People want pointed things only where the models are this sure, and round ones all.
SURE = 0.95
NAMES = {
    "Round": ("circle", "ring", "square"),
    "Pointed": ("star", "triangle", "cross", "heart"),
}
CONFIG = (
    '<View>\n  <Image name="image" value="$image"/>\n  <RectangleLabels name="box" toName="image">\n'
    f'    <Label value="Round" predicted_values="circle,ring,square" model_score_threshold="{SURE}"/>\n'
    '    <Label value="Pointed" predicted_values="star,triangle,cross,heart"/>\n'
    "  </RectangleLabels>\n</View>"
)


def truth(seed: int, predicted: list[Json]) -> Truth:
    """What a person wants marked on a scene: of pointed things only those of which the prediction is sure."""
    scene = generate_scene(seed)
    size = ImageSize(*scene.image.size)
    across, down = 100 / size.width, 100 / size.height
    sure = [one["value"] for one in predicted if one["score"] >= SURE]
    boxes: list[tuple[str, Box]] = []
    for thing in scene.objects:
        label = next(name for name, shapes in NAMES.items() if thing.shape in shapes)
        box = thing.box
        there = Box(box.x_min * across, box.y_min * down, box.x_max * across, box.y_max * down)
        middle = (there.x_min + there.x_max) / 2, (there.y_min + there.y_max) / 2
        if label == "Round" or any(_holds(value, *middle) for value in sure):
            boxes.append((label, there))
    return Truth(size, tuple(boxes))


def _holds(value: Json, x: float, y: float) -> bool:
    return bool(
        value["x"] <= x <= value["x"] + value["width"]
        and value["y"] <= y <= value["y"] + value["height"]
    )


def rows_of(client: LabelStudioClient, project: int, version: str) -> dict[int, Json]:
    rows = client.predictions(project)
    return {row["task"]: row for row in rows if row["model_version"] == version}


def predicted(client: LabelStudioClient, project: int, version: str) -> dict[int, Json]:
    """All tasks' rows of a version, as many times as it takes to ask for them."""

    def all_there() -> bool:
        client.retrieve_predictions(project)
        return len(rows_of(client, project, version)) == len(SCENES)

    wait_until(all_there)
    return rows_of(client, project, version)


def review_all(client: LabelStudioClient, tasks: list[int], rows: dict[int, Json]) -> None:
    person = SceneReviewer(tuple(NAMES))
    for task, seed in zip(tasks, SCENES, strict=True):
        result = rows[task]["result"]
        made = person.submitted(seed, result, truth(seed, result))
        body = {"result": made, "lead_time": 8.0, "parent_prediction": rows[task]["id"]}
        client.post(f"/api/tasks/{task}/annotations/", body)


def shown(rows: dict[int, Json], label: str) -> list[float]:
    """The scores of a label's boxes."""
    return [
        one["score"]
        for row in rows.values()
        for one in row["result"]
        if one["value"]["rectanglelabels"] == [label]
    ]


@pytest.mark.redis
def test_what_people_kept_and_drew_becomes_thresholds(
    both: Running, client: LabelStudioClient, fork_server: str, tmp_path: Path
) -> None:
    """One rises, one falls by what the workers' cache still knows; versions follow; annotations stay as they are."""
    env = at_a_shell(both, fork_server, tmp_path)
    project = client.create_project("Tuned", CONFIG)
    tasks = client.upload(project, {f"{seed}.png": picture_of(seed, PLAIN) for seed in SCENES})
    # This installation's webhooks carry no secret and are refused, so each change is followed by hand.
    connect = f"firstpass connect --project {project} --no-tabs"
    run(connect, tmp_path, env)
    version = client.project(project)["model_version"]
    rows = predicted(client, project, version)
    assert min(shown(rows, "Round")) >= SURE > min(shown(rows, "Pointed"))
    review_all(client, tasks, rows)
    annotated = annotations_of(client, project)
    looked, applied, undone = sorted(commands_run_by(TUNED))

    def door(command: str) -> str:
        return run(command.replace("project 3", f"project {project}"), tmp_path, env)

    said = door(looked)
    done = forks.run(
        "tune", "--project", project, "--json", "--report", tmp_path / "tune.html",
        env=env, timeout_s=PATIENCE_S,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)

    assert "Nothing was written" in said
    assert client.project(project)["label_config"] == CONFIG
    tuned = {one["label"]: one for one in report["labels"]}
    assert all(one["changes"] and one["known"] == one["images"] for one in tuned.values())
    assert tuned["Round"]["best"] < SURE < tuned["Pointed"]["best"] + 0.05
    assert tuned["Pointed"]["hidden"] > tuned["Pointed"]["hidden_right"] == 0
    assert tuned["Round"]["shown"] == tuned["Round"]["shown_right"] > 0
    phrases = {one["phrase"]: one["right"] for one in report["phrases"]}
    assert set(phrases) == {name for names in NAMES.values() for name in names}
    assert all(one["of"] for one in phrases.values())
    assert "To tune: project" in (tmp_path / "tune.html").read_text()
    assert "Found and not applied: " in page_of(both, project)

    assert "takes it back" in door(applied)
    page = page_of(both, project)
    assert 'id="tuned"' in page
    assert "Applied: " in page
    assert "not applied" not in page
    assert all(
        f"{one['threshold']:g}" in page and f"{one['best']:g}" in page for one in tuned.values()
    )
    tuned_version = report["facts"]["version_tuned"]
    config = client.project(project)["label_config"]
    for name, one in tuned.items():
        assert f'<Label value="{name}"' in config
        assert f'model_score_threshold="{one["best"]:g}"' in config
    run(connect, tmp_path, env)
    assert client.project(project)["model_version"] == tuned_version
    anew = predicted(client, project, tuned_version)
    assert min(raw_scores(anew, "Pointed")) >= tuned["Pointed"]["best"]
    assert len(shown(anew, "Round")) == len(shown(rows, "Round")) + tuned["Round"]["shown"]
    assert annotations_of(client, project) == annotated

    assert f"model_version: {tuned_version} -> {version}" in door(undone)
    assert "Found and not applied: " in page_of(both, project)
    assert client.project(project)["label_config"] == CONFIG
    run(connect, tmp_path, env)
    assert client.project(project)["model_version"] == version
    assert annotations_of(client, project) == annotated


def page_of(both: Running, project: int) -> str:
    """The project's page of the web process."""
    return httpx.get(f"{both.backend.url}/review/{project}", auth=both.backend.auth).text


def raw_scores(rows: dict[int, Json], label: str) -> list[float]:
    """Before calibration, where there is one."""
    return [
        one.get("meta", {}).get("raw_score", one["score"])
        for row in rows.values()
        for one in row["result"]
        if one["value"]["rectanglelabels"] == [label]
    ]


@pytest.mark.redis
def test_label_studio_keeps_the_raw_score_beside_the_calibrated_one(
    client: LabelStudioClient, new_project: NewProject
) -> None:
    """In the row, and in the copy of it that an annotation keeps."""
    calibrated = CONFIG.replace(
        '<Label value="Pointed"', '<Label model_calibration="1 -1" value="Pointed"'
    )
    project = new_project(calibrated)
    seed = next(n for n in SCENES if any(t.shape == "star" for t in generate_scene(n).objects))
    (task,) = client.upload(project, {"a.png": picture_of(seed, PLAIN)})
    (row,) = client.task(task)["predictions"]
    pointed = [one for one in row["result"] if one["value"]["rectanglelabels"] == ["Pointed"]]

    assert pointed
    assert all(0 < one["score"] < one["meta"]["raw_score"] <= 1 for one in pointed)
    body = {"result": row["result"], "lead_time": 8.0, "parent_prediction": row["id"]}
    client.post(f"/api/tasks/{task}/annotations/", body)
    (annotation,) = annotations_of(client, project)
    assert annotation["prediction"]["result"] == row["result"]
