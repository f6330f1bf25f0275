"""A stand-in for the model hub on loopback: as much of its protocol as `huggingface_hub` 2.4 needs.

Serves ROOT/<owner>/<name>/<commit>/<files>. As the real one it names small files by git's blob id and large
ones (what its `.gitattributes` put into LFS: weights) by their SHA-256, and sends for the latter to another
host. What goes wrong is said by `Fault`s; what was asked is kept.

    python -m tests.hub.serve_hub ROOT PORT
"""

from __future__ import annotations

import hashlib
import json
import re
import ssl
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import lru_cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import trustme

__all__ = ["Asked", "Fault", "StandInHub", "serving"]

_IN_LFS = (".safetensors", ".bin", ".msgpack", ".h5")
_BLOCK_BYTES = 1 << 16


@dataclass
class Fault:
    """What goes wrong with requests whose "METHOD /path" holds `at`."""

    at: str
    status: int | None = None
    headers: dict[str, str] = field(default_factory=dict)
    body: str | None = None
    #: Close the connection after so many bytes of a file.
    cut_after: int | None = None
    #: Send so many bytes of a file, set `held`, and send the rest when `go_on` is set.
    hold_after: int | None = None
    #: Turn the byte at this place of a file, counted from its beginning.
    flip_at: int | None = None
    #: Say nothing until `go_on` is set.
    hangs: bool = False
    #: Answer a request for a part with the whole.
    ignores_range: bool = False
    #: How often it happens; `None`: always.
    times: int | None = None
    held: threading.Event = field(default_factory=threading.Event)
    go_on: threading.Event = field(default_factory=threading.Event)


@dataclass(frozen=True)
class Asked:
    """A request that came."""

    method: str
    path: str
    range: str | None
    authorization: str | None
    host: str


class StandInHub:
    """What the handlers serve, and what they were asked."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.url = ""
        #: Where large files come from: the same server by another name, as a content network is another.
        self.elsewhere = ""
        self.faults: list[Fault] = []
        self.asked: list[Asked] = []
        self.sent: dict[str, int] = {}
        self._lock = threading.Lock()

    def fault(self, asked: str) -> Fault:
        """The first fault that fits, one time less of it left."""
        with self._lock:
            for fault in self.faults:
                if fault.at in asked and fault.times != 0:
                    if fault.times is not None:
                        fault.times -= 1
                    return fault
        return Fault("")

    def digest(self, revision: str, name: str) -> str:
        """The SHA-256 of a file of OWNER/NAME/COMMIT."""
        return _digests(self.root / revision / name)[1]

    @contextmanager
    def behind_tls(self, certificate: trustme.LeafCert) -> Iterator[str]:
        """The same hub at another address, with this certificate."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        certificate.configure_cert(context)
        before = self.elsewhere
        with _listening(self, 0, context) as port:
            self.elsewhere = f"https://localhost:{port}"
            yield f"https://127.0.0.1:{port}"
        self.elsewhere = before

    def count(self, name: str, sent: int) -> None:
        """So many more bytes of a file went out."""
        with self._lock:
            self.sent[name] = self.sent.get(name, 0) + sent


@lru_cache(maxsize=256)
def _digest(path: Path, size: int, mtime_ns: int) -> tuple[str, str]:
    blob, sha256 = hashlib.sha1(b"blob %d\0" % size), hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            blob.update(block)
            sha256.update(block)
    return blob.hexdigest(), sha256.hexdigest()


def _digests(path: Path) -> tuple[str, str]:
    """Git's blob id of a file, and its SHA-256."""
    stat = path.stat()
    return _digest(path, stat.st_size, stat.st_mtime_ns)


def _pointer_id(path: Path) -> str:
    """Git's blob id of what stands in the repository for a large file."""
    pointer = (
        "version https://git-lfs.github.com/spec/v1\n"
        f"oid sha256:{_digests(path)[1]}\nsize {path.stat().st_size}\n"
    ).encode()
    return hashlib.sha1(b"blob %d\0" % len(pointer) + pointer).hexdigest()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    hub: StandInHub

    def do_HEAD(self) -> None:
        self._answer()

    def do_GET(self) -> None:
        self._answer()

    def do_CONNECT(self) -> None:
        self._answer()

    def _answer(self) -> None:
        path = self.path.split("?")[0]
        headers = {name: self.headers.get(name) for name in ("Range", "Authorization")}
        host = self.headers.get("Host", "")
        self.hub.asked.append(
            Asked(self.command, path, headers["Range"], headers["Authorization"], host)
        )
        fault = self.hub.fault(f"{self.command} {path}")
        if fault.hangs:
            fault.go_on.wait()
        if fault.status is not None:
            self._reply(fault.status, fault.body or "{}", fault.headers)
            return
        with suppress(BrokenPipeError, ConnectionResetError):
            self._route(path, fault)

    def _route(self, path: str, fault: Fault) -> None:
        if found := re.fullmatch(r"/api/models/([^/]+/[^/]+)(?:/revision/([^/]+))?", path):
            self._info(found[1], found[2])
        elif found := re.fullmatch(r"/api/models/([^/]+/[^/]+)/tree/([^/]+)/?", path):
            self._tree(found[1], found[2])
        elif found := re.fullmatch(r"/(?:cdn/)?([^/]+/[^/]+)/(?:resolve/)?([^/]+)/([^/]+)", path):
            self._file(found[1], found[2], found[3], fault, linked=not path.startswith("/cdn/"))
        else:
            self._reply(404, '{"error": "Not found"}')

    def _revision(self, repository: str, revision: str | None) -> Path | None:
        """The folder of a revision (`None` or main: the first); answers by itself where there is none."""
        home = self.hub.root / repository
        if not home.is_dir():
            # As the real one answers to whom it does not know, lest private names be guessed.
            headers = {"X-Error-Code": "RepoNotFound", "X-Error-Message": "Repository not found"}
            self._reply(404 if self.headers.get("Authorization") else 401, "{}", headers)
            return None
        revisions = sorted(one for one in home.iterdir() if one.is_dir())
        for one in revisions:
            if revision in (None, "main", one.name):
                return one
        headers = {"X-Error-Code": "RevisionNotFound"}
        self._reply(404, json.dumps({"error": f"Invalid rev id: {revision}"}), headers)
        return None

    def _info(self, repository: str, revision: str | None) -> None:
        folder = self._revision(repository, revision)
        if folder is None:
            return
        siblings: list[dict[str, Any]] = []
        for path in sorted(folder.iterdir()):
            size = path.stat().st_size
            blob, sha256 = _digests(path)
            sibling: dict[str, Any] = {"rfilename": path.name, "size": size, "blobId": blob}
            if path.suffix in _IN_LFS:
                sibling["blobId"] = _pointer_id(path)
                sibling["lfs"] = {"sha256": sha256, "size": size, "pointerSize": 134}
            siblings.append(sibling if "blobs=" in self.path else {"rfilename": path.name})
        plain = {"private": False, "gated": False, "disabled": False, "tags": [], "downloads": 0}
        names = {"id": repository, "modelId": repository, "sha": folder.name}
        self._reply(200, json.dumps({**names, "siblings": siblings, **plain}))

    def _tree(self, repository: str, revision: str) -> None:
        folder = self._revision(repository, revision)
        if folder is None:
            return
        entries: list[dict[str, Any]] = []
        for path in sorted(folder.iterdir()):
            size = path.stat().st_size
            blob, sha256 = _digests(path)
            entry: dict[str, Any] = {"type": "file", "path": path.name, "size": size, "oid": blob}
            if path.suffix in _IN_LFS:
                entry["oid"] = _pointer_id(path)
                entry["lfs"] = {"oid": sha256, "size": size, "pointerSize": 134}
            entries.append(entry)
        self._reply(200, json.dumps(entries))

    def _file(
        self, repository: str, revision: str, name: str, fault: Fault, *, linked: bool
    ) -> None:
        folder = self._revision(repository, revision)
        if folder is None:
            return
        path = folder / name
        headers = {"X-Repo-Commit": folder.name}
        if not path.is_file():
            self._reply(404, "{}", {**headers, "X-Error-Code": "EntryNotFound"})
            return
        blob, sha256 = _digests(path)
        if path.suffix in _IN_LFS and linked:
            headers["Location"] = f"{self.hub.elsewhere}/cdn/{repository}/{revision}/{name}"
            headers["X-Linked-Size"] = str(path.stat().st_size)
            headers["X-Linked-ETag"] = f'"{sha256}"'
            self._reply(302, "", headers)
            return
        headers["ETag"] = f'"{sha256 if path.suffix in _IN_LFS else blob}"'
        self._send(path, headers, fault)

    def _send(self, path: Path, headers: dict[str, str], fault: Fault) -> None:
        size = path.stat().st_size
        wanted = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range") or "")
        start = int(wanted[1]) if wanted and not fault.ignores_range else 0
        if start:
            headers["Content-Range"] = f"bytes {start}-{size - 1}/{size}"
        length = {"Content-Length": str(size - start), "Accept-Ranges": "bytes"}
        self._begin(206 if start else 200, {**headers, **length})
        if self.command == "HEAD":
            return
        stops = [stop for stop in (fault.cut_after, fault.hold_after) if stop is not None]
        stop = min(start + min(stops, default=size), size)
        self._write(path, start, stop, fault.flip_at)
        if fault.cut_after is not None:
            self.close_connection = True
        elif stop < size:
            fault.held.set()
            fault.go_on.wait()
            self._write(path, stop, size, fault.flip_at)

    def _write(self, path: Path, start: int, stop: int, flip_at: int | None) -> None:
        """Send a file's bytes from `start` to before `stop`, one of them another if so wanted."""
        with path.open("rb") as file:
            file.seek(start)
            while start < stop:
                block = bytearray(file.read(min(_BLOCK_BYTES, stop - start)))
                if flip_at is not None and start <= flip_at < start + len(block):
                    block[flip_at - start] ^= 0xFF
                self.wfile.write(block)
                self.hub.count(path.name, len(block))
                start += len(block)

    def _begin(self, status: int, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()

    def _reply(self, status: int, body: str, headers: dict[str, str] | None = None) -> None:
        data = body.encode()
        self._begin(status, {"Content-Length": str(len(data)), **(headers or {})})
        if self.command != "HEAD":
            self.wfile.write(data)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing: what was asked is kept."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def handle_error(self, request: object, client_address: object) -> None:
        """Who hangs up in mid-file is what many tests are about."""


@contextmanager
def serving(root: Path, port: int = 0) -> Iterator[StandInHub]:
    """The stand-in, answering until the block ends."""
    hub = StandInHub(root)
    with _listening(hub, port, None) as number:
        hub.url = f"http://127.0.0.1:{number}"
        hub.elsewhere = f"http://localhost:{number}"
        try:
            yield hub
        finally:
            for fault in hub.faults:
                fault.go_on.set()


@contextmanager
def _listening(hub: StandInHub, port: int, tls: ssl.SSLContext | None) -> Iterator[int]:
    server = _Server(("127.0.0.1", port), type("Handler", (_Handler,), {"hub": hub}))
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


if __name__ == "__main__":
    with serving(Path(sys.argv[1]).resolve(), int(sys.argv[2])) as served:
        print(served.url, flush=True)  # noqa: T201 - a command's answer
        while True:
            time.sleep(3600)
