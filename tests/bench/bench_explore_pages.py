"""Measures the pages of an index: `python -m tests.bench.bench_explore_pages`.

A web process of its own serves `/explore` over an index of 2,000 made-up images, 20 pages a second with their pictures,
while `/health` is asked; and Chromium draws a map of 50,000 points. Neither needs a model or Label Studio.
"""

from __future__ import annotations

import argparse
import http.client
import json
import multiprocessing
import socket
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from unittest import mock

import numpy as np
import uvicorn
from rich.console import Console

from backend.prediction.engine import engine_for
from backend.prediction.predictor import PredictorSettings
from backend.queue.connection import connect
from backend.service import PredictionService, RunningService, WaitLimits
from backend.settings import load_settings
from backend.vectors.file_writer import open_writer
from backend.vectors.places import project_place
from backend.vectors.rows import IndexRows
from backend.web.app import create_app
from backend.web.explore_source import ExploreSource
from backend.web.explore_view import Cluster, Explored, MapPoint, Remark
from backend.web.monitor import QueueMonitor
from tests.bench.figures import Figure, Target, percentile
from tests.bench.report import Report
from tests.e2e.chromium import chromium
from tests.standin.queue import StandInQueue
from tests.unit.vectors.made_rows import image, region

LABEL_STUDIO = "http://label-studio.example"
IMAGES, POINTS = 2_000, 50_000
PAGES_PER_S, SECONDS = 20, 15
PICTURES = 12


def main(arguments: Sequence[str] | None = None) -> int:
    """Run it and print the figures; 0 where all targets are met."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.bench_explore_pages")
    parser.add_argument("--report", type=Path, help="file for all raw numbers, as JSON")
    report_path = parser.parse_args(arguments).report
    report = Report(
        "Pages of an index", {"images": IMAGES, "points": POINTS, "pages_per_s": PAGES_PER_S}
    )
    with tempfile.TemporaryDirectory() as folder:
        report.figures += [health_while_pages_are_served(Path(folder)), drawing(Path(folder))]
    Console().print(report.table())
    if report_path:
        report.write(report_path)
    return 1 if report.missed else 0


def health_while_pages_are_served(folder: Path) -> Figure:
    """How long `/health` takes at most, but for one in a hundred."""
    with serving(folder / "pages", IMAGES, 0) as port:
        done, waits, served = threading.Event(), [], [0]
        readers = [threading.Thread(target=_read, args=(port, n, done, served)) for n in range(4)]
        for reader in readers:
            reader.start()
        ends = time.monotonic() + SECONDS
        while time.monotonic() < ends:
            began = time.monotonic()
            _get(port, "/health")
            waits.append(time.monotonic() - began)
            time.sleep(0.02)
        done.set()
        for reader in readers:
            reader.join()
    rate = served[0] / SECONDS
    return Figure(
        f"/health while {PAGES_PER_S} pages a second of /explore are asked for, p99",
        percentile(waits, 0.99),
        " s",
        f"longest {max(waits):.3f} s of {len(waits)}; {rate:.1f} pages a second were served, each with {PICTURES} pictures",
        Target(0.5),
        {"health_s": waits, "pages_per_s": rate},
    )  # fmt: skip


def drawing(folder: Path) -> Figure:
    """How long the map takes to be drawn, of ten times the one in the middle."""
    with serving(folder / "map", 10, POINTS) as port, chromium(folder / "profile") as window:
        window.get(f"http://127.0.0.1:{port}/explore/3")
        script = "return document.querySelector('#map').dataset.{}"
        ends = time.monotonic() + 60
        while window.execute_script(script.format("points")) != str(POINTS):
            if time.monotonic() > ends:
                raise TimeoutError("the map was not drawn within a minute")
            time.sleep(0.2)
        drawn = []
        for _ in range(10):
            window.execute_script("dispatchEvent(new Event('resize'))")
            drawn.append(float(window.execute_script(script.format("drawnMs"))))
    return Figure(
        f"a map of {POINTS:,} points is drawn",
        sorted(drawn)[len(drawn) // 2],
        " ms",
        f"{min(drawn):.0f} to {max(drawn):.0f} ms, headless, without a GPU",
        Target(100),
        {"drawn_ms": drawn},
    )


@contextmanager
def serving(home: Path, images: int, points: int) -> Iterator[int]:
    """The port of a web process over a made index of its own."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
    process = multiprocessing.get_context("spawn").Process(
        target=_serve, args=(home, port, images, points), daemon=True
    )
    process.start()
    try:
        ends = time.monotonic() + 120
        while True:
            try:
                _get(port, "/health")
                break
            except OSError:
                if time.monotonic() > ends or not process.is_alive():
                    raise
                time.sleep(0.2)
        yield port
    finally:
        process.terminate()
        process.join(20)


def _serve(home: Path, port: int, images: int, points: int) -> None:
    engine = engine_for("tiny")
    settings = load_settings(home=home, label_studio_url=LABEL_STUDIO)
    with open_writer(project_place(settings, engine, 3)) as writer:
        writer.put(image(task, region(task)) for task in range(1, images + 1))
    service = PredictionService(
        queue=StandInQueue(lambda request: None),
        predictors=PredictorSettings(engine, 0.3, None),
        waits=WaitLimits(8, 1, 1),
    )
    running = RunningService(service, start=lambda: None, close=lambda: None)
    monitor = QueueMonitor(connect("redis://127.0.0.1:1/0", retries=0))
    rows = [one.row for one in ExploreSource(settings, engine, service.queue).rows(3).images()]
    told = _explored(rows, points or len(rows))
    with ExitStack() as stack:
        stack.enter_context(mock.patch.object(ExploreSource, "explored", return_value=told))
        if points:
            tasks = {row: row for row in range(1, points + 1)}
            stack.enter_context(mock.patch.object(IndexRows, "tasks", return_value=tasks))
        app = create_app(settings, running, monitor)
        uvicorn.run(app, host="127.0.0.1", port=port, log_config=None, access_log=False)


def _explored(rows: Sequence[int], points: int) -> Explored:
    at = np.clip(np.random.default_rng(0).normal(0.5, 0.18, (points, 2)), 0, 1)
    many = range(1, points + 1) if points > len(rows) else rows
    return Explored(
        made_at="2026-11-28T11:00:00Z",
        state="",
        points=[MapPoint(row, float(x), float(y), row % 40) for row, (x, y) in zip(many, at, strict=True)],
        clusters=[Cluster(number, f"cluster {number}", 50, rows[number * 6 : number * 6 + 6]) for number in range(20)],
        odd=[Remark(row, "far from all others") for row in rows[:50]],
    )  # fmt: skip


def _read(port: int, number: int, done: threading.Event, served: list[int]) -> None:
    """A quarter of the pages, each with some of its pictures."""
    every, due = 4 / PAGES_PER_S, time.monotonic() + number / PAGES_PER_S
    while not done.is_set():
        _get(port, "/explore/3")
        for row in range(1, 2 * PICTURES, 2):
            _get(port, f"/explore/3/thumbnail/{row}")
        served[0] += 1
        due += every
        done.wait(max(0.0, due - time.monotonic()))


def _get(port: int, path: str) -> bytes:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        content = answer.read()
        if answer.status != 200:
            raise RuntimeError(
                f"{path}: {answer.status} {json.dumps(content[:200].decode('latin-1'))}"
            )
        return content
    finally:
        connection.close()


if __name__ == "__main__":
    sys.exit(main())
