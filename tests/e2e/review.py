"""A project with predictions of all kinds, and Firstpass's commands on it."""

from __future__ import annotations

from typer.testing import CliRunner

from backend.cli.main import app
from backend.demo.environment import Running
from backend.label_studio.api import LabelStudioApi
from backend.plain import Json
from backend.processes.stack import settings_environment
from backend.projects.our_tabs import OURS

__all__ = ["firstpass", "predicted"]

OLD = "tiny-aaaaaaaaaa"


def firstpass(both: Running, *arguments: str, code: int = 0, url: str | None = None) -> str:
    environment = settings_environment(both.settings)
    if url is not None:
        environment["FIRSTPASS_LABEL_STUDIO_URL"] = url
    result = CliRunner().invoke(app, arguments, env=environment, catch_exceptions=False)
    assert result.exit_code == code, result.output
    return result.output


def a_row(task: int, version: str, score: float | None) -> Json:
    """A row with a star, or with nothing where there is no score."""
    value = {"x": 5, "y": 5, "width": 20, "height": 20, "rotation": 0, "rectanglelabels": ["star"]}
    names = {"from_name": "box", "to_name": "image", "type": "rectanglelabels"}
    star = {"id": "star", **names, "score": score, "value": value}
    result = [] if score is None else [star]
    return {"task": task, "model_version": version, "score": score, "result": result}


def predicted(api: LabelStudioApi, project: int) -> dict[str, list[int]]:
    """The tasks of each tab, by its title, after rows of all kinds were stored."""
    version = api.project(project).model_version
    tasks = [task.id for page in api.pages(project) for task in page]
    sure, unsure, middling, nothing, old, failed = tasks
    rows = [
        a_row(sure, version, 0.9),
        a_row(sure, OLD, 0.1),
        a_row(unsure, version, 0.2),
        a_row(middling, version, 0.5),
        a_row(nothing, version, None),
        a_row(old, OLD, 0.3),
    ]
    assert api.import_predictions(project, rows) == len(rows)
    return dict(zip(OURS, ([unsure, middling, sure], [nothing], [failed], [old]), strict=True))
