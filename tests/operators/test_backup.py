"""docker/backup.sh and docker/restore.sh with a stand-in for `docker`, which runs what they would run in containers.

There is no engine here: that compose finds services and volumes is not shown by this. What runs in the
containers is run, on a real Redis, a real ledger and a database in use.
"""

from __future__ import annotations

import io
import shutil
import sqlite3
import subprocess
import tarfile
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
import redis

from backend.runs.ledger import Listed
from backend.runs.ledger_file import RunKey, open_ledger
from tests.conftest import missing_command, redis_servers
from tests.operators.conftest import REPOSITORY, ran

#: `docker compose exec -T SERVICE ...` and `docker compose run ... --entrypoint PROGRAM SERVICE ...` on this machine,
#: with the containers' folders under $HOST and the container's redis-cli at the server of this test.
STAND_IN = r"""#!/usr/bin/env bash
set -euo pipefail
[ "$1" = compose ]; shift
case $1 in
  ps) exit ;;
  config) printf 'label-studio\nredis\nweb\ncourier\nworker\n'; exit ;;
  exec) [ "$2" = -T ]; service=$3; shift 3 ;;
  run)
    [ "$2 $3 $4 $5" = "--rm -T --no-deps --entrypoint" ]; program=$6 service=$7; shift 7
    set -- "$program" "$@" ;;
esac
grep -q "^  $service:" compose.yaml
arguments=()
for argument in "$@"; do
  case $argument in /data|/var/lib/firstpass|/label-studio/data) mkdir -p "$HOST$argument"; argument=$HOST$argument ;; esac
  arguments+=("$argument")
done
PATH=$HOST/bin:$PATH exec "${arguments[@]}"
"""


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """The scripts and compose.yaml, with secrets, and a `docker` beside them."""
    folder = tmp_path / "checkout"
    shutil.copytree(REPOSITORY / "docker", folder / "docker")
    (folder / "docker" / ".env").write_text("REDIS_PASSWORD=secret\n")
    (folder / "bin").mkdir()
    (folder / "bin" / "docker").write_text(STAND_IN)
    (folder / "bin" / "docker").chmod(0o755)
    return folder


@contextmanager
def redis_of(host: Path) -> Iterator[redis.Redis]:
    """A server as compose runs it, on the data of this host; its redis-cli is the host's."""
    with redis_servers(on_path=True) as start:
        server = start(host / "data", {"appendonly": "yes"})
        (host / "bin").mkdir(exist_ok=True)
        client = host / "bin" / "redis-cli"
        client.write_text(f'#!/bin/sh\nexec {missing_command("redis-cli")} -p {server.port} "$@"\n')
        client.chmod(0o755)
        with redis.Redis(port=server.port) as connection:
            yield connection


def script(checkout: Path, name: str, folder: str, host: Path) -> tuple[int, str]:
    done = ran(
        *("env", f"HOST={host}", f"PATH={checkout / 'bin'}:/usr/local/bin:/usr/bin:/bin"),
        *(checkout / "docker" / name, folder),
        cwd=checkout,
    )
    return done.returncode, done.stdout + done.stderr


def test_what_is_kept_is_restored(checkout: Path, tmp_path: Path) -> None:
    """Redis, a ledger that is held open, a database that is written to, uploads and secrets; nothing else."""
    first, second = tmp_path / "first", tmp_path / "second"
    media = first / "label-studio" / "data" / "media" / "upload" / "1"
    media.mkdir(parents=True)
    (media / "scene ä.png").write_bytes(b"\x89PNG" + bytes(100_000))
    (media.parents[2] / ".env").write_text("SECRET_KEY=of-label-studio\n")
    home = first / "var" / "lib" / "firstpass"
    home.mkdir(parents=True)
    key = RunKey("http://ls/projects/3", "v1")
    with (
        redis_of(first) as connection,
        open_ledger(home, key) as ledger,
        written_to(media.parents[2] / "label_studio.sqlite3"),
    ):
        ledger.note([Listed(number) for number in range(300)])
        connection.rpush("rq:queue:firstpass-bulk", *(f"job-{i}" for i in range(1000)))
        connection.zadd("firstpass:owed:3", {str(i): i for i in range(500)})

        ended, said = script(checkout, "backup.sh", "backup", first)
        again = script(checkout, "backup.sh", "backup", first)

    assert ended == 0, said
    assert again == (1, f"{checkout / 'backup'} is there already; name a new folder\n")
    kept = checkout / "backup"
    assert {one.name for one in kept.iterdir()} == {
        *("redis.rdb", "firstpass.tar", "label-studio.tar", "env")
    }
    assert kept.stat().st_mode & 0o077 == 0

    (checkout / "docker" / ".env").unlink()
    ended, said = script(checkout, "restore.sh", "backup", second)
    assert ended == 0, said
    assert (checkout / "docker" / ".env").read_text() == "REDIS_PASSWORD=secret\n"
    (checkout / "docker" / ".env").write_text("REDIS_PASSWORD=another\n")
    refused = script(checkout, "restore.sh", "backup", second)

    assert refused[0] == 1
    assert "is not empty" in refused[1]
    assert ".env stays as it is, and differs from" in refused[1]
    assert (checkout / "docker" / ".env").read_text() == "REDIS_PASSWORD=another\n"
    there = second / "label-studio" / "data"
    assert (there / "media" / "upload" / "1" / "scene ä.png").stat().st_size == 100_004
    assert (there / ".env").is_file()
    assert whole(there / "label_studio.sqlite3")
    restored = second / "var" / "lib" / "firstpass" / "prelabel" / f"{key.name}.sqlite"
    with closing(sqlite3.connect(restored)) as database:
        assert database.execute("SELECT count(*) FROM tasks").fetchone() == (300,)
    with redis_of(second) as connection:
        assert connection.llen("rq:queue:firstpass-bulk") == 1000
        assert connection.zcard("firstpass:owed:3") == 500


@pytest.mark.parametrize(
    ("bad", "sentence"),
    [(b"", "no copy that"), (b"half a copy", "no copy that")],
)
def test_a_bad_copy_of_redis_is_refused(tmp_path: Path, bad: bytes, sentence: str) -> None:
    """And the folder is left as it was."""
    source = tmp_path / "redis.rdb"
    source.write_bytes(bad)
    target = tmp_path / "redis"
    target.mkdir()

    with source.open("rb") as given:
        done = subprocess.run(
            [REPOSITORY / "docker" / "restore-redis.sh", target],
            stdin=given,
            capture_output=True,
            text=True,
            check=False,
        )

    assert done.returncode == 1
    assert sentence in done.stderr
    assert list(target.iterdir()) == []


def test_what_only_begins_like_a_database_is_kept_as_it_is(tmp_path: Path) -> None:
    """Somebody's damaged upload does not end the backup of all the rest."""
    upload = b"SQLite format 3\x00" + b"cut short"
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "upload.sqlite").write_bytes(upload)
    program = REPOSITORY / "docker" / "archive.py"

    packed = subprocess.run(
        ["python3", program, "pack", tmp_path / "folder"], capture_output=True, check=False
    )

    assert packed.returncode == 0
    assert b"upload.sqlite: no whole SQLite database; copied as it is" in packed.stderr
    with tarfile.open(fileobj=io.BytesIO(packed.stdout)) as archive:
        kept = archive.extractfile("upload.sqlite")
        assert kept is not None
        assert kept.read() == upload


@pytest.mark.parametrize("cut", [0, 3000])
def test_half_an_archive_is_refused(tmp_path: Path, cut: int) -> None:
    """With a sentence, not a traceback."""
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "file").write_bytes(bytes(5000))
    program = REPOSITORY / "docker" / "archive.py"
    packed = subprocess.run(
        ["python3", program, "pack", tmp_path / "folder"], capture_output=True, check=True
    )

    done = subprocess.run(
        ["python3", program, "unpack", tmp_path / "again"],
        input=packed.stdout[:cut],
        capture_output=True,
        check=False,
    )

    assert done.returncode == 1
    assert done.stderr.startswith(b"what came is no whole archive")


@pytest.mark.parametrize("name", ["../outside", "/tmp/outside", "link"])
def test_an_archive_reaches_nothing_outside_its_folder(tmp_path: Path, name: str) -> None:
    """Not by its names, and not by a link: only files and folders are unpacked."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        member = tarfile.TarInfo(name)
        if name == "link":
            member.type, member.linkname = tarfile.SYMTYPE, "/etc"
        archive.addfile(member)

    done = subprocess.run(
        ["python3", REPOSITORY / "docker" / "archive.py", "unpack", tmp_path / "inside"],
        input=packed.getvalue(),
        capture_output=True,
        check=False,
    )

    assert done.returncode == 1
    assert b"neither a file nor a folder of this archive's own" in done.stderr
    assert list(tmp_path.iterdir()) == [tmp_path / "inside"]
    assert list((tmp_path / "inside").iterdir()) == []


@contextmanager
def written_to(path: Path) -> Iterator[None]:
    """A database in which two tables get the same row, in one transaction, again and again."""
    over, began = threading.Event(), threading.Event()

    def write() -> None:
        with closing(sqlite3.connect(path, timeout=60)) as database:
            database.execute("CREATE TABLE one (x)")
            database.execute("CREATE TABLE two (x)")
            number = 0
            while not over.is_set():
                number += 1
                with database:
                    database.execute("INSERT INTO one VALUES (?)", (number,))
                    database.execute("INSERT INTO two VALUES (?)", (number,))
                began.set()

    thread = threading.Thread(target=write)
    thread.start()
    try:
        assert began.wait(60)
        yield
    finally:
        over.set()
        thread.join()


def whole(path: Path) -> bool:
    """Whether it holds rows, and each transaction as a whole."""
    with closing(sqlite3.connect(path)) as database:
        (one,), (two,) = (
            database.execute(f"SELECT count(*) FROM {name}").fetchone() for name in ("one", "two")
        )
        (check,) = database.execute("PRAGMA integrity_check").fetchone()
    return bool(one == two > 0 and check == "ok")
