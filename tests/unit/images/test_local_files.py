"""Only regular files that really lie under the root are read."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from backend.errors import FirstpassError, ImageNotFound, ImageRefused, ImageUnreachable
from backend.images.local_files import read_local_file

LIMIT = 100


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A root with files, links inside and out, a pipe; and a secret beside it."""
    root = tmp_path / "root"
    (root / "sub").mkdir(parents=True)
    (root / "sub" / "im ä.jpg").write_bytes(b"image")
    (root / "big.jpg").write_bytes(b"x" * (LIMIT + 1))
    (root / "full.jpg").write_bytes(b"x" * LIMIT)
    (tmp_path / "secret").write_bytes(b"secret")
    (tmp_path / "root-twin").mkdir()
    (tmp_path / "root-twin" / "secret").write_bytes(b"secret")
    (root / "inside").symlink_to(root / "sub" / "im ä.jpg")
    (root / "inside-folder").symlink_to("sub")
    (root / "out").symlink_to(tmp_path / "secret")
    (root / "out-folder").symlink_to(tmp_path)
    (root / "out-relative").symlink_to("../secret")
    (root / "loop").symlink_to("loop")
    (root / "dangling").symlink_to("nowhere")
    os.mkfifo(root / "pipe")
    return root


@pytest.mark.parametrize(
    "relative",
    ["sub/im ä.jpg", "/sub/im ä.jpg", "inside", "inside-folder/im ä.jpg", "sub//im ä.jpg"],
)
def test_files_under_the_root_are_read(root: Path, relative: str) -> None:
    assert read_local_file(root, relative, max_bytes=LIMIT) == b"image"


def test_the_root_may_itself_be_a_link(root: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(root)
    assert read_local_file(tmp_path / "link", "inside", max_bytes=LIMIT) == b"image"


@pytest.mark.parametrize(
    "relative",
    [
        "../secret",
        "../root-twin/secret",
        "sub/../../secret",
        "out",
        "out-folder/secret",
        "out-folder/root-twin/secret",
        "out-relative",
        "a\0b",
        "sub",
        "",
        "/",
        ".",
        "..",
        "pipe",
        "big.jpg",
    ],
)
def test_what_leads_out_or_is_no_file_is_refused(root: Path, relative: str) -> None:
    with pytest.raises(ImageRefused):
        read_local_file(root, relative, max_bytes=LIMIT)


@pytest.mark.parametrize(
    "relative",
    ["nope.jpg", "sub/nope/x", "dangling", "/etc/passwd", "inside/x", "a" * 5000],
)
def test_what_is_not_there_is_not_found(root: Path, relative: str) -> None:
    with pytest.raises(ImageNotFound, match="FIRSTPASS_LOCAL_FILES_ROOT"):
        read_local_file(root, relative, max_bytes=LIMIT)


@pytest.mark.parametrize(
    ("number", "kind", "words"),
    [
        (errno.EACCES, ImageNotFound, "let the user of this process read it"),
        (errno.EPERM, ImageNotFound, "let the user of this process read it"),
        (errno.ENOENT, ImageNotFound, "no longer in the folder"),
        (errno.EMFILE, ImageUnreachable, "just now"),
        (errno.EIO, ImageUnreachable, "just now"),
        (errno.ESTALE, ImageUnreachable, "just now"),
    ],
)
def test_the_reason_is_the_systems_own(
    root: Path,
    monkeypatch: pytest.MonkeyPatch,
    number: int,
    kind: type[FirstpassError],
    words: str,
) -> None:
    """A file of a folder that was walked: no setting of ours has to do with it."""

    def no_more(*_: object, **__: object) -> int:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr("backend.images.local_files.os.open", no_more)
    with pytest.raises(kind, match=words) as caught:
        read_local_file(root, "full.jpg", max_bytes=LIMIT, listed=True)
    assert os.strerror(number) in str(caught.value)
    assert "FIRSTPASS" not in str(caught.value)


def test_links_in_a_circle_are_named(root: Path) -> None:
    with pytest.raises(ImageNotFound, match="circle"):
        read_local_file(root, "loop", max_bytes=LIMIT)


def test_a_missing_root_is_not_found(tmp_path: Path) -> None:
    with pytest.raises(ImageNotFound):
        read_local_file(tmp_path / "nope", "a.jpg", max_bytes=LIMIT)


def test_the_limit_itself_is_allowed(root: Path) -> None:
    assert len(read_local_file(root, "full.jpg", max_bytes=LIMIT)) == LIMIT


def test_the_message_does_not_tell_where_the_root_is(root: Path) -> None:
    for relative in ("nope.jpg", "out", "big.jpg"):
        with pytest.raises((ImageNotFound, ImageRefused)) as caught:
            read_local_file(root, relative, max_bytes=LIMIT)
        assert str(root.parent) not in str(caught.value)
