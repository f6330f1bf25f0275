"""`firstpass prune` with the real Label Studio."""

from __future__ import annotations

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
from tests.real_label_studio import NewProject

OLD, OTHER = "tiny-00000000aa", "yolo-v8"


def prune(both: Running, *arguments: str) -> str:
    """What it prints; its own errors come out as exceptions."""
    result = CliRunner().invoke(
        app, ["prune", *arguments], env=settings_environment(both.settings), catch_exceptions=False
    )
    assert result.exit_code == 0, result.output
    return result.output


def test_old_versions_go_and_all_else_stays(
    both: Running, client: LabelStudioClient, new_project: NewProject, demo_config: str
):
    """The current version, other tools' rows, annotations, and the version that the project shows."""
    project = new_project(demo_config)
    task, other = client.upload(project, {image.name: image.png for image in demo_images(2)})
    with LabelStudioApi.from_settings(both.settings) as api:
        current = api.task(task).predictions[0].model_version
        rows: list[dict[str, Any]] = [
            {"task": one, "result": [], "score": None, "model_version": version}
            for one in (task, other)
            for version in (OLD, OTHER)
        ]
        api.import_predictions(project, rows)
        old = next(row for row in api.task(task).predictions if row.model_version == OLD)
        client.post(f"/api/tasks/{task}/annotations/", {"result": [], "parent_prediction": old.id})

        with pytest.raises(BadRequest, match="--yes"):
            prune(both, "--project", str(project))
        assert api.model_versions(project) == {current: 1, OLD: 2, OTHER: 2}

        printed = prune(both, "--project", str(project), "--yes")

        assert f"removed: 1 prediction of {OLD}" in printed
        assert "1 of them are kept: annotations name them as their origin" in printed
        assert "another tool's, kept" in printed
        assert api.model_versions(project) == {current: 1, OLD: 1, OTHER: 2}
        assert api.project(project).model_version == current
        (annotation,) = api.annotations(task)
        assert annotation.parent_prediction == old.id
        assert "Nothing to remove" in prune(both, "--project", str(project))

        prune(both, "--project", str(project), "--yes", "--with-parents")

        assert api.model_versions(project) == {current: 1, OTHER: 2}

        with pytest.raises(BadRequest, match="1 task would be left without any prediction"):
            prune(both, "--project", str(project), "--yes", "--version", OTHER)
        assert api.model_versions(project) == {current: 1, OTHER: 2}

        prune(both, "--project", str(project), "--yes", "--anyway", "--version", OTHER)

        assert api.model_versions(project) == {current: 1}
        assert api.project(project).model_version == current


def test_rows_without_a_version_go_when_named(
    both: Running, client: LabelStudioClient, new_project: NewProject, demo_config: str
):
    """Label Studio takes no empty name for a deletion, so they go one by one."""
    project = new_project(demo_config)
    (task,) = client.upload(project, {image.name: image.png for image in demo_images(1)})
    with LabelStudioApi.from_settings(both.settings) as api:
        current = api.task(task).predictions[0].model_version
        api.create_prediction({"task": task, "result": [], "model_version": ""})
        assert len(api.task(task).predictions) == 2

        printed = prune(both, "--project", str(project), "--yes", "--version", "")

        assert "removed: 1 prediction of (no version)" in printed
        assert [row.model_version for row in api.task(task).predictions] == [current]
