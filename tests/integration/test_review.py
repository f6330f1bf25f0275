"""`firstpass review` as a process, over HTTP, without Redis: the stand-in Label Studio stands in for the real one."""

from __future__ import annotations

import http.server
import json
import os
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx

from tests.bench.bench_review import measured, reviewed, serving
from tests.reviewer import CONFIG, EDITS, OURS, expected_of
from tests.standin.label_studio import StandInLabelStudio

PATIENCE_S = 600


def test_the_command_counts_exactly_what_the_bench_plants() -> None:
    """Three pages of the export: what is told as JSON is what was done."""
    count = 250
    with serving(count) as url:
        report, *_ = measured(url)

    wanted = expected_of([EDITS[number % len(EDITS)] for number in range(count)])
    found: Counter[tuple[str, str]] = Counter()
    for one in report["labels"]:
        for fate in ("kept", "moved", "relabelled", "replaced", "deleted"):
            found[one["label"], fate] += one[fate]["count"]
        found[one["label"], "added"] += one["added"]
    assert +found == wanted.boxes
    assert report["reviewed"] == count
    assert sum(one["annotations"] for one in report["by_time"]) == count
    assert report["total"]["hidden"]["unknown"] == wanted.boxes["car", "added"]


class HeldExport:
    """A Label Studio that gives its first export, and holds the second until it is told to go on."""

    def __init__(self, count: int) -> None:
        self.label_studio = StandInLabelStudio(label_config=CONFIG)
        self.label_studio.found["model_version"] = OURS
        self.label_studio.put(*(reviewed(number) for number in range(1, count + 1)))
        self.exported: list[set[int]] = []
        self.is_held, self.goes_on = threading.Event(), threading.Event()

    def __call__(self, path: str) -> httpx.Response:
        request = httpx.Request("GET", f"http://ls{path}")
        if request.url.path.endswith("/export"):
            self.exported.append({int(task) for task in request.url.params.get_list("ids[]")})
            if len(self.exported) == 2:
                self.is_held.set()
                self.goes_on.wait(PATIENCE_S)
        return self.label_studio(request)


@contextmanager
def served(answers: HeldExport) -> Iterator[str]:
    """Its address."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            answer = answers(self.path)
            with suppress(ConnectionError):  # who asked may have been killed
                self.send_response(answer.status_code)
                self.send_header("Content-Type", "application/json")
                self.end_headers()
                self.wfile.write(answer.content)

        def log_message(self, format: str, *args: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            answers.goes_on.set()
            server.shutdown()
            thread.join()


def test_a_killed_command_goes_on_where_it_was(tmp_path: Path) -> None:
    """Killed while the second of three pages is awaited: the first is not asked for again, and all is counted."""
    count = 250
    command = [sys.executable, "-m", "backend.cli.main", "review", "--project", "4", "--json"]
    answers = HeldExport(count)
    with served(answers) as url:
        env = {
            "PATH": os.defpath, "FIRSTPASS_HOME": str(tmp_path), "FIRSTPASS_LABEL_STUDIO_URL": url,
            "FIRSTPASS_LABEL_STUDIO_API_KEY": "0" * 40, "FIRSTPASS_MODEL": "tiny",
        }  # fmt: skip
        with subprocess.Popen(command, env=env, stdout=subprocess.DEVNULL) as process:
            assert answers.is_held.wait(PATIENCE_S)
            process.kill()
        answers.goes_on.set()
        first, _ = answers.exported
        done = subprocess.run(command, env=env, capture_output=True, check=True, timeout=PATIENCE_S)

    again = set[int]().union(*answers.exported[2:])
    assert first.isdisjoint(again)
    assert first | again == set(range(1, count + 1))
    wanted = expected_of([EDITS[number % len(EDITS)] for number in range(count)])
    report = json.loads(done.stdout)
    assert report["reviewed"] == count
    assert report["edits_per_image"] == round(wanted.edits / count, 3)
    assert [one.suffix for one in (tmp_path / "review").iterdir()] == [".lock"]
