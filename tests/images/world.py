"""What compose.yaml starts, on the machine's network: a Redis, a Label Studio, and programs of the two images."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from subprocess import CompletedProcess

import httpx
import redis

from backend.demo.client import LabelStudioClient
from backend.demo.data_folder import start_label_studio
from backend.demo.environment import repository
from backend.plain import Json
from backend.processes.children import free_port
from backend.processes.stack import Stack
from backend.processes.supervisor import Supervisor
from backend.queue.keys import QUEUES, result_key
from tests.e2e.pictures import BOXES, import_pictures
from tests.images.engine import PATIENCE_S, Container, Engine, Job
from tests.redis_process import RedisProcess

__all__ = ["World", "beside", "wait_until"]

USER, PASSWORD = "label-studio", "a-password-of-the-tests"


@dataclass
class World:
    """`env` is what compose.yaml tells every program; `credentials` what opens the web process."""

    engine: Engine
    web_image: str
    worker_image: str
    redis: RedisProcess
    client: LabelStudioClient
    folder: Path
    port: int
    env: dict[str, str]
    credentials: dict[str, str]
    #: What was started last under each name: `web`, `courier`, `worker`, `bulk`.
    running: dict[str, Container] = field(default_factory=dict)
    logs: int = 0
    pictures: int = 0

    @property
    def stack(self) -> Stack:
        """The web process as its callers see it."""
        return Stack(f"http://127.0.0.1:{self.port}", (USER, PASSWORD))

    def start(
        self,
        name: str,
        env: Mapping[str, str] | None = None,
        mounts: Mapping[str, Path | str] | None = None,
    ) -> Container:
        """`web`, `courier` or `worker`, as compose.yaml starts it."""
        image = self.worker_image if name == "worker" else self.web_image
        more = {} if name == "worker" else self.credentials
        return self._start(
            name, Job(image, (name,), {**self.env, **more, **(env or {})}, mounts or {})
        )

    def start_bulk(self, project: int) -> Container:
        """`prelabel project` in the web image."""
        env = {**self.env, **self.credentials}
        return self._start("bulk", Job(self.web_image, ("prelabel", "project", str(project)), env))

    def _start(self, name: str, job: Job) -> Container:
        if name in self.running:  # tests run in any order, and two would want one port
            if self.running[name].running:
                self.end(name)
            self.running.pop(name, None)
        self.logs += 1
        self.running[name] = self.engine.start(job, self.folder / f"{name}-{self.logs}.log")
        return self.running[name]

    def end(self, name: str, signum: signal.Signals = signal.SIGTERM) -> int:
        """Its exit code after that signal."""
        container = self.running.pop(name)
        container.kill(signum)
        return container.wait()

    def start_all(self, worker: Mapping[str, str] | None = None) -> None:
        """Those that do not run yet, ready."""
        for name, env in (("web", None), ("courier", None), ("worker", worker)):
            if name not in self.running or not self.running[name].running:
                self.start(name, env)
        wait_until(lambda: self.stack.workers > 0 and self.stack.has_courier, self.words)

    def end_all(self) -> None:
        for name in list(self.running):
            container = self.running.pop(name)
            if container.running:
                container.kill(signal.SIGKILL)
            container.wait()

    def command(
        self, *arguments: str, env: Mapping[str, str] | None = None
    ) -> CompletedProcess[str]:
        """`docker compose run --rm web ARGUMENTS`."""
        variables = {**self.env, **self.credentials, **(env or {})}
        return self.engine.run(Job(self.web_image, arguments, variables))

    def new_project(self, title: str, tasks: int) -> tuple[int, list[int]]:
        """A project, connected by `connect` in the web image, and its tasks, each with a picture of its own."""
        project = self.client.create_project(title, BOXES)
        first, self.pictures = self.pictures, self.pictures + tasks
        ids = import_pictures(self.client, project, tasks, distinct=tasks, first=first)
        done = self.command("connect", "--project", str(project))
        assert done.returncode == 0, done.stdout + done.stderr
        return project, ids

    def opened(self, project: int, task: Json) -> httpx.Response:
        """The answer of `/predict` when a person opens a task; raises where the connection is cut."""
        made = datetime.fromisoformat(self.client.project(project)["created_at"])
        body = {
            "tasks": [task],
            "project": f"{project}.{int(made.timestamp())}",
            "label_config": BOXES,
            "params": {"context": None, "login": None, "password": None},
        }
        return httpx.post(
            f"{self.stack.url}/predict",
            json=body,
            auth=self.stack.auth,
            timeout=PATIENCE_S,
            trust_env=False,
        )

    def waiting(self) -> int:
        """Images that wait in a queue."""
        with redis.Redis(port=self.redis.port) as connection:
            return sum(int(connection.llen(f"rq:queue:{name}")) for name in QUEUES)

    def results(self) -> int:
        """Outcomes that Redis keeps."""
        with redis.Redis(port=self.redis.port) as connection:
            return sum(1 for _ in connection.scan_iter(result_key("*"), count=1000))

    def words(self) -> str:
        """What the programs wrote last."""
        said = (f"{name}:\n{one.said[-2000:]}" for name, one in self.running.items())
        return "\n".join(said)


@contextmanager
def beside(
    engine: Engine,
    images: tuple[str, str],
    label_studio: Path,
    folder: Path,
    env: Mapping[str, str] | None = None,
) -> Iterator[World]:
    """Redis with its append-only file as in compose.yaml, and Label Studio as people run it."""
    server = RedisProcess(folder / "redis", {"appendonly": "yes", "appendfsync": "everysec"})
    with Supervisor() as supervisor:
        started = start_label_studio(
            label_studio,
            supervisor,
            cache=repository() / ".cache" / "demo",
            folder=folder / "label-studio",
        )
        with LabelStudioClient(started) as client:
            port = free_port()
            variables = {
                "REDIS_URL": server.url(),
                "FIRSTPASS_LABEL_STUDIO_URL": started.url,
                "FIRSTPASS_LABEL_STUDIO_API_KEY": client.personal_access_token(),
                "FIRSTPASS_PUBLIC_URL": f"http://127.0.0.1:{port}",
                "FIRSTPASS_HOST": "127.0.0.1",
                "FIRSTPASS_PORT": str(port),
                "FIRSTPASS_MODEL": "tiny",
                "FIRSTPASS_CPU_THREADS": "1",
                "FIRSTPASS_LEASE_S": "3",
                # As long as it may be: whoever asks still waits when a test has come to where it looks.
                "FIRSTPASS_WAIT_S": "90",
                **(env or {}),
            }
            credentials = {
                "FIRSTPASS_BASIC_AUTH_USER": USER,
                "FIRSTPASS_BASIC_AUTH_PASS": PASSWORD,
                "FIRSTPASS_WEBHOOK_SECRET": "a-secret-of-the-tests",
            }
            world = World(engine, *images, server, client, folder, port, variables, credentials)
            server.start()
            try:
                yield world
            finally:
                world.end_all()
                server.end()


def wait_until(
    holds: Callable[[], bool], words: Callable[[], str] = str, seconds: float = PATIENCE_S
) -> None:
    """Return once it holds; fails the test, with the words, after so many seconds."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, f"not in time; {words()}"
        time.sleep(0.1)
