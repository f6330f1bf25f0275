"""The README's first ten minutes, by the lines as they stand there: from nothing to a project full of predictions."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from backend.demo.client import LabelStudioClient
from backend.demo.environment import Running, repository
from backend.demo.images import demo_images
from backend.processes.children import free_port
from tests.e2e.killing import PATIENCE_S, wait_until
from tests.pages import blocks

SECTION = "The first ten minutes with your own Label Studio"


class Desk:
    """A folder of somebody's with the checkout's environment in it, and shells there in which nothing is set."""

    def __init__(self, folder: Path, both: Running, project: int) -> None:
        (folder / ".venv").symlink_to(repository() / ".venv")
        # What `make setup` does was done before any test could run.
        (folder / "bin").mkdir()
        (folder / "bin" / "make").write_text('#!/bin/sh\n[ "$*" = setup ]\n')
        (folder / "bin" / "make").chmod(0o755)
        token = both.settings.label_studio_api_key
        assert token is not None
        self.folder = folder
        self._values = {
            "http://localhost:8080": both.label_studio.url,
            "API_KEY=...": f"API_KEY={token.get_secret_value()}",
        }
        self._project = str(project)
        self._nothing = {
            "PATH": f"{folder / 'bin'}:/usr/local/bin:/usr/bin:/bin",
            "HOME": str(folder),
        }
        self.port = free_port()
        # The usual port may be taken here, so the first shell alone is told another: the second has to find it.
        self._first = {
            **self._nothing,
            "FIRSTPASS_PORT": str(self.port),
            "FIRSTPASS_CPU_THREADS": "1",
        }

    def script(self, block: str) -> str:
        """A block with this Label Studio's address, token and project in place of the page's."""
        for given, here in self._values.items():
            block = block.replace(given, here)
        return re.sub(r"(?<=project )3\b", self._project, block)

    @contextmanager
    def shell(self, script: str) -> Iterator[subprocess.Popen[bytes]]:
        """One that goes on, and is ended by its id."""
        with (self.folder / "up.log").open("wb") as log:
            process = subprocess.Popen(
                ["bash", "-ec", script.replace("\nfirstpass up", "\nexec firstpass up")],
                cwd=self.folder,
                env=self._first,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        try:
            yield process
        finally:
            process.terminate()
            process.wait(timeout=PATIENCE_S)

    def run(self, script: str) -> subprocess.CompletedProcess[str]:
        """What another says, each command of which ends well."""
        done = subprocess.run(
            ["bash", "-ec", script],
            cwd=self.folder,
            env=self._nothing,
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done


@pytest.fixture
def project(client: LabelStudioClient, demo_config: str) -> int:
    """As the README has it: images, and the demo's label config."""
    made = client.create_project("First steps", demo_config)
    client.upload(made, {image.name: image.png for image in demo_images(4)})
    return made


@pytest.mark.redis
def test_the_readme_leads_to_predictions(
    both: Running, client: LabelStudioClient, project: int, tmp_path: Path
) -> None:
    """Block after block in the page's order: each command ends well, and nothing is amiss on the way."""
    start, connect, prelabel, _models = blocks("README.md", SECTION)
    desk = Desk(tmp_path, both, project)
    second = desk.script(connect)
    assert re.findall(r"^export (\w+)", second, re.MULTILINE) == ["FIRSTPASS_LABEL_STUDIO_API_KEY"]

    with desk.shell(desk.script(start)) as up:
        wait_until(lambda: up.poll() is not None or "is ready" in (tmp_path / "up.log").read_text())
        assert up.poll() is None, (tmp_path / "up.log").read_text()
        # One shell for both steps, as a person has it.
        said = desk.run(f"{second}\n{desk.script(prelabel)}")

    assert "came with a prediction" in said.stdout or "arrived a little later" in said.stdout
    assert not re.search(r"^(error|warning)", said.stdout, re.MULTILINE), said.stdout
    # Where each command took what it was not told; none had to be told the model.
    assert "--model" not in second + prelabel
    taken = re.findall(r"^As the Firstpass that runs at (\S+): (.+)\.$", said.stderr, re.MULTILINE)
    assert [address for address, _ in taken] == [f"http://127.0.0.1:{desk.port}"] * 4
    assert all(f"Label Studio {both.label_studio.url}" in what for _, what in taken)
    assert ["model tiny" in what for _, what in taken] == [False, True, True, True]
    assert (tmp_path / "contact-sheet.png").stat().st_size > 0
    assert "model_score_threshold" in (tmp_path / "contact-sheet.html").read_text()
    assert "Pre-labelled" in (tmp_path / "run.html").read_text()
    rows = client.predictions(project)
    assert len({row["task"] for row in rows}) == len(rows) == 4
    assert all(row["result"] for row in rows)
