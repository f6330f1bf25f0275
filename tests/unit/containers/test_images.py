"""The Dockerfile, and the two ways to build by it."""

from __future__ import annotations

import itertools
import os
import re
import shlex
import subprocess
import tomllib
from pathlib import Path

import pytest

from tests.unit.containers.installation import ROOT, Installation

DOCKERFILE = (ROOT / "docker" / "Dockerfile").read_text()
FINAL = ("worker", "web")


def test_the_dockerfile_installs_by_the_lock_files() -> None:
    """Every package in an image comes from a lock file by hash, except torch, and Firstpass itself without the network."""
    installs = re.findall(r"pip \S+ \S+ install ([^&\n]*)", DOCKERFILE.replace("\\\n", " "))

    assert installs
    for arguments in installs:
        by_hash = re.search(
            r"--no-deps --require-hashes -r \S*(requirements(-web)?|setuptools)\.lock", arguments
        )
        torch = "-r /opt/firstpass/requirements-torch.txt" in arguments
        itself = re.search(r"--no-deps --no-build-isolation --prefix /program \.\s*$", arguments)
        assert by_hash or torch or itself, arguments


def test_setuptools_is_taken_out_of_the_lock_with_its_hashes() -> None:
    """The Dockerfile's sed gives that entry whole, and nothing else."""
    (script,) = re.findall(r"sed -n '(/\^setuptools[^']*)'", DOCKERFILE)

    taken = subprocess.run(
        ["sed", "-n", script, ROOT / "requirements.lock"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout

    assert re.fullmatch(r"setuptools==\S+ \\\n(    --hash=sha256:\w{64}( \\)?\n)+", taken)
    assert not taken.rstrip().endswith("\\")


def test_the_build_keeps_of_torch_what_no_lock_file_has() -> None:
    """What torch shares with the locked packages is taken out of its layer; its own libraries stay."""
    (script,) = re.findall(r"sed -nE '([^']*)' /tmp/all", DOCKERFILE)
    frozen = (
        "filelock==3\nnvidia-cublas==13\ntorch==2.13.0+cpu\nsetuptools @ file:///x\ntriton==3\n"
    )

    others = subprocess.run(
        ["sed", "-nE", script], input=frozen, capture_output=True, text=True, check=True
    ).stdout

    assert others.split() == ["filelock", "setuptools"]


@pytest.mark.parametrize("stage", FINAL)
def test_the_images_run_as_a_numeric_user_that_is_not_root(stage: str) -> None:
    """Both final stages set USER to a number above 0."""
    assert re.search(r"^USER [1-9]\d*:[1-9]\d*$", _stage(stage), re.MULTILINE)


@pytest.mark.parametrize("stage", FINAL)
def test_layers_go_from_what_seldom_changes_to_the_program(stage: str) -> None:
    """A changed line of code makes the last one anew, and a changed lock file leaves torch."""
    added = re.findall(
        r"(requirements-torch\.txt|requirements(?:-web)?\.lock|--from=\w+|backend)", _stage(stage)
    )

    order = list(dict.fromkeys(added))
    locks = (
        ["requirements-torch.txt", "requirements.lock"]
        if stage == "worker"
        else ["requirements-web.lock"]
    )
    assert order == [*locks, "--from=weights", "--from=program"]


def test_the_release_is_named_alike_everywhere() -> None:
    """pyproject.toml's version is the images' tag."""
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]

    tags = re.findall(r"FIRSTPASS_TAG:-([^}]*)", (ROOT / "docker" / "compose.yaml").read_text())
    assert set(tags) == {version}
    page = (ROOT / "docs" / "containers.md").read_text()
    assert set(re.findall(r"firstpass-(?:web|worker):(\S+)", page)) == {version}


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"COMPOSE_FILE": "compose.yaml:compose.gpu.yaml"},
        {"TORCH_INDEX_URL": "https://download.pytorch.org/whl/cu128", "FIRSTPASS_TAG": "9.9"},
        {"PYTHON_IMAGE": "registry.example/python:3.11", "PIP_NO_INDEX": "1", "PIP_INDEX_URL": ""},
    ],
    ids=str,
)
def test_make_and_compose_build_the_same(
    installation: Installation, values: dict[str, str]
) -> None:
    """The same tags from the same arguments; make adds the commit."""
    folder = installation.docker.parent
    for name in ("Makefile", "pyproject.toml"):
        (folder / name).write_bytes((ROOT / name).read_bytes())
    installation.set(values)

    by_make = _made_by_make(folder)
    services = installation.config()["services"]

    defaults = dict(re.findall(r"^ARG (\w+)=(.+)$", DOCKERFILE, re.MULTILINE))
    assert by_make.keys() == {"web", "worker"}
    for name, (tag, arguments) in by_make.items():
        arguments.pop("REVISION")
        wanted = {key: value for key, value in services[name]["build"]["args"].items() if value}
        assert tag == services[name]["image"]
        assert defaults | arguments == defaults | wanted


def _stage(name: str) -> str:
    """The lines of one stage of the Dockerfile."""
    return DOCKERFILE.split(f" AS {name}\n", 1)[1].split("\nFROM ", 1)[0]


def _made_by_make(folder: Path) -> dict[str, tuple[str, dict[str, str]]]:
    """What `make image` would run: tag and build arguments of each target."""
    # Called by `make test`, a make would say which folders it enters and take the caller's variables.
    own = {"PATH": os.environ["PATH"]}  # noqa: TID251 - handed on
    printed = subprocess.run(
        ["make", "-n", "image", "ENGINE=docker"],
        cwd=folder,
        env=own,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    found = {}
    for command in printed.splitlines()[-1].split("&&"):
        words = shlex.split(command)
        if words[:2] == ["docker", "build"]:
            pairs = list(itertools.pairwise(words))
            given = [value.split("=", 1) for name, value in pairs if name == "--build-arg"]
            (target,) = [value for name, value in pairs if name == "--target"]
            (tag,) = [value for name, value in pairs if name == "-t"]
            found[target] = (tag, dict(given))
    return found
