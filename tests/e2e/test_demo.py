"""`firstpass demo`, as a newcomer runs it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path


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
