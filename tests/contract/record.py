"""Records what a real Label Studio sends to an ML backend, into `bodies/`.

`python -m tests.contract.record`, when a new Label Studio is taken into the lock. Times, tokens and
ports are made constant, so that the diff shows what changed in the protocol.
"""

from __future__ import annotations

import http.server
import json
import re
import tempfile
import threading
from pathlib import Path
from typing import Any

from backend.demo.client import Backend, LabelStudioClient
from backend.demo.data_folder import start_label_studio
from backend.demo.environment import repository
from backend.processes.supervisor import Supervisor
from models.tiny.scenes import generate_scene

BODIES = Path(__file__).parent / "bodies"
CONFIG = (repository() / "label_config" / "demo.xml").read_text(encoding="utf-8")


class Recorder(http.server.BaseHTTPRequestHandler):
    """Answers like a backend that has nothing ready, and keeps each body."""

    seen: list[tuple[str, Any]] = []  # noqa: RUF012 - shared on purpose: one server, one list

    def do_GET(self) -> None:
        self._reply({"status": "UP"})

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.seen.append((self.path, body))
        tasks = body.get("tasks", [])
        self._reply({"model_version": "recorded", "results": [[] for _ in tasks]})

    def log_message(self, format: str, *args: object) -> None:
        pass

    def _reply(self, body: object) -> None:
        text = json.dumps(body).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)


def main() -> None:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Recorder)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    root = repository()
    with tempfile.TemporaryDirectory() as folder, Supervisor() as supervisor:
        label_studio = start_label_studio(
            root / ".venv-label-studio" / "bin" / "label-studio",
            supervisor,
            cache=root / ".cache" / "demo",
            folder=Path(folder) / "data",
        )
        with LabelStudioClient(label_studio) as client:
            play(client, f"http://127.0.0.1:{server.server_port}", Path(folder))


def play(client: LabelStudioClient, url: str, folder: Path) -> None:
    """Do what a user does, and write the body of each request under the name of what was done."""
    project = client.create_project("Recording", CONFIG)
    picture = folder / "scene 1 ü.png"
    generate_scene(1).image.save(picture)
    (task,) = client.upload(project, {picture.name: picture.read_bytes()})
    client.import_tasks(project, [{"image": "http://images.example/2.png"}])
    client.connect(project, Backend(url))
    keep("setup", "/setup")
    client.task(task)
    keep("predict-open", "/predict")
    client.retrieve_predictions(project)
    keep("predict-action", "/predict")
    client.next_task(project)
    keep("predict-stream", "/predict")
    region = {"from_name": "scene", "to_name": "image", "type": "choices"}
    result = [{**region, "id": "abc", "value": {"choices": ["grass"]}}]
    client.post(f"/api/tasks/{task}/annotations/", {"result": result, "lead_time": 3.5})
    keep("webhook-annotation-created", "/webhook")
    context = {"result": [{**region, "id": "abc", "value": {"choices": ["grass"]}}]}
    (backend,) = client._call("GET", "/api/ml", params={"project": project})
    path = f"/api/ml/{backend['id']}"
    client.post(f"{path}/interactive-annotating", {"task": task, "context": context})
    keep("predict-interactive", "/predict")
    client.post(f"{path}/train", {})
    keep("webhook-start-training", "/webhook")


def keep(name: str, path: str) -> None:
    """Write the last body sent to `path`."""
    body = next(body for seen, body in reversed(Recorder.seen) if seen == path)
    text = json.dumps(body, indent=1, ensure_ascii=False, sort_keys=True)
    for pattern, constant in (
        (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z", "2026-01-02T03:04:05.000000Z"),
        (r'"(\d+)\.\d{10}"', r'"\1.1767323045"'),
        (r"127\.0\.0\.1:\d+|localhost:\d+", "localhost:8080"),
        (r'"access_token": "[0-9a-f]+"', '"access_token": "0123456789abcdef"'),
        (r"/data/upload/(\d+)/[0-9a-f]{8}-", r"/data/upload/\1/0123abcd-"),
        (r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", "0" * 8),
    ):
        text = re.sub(pattern, constant, text)
    (BODIES / f"{name}.json").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
