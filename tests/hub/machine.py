"""A person's machine: an environment of its own, the hub's cache, and the `firstpass` command."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from tests import forks
from tests.hub.make_repositories import CLIP, FLORENCE, make_repositories

__all__ = ["Machine", "cache_folder", "make"]

_ROOT = Path(__file__).parents[2]


def _hurried() -> None:
    """The command's pauses between tries are such that a test can wait for them."""
    from huggingface_hub import constants

    importlib.reload(constants)  # reads the environment, which is the machine's by now
    from models.hub import requests

    requests.PAUSES_S = (0.01,) * 4


@dataclass
class Machine:
    """Runs commands as a person does; nothing of the real machine's settings reaches them."""

    hf_home: Path
    endpoint: str
    more: dict[str, str] = field(default_factory=dict)

    @property
    def environment(self) -> dict[str, str]:
        kept = ("PATH", "HOME", "TMPDIR", "LANG", "VIRTUAL_ENV", "LD_LIBRARY_PATH")
        return {
            **{name: os.environ[name] for name in kept if name in os.environ},
            "HF_HOME": str(self.hf_home),
            "HF_ENDPOINT": self.endpoint,
            "COLUMNS": "200",
            "OMP_WAIT_POLICY": "PASSIVE",
            "OMP_NUM_THREADS": "2",
            **self.more,
        }

    def run(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run `firstpass` to its end; its pauses between tries are short."""
        loads = arguments[0] == "predict" or arguments[:2] == ("models", "check")
        env = {**self.environment, **environment}
        return forks.run(*arguments, env=env, timeout_s=280, first=_hurried, models=loads)

    def library(self, repository: str, *, local_files_only: bool = False) -> Path:
        """Fetch OWNER/NAME/COMMIT by the hub's own library, and give the folder that it names."""
        owner, name, commit = repository.split("/")
        code = (
            "from huggingface_hub import snapshot_download; print(snapshot_download("
            f"'{owner}/{name}', revision='{commit}', local_files_only={local_files_only}, "
            "allow_patterns=['*.json', '*.txt', '*.bin', '*.safetensors']))"
        )
        done = subprocess.run(
            [sys.executable, "-c", code],
            env=self.environment,
            capture_output=True,
            text=True,
            check=True,
            timeout=280,
        )
        return Path(done.stdout.strip())

    @contextmanager
    def start(self, *arguments: str) -> Iterator[subprocess.Popen[str]]:
        """`firstpass` running; ended at the end of the block if it still does, with what it started."""
        with subprocess.Popen(
            [sys.executable, "-m", "backend.cli.main", *arguments],
            env=self.environment,
            cwd=_ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            try:
                yield process
            finally:
                process.terminate()
                with suppress(subprocess.TimeoutExpired):
                    process.wait(60)
                process.kill()

    @property
    def florence(self) -> Path:
        """The pinned revision of florence-2-base in the cache."""
        return cache_folder(self.hf_home, FLORENCE)

    @property
    def clip(self) -> Path:
        """The pinned revision of clip-vit-b-32 in the cache."""
        return cache_folder(self.hf_home, CLIP)

    def incomplete(self) -> list[Path]:
        """Files that are half fetched."""
        return sorted((self.hf_home / "hub").glob("*/blobs/*.incomplete"))


def cache_folder(hf_home: Path, repository: str) -> Path:
    """Where the hub's programs keep OWNER/NAME/COMMIT."""
    owner, name, commit = repository.split("/")
    return hf_home / "hub" / f"models--{owner}--{name}" / "snapshots" / commit


def make(folder: Path, *, full: bool = False) -> None:
    """Fill a folder with the pinned repositories, in a process of its own: what it takes of memory is gone after."""
    folder.mkdir(parents=True)
    filling = partial(make_repositories, folder, full=full)
    made = forks.fork(filling, env={"HOME": str(folder)}, out=folder / "log", models=True)
    try:
        assert made.wait(280) == 0, (folder / "log").read_text()
    finally:
        made.end()
    (folder / "log").unlink()
