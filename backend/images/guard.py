"""The guard at connect time: look a host up once, check every address, connect to the checked one.

A check before the fetch would look the name up a second time, and the second answer may be another
(DNS rebinding). Here the connection is made by the very code that checked. No proxy is ever used: a
proxy would look the name up itself.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
import time
import typing
from collections.abc import Callable, Iterable, Iterator, Sequence

import httpcore

from backend.errors import ImageRefused, ImageUnreachable
from backend.images.addresses import AllowList, is_public

__all__ = ["Deadline", "GuardedBackend", "Resolver", "resolve_host"]

Resolver = Callable[[str, int], Sequence[str]]
"""Host and port to addresses; raises `OSError` when there is none."""

_SocketOptions = Iterable[httpcore.SOCKET_OPTION]


def resolve_host(host: str, port: int) -> Sequence[str]:
    """The system's addresses for a host, in its order of preference."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


class Deadline(threading.local):
    """When the current thread's fetch must be over.

    httpcore bounds each read but not their sum, so a server that sends a byte now and then would hold
    a thread forever. Its sync pool does all I/O of a request in the calling thread, hence thread-local.
    """

    def __init__(self) -> None:
        self._at: float | None = None

    @contextlib.contextmanager
    def within(self, seconds: float) -> Iterator[None]:
        """Everything on a guarded connection inside the block ends after this many seconds."""
        self._at = time.monotonic() + seconds
        try:
            yield
        finally:
            self._at = None

    def bound(self, timeout_s: float | None) -> float | None:
        """The timeout, cut to what is left. Raises `httpcore.ReadTimeout` when nothing is."""
        if self._at is None:
            return timeout_s
        left = self._at - time.monotonic()
        if left <= 0:
            raise httpcore.ReadTimeout("the time for this image is over")
        return left if timeout_s is None else min(timeout_s, left)


class GuardedBackend(httpcore.NetworkBackend):
    """Connects to public addresses and to the operator's allow-list, and to nothing else."""

    def __init__(
        self,
        allow: AllowList,
        deadline: Deadline,
        resolve: Resolver = resolve_host,
        sockets: httpcore.NetworkBackend | None = None,
    ) -> None:
        self._allow = allow
        self._deadline = deadline
        self._resolve = resolve
        self._sockets = sockets or httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: _SocketOptions | None = None,
    ) -> httpcore.NetworkStream:
        """A connection to the first checked address that answers.

        Raises `ImageRefused` when one of the host's addresses is not allowed (a host that is half
        inside is not trusted with its other half), `ImageUnreachable` when it has none, and httpcore's
        errors when none answers.
        """
        addresses = self._checked(host, port)
        failure: Exception | None = None
        for address in addresses:
            try:
                stream = self._sockets.connect_tcp(
                    address, port, self._deadline.bound(timeout), local_address, socket_options
                )
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
                continue
            return _BoundedStream(stream, self._deadline)
        raise failure or httpcore.ConnectError("no address")

    def connect_unix_socket(
        self,
        path: str,
        timeout: float | None = None,
        socket_options: _SocketOptions | None = None,
    ) -> httpcore.NetworkStream:
        """Raises `ImageRefused`: images do not come from sockets of this machine."""
        raise ImageRefused("images are not read from unix sockets")

    def _checked(self, host: str, port: int) -> Sequence[str]:
        addresses = self._looked_up(host, port)
        if not addresses:
            raise ImageUnreachable(f"the host {host} has no address")
        if self._allow.permits(host, port):
            return addresses
        inside = [address for address in addresses if not is_public(address)]
        if inside:
            where = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
            raise ImageRefused(
                f"{where} is not a public address; if it is Label Studio, set "
                f"FIRSTPASS_LABEL_STUDIO_URL, else add `{where}` to FIRSTPASS_IMAGE_ALLOW"
            )
        return addresses

    def _looked_up(self, host: str, port: int) -> Sequence[str]:
        """The addresses; the look-up runs in a thread of its own because nothing else can bound it."""
        outcome: list[Sequence[str] | OSError | UnicodeError] = []

        def look_up() -> None:
            try:
                outcome.append(self._resolve(host, port))
            except (OSError, UnicodeError) as error:
                outcome.append(error)

        thread = threading.Thread(target=look_up, name="look-up", daemon=True)
        thread.start()
        thread.join(self._deadline.bound(None))
        if not outcome:
            raise ImageUnreachable(f"the look-up of {host} took too long")
        if isinstance(outcome[0], OSError | UnicodeError):
            raise ImageUnreachable(f"the host {host} cannot be looked up") from outcome[0]
        return outcome[0]


class _BoundedStream(httpcore.NetworkStream):
    """A stream whose every read, write and handshake ends by the deadline."""

    def __init__(self, stream: httpcore.NetworkStream, deadline: Deadline) -> None:
        self._stream = stream
        self._deadline = deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, self._deadline.bound(timeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, self._deadline.bound(timeout))

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.NetworkStream:
        bound = self._deadline.bound(timeout)
        return _BoundedStream(
            self._stream.start_tls(ssl_context, server_hostname, bound), self._deadline
        )

    def get_extra_info(self, info: str) -> typing.Any:
        return self._stream.get_extra_info(info)
