"""How soon `/health` answers while callers do their worst: Label Studio gives it one second."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx

from backend.processes.children import free_port
from tests.bench.effort import Effort
from tests.bench.figures import Figure, Target, percentile
from tests.bench.queue_lab import open_lab

__all__ = ["health"]

BROKEN = 300
WITHIN_S = 0.3
LABELS = "".join(f'<Label value="label {number}"/>' for number in range(500))


def health(effort: Effort) -> Iterator[Figure]:
    """p99, while the largest label configs are announced and 300 bodies break off or stand still."""
    with open_lab() as lab:
        port = free_port()
        lab.start_process(
            "backend.cli.main",
            "web",
            ready=lambda: _is_up(port),
            FIRSTPASS_REDIS_URL=lab.url,
            FIRSTPASS_MODEL="tiny",
            FIRSTPASS_HOST="127.0.0.1",
            FIRSTPASS_PORT=str(port),
        )
        ended = threading.Event()
        with ThreadPoolExecutor(4) as pool, BrokenBodies() as sockets:
            setups = pool.submit(_announce, port, ended)
            broken = pool.submit(sockets.break_off, port)
            waits = _ask_for_health(port, effort.arrivals_s)
            broken.result()
            ended.set()
            announced = setups.result()
    yield Figure(
        "/health during the largest /setup and 300 broken bodies, p99",
        percentile(waits, 0.99),
        " s",
        f"longest {max(waits):.2f} s of {len(waits)}; {len(announced)} label configs announced, the longest "
        f"took {max(announced):.1f} s",
        Target(WITHIN_S),
        {"waits_s": waits, "setups_s": announced},
    )


def _ask_for_health(port: int, seconds: float) -> list[float]:
    waits = []
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        started = time.monotonic()
        httpx.get(f"http://127.0.0.1:{port}/health", timeout=30, trust_env=False).raise_for_status()
        waits.append(time.monotonic() - started)
        time.sleep(0.02)
    return waits


def _announce(port: int, ended: threading.Event) -> list[float]:
    """Large label configs, none twice."""
    seconds = []
    number = 0
    while not ended.is_set():
        number += 1
        started = time.monotonic()
        for config in _large(number):
            reply = httpx.post(
                f"http://127.0.0.1:{port}/setup",
                json={"schema": config, "project": "1.1"},
                timeout=60,
                trust_env=False,
            )
            reply.raise_for_status()
            seconds.append(time.monotonic() - started)
            started = time.monotonic()
    return seconds


def _large(number: int) -> Iterator[str]:
    image = f'<Image name="i" value="$image{number}"/>'
    boxes = f'<RectangleLabels name="b" toName="i">{LABELS}</RectangleLabels>'
    choices = "".join(
        f'<Choices name="c{n}" toName="i" perRegion="true"><Choice value="x"/><Choice value="y"/></Choices>'
        for n in range(500)
    )
    yield f"<View>{image}{boxes}{choices}</View>"
    shapes = "".join(f'<Polygon name="p{n}" toName="i"/>' for n in range(12_000))
    labels = '<Labels name="l" toName="i"><Label value="a"/></Labels>'
    yield f"<View>{image}{boxes}{labels}{shapes}</View>"


class BrokenBodies:
    """Connections whose bodies do not end; closed on exit."""

    def __init__(self) -> None:
        self._open: list[socket.socket] = []

    def __enter__(self) -> BrokenBodies:
        return self

    def __exit__(self, *exc_info: object) -> None:
        for each in self._open:
            each.close()

    def break_off(self, port: int) -> None:
        """300 that hang up in mid-body, and 300 that stand still."""
        head = b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n{"
        for number in range(2 * BROKEN):
            connection = socket.create_connection(("127.0.0.1", port), timeout=30)
            connection.sendall(head)
            if number % 2:
                connection.close()
            else:
                self._open.append(connection)


def _is_up(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/health", trust_env=False).is_success
    except httpx.HTTPError:
        return False
