"""`firstpass review` with the real Label Studio, as the page says it."""

from __future__ import annotations

import base64
import io
import json
from collections import Counter
from pathlib import Path

import httpx
import pytest
from PIL import Image

from backend.demo.client import LabelStudioClient
from backend.demo.environment import Running
from backend.label_studio.api import LabelStudioApi
from backend.plain import Json
from tests import forks
from tests.e2e.killing import PATIENCE_S
from tests.e2e.test_page_commands import at_a_shell, run
from tests.page_commands import REVIEWED, commands_run_by
from tests.real_reviews import SECONDS, SECONDS_WITHOUT, reviewed_project
from tests.reviewer import ANOTHER, OURS, expected_of

ANNOTATIONS = 42


def images(count: int) -> list[Json]:
    """Data that holds the image itself."""
    file = io.BytesIO()
    Image.new("RGB", (100, 100), "grey").save(file, format="PNG")
    address = f"data:image/png;base64,{base64.b64encode(file.getvalue()).decode()}"
    return [{"image": address} for _ in range(count)]


def annotations_of(client: LabelStudioClient, project: int) -> list[Json]:
    exported = client.get(f"/api/projects/{project}/export?exportType=JSON&download_all_tasks=true")
    return [one for task in exported for one in task["annotations"]]


def boxes_in(report: Json) -> Counter[tuple[str, str]]:
    found: Counter[tuple[str, str]] = Counter()
    for one in report["labels"]:
        for fate in ("kept", "moved", "relabelled", "replaced", "deleted"):
            found[one["label"], fate] += one[fate]["count"]
        found[one["label"], "added"] += one["added"]
    return +found


def review(env: dict[str, str], *arguments: object, expect: int = 0) -> str:
    done = forks.run("review", *arguments, env=env, timeout_s=PATIENCE_S)
    assert done.returncode == expect, done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    return done.stdout if expect == 0 else done.stderr


@pytest.mark.redis
def test_a_reviewed_project_is_told_exactly(
    both: Running, client: LabelStudioClient, fork_server: str, tmp_path: Path
) -> None:
    """Also on the page of the web process, and after `prune`; no annotation is written."""
    done = reviewed_project(client, "Reviewed", ANNOTATIONS, images(ANNOTATIONS))
    wanted = expected_of(done.kinds)
    env = at_a_shell(both, fork_server, tmp_path)
    before = annotations_of(client, done.number)

    (command,) = commands_run_by(REVIEWED)
    printed = run(command.replace("project 3", f"project {done.number}"), tmp_path, env)
    report = json.loads(review(env, "--project", "Reviewed", "--json", "--by-annotator"))

    assert boxes_in(report) == wanted.boxes
    assert (report["reviewed"], report["skipped"]) == (wanted.reviewed, wanted.skipped)
    assert (report["unseen"], report["untold"]) == (wanted.unseen, 0)
    assert report["nothing"] == wanted.nothing
    assert report["edits_per_image"] == pytest.approx(wanted.edits / wanted.reviewed, abs=1e-3)
    assert (report["median_s"], report["median_s_without"]) == (SECONDS, SECONDS_WITHOUT)
    assert len(report["by_annotator"]) == 2
    # No worker was asked about these images.
    assert report["total"]["hidden"]["unknown"] == wanted.boxes["car", "added"]
    assert f"Reviewed: project {done.number}" in printed
    page = (tmp_path / "review.html").read_text()
    assert page.count("data:image/jpeg") == min(10, len(report["worst"]))
    served = httpx.get(f"{both.backend.url}/review/{done.number}", auth=both.backend.auth)
    assert served.status_code == 200
    assert f"Reviewed: project {done.number}" in served.text
    assert served.text.count("data:image/jpeg") == page.count("data:image/jpeg")

    with LabelStudioApi.from_settings(both.settings) as api:
        api.create_prediction({"task": done.tasks[0], "result": [], "model_version": ANOTHER})
        api.update_project(done.number, model_version=ANOTHER)
    chosen = ("--version", OURS, "--with-parents", "--anyway", "--yes")
    forks.run(
        "prune", "--project", done.number, *chosen, env=env, timeout_s=PATIENCE_S
    ).check_returncode()
    pruned = json.loads(review(env, "--project", done.number, "--json"))

    assert boxes_in(pruned) == wanted.boxes
    assert (pruned["unseen"], pruned["untold"]) == (wanted.unseen, wanted.unseen)
    parents = {one["id"]: {**one, "parent_prediction": None} for one in before}
    after = {
        one["id"]: {**one, "parent_prediction": None} for one in annotations_of(client, done.number)
    }
    assert after == parents


@pytest.mark.redis
def test_a_project_without_reviews_is_one_sentence(
    both: Running, client: LabelStudioClient, fork_server: str, tmp_path: Path
) -> None:
    """No task, then annotations by people who had no prediction."""
    env = at_a_shell(both, fork_server, tmp_path)
    project = client.create_project("Unreviewed", '<View><Image name="i" value="$image"/></View>')
    said = review(env, "--project", project, expect=2)
    assert "there is no annotation; review some predictions in Label Studio" in " ".join(
        said.split()
    )

    (task,) = client.import_tasks(project, images(1))
    client.post(f"/api/tasks/{task}/annotations/", {"result": [], "lead_time": 4})
    said = " ".join(review(env, "--project", project, expect=2).split())
    assert "none of the 1 annotations shows what a person made of a prediction" in said
    assert "1 drawn where there was no prediction" in said
    assert (
        "Unauthorized" in httpx.get(f"{both.backend.url}/review/1").text
        or both.backend.auth is None
    )
    assert (
        httpx.get(f"{both.backend.url}/review/{project}", auth=both.backend.auth).status_code == 404
    )
