"""An installation as `docker/` describes it, in a folder of its own, read by the real Docker Compose."""

from __future__ import annotations

import itertools
import json
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from tests.conftest import missing

ROOT = Path(__file__).parents[3]
#: What may be laid over compose.yaml, with what each needs in .env.
OVERLAYS: dict[str, dict[str, str]] = {
    "compose.gpu.yaml": {},
    "compose.secrets.yaml": {"LABEL_STUDIO_API_KEY_FILE": "/run/key"},
    "compose.ca.yaml": {"SSL_CERT_FILE": "/etc/authorities.pem"},
    "compose.postgres.yaml": {"POSTGRE_PASSWORD": "pw"},
    "compose.outer-redis.yaml": {"REDIS_URL": "rediss://:pw@redis.example:6379/0"},
}
COMBINATIONS = [
    chosen
    for count in range(len(OVERLAYS) + 1)
    for chosen in itertools.combinations(OVERLAYS, count)
]


class Installation:
    """A copy of `docker/` whose .env is made by make-env.sh."""

    def __init__(self, folder: Path) -> None:
        self.docker = folder / "docker"
        shutil.copytree(
            ROOT / "docker", self.docker, ignore=shutil.ignore_patterns(".env", "wheels")
        )
        shutil.copy(ROOT / ".dockerignore", folder)
        self.env = self.docker / ".env"
        self.tools = folder / "tools"
        self.tools.mkdir()
        #: What make-env.sh finds of this machine: no networks, no GPU.
        for name in ("docker", "ip", "nvidia-smi"):
            self.tool(name, "exit 0")

    def tool(self, name: str, script: str) -> None:
        """Put a command of that name where make-env.sh looks first."""
        path = self.tools / name
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)

    def make_env(self, *options: str) -> subprocess.CompletedProcess[str]:
        """Run make-env.sh away from a terminal."""
        return _run(f"{self.tools}:$PATH", self.docker / "make-env.sh", *options)

    def set(self, values: Mapping[str, str]) -> None:
        """Write into .env what a person would, in single quotes."""
        with self.env.open("a") as file:
            file.writelines(f"{name}='{value}'\n" for name, value in values.items())

    def compose(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run `docker compose` in `docker/`, as the page does."""
        return _run("$PATH", *docker_compose(), *arguments, cwd=self.docker)

    def config(self, *overlays: str) -> dict[str, Any]:
        """What compose makes of it all."""
        if overlays:
            self.set({"COMPOSE_FILE": ":".join(("compose.yaml", *overlays))})
        done = self.compose("config", "--format", "json")
        assert done.returncode == 0, done.stderr
        found: dict[str, Any] = json.loads(done.stdout)
        return found

    def values(self) -> dict[str, str]:
        """What compose reads in .env."""
        done = self.compose("config", "--environment")
        assert done.returncode == 0, done.stderr
        return dict(line.split("=", 1) for line in done.stdout.splitlines() if "=" in line)


def _run(
    path: str, *command: str | Path, cwd: Path | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a command away from a terminal, with nothing of our environment but the PATH."""
    alone = f'exec env -i PATH="{path}" "$@"'
    return subprocess.run(
        ["sh", "-c", alone, "sh", *command],
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )


def environment_of(config: Mapping[str, Any], service: str) -> dict[str, str]:
    """What a container of the service gets, with compose's own doubling of `$` taken back."""
    variables = config["services"][service]["environment"]
    return {
        name: value.replace("$$", "$") for name, value in variables.items() if value is not None
    }


@cache
def docker_compose() -> Sequence[str]:
    """The command for the real Docker Compose; without one, as `missing`."""
    ours = ROOT / "build" / "docker-compose"
    if ours.is_file():
        return (str(ours),)
    docker = shutil.which("docker")
    if (
        docker
        and subprocess.run([docker, "compose", "version"], capture_output=True).returncode == 0
    ):
        return (docker, "compose")
    missing("no Docker Compose: make build/docker-compose")
    return ()
