"""Packs a folder that is in use into a tar archive, each SQLite database as of one moment; and unpacks it.

    python3 archive.py pack FOLDER > ARCHIVE
    python3 archive.py unpack FOLDER < ARCHIVE

It needs the standard library alone, so that it runs inside any container with Python: docker/backup.sh hands
it over as `python3 -c`. A database is copied by SQLite itself, which lets writers wait for as long as that takes.
Left out are locks, logs, SQLite's own side files and, at the top, the folder `redis`, whose file is written to
all the time: `redis-cli --rdb` keeps what Redis holds.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import stat
import sys
import tarfile
import tempfile
from contextlib import closing
from pathlib import Path, PurePosixPath
from typing import BinaryIO

LEFT_OUT = (".lock", ".log", ".log.1", "-wal", "-shm", "-journal")
SQLITE = b"SQLite format 3\x00"


def pack(folder: Path, out: BinaryIO) -> None:
    """Write the archive of `folder` to `out`. What vanishes meanwhile is left out."""
    with tarfile.open(fileobj=out, mode="w|", format=tarfile.PAX_FORMAT) as archive:
        for parent, folders, files in os.walk(folder):
            at = Path(parent)
            folders[:] = sorted(n for n in folders if at != folder or n != "redis")
            for name in folders:
                if (at / name).is_symlink():
                    sys.stderr.write(f"left out {at / name}: a link\n")
                else:
                    archive.add(at / name, (at / name).relative_to(folder), recursive=False)
            for name in sorted(files):
                if not name.endswith(LEFT_OUT):
                    _add(archive, at / name, str((at / name).relative_to(folder)))


def unpack(folder: Path, source: BinaryIO) -> None:
    """Write what the archive holds into `folder`, over nothing that is there: ends with a sentence then.

    Folders and regular files alone, within `folder`: `pack` writes nothing else. (tarfile's own filter for
    that is younger than the Python 3.11 of Debian 12.)
    """
    folder.mkdir(parents=True, exist_ok=True)
    with tarfile.open(fileobj=source, mode="r|") as archive:
        for member in archive:
            name = PurePosixPath(member.name)
            content = archive.extractfile(member) if member.isreg() else None
            if name.is_absolute() or ".." in name.parts or (content is None and not member.isdir()):
                sys.exit(f"{member.name}: neither a file nor a folder of this archive's own")
            path = folder / name
            if content is None:
                path.mkdir(parents=True, exist_ok=True)
                continue
            try:
                made = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, member.mode & 0o777)
            except FileExistsError:
                sys.exit(f"{path} is there already; restore into an empty folder")
            with open(made, "wb") as file:
                shutil.copyfileobj(content, file)
            os.utime(path, (member.mtime, member.mtime))


def _add(archive: tarfile.TarFile, path: Path, name: str) -> None:
    try:
        if not stat.S_ISREG(path.lstat().st_mode):
            sys.stderr.write(f"left out {path}: not a regular file\n")
            return
        with path.open("rb") as file:
            info = archive.gettarinfo(arcname=name, fileobj=file)
            if file.read(len(SQLITE)) == SQLITE:
                _add_database(archive, path, info)
                return
            file.seek(0)
            archive.addfile(info, file)
    except FileNotFoundError:
        return


def _add_database(archive: tarfile.TarFile, path: Path, info: tarfile.TarInfo) -> None:
    with tempfile.TemporaryDirectory() as temporary:
        copied = Path(temporary) / "database"
        with (
            closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=rw", uri=True)) as database,
            closing(sqlite3.connect(copied)) as copy,
        ):
            try:
                database.backup(copy)
            except sqlite3.OperationalError as error:  # in use for too long, or the disk
                sys.exit(f"{path}: {error}; take the copy when less is written to it")
            except sqlite3.DatabaseError:  # somebody's upload that only begins like a database
                sys.stderr.write(f"{path}: no whole SQLite database; copied as it is\n")
                copied = path
        info.size = copied.stat().st_size
        with copied.open("rb") as file:
            archive.addfile(info, file)


def main(arguments: list[str]) -> None:
    """Run one of the two."""
    match arguments:
        case ["pack", folder]:
            if not Path(folder).is_dir():
                sys.exit(f"{folder} is no folder")
            pack(Path(folder), sys.stdout.buffer)
        case ["unpack", folder]:
            try:
                unpack(Path(folder), sys.stdin.buffer)
            except tarfile.TarError as error:
                sys.exit(f"what came is no whole archive: {error}")
            except OSError as error:
                sys.exit(f"not restored: {error}")
        case _:
            sys.exit("expected: pack FOLDER, or unpack FOLDER")


if __name__ == "__main__":
    main(sys.argv[1:])
