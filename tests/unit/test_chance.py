"""A test that left something to chance can be run again as it was."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]
FAILS = """
def test_one(dice):
    assert dice.random() < 0, f"it was {dice.random()}"
"""


def said(folder: Path, *options: str) -> str:
    argv = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *options, str(folder)]
    env = {"PYTHONPATH": str(REPOSITORY), "PATH": "/usr/bin:/bin"}
    return subprocess.run(argv, env=env, cwd=folder, capture_output=True, text=True).stdout


def test_a_failure_tells_the_option_that_repeats_it(tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text(
        "from tests.conftest import dice, pytest_runtest_makereport\n"
    )
    (tmp_path / "test_chance.py").write_text(FAILS)
    first = said(tmp_path, "-q")
    told = re.search(r"again with (--randomly-seed=\d+)", first)
    assert told is not None, first

    again, other = said(tmp_path, told[1]), said(tmp_path, "--randomly-seed=1")

    (fell,) = set(re.findall(r"it was ([\d.]+)", first))
    assert f"it was {fell}" in again
    assert f"it was {fell}" not in other
