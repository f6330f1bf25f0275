"""What runs a program of an image, unprivileged: docker and podman as they are, buildah with util-linux.

A program gets the network of the machine, a read-only root, `/tmp` in memory, no capability and no way to
new privileges. Values of variables go through the environment, never through an argument list.
"""

from __future__ import annotations

import itertools
import json
import os
import signal
import subprocess
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Protocol

__all__ = ["PATIENCE_S", "Container", "Docker", "Engine", "Job", "output_of"]

#: For what must happen at all; never a measure of speed.
PATIENCE_S = 600.0


@dataclass(frozen=True, slots=True)
class Job:
    """One program: the image's entry point with these arguments, or another one."""

    image: str
    arguments: tuple[str, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict)
    #: What the container sees at a path of its own: path inside -> folder of the machine, or volume.
    mounts: Mapping[str, Path | str] = field(default_factory=dict)
    read_only: tuple[str, ...] = ()
    #: Empty: the user that the image names.
    user: str = ""
    entrypoint: str = ""
    #: Empty: the image's folder.
    workdir: str = ""


class Container(Protocol):
    """A program that was started in an image."""

    def kill(self, signum: signal.Signals) -> None:
        """Send a signal to the program itself, as the engine does it."""

    def exec(self, *command: str) -> subprocess.CompletedProcess[str]:
        """Run another command in it, to its end."""

    def wait(self, timeout_s: float = PATIENCE_S) -> int:
        """Give its exit code (of a shell's kind: 128 and the signal), once it has ended."""

    @property
    def running(self) -> bool: ...

    @property
    def said(self) -> str:
        """Give what it wrote so far, both outputs together."""


class Engine(Protocol):
    """Where images are and run."""

    name: str

    def start(self, job: Job, log: Path) -> Container: ...

    def run(self, job: Job, stdin: str = "") -> subprocess.CompletedProcess[str]:
        """Run it to its end; both outputs are kept apart."""

    def config(self, image: str) -> dict[str, Any]:
        """Give the image's own settings: `Env`, `Entrypoint`, `Cmd`, `User`, `Healthcheck`, ..."""

    def save(self, image: str) -> AbstractContextManager[IO[bytes]]:
        """Give the archive that `docker load` reads, as a stream."""

    def make_volume(self) -> str: ...

    def close(self) -> None:
        """Take away what was made: containers and volumes, not the images."""


class Docker:
    """The docker or the podman command; both speak the same words here."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._mark = f"firstpass-image-test-{uuid.uuid4().hex[:8]}"
        self._numbers = itertools.count()
        self._volumes: list[str] = []

    def start(self, job: Job, log: Path) -> Container:
        container = self._new_name()
        with log.open("wb") as sink:
            process = subprocess.Popen(
                self._command(job, container),
                env={**os.environ, **job.env},
                stdin=subprocess.DEVNULL,
                stdout=sink,
                stderr=subprocess.STDOUT,
            )
        return _DockerContainer(self.name, container, process, log)

    def run(self, job: Job, stdin: str = "") -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self._command(job, self._new_name(), "--no-healthcheck"),
            env={**os.environ, **job.env},
            input=stdin,
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
            check=False,
        )

    def config(self, image: str) -> dict[str, Any]:
        found: dict[str, Any] = self._inspect(image)["Config"]
        # podman tells of it beside the rest
        return {"Healthcheck": self._inspect(image).get("Healthcheck"), **found}

    def save(self, image: str) -> AbstractContextManager[IO[bytes]]:
        return output_of([self.name, "save", image])

    def make_volume(self) -> str:
        volume = self._new_name()
        self._call("volume", "create", volume)
        self._volumes.append(volume)
        return volume

    def close(self) -> None:
        listed = self._call("ps", "--all", "--quiet", "--filter", f"name={self._mark}").split()
        if listed:
            self._call("rm", "--force", "--volumes", *listed)
        for volume in self._volumes:
            self._call("volume", "rm", "--force", volume)

    def _new_name(self) -> str:
        return f"{self._mark}-{next(self._numbers)}"

    def _command(self, job: Job, container: str, *more: str) -> list[str]:
        options = ["run", "--rm", "--interactive", "--name", container, "--network", "host", *more]
        options += ["--read-only", "--tmpfs", "/tmp", "--cap-drop", "ALL"]
        options += ["--security-opt", "no-new-privileges"]
        for name in job.env:
            options += ["--env", name]
        for inside, source in job.mounts.items():
            options += [
                "--volume",
                f"{source}:{inside}:{'ro' if inside in job.read_only else 'rw'}",
            ]
        for option, value in (
            ("--user", job.user),
            ("--entrypoint", job.entrypoint),
            ("--workdir", job.workdir),
        ):
            options += [option, value] if value else []
        return [self.name, *options, job.image, *job.arguments]

    def _inspect(self, image: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self._call("image", "inspect", image))[0]
        return found

    def _call(self, *arguments: str) -> str:
        return subprocess.run(
            [self.name, *arguments], capture_output=True, text=True, check=True
        ).stdout


class _DockerContainer:
    def __init__(
        self, engine: str, container: str, process: subprocess.Popen[bytes], log: Path
    ) -> None:
        self._engine, self._container, self._process, self._log = engine, container, process, log

    def kill(self, signum: signal.Signals) -> None:
        """Once the container is there: what starts is not there at once."""
        deadline = time.monotonic() + PATIENCE_S
        command = [self._engine, "kill", "--signal", signum.name, self._container]
        while subprocess.run(command, capture_output=True, check=False).returncode != 0:
            assert self.running, self.said
            assert time.monotonic() < deadline, self.said
            time.sleep(0.2)

    def exec(self, *command: str) -> subprocess.CompletedProcess[str]:
        arguments: Sequence[str] = [self._engine, "exec", self._container, *command]
        return subprocess.run(arguments, capture_output=True, text=True, check=False)

    def wait(self, timeout_s: float = PATIENCE_S) -> int:
        return self._process.wait(timeout_s)

    @property
    def running(self) -> bool:
        return self._process.poll() is None

    @property
    def said(self) -> str:
        return self._log.read_text(errors="replace")


@contextmanager
def output_of(command: Sequence[str]) -> Iterator[IO[bytes]]:
    """What a command writes, while it writes. Raises `CalledProcessError` when it fails."""
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        yield process.stdout
        process.stdout.read()
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
