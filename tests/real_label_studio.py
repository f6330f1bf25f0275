"""The fixtures of all tests that drive a real Label Studio: it and a real Firstpass, started once in a session."""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

import pytest

from backend.demo.client import LabelStudioClient
from backend.demo.data_folder import prepared_data
from backend.demo.environment import CACHE as IN_CHECKOUT
from backend.demo.environment import LABEL_STUDIO_BIN, Place, Running, repository, running
from backend.demo.label_studio import installed_version
from backend.processes.supervisor import Supervisor
from backend.settings import load_settings
from tests.conftest import missing
from tests.forked_children import supervised

CACHE = repository() / IN_CHECKOUT
#: Label Studio then refuses every prediction that does not fit the label config.
STRICT = {"fflag_feat_utc_210_prediction_validation_15082025": "true"}


class NewProject(Protocol):
    """Makes a project for a label config, with Firstpass connected; gives its id."""

    def __call__(self, label_config: str, *, title: str = ...) -> int: ...


@pytest.fixture(scope="session")
def _patience() -> Iterator[None]:
    """Each process gets more time to start than a desk's would need."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("backend.demo.label_studio.START_S", 600.0)
        patch.setattr("backend.processes.stack.WEB_READY_S", 600.0)
        patch.setattr("backend.processes.stack.COURIER_READY_S", 600.0)
        yield


@pytest.fixture(scope="session")
def label_studio_bin(_patience: None) -> Path:
    """The `label-studio` command, in a virtual environment of its own; its database is prepared."""
    named = os.environ.get("FIRSTPASS_LABEL_STUDIO_BIN")
    binary = Path(named) if named else repository() / LABEL_STUDIO_BIN
    if not binary.is_file():
        missing(f"no Label Studio at {binary}; `make setup` installs it")
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / "lock").open("w") as lock:  # one process of several prepares it, the others wait
        fcntl.flock(lock, fcntl.LOCK_EX)
        prepared_data(binary.absolute(), cache=CACHE, version=installed_version(binary.absolute()))
    return binary.absolute()


@pytest.fixture(scope="session")
def folder() -> Iterator[Path]:
    """Where this session's Label Studio and Firstpass keep everything."""
    made = Path(tempfile.mkdtemp(prefix="firstpass-e2e-"))
    yield made
    shutil.rmtree(made, ignore_errors=True)


@pytest.fixture(scope="session")
def served_files(folder: Path) -> Path:
    """The document root of Label Studio's local-files storage."""
    root = folder / "served"
    root.mkdir()
    return root


@pytest.fixture(scope="session")
def both(
    label_studio_bin: Path, folder: Path, served_files: Path, fork_server: str
) -> Iterator[Running]:
    """Label Studio and Firstpass with the tiny models, connected to nothing yet."""
    environment = {
        **STRICT,
        "LOCAL_FILES_SERVING_ENABLED": "true",
        "LOCAL_FILES_DOCUMENT_ROOT": str(served_files),
    }
    place = Place(label_studio_bin, CACHE, folder, environment)
    with pytest.MonkeyPatch.context() as patch:
        for name in list(os.environ):
            if name.startswith(("FIRSTPASS_", "LABEL_STUDIO_")) or name == "REDIS_URL":
                patch.delenv(name)
        settings = load_settings(model="tiny", wait_s=60, wait_many_s=60, cpu_threads=1)
    with (
        supervised(fork_server),
        Supervisor() as supervisor,
        running(settings, place, supervisor) as started,
    ):
        yield started


@pytest.fixture(scope="session")
def client(both: Running) -> LabelStudioClient:
    """Label Studio's API, signed in."""
    return both.client


@pytest.fixture
def new_project(
    client: LabelStudioClient, both: Running, request: pytest.FixtureRequest
) -> NewProject:
    """Projects named after the test, unless it says otherwise."""

    def make(label_config: str, *, title: str = request.node.name[:50]) -> int:
        project = client.create_project(title, label_config)
        connected = client.connect(project, both.backend)
        assert connected["state"] == "CO"
        return project

    return make


@pytest.fixture(scope="session")
def demo_config() -> str:
    """The demo's label config: rectangles and one choice."""
    return (repository() / "label_config" / "demo.xml").read_text()


@pytest.fixture(scope="session")
def screenshot() -> Path | None:
    """Where FIRSTPASS_SCREENSHOT says that a picture of the editor goes; unset: nowhere."""
    named = os.environ.get("FIRSTPASS_SCREENSHOT")
    return Path(named) if named else None
