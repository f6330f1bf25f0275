"""`firstpass demo`, as a newcomer runs it."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from backend.demo.client import LabelStudioClient
from backend.demo.label_studio import LabelStudio, Login
from tests.e2e.killing import PATIENCE_S, wait_until
from tests.e2e.test_interactive import suggestions, typed
from tests.forked_commands import command_folder


def test_it_measures_reports_and_ends(label_studio_bin: Path, tmp_path: Path):
    """`--once --report` prints the figures, writes them, exits 0 and leaves nothing running."""
    report = tmp_path / "report.json"
    done = subprocess.run(
        [
            *(sys.executable, "-m", "backend.cli.main", "demo", "--once", "--tasks", "4"),
            *("--report", str(report), "--label-studio-bin", str(label_studio_bin)),
        ],
        capture_output=True,
        text=True,
        timeout=1500,
        check=False,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    figures = json.loads(report.read_text())
    assert figures["predicted_tasks"] == figures["tasks"] == 4
    assert figures["f1_50"] > 0.8
    assert "F1 at IoU 0.5" in done.stdout


@pytest.mark.redis
def test_the_review_loop_leaves_less_to_do(
    label_studio_bin: Path, fork_server: str, tmp_path: Path
):
    """A scripted person reviews; each command of the loop is run; unreviewed images need fewer edits."""
    report = tmp_path / "loop.json"
    done = subprocess.run(
        [
            *(str(command_folder(fork_server, tmp_path / "bin") / "firstpass"), "demo"),
            *("--reviewer", "--once", "--tasks", "40", "--report", str(report)),
            *("--label-studio-bin", str(label_studio_bin)),
        ],
        capture_output=True,
        text=True,
        timeout=1500,
        check=False,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    run = [
        line.partition("$ firstpass ")[2].split()[0]
        for line in done.stdout.splitlines()
        if "$ firstpass" in line
    ]
    assert run == ["prelabel", "review", "tune", "learn", "connect", "prelabel"]
    figures = json.loads(report.read_text())
    before, after = figures["before"], figures["after"]
    assert figures["reviewed"] == 40
    assert before["images"] == after["images"] == 50
    assert figures["version_before"] != figures["version_after"]
    assert after["edits"] <= 0.7 * before["edits"]
    assert after["kept"] > before["kept"]


@pytest.mark.redis
def test_it_says_what_to_try_and_that_works(
    label_studio_bin: Path, fork_server: str, tmp_path: Path
):
    """Signed in as it says, at the address that it says: a task is pre-filled, a prompt and a shape are answered."""
    shown = tmp_path / "shown"
    with shown.open("wb") as sink:
        demo = subprocess.Popen(
            [
                *(str(command_folder(fork_server, tmp_path / "bin") / "firstpass"), "demo"),
                *("--tasks", "4", "--label-studio-bin", str(label_studio_bin)),
            ],
            stdout=sink,
            stderr=subprocess.STDOUT,
        )
    try:
        wait_until(lambda: demo.poll() is not None or "Ctrl-C ends" in shown.read_text())
        told = shown.read_text()
        assert demo.poll() is None, told
        assert [told.count(f"\n  {number}. ") for number in (1, 2, 3, 4)] == [1, 1, 1, 0]
        url, project = re.search(r"Open +(\S+)/projects/(\d+)/data\n", told).groups()  # type: ignore[union-attr]
        email, password = re.search(r"sign in +(\S+)\npassword +(\S+)\n", told).groups()  # type: ignore[union-attr]
        prompt = re.search(r"type `(.+?)`", told).group(1)  # type: ignore[union-attr]
        with LabelStudioClient(LabelStudio(url, Login(email, password), "")) as client:
            said = _try(client, int(project), prompt)
        assert any("star" in sentence for sentence in said), said
    finally:
        demo.send_signal(signal.SIGINT)
        assert demo.wait(timeout=PATIENCE_S) == 0
    assert "has ended" in shown.read_text()


def _try(client: LabelStudioClient, project: int, prompt: str) -> list[str]:
    """What the three things give: regions, and the sentences in the note tag."""
    task = client.tasks(project)[0]["id"]
    (row,) = client.task(task)["predictions"]
    by_kind = {region["type"]: region for region in row["result"]}
    assert {"rectanglelabels", "choices"} <= set(by_kind)
    box = by_kind["rectanglelabels"]
    drawn = {"from_name": "box", "type": "rectanglelabels", "value": box["value"]}
    notes = []
    for region in (typed(prompt), drawn):
        found = suggestions(client, project, task, **region)["data"]["result"]
        notes += [
            each for one in found if one["from_name"] == "note" for each in one["value"]["text"]
        ]
    return notes


def test_without_label_studio_it_says_how_to_get_it(tmp_path: Path):
    """One sentence, nothing started."""
    done = subprocess.run(
        [
            *(sys.executable, "-m", "backend.cli.main", "demo", "--once"),
            *("--label-studio-bin", str(tmp_path / "label-studio")),
        ],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )

    assert done.returncode == 2
    assert "make setup" in done.stderr
    assert "Traceback" not in done.stderr
