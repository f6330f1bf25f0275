"""Real HTTP servers on loopback that count who comes."""

from __future__ import annotations

import base64
import io
import json
import socket
import ssl
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from PIL import Image

from backend.images.guard import resolve_host

NAMES = ("label-studio.test", "outside.test", "other.test", "inside.test")
"""All of them are loopback; which of them may be reached is up to the settings."""

Route = Callable[[BaseHTTPRequestHandler], None]


def resolve(host: str, port: int) -> Sequence[str]:
    """The made-up names, and the system's look-up for the rest."""
    return ["127.0.0.1"] if host in NAMES else resolve_host(host, port)


def png(width: int = 8, height: int = 6) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (width, height), "teal").save(buffer, "PNG")
    return buffer.getvalue()


@dataclass(frozen=True)
class Seen:
    """One request as it came."""

    path: str
    headers: dict[str, str]

    @property
    def token(self) -> str | None:
        return self.headers.get("authorization")


class LocalServer:
    """Answers by path (query cut off), else 404; a context manager."""

    def __init__(
        self,
        name: str = "127.0.0.1",
        family: socket.AddressFamily = socket.AF_INET,
        tls: ssl.SSLContext | None = None,
    ):
        self.routes: dict[str, Route] = {}
        self.seen: list[Seen] = []
        self.callers: list[tuple[Any, ...]] = []
        self._server = _server_class(self, family)(_loopback(family), _handler_class(self))
        if tls is not None:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)
        self._scheme = "http" if tls is None else "https"
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.003}, daemon=True
        )
        self.name = name
        self._host = _loopback(family)[0]

    def connections(self) -> int:
        """How many connected so far. A connection of our own goes last, so that none is overlooked."""
        with socket.create_connection((self._host, self.port), timeout=5) as probe:
            ours = probe.getsockname()
            while ours not in self.callers:
                time.sleep(0.001)
        self.callers.remove(ours)
        return len(self.callers)

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    @property
    def address(self) -> str:
        return f"{self.name}:{self.port}"

    @property
    def url(self) -> str:
        return f"{self._scheme}://{self.address}"

    def __enter__(self) -> LocalServer:
        self._thread.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def answer(
    body: bytes = b"", status: int = 200, headers: dict[str, str] | None = None, length: bool = True
) -> Route:
    """A route that answers so; without `length` the headers alone decide."""

    def route(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        for name, value in (headers or {}).items():
            handler.send_header(name, value)
        if length:
            handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    return route


def redirect(location: str, status: int = 302) -> Route:
    return answer(status=status, headers={"Location": location})


def as_json(value: Any, status: int = 200) -> Route:
    return answer(json.dumps(value).encode(), status, {"Content-Type": "application/json"})


def jwt(**claims: Any) -> str:
    """An unsigned token of the right shape."""
    parts = ({"alg": "HS256", "typ": "JWT"}, claims)
    encoded = [base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=") for part in parts]
    return b".".join([*encoded, b"c2lnbmF0dXJl"]).decode()


def _loopback(family: socket.AddressFamily) -> tuple[str, int]:
    return ("::1" if family == socket.AF_INET6 else "127.0.0.1", 0)


def _server_class(owner: LocalServer, family: socket.AddressFamily) -> type[ThreadingHTTPServer]:
    class Server(ThreadingHTTPServer):
        address_family = family
        daemon_threads = True
        request_queue_size = 128

        def get_request(self) -> tuple[socket.socket, Any]:
            connection, caller = super().get_request()
            owner.callers.append(caller)
            return connection, caller

        def handle_error(self, request: Any, client_address: Any) -> None:
            """A client that hangs up is what many tests are about."""

    return Server


def _handler_class(owner: LocalServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout = 120

        def do_GET(self) -> None:
            headers = {name.lower(): value for name, value in self.headers.items()}
            owner.seen.append(Seen(self.path, headers))
            owner.routes.get(self.path.partition("?")[0], answer(b"no", 404))(self)

        def do_POST(self) -> None:
            self.body = self.rfile.read(int(self.headers["Content-Length"]))
            self.do_GET()

        def log_message(self, format: str, *args: Any) -> None:
            """Quiet."""

    return Handler
