"""What is installed is what was locked: pyproject.toml, the lock files and the Dockerfile agree."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from backend.settings import Settings, variable_name

ROOT = Path(__file__).parents[2]
LOCKS = (
    "requirements.lock",
    "requirements-web.lock",
    "requirements-dev.lock",
    "requirements-label-studio.lock",
)
#: Each is tied to one build of torch, or is too big for the web image.
MODEL_LIBRARIES = {"torch", "transformers", "supervision", "label-studio-ml", "numpy", "tokenizers"}

PYPROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())


def test_the_web_group_names_only_project_dependencies() -> None:
    """The web image installs a part of what the application needs, and nothing beside it."""
    assert _named(PYPROJECT["dependency-groups"]["web"]).keys() <= _dependencies().keys()


def test_the_runtime_lock_pins_every_dependency_but_torch() -> None:
    """Each project dependency has a version in requirements.lock that the project's range admits."""
    locked = _locked("requirements.lock")

    missing = [
        str(requirement)
        for name, requirement in _dependencies().items()
        if name != "torch" and not _admits(requirement, locked.get(name))
    ]

    assert missing == []


@pytest.mark.parametrize(
    ("group", "lock"),
    [
        ("web", "requirements-web.lock"),
        ("dev", "requirements-dev.lock"),
        ("label-studio", "requirements-label-studio.lock"),
    ],
)
def test_a_groups_lock_pins_every_name_of_the_group(group: str, lock: str) -> None:
    """Each name of a dependency group has a version in the group's lock file."""
    locked = _locked(lock)

    wanted = _named(PYPROJECT["dependency-groups"][group])

    assert [str(r) for name, r in wanted.items() if not _admits(r, locked.get(name))] == []


def test_torch_is_pinned_once_apart_from_the_locks() -> None:
    """requirements-torch.txt holds one exact torch, within the project's range; no lock file has any build of it."""
    (line,) = [
        line
        for line in (ROOT / "requirements-torch.txt").read_text().splitlines()
        if line and not line.startswith("#")
    ]
    name, _, version = line.partition("==")

    assert name == "torch"
    assert _dependencies()["torch"].specifier.contains(version)
    for lock in LOCKS:
        assert not {n for n in _locked(lock) if re.match(r"torch$|triton$|nvidia-|cuda-", n)}


@pytest.mark.parametrize("lock", ["requirements-web.lock", "requirements-dev.lock"])
def test_the_locks_installed_together_or_served_together_agree(lock: str) -> None:
    """A package has one version in our environment and in both images."""
    runtime, other = _locked("requirements.lock"), _locked(lock)

    assert {n: v for n, v in other.items() if runtime.get(n, v) != v} == {}


def test_the_web_lock_is_light() -> None:
    """The web image holds no model library."""
    assert not _locked("requirements-web.lock").keys() & MODEL_LIBRARIES


@pytest.mark.parametrize("lock", LOCKS)
def test_every_locked_package_carries_hashes(lock: str) -> None:
    """`pip install --require-hashes` takes the lock file whole."""
    entries = re.split(r"\n(?=[a-z0-9])", (ROOT / lock).read_text(), flags=re.IGNORECASE)[1:]

    assert entries
    assert [e.splitlines()[0] for e in entries if "--hash=sha256:" not in e] == []


@pytest.mark.parametrize("lock", [*LOCKS, "requirements-torch.txt"])
def test_a_lock_names_no_place(lock: str) -> None:
    """No address, no folder and no index option: each machine takes packages from where it always does."""
    text = (ROOT / lock).read_text()

    assert re.findall(r"https?://\S+|file:\S*|(?m:^|\s)/\S+|--\S*(?:index|links)\S*", text) == []


def test_the_lock_leaves_label_studio_mls_pins_of_2021_behind() -> None:
    """label-studio-ml 1.0.9 asks for a Flask family with known vulnerabilities, and for a stray `attr`."""
    locked = _locked("requirements.lock")

    assert locked["flask"] >= Version("3")
    assert locked["werkzeug"] >= Version("3")
    assert locked["jinja2"] >= Version("3.1")
    assert "attr" not in locked


def test_the_compose_file_tells_of_every_setting() -> None:
    """Each setting stands in compose.yaml, but where the image fixes it; and no name there is misspelt."""
    text = (ROOT / "docker" / "compose.yaml").read_text()
    stated = set(re.findall(r"^ +((?:FIRSTPASS_|REDIS_URL)\w*):", text, re.MULTILINE))
    settings = {
        "REDIS_URL" if field == "redis_url" else variable_name(field)
        for field in Settings.model_fields
        if field not in {"home", "host", "port"}
    }

    assert stated == settings


def _locked(lock: str) -> dict[str, Version]:
    pins = re.findall(r"^([A-Za-z0-9._-]+)==([^\s;\\]+)", (ROOT / lock).read_text(), re.MULTILINE)
    return {canonicalize_name(name): Version(version) for name, version in pins}


def _named(requirements: list[str]) -> dict[str, Requirement]:
    return {canonicalize_name(r.name): r for r in map(Requirement, requirements)}


def _dependencies() -> dict[str, Requirement]:
    return _named(PYPROJECT["project"]["dependencies"])


def _admits(requirement: Requirement, version: Version | None) -> bool:
    return version is not None and requirement.specifier.contains(version)
