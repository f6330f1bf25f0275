"""Where outputs go: whole or as they were, links written through, devices never replaced."""

from __future__ import annotations

import os
import stat
import threading
from collections.abc import Callable
from pathlib import Path
from typing import IO

import pytest

from backend.runs.output_file import (
    OutputUnwritable,
    check_output,
    check_output_folder,
    writing,
)


def write(path: Path, text: bytes = b"new") -> None:
    with writing(path) as file:
        file.write(text)


def plain(folder: Path) -> Path:
    (folder / "old").write_bytes(b"old")
    return folder / "old"


def link(folder: Path) -> Path:
    (folder / "link").symlink_to(plain(folder))
    return folder / "link"


def far_link(folder: Path) -> Path:
    (folder / "elsewhere").mkdir()
    (folder / "elsewhere" / "far").write_bytes(b"old")
    (folder / "middle").symlink_to("elsewhere/far")
    (folder / "first").symlink_to("middle")
    return folder / "first"


def hanging_link(folder: Path) -> Path:
    (folder / "hanging").symlink_to("not-yet")
    return folder / "hanging"


def folder_link(folder: Path) -> Path:
    (folder / "real").mkdir()
    (folder / "alias").symlink_to("real")
    return folder / "alias" / "new"


def long_name(folder: Path) -> Path:
    return folder / ("x" * 250)


@pytest.mark.parametrize("make", [plain, link, far_link, hanging_link, folder_link, long_name])
def test_it_is_written_and_links_stay(make: Callable[[Path], Path], tmp_path: Path) -> None:
    """And nothing else lies there afterwards."""
    path = make(tmp_path)
    was_link = path.is_symlink()
    before = {one for one in tmp_path.rglob("*") if one.exists()}
    check_output(path)

    write(path)

    assert path.read_bytes() == b"new"
    assert path.is_symlink() == was_link
    assert {one for one in tmp_path.rglob("*") if one.exists()} - before <= {path, path.resolve()}


@pytest.mark.parametrize("make", [plain, link, far_link])
def test_an_error_leaves_it_as_it_was(make: Callable[[Path], Path], tmp_path: Path) -> None:
    path = make(tmp_path)

    def fail(file: IO[bytes]) -> None:
        file.write(b"half")
        raise KeyError

    with pytest.raises(KeyError), writing(path) as file:
        fail(file)

    assert path.read_bytes() == b"old"
    assert not list(tmp_path.rglob("*.part"))


def test_the_rights_of_a_file_stay(tmp_path: Path) -> None:
    path = plain(tmp_path)
    path.chmod(0o640)
    write(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


def test_a_full_device_is_said_and_stays_one(tmp_path: Path) -> None:
    """Directly and through a link."""
    (tmp_path / "link").symlink_to("/dev/full")
    for path in (Path("/dev/full"), tmp_path / "link"):
        check_output(path)
        with pytest.raises(OutputUnwritable, match="No space left"):
            write(path)
    assert stat.S_ISCHR(Path("/dev/full").stat().st_mode)
    assert (tmp_path / "link").is_symlink()


def test_a_pipe_is_written_into(tmp_path: Path) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    read: list[bytes] = []
    reader = threading.Thread(target=lambda: read.append(path.read_bytes()))
    reader.start()
    check_output(path)
    write(path)
    reader.join()

    assert read == [b"new"]
    assert stat.S_ISFIFO(path.stat().st_mode)


def test_what_a_shell_has_opened_is_written_into(tmp_path: Path) -> None:
    """`--out /dev/stdout > file`: the file that the shell has open, not another of its name."""
    with (tmp_path / "out").open("wb") as shell:
        write(Path(f"/proc/self/fd/{shell.fileno()}"))
        assert os.fstat(shell.fileno()).st_size == 3


def nowhere(folder: Path) -> Path:
    return folder / "no" / "file"


def loop(folder: Path) -> Path:
    (folder / "loop").symlink_to("loop")
    return folder / "loop"


def below_a_file(folder: Path) -> Path:
    return plain(folder) / "file"


def hanging_far(folder: Path) -> Path:
    (folder / "hanging").symlink_to("no/file")
    return folder / "hanging"


def itself_a_folder(folder: Path) -> Path:
    return folder


def read_only(folder: Path) -> Path:
    """A file system that takes nothing, even of root."""
    return Path("/proc/file")


def too_long(folder: Path) -> Path:
    return folder / ("x" * 300)


def with_a_nul(folder: Path) -> Path:
    return folder / "a\0b"


@pytest.mark.parametrize(
    "make",
    [
        nowhere,
        loop,
        below_a_file,
        hanging_far,
        itself_a_folder,
        read_only,
        too_long,
        with_a_nul,
    ],
)
def test_what_cannot_be_written_is_known_before(
    make: Callable[[Path], Path], tmp_path: Path
) -> None:
    """Both before the work and, whatever became of the place meanwhile, after it."""
    path = make(tmp_path)
    with pytest.raises(OutputUnwritable):
        check_output(path)
    with pytest.raises((OutputUnwritable, ValueError)):
        write(path)


@pytest.mark.parametrize("make", [plain, loop, below_a_file, read_only, with_a_nul])
def test_a_folder_that_cannot_be_is_known_before(
    make: Callable[[Path], Path], tmp_path: Path
) -> None:
    with pytest.raises(OutputUnwritable):
        check_output_folder(make(tmp_path))


@pytest.mark.parametrize("name", [".", "new", "a/b/c"])
def test_a_folder_may_be_made(name: str, tmp_path: Path) -> None:
    check_output_folder(tmp_path / name)
    assert list(tmp_path.iterdir()) == []
