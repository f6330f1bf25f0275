"""A Label Studio of our own: started in seconds from a data folder that was migrated once.

Its first start creates the database, which takes most of a minute, so that is done once per version
and kept; each run works on a copy. It is told to reach nothing outside this machine.
"""

from __future__ import annotations

import json
import secrets
import shutil
import ssl
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import httpx

from backend.errors import SettingsError
from backend.processes.children import ProcessFailed, Program, free_port
from backend.processes.supervisor import Supervisor

__all__ = [
    "LabelStudio",
    "Login",
    "installed_version",
    "prepared_data",
    "start_label_studio",
    "start_on",
]

#: Patience, not a measure: on a busy machine its migrations take many minutes.
FIRST_START_S = 1200.0
START_S = 90.0
EMAIL = "demo@example.com"


@dataclass(frozen=True, slots=True)
class Login:
    """Who may sign in; the password is made up when the data folder is."""

    email: str
    password: str


@dataclass(frozen=True, slots=True)
class LabelStudio:
    """A running Label Studio."""

    url: str
    login: Login
    version: str


def start_label_studio(
    binary: Path,
    supervisor: Supervisor,
    *,
    cache: Path,
    folder: Path,
    env: Mapping[str, str] | None = None,
    restart: bool = False,
) -> LabelStudio:
    """Label Studio, ready on a free port, on a copy of the prepared data under `folder`.

    `env` holds further variables for it, such as feature flags. The supervisor ends it, and with
    `restart` starts it again, on the same port, when it has ended by itself.
    Raises `SettingsError` when it is not installed, `ProcessFailed` when it does not start.
    """
    version = installed_version(binary)
    prepared = prepared_data(binary, cache=cache, version=version)
    shutil.copytree(prepared, folder, dirs_exist_ok=True)
    login = Login(**json.loads((folder / "login.json").read_text()))
    url = start_on(folder, login, binary, supervisor, env=env, timeout_s=START_S, restart=restart)
    return LabelStudio(url, login, version)


def prepared_data(binary: Path, *, cache: Path, version: str) -> Path:
    """The folder with a migrated database and one user for this version; made when missing."""
    ready = cache / f"label-studio-{version}"
    if ready.is_dir():
        return ready
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache, prefix="preparing-") as temporary:
        folder = Path(temporary) / "data"
        folder.mkdir(mode=0o700)
        login = Login(EMAIL, secrets.token_urlsafe(12))
        (folder / "login.json").write_text(json.dumps(asdict(login)))
        with Supervisor() as supervisor:
            start_on(folder, login, binary, supervisor, timeout_s=FIRST_START_S)
        try:
            folder.rename(ready)
        except OSError:
            if not ready.is_dir():  # else another run was quicker
                raise
    return ready


def installed_version(binary: Path) -> str:
    """Label Studio's version. Raises `SettingsError` when it is not installed there."""
    python = binary.parent / "python"
    if not binary.is_file() or not python.is_file():
        raise SettingsError(
            f"--label-studio-bin: expected Label Studio in a virtual environment of its "
            f"own, found no {binary}; `make setup` installs it"
        )
    ask = "import importlib.metadata as m; print(m.version('label-studio'))"
    done = subprocess.run(  # noqa: S603 (the interpreter beside the binary we were given)
        [str(python), "-I", "-c", ask], capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise SettingsError(
            f"--label-studio-bin: {binary.parent} holds no label-studio package; "
            "`make setup` installs it"
        )
    return done.stdout.strip()


def start_on(
    folder: Path,
    login: Login,
    binary: Path,
    supervisor: Supervisor,
    *,
    timeout_s: float,
    env: Mapping[str, str] | None = None,
    port: int | None = None,
    restart: bool = False,
) -> str:
    """The URL of a Label Studio whose data, log and home are under `folder`, made when missing; ready.

    On a free port where none is given. Raises `ProcessFailed` when it does not start.
    """
    port = port or free_port()
    url = f"http://127.0.0.1:{port}"
    log = folder / "label-studio.log"
    process = supervisor.start(
        Program(
            name="label-studio",
            argv=(
                *(str(binary), "start", "--no-browser"),
                *("--internal-host", "127.0.0.1", "--port", str(port)),
            ),
            env={**_environment(folder, login), **(env or {})},
            clean_env=True,
            cwd=folder,
            log=log,
        ),
        ready=lambda: _healthy(url),
        timeout_s=timeout_s,
        restart=restart,
    )
    # On a port that is taken it moves to the next without a word, and a stranger answers on ours.
    if f"{url}/" not in log.read_text(errors="replace"):
        raise ProcessFailed(f"port {port} was taken while {process.name} was starting; try again")
    return url


def _environment(folder: Path, login: Login) -> dict[str, str]:
    """All variables it sees: it also reads bare names such as `HOST` and `DEBUG`."""
    home = folder / "home"
    home.mkdir(exist_ok=True)
    return {
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "HOME": str(home),
        "LANG": "C.UTF-8",
        "PYTHONUNBUFFERED": "1",
        "LABEL_STUDIO_BASE_DATA_DIR": str(folder / "data"),
        "LABEL_STUDIO_USERNAME": login.email,
        "LABEL_STUDIO_PASSWORD": login.password,
        # It refuses to talk to backends on loopback otherwise.
        "ML_BLOCK_LOCAL_IP": "false",
        "SSRF_PROTECTION_ENABLED": "false",
        # Nothing is sent anywhere.
        "COLLECT_ANALYTICS": "false",
        "LATEST_VERSION_CHECK": "false",
        "SENTRY_DSN": "",
        "FRONTEND_SENTRY_DSN": "",
        "LOCAL_FILES_SERVING_ENABLED": "false",
    }


def _healthy(url: str) -> bool:
    # Plain HTTP on this machine. Reading all authorities for each look takes longer than the look.
    none = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        answer = httpx.get(f"{url}/health", timeout=2, trust_env=False, verify=none)
        return answer.is_success and answer.json().get("status") == "UP"
    except (httpx.HTTPError, ValueError):
        return False
