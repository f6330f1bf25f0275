"""How long an opened image waits while servers hang and trickle: real workers, real downloads."""

from __future__ import annotations

import io
import random
import socket
import socketserver
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from statistics import median

from PIL import Image

from tests.bench.effort import Effort
from tests.bench.figures import Figure, Target
from tests.bench.queue_lab import GIVE_UP_S, Lab, open_lab, request_for

__all__ = ["slow_servers"]

#: Moments at which an image is opened.
TRIES = 30
#: Of each dozen bulk images so many are at an address that never answers, and on one that trickles.
HANGING, TRICKLING, DOZEN = 2, 1, 12
#: What the opened image may wait: so many times what it waits alone, and so many seconds.
TIMES, SECONDS = 1.5, 0.5
IMAGE_TIMEOUT_S = 20
Serve = Callable[[socket.socket], None]


def slow_servers(effort: Effort) -> Iterator[Figure]:
    """Opened one by one, at random moments, while dozen after dozen of bulk images is queued."""
    with open_lab() as lab, ExitStack() as stack:
        good = stack.enter_context(_server(_answer))
        hanging = stack.enter_context(_server(_hang))
        trickling = stack.enter_context(_server(_trickle))
        servers = (good, hanging, trickling)
        lab.start(
            "backend.cli.main",
            "worker",
            FIRSTPASS_REDIS_URL=lab.url,
            FIRSTPASS_MODEL="tiny",
            FIRSTPASS_IMAGE_ALLOW=",".join(one.removeprefix("http://") for one in servers),
            FIRSTPASS_IMAGE_TIMEOUT_S=str(IMAGE_TIMEOUT_S),
            FIRSTPASS_CPU_THREADS="1",
        )
        for _ in range(5):
            _open(lab, good)
        alone = [_open(lab, good) for _ in range(TRIES)]
        waited = []
        dice = random.Random(1)
        for number in range(TRIES):
            _bulk(lab, number, good, hanging, trickling)
            time.sleep(dice.uniform(0, 2))
            waited.append(_open(lab, good))
    allowed = TIMES * median(alone) + SECONDS
    yield Figure(
        "an opened image while servers hang and trickle, the longest of 30 waits",
        max(waited) / allowed,
        "x",
        f"{max(waited):.2f} s (median {median(waited):.2f}), of 1.5 x {median(alone):.2f} s alone + 0.5 s",
        Target(1.0),
        {"waits_s": waited, "alone_s": alone},
    )


def _open(lab: Lab, server: str) -> float:
    job_id, request = request_for(f"{server}/{next(_NUMBERS)}.png")
    started = time.monotonic()
    asked = lab.queue.ask({job_id: request}, interactive=True, wait_s=GIVE_UP_S)
    if job_id not in asked.outcomes:
        return GIVE_UP_S
    return time.monotonic() - started


def _bulk(lab: Lab, number: int, good: str, hanging: str, trickling: str) -> None:
    servers = [hanging] * HANGING + [trickling] * TRICKLING
    servers += [good] * (DOZEN - len(servers))
    requests = dict(request_for(f"{server}/{next(_NUMBERS)}.png") for server in servers)
    lab.queue.ask(requests, interactive=False, wait_s=0)


def _numbers() -> Iterator[int]:
    number = 0
    while True:
        number += 1
        yield number


_NUMBERS = _numbers()


@contextmanager
def _server(serve: Serve) -> Iterator[str]:
    """The address of a server that does this with each connection."""

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            try:
                serve(self.request)
            except OSError:
                return

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True
        request_queue_size = 128

    with Server(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


def _answer(connection: socket.socket) -> None:
    """An image that is like no other."""
    while request := connection.recv(65_536):
        number = int(request.split(b"/")[1].split(b".")[0])
        buffer = io.BytesIO()
        colour = (number % 256, number // 256 % 256, 90)
        Image.new("RGB", (224, 224), colour).save(buffer, "PNG")
        body = buffer.getvalue()
        head = f"HTTP/1.1 200 OK\r\nContent-Type: image/png\r\nContent-Length: {len(body)}\r\n\r\n"
        connection.sendall(head.encode() + body)


def _hang(connection: socket.socket) -> None:
    while connection.recv(65_536):
        pass


def _trickle(connection: socket.socket) -> None:
    connection.recv(65_536)
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
    while True:
        connection.sendall(b"x")
        time.sleep(0.5)
