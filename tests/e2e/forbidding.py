"""A Label Studio that forbids some of what is asked of it: the real one, behind a server that answers 403."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx

__all__ = ["Forbidden", "forbidding"]

#: Whether a request, by method and path, is forbidden.
Forbidden = Callable[[str, str], bool]
FORBIDDEN = b'{"detail": "You do not have permission to perform this action."}'
#: Belong to one connection each.
HOP_BY_HOP = ("connection", "content-encoding", "content-length", "host", "transfer-encoding")


@contextmanager
def forbidding(url: str, forbidden: Forbidden) -> Iterator[tuple[str, list[str]]]:
    """Its address, and the requests that it came to forbid."""
    refused: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def _answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            if forbidden(self.command, self.path):
                refused.append(f"{self.command} {self.path}")
                self._send(403, FORBIDDEN, {"content-type": "application/json"})
                return
            headers = {k: v for k, v in self.headers.items() if k.lower() not in HOP_BY_HOP}
            answer = http.request(self.command, self.path, content=body, headers=headers)
            self._send(answer.status_code, answer.content, answer.headers)

        do_GET = do_POST = do_PATCH = do_DELETE = do_PUT = _answer

        def _send(self, status: int, body: bytes, headers: httpx.Headers | dict[str, str]) -> None:
            self.send_response(status)
            for name, value in headers.items():
                if name.lower() not in HOP_BY_HOP:
                    self.send_header(name, value)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Nothing on the test's error output."""

    with (
        httpx.Client(base_url=url, timeout=180, trust_env=False) as http,
        ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server,
    ):
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}", refused
        finally:
            server.shutdown()
            thread.join()
