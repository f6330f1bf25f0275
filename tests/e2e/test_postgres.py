"""Label Studio on PostgreSQL, by the variables of docker/compose.postgres.yaml, and a Redis that is not ours."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from pydantic import SecretStr

from backend.demo.client import Backend, LabelStudioClient
from backend.demo.environment import repository
from backend.demo.images import demo_images
from backend.demo.label_studio import Login, begin_on
from backend.processes.children import Program, free_port
from backend.processes.stack import settings_environment
from backend.processes.supervisor import Supervisor
from backend.settings import load_settings
from tests.conftest import missing, missing_command
from tests.e2e.killing import PATIENCE_S, wait_until
from tests.forked_children import supervised

OVERLAY: dict[str, Any] = yaml.safe_load(
    (repository() / "docker" / "compose.postgres.yaml").read_text()
)["services"]
PASSWORD = "of-the-database"


class Postgres:
    """A server of this test alone, on loopback; root may not run one, so then its own user does."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self._folder = folder
        self._env: dict[str, str] = {"PGPASSWORD": PASSWORD}
        self._as_user: list[str] = []
        if os.geteuid() == 0:
            user = pwd.getpwnam("postgres")
            os.chown(folder, user.pw_uid, user.pw_gid)
            self._as_user = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"]
        named = OVERLAY["postgres"]["environment"]
        self.user, self.database = named["POSTGRES_USER"], named["POSTGRES_DB"]

    def program(self, name: str) -> str:
        """On the PATH, or where Debian keeps what its wrappers call."""
        found = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))
        return str(found[-1] if found else missing_command(name))

    def argv(self, name: str, *arguments: str) -> tuple[str, ...]:
        """A client's command line."""
        at = ("--host=127.0.0.1", f"--port={self.port}", f"--username={self.user}")
        return (self.program(name), *at, *arguments)

    def run(self, *argv: str, **given: Any) -> subprocess.CompletedProcess[bytes]:
        secret = [f"{name}={value}" for name, value in self._env.items()]
        return subprocess.run(["env", *secret, *argv], check=True, capture_output=True, **given)

    def start(self, supervisor: Supervisor) -> None:
        """Made anew, with the overlay's user, password and database."""
        password = self._folder / "password"
        password.write_text(PASSWORD)
        password.chmod(0o644)
        data = str(self._folder / "data")
        made = ("--auth=scram-sha-256", f"--username={self.user}", f"--pwfile={password}")
        self.run(*self._as_user, self.program("initdb"), "-D", data, *made, cwd=self._folder)
        told = {"listen_addresses": "127.0.0.1", "unix_socket_directories": data}
        told["fsync"] = "off"  # what a power cut would lose is of no use after the test
        address = [part for name, value in told.items() for part in ("-c", f"{name}={value}")]
        server = (self.program("postgres"), "-D", data, "-p", str(self.port), *address)
        supervisor.start(
            Program("postgres", (*self._as_user, *server), cwd=self._folder), ready=self._answers
        )
        self.run(*self.argv("createdb", self.database))

    def _answers(self) -> bool:
        done = subprocess.run(self.argv("pg_isready"), capture_output=True, check=False)
        return done.returncode == 0


@pytest.fixture
def postgres_folder() -> Iterator[Path]:
    """Not under pytest's folders, which other users may not enter."""
    folder = Path(tempfile.mkdtemp(prefix="firstpass-postgres-"))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


def _is_ready(url: str) -> bool:
    try:
        return httpx.get(f"{url}/ready").status_code == 200
    except httpx.TransportError:
        return False


def test_label_studio_on_postgres_gets_predictions(
    label_studio_bin: Path,
    postgres_folder: Path,
    fork_server: str,
    redis_url: str,
    tmp_path: Path,
    demo_config: str,
) -> None:
    """It starts, is connected, an opened task has its prediction, and the copy of the database is whole."""
    if os.geteuid() == 0 and "postgres" not in {one.pw_name for one in pwd.getpwall()}:
        missing("no user postgres to run a PostgreSQL as (Debian's package makes it)")
    login = Login("first@example.com", "a-long-password")
    postgres = Postgres(postgres_folder)
    with supervised(fork_server), Supervisor() as supervisor:
        postgres.start(supervisor)
        told = {**OVERLAY["label-studio"]["environment"]}
        told |= {"POSTGRE_HOST": "127.0.0.1", "POSTGRE_PORT": str(postgres.port)}
        told |= {"POSTGRE_PASSWORD": PASSWORD}
        folder = tmp_path / "label-studio"
        folder.mkdir()
        starting = begin_on(folder, login, label_studio_bin, supervisor, version="any", env=told)
        label_studio = starting.ready(timeout_s=2 * PATIENCE_S)
        with LabelStudioClient(label_studio) as client:
            settings = load_settings(
                home=tmp_path / "home",
                port=free_port(),
                redis_url=SecretStr(redis_url),
                model="tiny",
                cpu_threads=1,
                wait_s=60,
                label_studio_url=label_studio.url,
                label_studio_api_key=SecretStr(client.personal_access_token()),
            )
            for command in ("web", "worker"):
                argv = (sys.executable, "-m", "backend.cli.main", command)
                env = settings_environment(settings)
                supervisor.start(Program(command, argv, env=env, log=tmp_path / f"{command}.log"))
            wait_until(lambda: _is_ready(settings.local_url))
            project = client.create_project("On PostgreSQL", demo_config)
            client.connect(project, Backend(settings.local_url))
            (task,) = client.upload(project, {one.name: one.png for one in demo_images(1)})

            (prediction,) = client.task(task)["predictions"]

            assert prediction["model_version"] == client.project(project)["model_version"]
        assert not list(folder.rglob("*.sqlite3"))

        # As docker/backup.sh and docker/restore.sh have it, into a new database.
        dump = postgres.run(*postgres.argv("pg_dump", "--format=custom", postgres.database)).stdout
        postgres.run(*postgres.argv("createdb", "again"))
        restore = postgres.argv("pg_restore", "--exit-on-error", "--no-owner", "--dbname=again")
        postgres.run(*restore, input=dump)
        count = ("--tuples-only", "--command=select count(*) from prediction", "again")
        assert int(postgres.run(*postgres.argv("psql", *count)).stdout) == 1
