"""Every command in an installation without the models' libraries, as the web image is one."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from packaging.utils import canonicalize_name
from PIL import Image

ROOT = Path(__file__).parents[3]

#: Makes modules of these names be missing, as `find_spec` sees it too, and then imports the command line.
WITHOUT = """
import sys
from importlib.machinery import PathFinder

hidden = frozenset(sys.argv.pop(1).split(","))

class Without(PathFinder):
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        top = name.partition(".")[0]
        return None if top in hidden else PathFinder.find_spec(name, path, target)

sys.meta_path[:] = [Without if finder is PathFinder else finder for finder in sys.meta_path]
from backend.cli.main import main
"""
#: Runs each of the commands that come as JSON in a process of its own, which has this much imported; what one
#: says and ends with lies in a folder, in files that have its number.
EACH = """
import json, os
commands, folder = sys.argv[1:]
for number, command in enumerate(json.loads(commands)):
    if not (pid := os.fork()):
        for descriptor, name in (1, "out"), (2, "err"):
            os.dup2(os.open(f"{folder}/{number}.{name}", os.O_CREAT | os.O_WRONLY), descriptor)
        sys.argv[1:] = command
        sys.exit(main())
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    with open(f"{folder}/{number}.code", "w") as file:
        file.write(str(code))
"""


def locked(name: str) -> set[str]:
    pins = re.findall(r"^([A-Za-z0-9._-]+)==", (ROOT / name).read_text(), re.MULTILINE)
    return {canonicalize_name(pin) for pin in pins}


@cache
def not_in_the_web_image() -> list[str]:
    """The modules of all packages that are installed here and that its lock file leaves out."""
    kept = locked("requirements-web.lock") | {"firstpass"}
    return [
        module
        for module, packages in packages_distributions().items()
        if not kept & {canonicalize_name(package) for package in packages}
    ]


def python(
    hidden: Sequence[str], code: str, *arguments: str, home: Path
) -> subprocess.CompletedProcess[str]:
    """The code, after the command line was imported without the hidden modules."""
    return subprocess.run(
        [sys.executable, "-c", WITHOUT + code, ",".join(hidden), *arguments],
        env={"PATH": os.defpath, "HOME": str(home), "COLUMNS": "100"},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=280,
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    tmp_path = tmp_path_factory.mktemp("layers")
    (tmp_path / "images").mkdir()
    Image.new("RGB", (8, 8)).save(tmp_path / "images" / "a.png")
    image = {"id": 1, "file_name": "a.png", "width": 8, "height": 8}
    box = {"id": 1, "image_id": 1, "category_id": 1, "bbox": [1, 1, 4, 4], "area": 16, "iscrowd": 0}
    coco = {"images": [image], "annotations": [box], "categories": [{"id": 1, "name": "star"}]}
    (tmp_path / "coco.json").write_text(json.dumps(coco))
    return tmp_path


CONFIG = "label_config/counting.xml"
#: With what runs the models, or looks where they are.
MODELS = [
    ["demo"],
    ["explore", "--images", "{}/images"],
    ["index", "--images", "{}/images"],
    ["search", "--images", "{}/images", "star"],
    ["evaluate", "folder", "{}/images", "--format", "coco", "--annotations", "{}/coco.json", "--model", "tiny"],
    ["learn", "--project", "1"],
    ["models", "check", "tiny"],
    ["models", "list"],
    ["models", "pull", "florence-2-base"],
    ["predict", "{}/images/a.png", "--model", "tiny", "--labels", "star"],
    ["prelabel", "folder", "{}/images", "--config", CONFIG, "--out", "{}/out.json", "--model", "tiny"],
    ["tune", "--project", "1", "--model", "tiny"],
    ["up", "--model", "tiny", "--home", "{}/home", "--port", "0"],
    ["worker", "--model", "tiny", "--redis-url", "redis://127.0.0.1:1/0"],
]  # fmt: skip
#: Without Redis and Label Studio these say that.
OTHERS = [
    ["connect", "--project", "1"],
    ["courier"],
    ["doctor"],
    ["drain", "--all"],
    ["health", "web"],
    ["health", "worker"],
    ["health", "courier"],
    ["order", "--project", "1"],
    ["learn", "--project", "1", "--forget"],
    ["owed"],
    ["phrases", "--project", "1"],
    ["plan", CONFIG],
    ["prelabel", "project", "1"],
    ["prune", "--project", "1"],
    ["retry"],
    ["review", "--project", "1"],
    ["status"],
    ["tabs", "--project", "1"],
    ["tidy", "--project", "1"],
    ["web"],
]


@pytest.fixture(scope="module")
def ended(folder: Path) -> dict[str, subprocess.CompletedProcess[str]]:
    """All commands without the models' libraries."""
    commands = [[part.format(folder) for part in command] for command in [*MODELS, *OTHERS]]
    told = folder / "told"
    told.mkdir()
    done = python(not_in_the_web_image(), EACH, json.dumps(commands), str(told), home=folder / "me")
    assert done.returncode == 0, done.stderr
    return {
        " ".join(command): subprocess.CompletedProcess(
            command,
            int((told / f"{number}.code").read_text()),
            (told / f"{number}.out").read_text(),
            (told / f"{number}.err").read_text(),
        )
        for number, command in enumerate([*MODELS, *OTHERS])
    }


@pytest.mark.parametrize("command", MODELS, ids=lambda command: " ".join(command[:2]))
def test_the_layer_that_is_missing_is_named(
    ended: Mapping[str, subprocess.CompletedProcess[str]], folder: Path, command: list[str]
) -> None:
    """Once, and with where there is one that has it; nothing is left behind."""
    done = ended[" ".join(command)]

    said = " ".join(done.stderr.split())
    assert done.returncode == 2, said
    assert "this installation has none of them" in said
    assert "firstpass-worker image" in said
    assert "Traceback" not in said
    assert "No module named" not in said
    assert not (folder / "home").exists()


@pytest.mark.parametrize("command", OTHERS, ids=" ".join)
def test_the_others_need_no_model_library(
    ended: Mapping[str, subprocess.CompletedProcess[str]], command: list[str]
) -> None:
    """They end for want of something else, or not at all badly."""
    done = ended[" ".join(command)]

    said = done.stdout + done.stderr
    assert "this installation" not in done.stderr
    assert "Traceback" not in said


def test_every_command_tells_of_itself(folder: Path) -> None:
    """`--help` of all of them, in one process; and none is missing above."""
    names = sorted({command[0] for command in [*MODELS, *OTHERS]})
    helps = (
        "from typer.testing import CliRunner; from typer.main import get_command; "
        "from backend.cli.main import app; "
        f"assert sorted(get_command(app).commands) == {names!r}, sorted(get_command(app).commands); "
        f"ends = {{name: CliRunner().invoke(app, [name, '--help']).exit_code for name in {names!r}}}; "
        "assert not any(ends.values()), ends"
    )

    done = python(not_in_the_web_image(), helps, home=folder)

    assert done.returncode == 0, done.stderr


def test_one_missing_library_is_another_fault(folder: Path) -> None:
    """torch is there, so this is no web image."""
    command = ("predict", str(folder / "images" / "a.png"), "--model", "tiny", "--labels", "star")

    done = python(["safetensors"], "main()", *command, home=folder)

    assert done.returncode == 2
    assert "this installation is not whole: its library safetensors is missing" in done.stderr
    assert "Traceback" not in done.stderr
