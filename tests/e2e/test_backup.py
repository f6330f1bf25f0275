"""A copy taken at work and restored elsewhere, by the commands of docs/backup.md as they stand there."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import redis
from pydantic import SecretStr

from backend.demo.client import Backend, LabelStudioClient
from backend.demo.data_folder import login_in, prepared_data
from backend.demo.environment import repository
from backend.demo.images import demo_images
from backend.demo.label_studio import Login, begin_on, installed_version
from backend.processes.children import Program, free_port
from backend.processes.redis_server import embedded_redis
from backend.processes.stack import settings_environment
from backend.processes.supervisor import Supervisor
from backend.settings import Settings, load_settings
from backend.status.overview import Overview
from backend.status.reading import read_overview
from tests import forks
from tests.conftest import missing_command
from tests.e2e.killing import PATIENCE_S, wait_until
from tests.e2e.pictures import rows_per_task
from tests.forked_children import supervised
from tests.pages import blocks
from tests.real_label_studio import CACHE

USER, PASSWORD = "label-studio", "between-the-two"


@dataclass(frozen=True, slots=True)
class Installation:
    """Redis and Label Studio at work for one home; web, courier and worker come as they are started."""

    settings: Settings
    client: LabelStudioClient
    supervisor: Supervisor
    home: Path

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.settings.port}"

    def start(self, *commands: str) -> None:
        """As children under the names of their commands."""
        for command in commands:
            argv = (sys.executable, "-m", "backend.cli.main", command)
            log = self.home / f"{command}.txt"
            env = settings_environment(self.settings)
            self.supervisor.start(Program(command, argv, env=env, log=log))

    def prelabel(self, project: int) -> str:
        """What the command says."""
        env = settings_environment(self.settings)
        done = forks.run("prelabel", "project", project, env=env, timeout_s=PATIENCE_S)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr

    def overview(self) -> Overview:
        assert self.settings.redis_url is not None
        with redis.Redis.from_url(self.settings.redis_url.get_secret_value()) as connection:
            return read_overview(connection)

    @property
    def is_up(self) -> bool:
        """Whether a worker and the courier are alive."""
        seen = self.overview()
        return bool(seen.workers) and seen.courier is not None

    def starts(self) -> int:
        """How often the one run was started."""
        (row,) = self._ledger("SELECT starts FROM run")
        return int(str(row[0]))

    def ledger_rows(self) -> list[tuple[object, ...]]:
        """All rows of the one ledger."""
        return self._ledger("SELECT * FROM tasks ORDER BY 1")

    def _ledger(self, question: str) -> list[tuple[object, ...]]:
        (path,) = (self.settings.home / "prelabel").glob("*.sqlite")
        with closing(sqlite3.connect(path)) as database:
            return database.execute(question).fetchall()


@contextmanager
def installation(
    home: Path, binary: Path, login: Login, *, ports: tuple[int, int]
) -> Iterator[Installation]:
    """On the folders that are under `home` already, or new ones."""
    ours, theirs = home / ".local/share/firstpass", home / ".local/share/label-studio"
    with Supervisor() as supervisor, embedded_redis(ours, supervisor) as redis_url:
        (home / "label-studio").mkdir()
        starting = begin_on(
            home / "label-studio",
            login,
            binary,
            supervisor,
            version="any",
            port=ports[0],
            env={"LABEL_STUDIO_BASE_DATA_DIR": str(theirs)},
        )
        label_studio = starting.ready(timeout_s=PATIENCE_S)
        with LabelStudioClient(label_studio) as client:
            settings = load_settings(
                home=ours,
                host="127.0.0.1",
                port=ports[1],
                redis_url=SecretStr(redis_url),
                model="tiny",
                cpu_threads=1,
                wait_s=1,
                wait_many_s=1,
                basic_auth_user=USER,
                basic_auth_pass=SecretStr(PASSWORD),
                label_studio_url=label_studio.url,
                label_studio_api_key=SecretStr(client.personal_access_token()),
            )
            yield Installation(settings, client, supervisor, home)


def commands(number: int, home: Path, cwd: Path) -> None:
    """Run a block of the page's part without containers, as it stands there, for this home."""
    block = blocks("docs/backup.md", "Without containers")[number]
    done = subprocess.run(
        ["env", f"HOME={home}", "bash", "-euo", "pipefail", "-c", block],
        cwd=cwd,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_copy_taken_at_work_goes_on_elsewhere(
    label_studio_bin: Path, fork_server: str, tmp_path: Path, demo_config: str
) -> None:
    """Queued images, owed tasks, a run's ledger, projects and uploads are there; the rest of the work is done."""
    missing_command("redis-cli")
    prepared = prepared_data(
        label_studio_bin, cache=CACHE, version=installed_version(label_studio_bin)
    )
    login = login_in(prepared)
    first, second, desk = (tmp_path / name for name in ("first", "second", "desk"))
    shutil.copytree(prepared / "data", first / ".local/share/label-studio")
    desk.mkdir()
    (desk / "docker").symlink_to(repository() / "docker")
    ports = (free_port(), free_port())

    with (
        supervised(fork_server),
        installation(first, label_studio_bin, login, ports=ports) as before,
    ):
        before.start("web", "courier", "worker")
        wait_until(lambda: before.is_up)
        backend = Backend(before.url, USER, PASSWORD)
        images = {image.name: image.png for image in demo_images(14)}
        labelled, waiting = (
            before.client.create_project(title, demo_config) for title in ("Labelled", "Waiting")
        )
        before.client.upload(labelled, dict(list(images.items())[:4]))
        before.prelabel(labelled)
        (worker,) = (one for one in before.supervisor.processes if one.name == "worker")
        worker.stop()
        tasks = before.client.upload(waiting, dict(list(images.items())[4:]))
        before.client.connect(waiting, backend)
        before.client.retrieve_predictions(waiting)
        wait_until(lambda: before.overview().owed_tasks == len(tasks))
        wait_until(lambda: before.overview().waiting == len(tasks))
        ledger = before.ledger_rows()
        before_starts = before.starts()

        commands(0, first, desk)

    commands(1, second, desk)

    elsewhere = installation(second, label_studio_bin, login, ports=ports)
    with supervised(fork_server), elsewhere as after:
        seen = after.overview()
        assert (seen.waiting, seen.owed_tasks) == (len(tasks), len(tasks))
        assert after.ledger_rows() == ledger
        assert [task["id"] for task in after.client.tasks(waiting)] == tasks
        assert rows_per_task(after.client, waiting) == {}

        after.start("web", "courier", "worker")
        wait_until(lambda: rows_per_task(after.client, waiting) == dict.fromkeys(tasks, 1))
        wait_until(lambda: after.overview().owed_tasks == 0)
        after.prelabel(labelled)
        assert set(rows_per_task(after.client, labelled).values()) == {1}
        assert after.starts() == before_starts + 1  # it is the same run, with nothing left to do
