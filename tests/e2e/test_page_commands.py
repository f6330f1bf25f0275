"""Commands of the pages as they stand there, on a project that people have labelled."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from backend.demo.client import LabelStudioClient
from backend.demo.environment import Running
from backend.demo.images import demo_images
from backend.processes.stack import settings_environment
from tests.e2e.killing import PATIENCE_S
from tests.e2e.test_evaluate import labelled_project
from tests.forked_commands import command_folder
from tests.page_commands import PROJECT, commands_run_by


def run(command: str, folder: Path, environment: Mapping[str, str]) -> str:
    """What it says; it must end well, and asks nobody."""
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", command],
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    said = done.stdout + done.stderr
    assert done.returncode == 0, f"{command}\n{said}"
    assert "Traceback" not in said
    return said


def at_a_shell(both: Running, fork_server: str, folder: Path) -> dict[str, str]:
    """The environment of a person's shell beside this installation, with `firstpass` on its PATH and a home of its own."""
    return settings_environment(both.settings) | {
        "FIRSTPASS_HOME": str(folder / "home"),
        "FIRSTPASS_REDIS_URL": (both.settings.home / "redis" / "url").read_text(),
        "HOME": str(folder),
        "PATH": f"{command_folder(fork_server, folder / 'bin')}:{os.environ['PATH']}",  # noqa: TID251
    }


@pytest.mark.redis
def test_they_run_on_a_project(
    both: Running, client: LabelStudioClient, demo_config: str, fork_server: str, tmp_path: Path
) -> None:
    """On this project in place of project 3, and its uploads in place of a camera's pictures; connected first."""
    config = demo_config.replace('<Label value="heart"', '<Label value="Car"/><Label value="heart"')
    project = labelled_project(both, client, config, demo_images(8))
    environment = at_a_shell(both, fork_server, tmp_path)

    commands = sorted(commands_run_by(PROJECT), key=lambda one: "connect" not in one)
    said = {
        command: run(
            re.sub(r"(?<=project )3\b", str(project), command).replace("/camera-2/", "/upload/"),
            tmp_path,
            environment,
        )
        for command in commands
    }

    assert len(said) >= 10
    assert " -> tiny-" in said['firstpass phrases add --project 3 Car "red cars"']
    assert (tmp_path / "contact-sheet.png").exists()
    assert (tmp_path / "run.html").exists()
    assert (tmp_path / "how-good.html").exists()
