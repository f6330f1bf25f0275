"""`firstpass tidy` with the real Label Studio: all is as it was, and nobody else's is touched."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from typer.testing import CliRunner

from backend.cli.main import app
from backend.demo.client import LabelStudioClient
from backend.demo.environment import Running
from backend.demo.images import demo_images
from backend.errors import BadRequest
from backend.label_studio.api import LabelStudioApi
from backend.processes.stack import settings_environment
from backend.projects.our_tabs import OURS
from tests.e2e.forbidding import forbidding
from tests.e2e.killing import PATIENCE_S, wait_until_idle

OLD, OTHER = "tiny-00000000aa", "detector-1795207708"


@pytest.fixture
def api(both: Running) -> Iterator[LabelStudioApi]:
    with LabelStudioApi.from_settings(both.settings) as made:
        yield made


@pytest.fixture
def project(client: LabelStudioClient, demo_config: str, request: pytest.FixtureRequest) -> int:
    """Three uploaded images with what others have made there: a tab, rows, an annotation."""
    made = client.create_project(request.node.name[:50], demo_config)
    tasks = client.upload(made, {image.name: image.png for image in demo_images(3)})
    client.post("/api/dm/views/", {"project": made, "data": {"title": "Firstpass: <mine>\u202e"}})
    for task in tasks[:2]:
        row = {"task": task, "result": [], "model_version": OTHER, "score": 0.5}
        client.post("/api/predictions/", row)
    origin = client.predictions(made)[0]["id"]
    client.post(f"/api/tasks/{tasks[0]}/annotations/", {"result": [], "parent_prediction": origin})
    return made


def state(api: LabelStudioApi, client: LabelStudioClient, project: int) -> dict[str, Any]:
    """Tabs, rows, data and annotations, whole; and the settings that we change."""
    tasks = client.tasks(project)
    found = client.project(project)
    return {
        "views": api._connection.get("/api/dm/views/", object, {"project": project}),
        "predictions": client.predictions(project),
        "data": [(task["id"], task["data"]) for task in tasks],
        "annotations": [client.annotations(task["id"]) for task in tasks],
        "settings": (found["model_version"], found["sampling"], found["label_config"]),
        "backends": api.backends(project),
        "webhooks": api.webhooks(project),
    }


def firstpass(both: Running, *arguments: str, url: str | None = None) -> str:
    """What it prints; its own errors come out as exceptions."""
    environment = settings_environment(both.settings)
    environment["FIRSTPASS_REDIS_URL"] = (both.settings.home / "redis" / "url").read_text()
    if url is not None:
        environment["FIRSTPASS_LABEL_STUDIO_URL"] = url
    result = CliRunner().invoke(app, arguments, env=environment, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


def at_a_terminal(both: Running, answer: str, *arguments: str) -> tuple[int, str]:
    """The exit code and what is said to a person who answers so."""
    ours, theirs = pty.openpty()
    os.write(ours, f"{answer}\n".encode())
    environment = settings_environment(both.settings) | {"PATH": os.environ["PATH"]}  # noqa: TID251
    try:
        done = subprocess.run(
            [sys.executable, "-m", "backend.cli.main", *arguments],
            env=environment, stdin=theirs, capture_output=True, text=True, timeout=PATIENCE_S, check=False,
        )  # fmt: skip
    finally:
        os.close(ours)
        os.close(theirs)
    return done.returncode, done.stdout + done.stderr


def no_annotations(method: str, path: str) -> bool:
    """What would write one, or have Label Studio make some."""
    makes = "predictions_to_annotations" in path
    return method != "GET" and (makes or "annotations" in path or "drafts" in path)


def test_after_it_all_is_as_before(
    both: Running, client: LabelStudioClient, api: LabelStudioApi, project: int
) -> None:
    """Byte for byte; and of all commands on the way none writes an annotation."""
    before = state(api, client, project)
    named = ("--project", str(project))
    with forbidding(both.label_studio.url, no_annotations) as (url, refused):
        firstpass(both, "connect", *named, "--review-order", url=url)
        tasks = [task for task, _ in before["data"]]
        rows = [{"task": task, "result": [], "score": None, "model_version": OLD} for task in tasks]
        api.import_predictions(project, rows)
        client.retrieve_predictions(project)
        wait_until_idle(both, project)
        firstpass(both, "tabs", *named, url=url)
        firstpass(both, "doctor", *named, "--remove-broken-tabs", url=url)
        used = state(api, client, project)
        assert len(used["views"]) == 5
        assert used["settings"][1] == "Uncertainty sampling"
        assert len(used["predictions"]) == 8

        with pytest.raises(BadRequest, match="there is no terminal to ask at; nothing was removed"):
            firstpass(both, "tidy", *named, url=url)
        code, said = at_a_terminal(both, "n", "tidy", *named)
        assert (code, "Take all of this back? [y/N]" in said) == (2, True), said
        assert "nothing was removed, since the answer was not yes" in said
        assert state(api, client, project) == used

        said = firstpass(both, "tidy", *named, "--yes", url=url)

        assert refused == []
    assert state(api, client, project) == before
    assert f"Left: 2 predictions of {OTHER}, which are not known to be ours" in said
    assert "Label All Tasks goes by Sequential sampling again" in said
    for title in OURS:
        assert f"removed: tab {title}" in said
    assert "Nothing of Firstpass is in the project." in firstpass(both, "tidy", *named, "--yes")


def test_default_that_we_made_goes_too(
    both: Running, client: LabelStudioClient, api: LabelStudioApi, demo_config: str
) -> None:
    """The project has no tab then, as before. A person says yes at a terminal."""
    project = client.create_project("Without tabs", demo_config)
    client.upload(project, {image.name: image.png for image in demo_images(1)})
    client.connect(project, both.backend)
    firstpass(both, "tabs", "--project", str(project))
    assert [view.data.title for view in api.views(project)] == ["Default", *OURS]

    code, said = at_a_terminal(both, "y", "tidy", "--project", str(project))

    assert code == 0, said
    assert api.views(project) == []
    assert api.backends(project) == []


def test_the_origin_of_an_annotation_stays_unless_told_to_go(
    both: Running, client: LabelStudioClient, api: LabelStudioApi, project: int
) -> None:
    """What a person accepted can be read from it."""
    task = client.tasks(project)[2]["id"]
    api.create_prediction({"task": task, "result": [], "model_version": OLD})
    origin = next(row for row in client.predictions(project) if row["model_version"] == OLD)
    body = {"result": [], "parent_prediction": origin["id"]}
    client.post(f"/api/tasks/{task}/annotations/", body)

    said = firstpass(both, "tidy", "--project", str(project), "--yes")

    assert "Left: 1 prediction that annotations name as their origin" in said
    assert client.annotations(task)[0]["parent_prediction"] == origin["id"]

    firstpass(both, "tidy", "--project", str(project), "--yes", "--with-parents")

    assert api.model_versions(project) == {OTHER: 2}
    assert len(client.annotations(task)) == 1
