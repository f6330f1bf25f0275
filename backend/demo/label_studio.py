"""A Label Studio of our own on this machine, told to reach nothing outside it."""

from __future__ import annotations

import ssl
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from backend.errors import SettingsError
from backend.processes.children import ManagedProcess, ProcessFailed, Program, free_port
from backend.processes.supervisor import Supervisor

__all__ = ["LabelStudio", "Login", "Starting", "begin_on", "installed_version"]

START_S = 90.0


@dataclass(frozen=True, slots=True)
class Login:
    """Who may sign in, and that user's token for programs where one was made already."""

    email: str
    password: str = field(repr=False)
    token: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class LabelStudio:
    """A running Label Studio, or one that is starting."""

    url: str
    login: Login
    version: str


@dataclass(frozen=True, slots=True)
class Starting:
    """A Label Studio that was started and need not answer yet: others may start beside it."""

    label_studio: LabelStudio
    process: ManagedProcess
    log: Path

    def ready(self, *, timeout_s: float | None = None) -> LabelStudio:
        """It, once it answers. Raises `ProcessFailed` when it does not start."""
        url = self.label_studio.url
        self.process.wait_ready(lambda: _healthy(url), timeout_s=timeout_s or START_S)
        # On a port that is taken it moves to the next without a word, and a stranger answers on ours.
        if f"{url}/" not in self.log.read_text(errors="replace"):
            raise ProcessFailed(
                f"the port of {url} was taken while {self.process.name} was starting; try again"
            )
        return self.label_studio


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


def begin_on(
    folder: Path,
    login: Login,
    binary: Path,
    supervisor: Supervisor,
    *,
    version: str,
    env: Mapping[str, str] | None = None,
    port: int | None = None,
    restart: bool = False,
) -> Starting:
    """A Label Studio whose data, log and home are under `folder`, made when missing.

    On a free port where none is given. The supervisor ends it, and with `restart` starts it again, on
    the same port, when it has ended by itself.
    """
    port = port or free_port()
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
        restart=restart,
    )
    return Starting(LabelStudio(f"http://127.0.0.1:{port}", login, version), process, log)


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
