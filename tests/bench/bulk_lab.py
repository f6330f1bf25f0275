"""Where bulk runs are measured: a real Label Studio, Redis, and a worker whose model costs nothing."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from pydantic import SecretStr

from backend.demo.client import LabelStudioClient
from backend.demo.data_folder import start_label_studio
from backend.demo.environment import LABEL_STUDIO_BIN, repository
from backend.demo.label_studio import LabelStudio
from backend.label_studio.api import LabelStudioApi
from backend.processes.children import ManagedProcess, Program
from backend.processes.redis_server import embedded_redis
from backend.processes.stack import settings_environment
from backend.processes.supervisor import Supervisor
from backend.queue.connection import connect
from backend.settings import Settings, load_settings
from backend.status.reading import read_overview
from tests.bench.process_costs import resident_mib

__all__ = ["BulkLab", "open_bulk_lab"]

#: One box and one choice per task, as the stand-in model answers them.
LABEL_CONFIG = """
<View>
  <Image name="image" value="$image"/>
  <RectangleLabels name="what" toName="image"><Label value="star"/><Label value="circle"/></RectangleLabels>
  <Choices name="ground" toName="image"><Choice value="grass"/><Choice value="snow"/></Choices>
</View>
"""
IMPORT_AT_ONCE = 5000
READY_S = 60.0
_OURS = ("FIRSTPASS_", "REDIS_URL", "LABEL_STUDIO_")


@dataclass(slots=True)
class BulkLab:
    """Everything under test; made by `open_bulk_lab`, which also ends it."""

    folder: Path
    settings: Settings
    label_studio: LabelStudio
    client: LabelStudioClient
    api: LabelStudioApi
    supervisor: Supervisor
    redis_process: ManagedProcess
    worker: ManagedProcess
    #: MiB that each process held, look by look, over one measured run.
    looks: list[dict[str, float]] = field(default_factory=list)

    def new_project(self, title: str, tasks: int) -> int:
        """A project with that many tasks, whose pictures nobody fetches."""
        project = self.client.create_project(title, LABEL_CONFIG)
        for start in range(0, tasks, IMPORT_AT_ONCE):
            numbers = range(start, min(tasks, start + IMPORT_AT_ONCE))
            self.client.import_tasks(
                project, [{"image": f"http://images.example/ok-{project}-{n}"} for n in numbers]
            )
        return project

    def run(self, *command: str) -> subprocess.Popen[bytes]:
        """A `firstpass` command, started; its output goes to a file in the lab's folder."""
        program = self._program(*command)
        log = (self.folder / f"{command[0]}.log").open("ab")
        environment = {"PATH": "/usr/local/bin:/usr/bin:/bin", **program.env}
        return subprocess.Popen(
            program.argv, env=environment, cwd=repository(), stdout=log, stderr=log
        )

    def look_until_ended(self, process: subprocess.Popen[bytes], every_s: float = 1.0) -> float:
        """Seconds until the process ended, with a look at all processes' memory now and then."""
        started = time.monotonic()
        while process.poll() is None:
            self.look(cli=process.pid)
            time.sleep(every_s)
        seconds = time.monotonic() - started
        if process.returncode != 0:
            said = (self.folder / "prelabel.log").read_text(errors="replace")[-2000:]
            raise RuntimeError(f"expected exit code 0, got {process.returncode}: {said}")
        return seconds

    def look(self, **more: int) -> None:
        """Take down what each process holds now; `more` are pids by name."""
        pids = {"worker": self.worker.pid, "redis": self.redis_process.pid, **more}
        try:
            self.looks.append({name: resident_mib(pid) for name, pid in pids.items()})
        except OSError:  # it has just ended
            return

    def courier(self) -> ManagedProcess:
        """A courier, ready to deliver."""
        process = self.supervisor.start(self._program("courier"))
        process.wait_ready(lambda: "courier ready" in process.tail(), timeout_s=READY_S)
        return process

    def _program(self, *command: str) -> Program:
        return Program(
            name=command[0],
            argv=(sys.executable, "-m", "backend.cli.main", *command),
            env=settings_environment(self.settings),
            drop_env=_OURS,
            cwd=repository(),
            log=self.folder / f"{command[0]}.log",
        )


@contextmanager
def open_bulk_lab() -> Iterator[BulkLab]:
    """A lab without a project. Raises `SettingsError` where Label Studio is not installed."""
    with (
        TemporaryDirectory(prefix="firstpass-bench-") as name,
        Supervisor() as supervisor,
        embedded_redis(Path(name), supervisor) as url,
    ):
        folder = Path(name)
        redis_process = supervisor.processes[-1]
        label_studio = start_label_studio(
            repository() / LABEL_STUDIO_BIN,
            supervisor,
            cache=repository() / ".cache" / "demo",
            folder=folder / "label-studio",
        )
        worker = supervisor.start(
            Program(
                name="worker",
                argv=(
                    *(sys.executable, "-m", "tests.standin.worker", "--redis", url),
                    *("--model", "tiny", "--lease-s", "10"),
                ),
                drop_env=_OURS,
                cwd=repository(),
                log=folder / "worker.log",
            )
        )
        connection = connect(url)
        worker.wait_ready(
            lambda: bool(read_overview(connection, failures=0).workers), timeout_s=READY_S
        )
        with LabelStudioClient(label_studio) as client:
            settings = load_settings(
                model="tiny",
                home=folder / "firstpass",
                redis_url=SecretStr(url),
                label_studio_url=label_studio.url,
                label_studio_api_key=SecretStr(client.personal_access_token()),
                log_level="info",
            )
            with LabelStudioApi.from_settings(settings) as api:
                yield BulkLab(
                    folder, settings, label_studio, client, api, supervisor, redis_process, worker
                )
