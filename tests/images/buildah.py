"""Runs programs of images that buildah holds, where there is neither docker nor podman. Needs root.

`buildah run` knows no read-only root, so util-linux makes the place: a mount namespace with the image's
files read-only, then the user, no capabilities and no new privileges. There is no PID namespace and no
seccomp filter; the tests' report says so.
"""

from __future__ import annotations

import itertools
import json
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import IO, Any

from tests.images.engine import PATIENCE_S, Container, Job, output_of

__all__ = ["Buildah"]

#: $1 is the image's root, $2 the uid:gid, $3 the folder to begin in; then triples of a source, a path
#: inside and ro or rw until `--`, and the program. Each step replaces the last: one process, one id.
_ENTER = r"""
root=$1 user=$2 folder=$3; shift 3
mount --make-rprivate /
mount --bind "$root" "$root"
mount -o remount,bind,ro "$root"
mount --rbind /dev "$root/dev"
mount -t proc proc "$root/proc"
mount -t tmpfs -o nosuid,nodev,mode=1777 tmpfs "$root/tmp"
for file in hosts resolv.conf; do mount --bind "/etc/$file" "$root/etc/$file"; done
while [ "$1" != -- ]; do
  mount --bind "$1" "$root$2"
  mount -o "remount,bind,nosuid,nodev,$3" "$root$2"
  shift 3
done
shift
exec chroot "$root" setpriv --reuid "${user%:*}" --regid "${user#*:}" --clear-groups \
  --bounding-set=-all --inh-caps=-all --ambient-caps=-all --no-new-privs \
  sh -c 'cd "$0" && exec "$@"' "$folder" "$@"
"""


class Buildah:
    """The images of buildah, each mounted once for all programs that run in it."""

    name = "buildah"

    def __init__(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="firstpass-image-test-"))
        self._folder.chmod(0o711)
        #: Image -> its working container and where that is mounted.
        self._roots: dict[str, tuple[str, Path]] = {}
        self._numbers = itertools.count()

    def start(self, job: Job, log: Path) -> Container:
        environment = self._environment(job)
        with log.open("wb") as sink:
            process = subprocess.Popen(
                self._command(job),
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=sink,
                stderr=subprocess.STDOUT,
            )
        return _Process(process, log, environment, self._user(job))

    def run(self, job: Job, stdin: str = "") -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            self._command(job),
            env=self._environment(job),
            input=stdin,
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
            check=False,
        )
        done.returncode = _as_in_a_shell(done.returncode)
        return done

    def config(self, image: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(_buildah("inspect", "--type", "image", image))
        return {**found["OCIv1"]["config"], **found["Docker"]["config"]}

    def save(self, image: str) -> AbstractContextManager[IO[bytes]]:
        return self._saved(image)

    @contextmanager
    def _saved(self, image: str) -> Iterator[IO[bytes]]:
        archive = self._new("archive")
        _buildah("push", "--quiet", image, f"docker-archive:{archive}")
        with output_of(["cat", str(archive)]) as read:
            yield read
        archive.unlink()

    def make_volume(self) -> str:
        volume = self._new("volume")
        volume.mkdir()
        return str(volume)

    def close(self) -> None:
        for container, _ in self._roots.values():
            _buildah("rm", container)
        shutil.rmtree(self._folder, ignore_errors=True)

    def _command(self, job: Job) -> list[str]:
        root, config = self._root(job.image), self.config(job.image)
        mounts: list[str] = []
        for inside in (config.get("Volumes") or {}).keys() - job.mounts.keys():
            mounts += [self._filled(Path(self.make_volume()), root, inside), inside, "rw"]
        for inside, source in job.mounts.items():
            if str(source).startswith(str(self._folder)):
                self._filled(Path(source), root, inside)
            mounts += [str(source), inside, "ro" if inside in job.read_only else "rw"]
        program = [job.entrypoint] if job.entrypoint else config["Entrypoint"]
        arguments = job.arguments or ([] if job.entrypoint else config["Cmd"])
        return [
            *("unshare", "--mount", "sh", "-euc", _ENTER, "sh", str(root), self._user(job)),
            *(job.workdir or config["WorkingDir"], *mounts, "--", *program, *arguments),
        ]

    def _filled(self, volume: Path, root: Path, inside: str) -> str:
        """A new volume begins with what the image has there, and has its owner."""
        there = root / inside.removeprefix("/")
        if there.is_dir() and not any(volume.iterdir()):
            subprocess.run(["cp", "--archive", f"{there}/.", str(volume)], check=True)
        return str(volume)

    def _environment(self, job: Job) -> dict[str, str]:
        pairs = (pair.partition("=") for pair in self.config(job.image)["Env"])
        return {**{name: value for name, _, value in pairs}, **job.env}

    def _user(self, job: Job) -> str:
        user = job.user or self.config(job.image)["User"]
        return user if ":" in user else f"{user}:0"

    def _root(self, image: str) -> Path:
        if image not in self._roots:
            container = _buildah("from", "--pull-never", image)
            self._roots[image] = container, Path(_buildah("mount", container))
        return self._roots[image][1]

    def _new(self, kind: str) -> Path:
        return self._folder / f"{kind}-{next(self._numbers)}"


class _Process:
    def __init__(
        self, process: subprocess.Popen[bytes], log: Path, environment: dict[str, str], user: str
    ) -> None:
        self._process, self._log = process, log
        self._environment, self._user = environment, user

    def kill(self, signum: signal.Signals) -> None:
        os.kill(self._process.pid, signum)

    def exec(self, *command: str) -> subprocess.CompletedProcess[str]:
        uid, _, gid = self._user.partition(":")
        enter = ["nsenter", "--target", str(self._process.pid), "--mount", "--root", "--wd"]
        drop = ["setpriv", "--reuid", uid, "--regid", gid, "--clear-groups"]
        drop += ["--bounding-set=-all", "--inh-caps=-all", "--no-new-privs"]
        return subprocess.run(
            [*enter, *drop, *command],
            env=self._environment,
            capture_output=True,
            text=True,
            check=False,
        )

    def wait(self, timeout_s: float = PATIENCE_S) -> int:
        return _as_in_a_shell(self._process.wait(timeout_s))

    @property
    def running(self) -> bool:
        return self._process.poll() is None

    @property
    def said(self) -> str:
        return self._log.read_text(errors="replace")


def _buildah(*arguments: str) -> str:
    done = subprocess.run(["buildah", *arguments], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def _as_in_a_shell(code: int) -> int:
    return 128 - code if code < 0 else code
