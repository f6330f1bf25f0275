"""Measures `firstpass review` over 20,000 annotations: `python -m tests.bench.bench_review`.

The command runs as people run it, in a process of its own, against the stand-in Label Studio in another
one. So the seconds and the memory are the command's, and the answers of a real Label Studio come on top:
the stand-in takes next to no time for them. The load of the machine is told with the figures.
"""

from __future__ import annotations

import argparse
import http.server
import json
import multiprocessing
import os
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from multiprocessing.connection import Connection

import httpx

from backend.plain import Json
from tests.reviewer import CONFIG, EDITS, OURS, expected_of, predicted, submitted
from tests.standin.label_studio import StandInLabelStudio

__all__ = ["main"]

ANNOTATIONS = 20_000
MOST_S, MOST_MIB = 120.0, 500.0
#: A grey pixel, which the images with most edits are drawn from.
PIXEL = (
    "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNoAAAAggCBd81ytgAAAABJRU5ErkJggg=="
)  # fmt: skip


def main(arguments: Sequence[str] | None = None) -> int:
    """Run it and print the figures; 0 where the counts are exact and both targets are met."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.bench_review")
    parser.add_argument("--annotations", type=int, default=ANNOTATIONS)
    count = parser.parse_args(arguments).annotations
    with serving(count) as url:
        before, started = os.getloadavg()[0], time.monotonic()
        report, peak_mib, cpu_s = measured(url)
        seconds = time.monotonic() - started
    wanted = expected_of([EDITS[number % len(EDITS)] for number in range(count)])
    exact = report["reviewed"] == count and report["edits_per_image"] == round(
        wanted.edits / count, 3
    )
    load = f"{before:.1f} to {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors"
    sys.stdout.write(
        f"{count:,} annotations: {seconds:.1f} s (at most {MOST_S:.0f}) with {cpu_s:.1f} s of a processor, {peak_mib:.0f} MiB "
        f"(at most {MOST_MIB:.0f}), counts {'exact' if exact else 'WRONG'}; load {load}\n"
    )
    return 0 if exact and seconds <= MOST_S and peak_mib <= MOST_MIB else 1


def measured(url: str) -> tuple[Json, float, float]:
    """The report as JSON, the most memory in MiB that the command held, and its processor seconds."""
    with tempfile.TemporaryDirectory() as home, open(f"{home}/out", "w+b") as out:
        environment = {
            "PATH": os.defpath,
            "FIRSTPASS_HOME": home,
            "FIRSTPASS_LABEL_STUDIO_URL": url,
            "FIRSTPASS_LABEL_STUDIO_API_KEY": "0" * 40,
            "FIRSTPASS_MODEL": "tiny",
        }
        command = [sys.executable, "-m", "backend.cli.main", "review", "--project", "4", "--json"]
        to_file = [(os.POSIX_SPAWN_DUP2, out.fileno(), 1)]
        process = os.posix_spawn(command[0], command, environment, file_actions=to_file)
        _, status, usage = os.wait4(process, 0)
        out.seek(0)
        if status != 0:
            raise SystemExit(f"firstpass review ended with {os.waitstatus_to_exitcode(status)}")
        return json.loads(out.read()), usage.ru_maxrss / 1024, usage.ru_utime + usage.ru_stime


@contextmanager
def serving(count: int) -> Iterator[str]:
    """The address of the stand-in, in a process of its own."""
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=serve, args=(theirs, count))
    process.start()
    try:
        yield f"http://127.0.0.1:{ours.recv()}"
    finally:
        process.terminate()
        process.join()


def serve(told: Connection, count: int) -> None:
    """Serve until terminated."""
    label_studio = StandInLabelStudio(label_config=CONFIG)
    label_studio.found["model_version"] = OURS
    label_studio.put(*(reviewed(number) for number in range(1, count + 1)))

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            answer = label_studio(httpx.Request("GET", f"http://ls{self.path}"))
            self.send_response(answer.status_code)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(answer.content)))
            self.end_headers()
            self.wfile.write(answer.content)

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    told.send(server.server_port)
    server.serve_forever()


def reviewed(number: int) -> Json:
    """A task with one annotation, and the copy of the prediction that it began from."""
    edit = EDITS[(number - 1) % len(EDITS)]
    copy = {"id": number, "model_version": OURS, "result": predicted(number), "score": 0.6}
    annotation = {
        "id": number, "task": number, "completed_by": 1 + number % 3, "lead_time": 8.0,
        "created_at": f"2026-11-{1 + number % 28:02}T08:00:00Z", "parent_prediction": number,
        "result": submitted(number, edit), "prediction": copy,
    }  # fmt: skip
    return {"id": number, "data": {"image": PIXEL}, "annotations": [annotation]}


if __name__ == "__main__":
    sys.exit(main())
