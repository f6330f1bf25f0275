"""Label Studio's data folder, prepared once: a migrated database with one user and that user's token.

Its first start makes the database, which takes most of a minute, so that is done once per version and
kept; each run works on a copy.
"""

from __future__ import annotations

import json
import secrets
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path

from backend.demo.client import LabelStudioClient
from backend.demo.label_studio import LabelStudio, Login, Starting, begin_on, installed_version
from backend.processes.supervisor import Supervisor

__all__ = ["begin_label_studio", "login_in", "prepared_data", "start_label_studio"]

#: Patience, not a measure: on a busy machine its migrations take many minutes.
FIRST_START_S = 1200.0
EMAIL = "demo@example.com"
LOGIN = "login.json"


def start_label_studio(
    binary: Path,
    supervisor: Supervisor,
    *,
    cache: Path,
    folder: Path,
    env: Mapping[str, str] | None = None,
    restart: bool = False,
) -> LabelStudio:
    """As `begin_label_studio`, ready. Raises `ProcessFailed` when it does not start."""
    return begin_label_studio(
        binary, supervisor, cache=cache, folder=folder, env=env, restart=restart
    ).ready()


def begin_label_studio(
    binary: Path,
    supervisor: Supervisor,
    *,
    cache: Path,
    folder: Path,
    env: Mapping[str, str] | None = None,
    restart: bool = False,
) -> Starting:
    """Label Studio starting on a free port, on a copy of the prepared data under `folder`.

    `env` holds further variables for it, such as feature flags. The supervisor ends it, and with
    `restart` starts it again, on the same port, when it has ended by itself.
    Raises `SettingsError` when it is not installed, `ProcessFailed` when its data cannot be prepared.
    """
    version = installed_version(binary)
    prepared = prepared_data(binary, cache=cache, version=version)
    shutil.copytree(prepared, folder, dirs_exist_ok=True)
    return begin_on(
        folder, login_in(folder), binary, supervisor, version=version, env=env, restart=restart
    )


def login_in(folder: Path) -> Login:
    """The user of a prepared data folder, or of a copy."""
    return Login(**json.loads((folder / LOGIN).read_text()))


def prepared_data(binary: Path, *, cache: Path, version: str) -> Path:
    """The folder with the database, the user and the token for this version; made when missing."""
    ready = cache / f"label-studio-{version}"
    if ready.is_dir():
        if login_in(ready).token is not None:
            return ready
        shutil.rmtree(ready)  # prepared before there was a token in it
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache, prefix="preparing-") as temporary:
        folder = Path(temporary) / "data"
        folder.mkdir(mode=0o700)
        login = Login(EMAIL, secrets.token_urlsafe(12))
        with Supervisor() as supervisor:
            starting = begin_on(folder, login, binary, supervisor, version=version)
            with LabelStudioClient(starting.ready(timeout_s=FIRST_START_S)) as client:
                login = replace(login, token=client.personal_access_token())
        (folder / LOGIN).write_text(json.dumps(asdict(login)))
        try:
            folder.rename(ready)
        except OSError:
            if not ready.is_dir():  # else another run was quicker
                raise
    return ready
