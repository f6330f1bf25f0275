"""What `make setup` says while packages are being installed."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

SCRIPT = Path(__file__).parents[2] / ".ci" / "install.py"


@pytest.fixture(scope="module")
def install() -> ModuleType:
    spec = importlib.util.spec_from_file_location("install", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_it_tells_what_is_fetched_and_how_many_are_unpacked(install: ModuleType) -> None:
    """Nothing twice; what was there before does not count."""
    progress = install.Progress(".venv", 2)
    for line in (
        "Collecting click==8 (from -r x.lock (line 1))",
        "  Using cached click.whl (9 kB)",
    ):
        assert progress.read(line) is None
    assert progress.look(2) == "make: .venv: packages fetched: 1"
    assert progress.look(2) is None

    progress.read("Collecting torch==2")
    progress.read("  Downloading https://files/torch-2-cp311-linux.whl (190.1 MB)")
    assert progress.look(2) == "make: .venv: packages fetched: 2, at torch (190.1 MB)"

    said = progress.read("Installing collected packages: click, torch")
    assert said == "make: .venv: all are here, 2 packages to unpack"
    assert progress.look(3) == "make: .venv: packages unpacked: 1 of 2"


def test_what_pip_cannot_do_is_said_with_its_exit_code(tmp_path: Path) -> None:
    """In an environment in which nothing is changed: pip refuses before."""
    done = subprocess.run(
        [sys.executable, str(SCRIPT), "--no-index", "-r", str(tmp_path / "none.txt")],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )

    assert done.returncode == 1
    assert "ERROR" in done.stderr
    assert "none.txt" in done.stderr
    assert "in place" not in done.stdout


def test_what_is_there_already_is_said_to_be_in_place() -> None:
    """As after a lock file that changed a comment."""
    done = subprocess.run(
        [sys.executable, str(SCRIPT), "--no-index", "--no-deps", "pytest"],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert done.stdout.rstrip().endswith("packages are in place")


def test_pips_warnings_are_left_out_and_its_errors_passed_on(
    install: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    install.pass_on(["WARNING: Location is ignored\n", "ERROR: no such package\n", "  really\n"])

    assert capsys.readouterr().err == "ERROR: no such package\n  really\n"
