"""A bulk run goes the way that docs/develop.md says, with the real Label Studio and real workers."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from backend.demo.client import LabelStudioClient
from backend.demo.environment import Running
from backend.processes.stack import settings_environment
from tests.e2e.killing import PATIENCE_S
from tests.e2e.pictures import BOXES, import_pictures, rows_per_task
from tests.pages import REPOSITORY
from tests.walks import entered, walk


@pytest.mark.redis
def test_a_bulk_run_travels_as_the_page_says(
    both: Running, client: LabelStudioClient, tmp_path: Path
) -> None:
    """From the command to the report, in at most twelve files, in their order."""
    steps = walk("How a bulk run travels")
    project = client.create_project("Walk", BOXES)
    tasks = import_pictures(client, project, 3, first=900)
    environment = settings_environment(both.settings) | {
        "FIRSTPASS_HOME": str(tmp_path / "home"),
        "FIRSTPASS_REDIS_URL": (both.settings.home / "redis" / "url").read_text(),
        "PATH": "/usr/local/bin:/usr/bin:/bin",
    }

    done = subprocess.run(
        steps.command(tmp_path / "notes", "prelabel", "project", str(project)),
        cwd=REPOSITORY,
        env=environment,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert rows_per_task(client, project) == dict.fromkeys(tasks, 1)
    assert entered([tmp_path / "notes"]) == steps.steps
    assert len(steps.steps) <= 12
