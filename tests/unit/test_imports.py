"""Every module can be imported, and what each process must not load."""

from __future__ import annotations

import importlib
import pkgutil
import subprocess
import sys

import pytest

import backend
import models

HEAVY = ("torch", "transformers", "supervision", "label_studio_ml", "cv2", "numpy")


@pytest.mark.parametrize("module", ["backend.processes.web", "backend.cli.main", "backend.cli.up"])
def test_the_web_process_and_the_command_line_load_no_model_library(module: str) -> None:
    """Importing all that serves HTTP leaves torch and its like out: a web image has none of them."""
    script = f"import sys, {module}\nprint(*[name for name in {HEAVY!r} if name in sys.modules])"

    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60
    )

    assert done.stdout.split() == []


def test_every_module_can_be_imported() -> None:
    """A name that is missing when a module is read is found here, whether another test imports it or not."""
    names = [
        one.name
        for package in (backend, models)
        for one in pkgutil.walk_packages(package.__path__, f"{package.__name__}.")
    ]

    assert len(names) > 200
    for name in names:
        importlib.import_module(name)
