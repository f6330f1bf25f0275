"""Our own shortage of memory is told from damage to a file."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable

import pytest
from PIL import Image, ImageFile

from backend.errors import Failure, InternalError, OutOfMemory
from backend.images import decode
from backend.images.decode import decode_image, upright_size
from backend.inference.batch import BatchRunner, failure_of
from tests.unit.images.pictures import corners, encoded

PNG = encoded(corners(), "PNG")


def short(*args: object, **given: object) -> None:
    raise MemoryError


def is_ours(error: OutOfMemory) -> None:
    """Tried again later, and no word of damage."""
    failure = failure_of(error)
    assert failure.transient
    assert failure.kind == "OutOfMemory"
    assert "memory ran out" in failure.message
    assert "damaged" not in failure.message


@pytest.mark.parametrize(
    "where",
    [
        (ImageFile.ImageFile, "load"),
        (Image.Image, "convert"),
        (Image.Image, "transpose"),
        (Image, "new"),
        (Image, "alpha_composite"),
        (Image.Image, "getextrema"),
        (Image.Image, "point"),
        (decode, "_orientation"),
        (decode, "_rgb"),
        (decode, "_upright"),
    ],
)
def test_a_shortage_anywhere_is_ours(
    where: tuple[object, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Wherever in decoding it comes."""
    turned = Image.Exif()
    turned[0x0112] = 6
    pictures = [
        encoded(corners(), "PNG", exif=turned),
        encoded(corners().convert("RGBA"), "PNG"),
        encoded(corners().convert("I"), "TIFF"),
    ]
    monkeypatch.setattr(*where, short)
    met = 0
    for data in pictures:
        try:
            decode_image(data, 10**6)
        except OutOfMemory as error:
            is_ours(error)
            met += 1
    assert met


@pytest.mark.parametrize("read", [decode_image, upright_size])
def test_a_shortage_at_the_head_is_ours(
    read: Callable[[bytes, int], object], monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = dict(Image.OPEN)
    monkeypatch.setattr(Image, "OPEN", {**opened, "PNG": (short, opened["PNG"][1])})
    with pytest.raises(OutOfMemory) as caught:
        read(PNG, 10**6)
    is_ours(caught.value)


def test_a_process_with_too_little_memory_says_so() -> None:
    """A whole picture, in a process that may not have the memory for it."""
    program = """
import io, resource, sys
from PIL import Image
from backend.errors import OutOfMemory
from backend.images.decode import decode_image
file = io.BytesIO()
Image.new("L", (9000, 9000)).save(file, "PNG")
held = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (held + (40 << 20), resource.RLIM_INFINITY))
try:
    decode_image(file.getvalue(), 10**8)
except OutOfMemory as error:
    sys.exit(7 if "9000x9000" in str(error) else 8)
"""
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 7


class Broken:
    """A handler with a bug."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    def prepare(self, payload: object) -> object:
        raise self._error

    def infer(self, batch: object) -> list[object]:
        raise AssertionError("nothing is prepared")


@pytest.mark.parametrize(
    "error", [TypeError("x"), ValueError(), KeyError(1), UnicodeEncodeError("a", "b", 0, 1, "c")]
)
def test_our_own_bug_is_not_the_models(error: Exception) -> None:
    """No model has seen the image yet."""
    prepared = BatchRunner[int](Broken(error)).prepare([1], [None])  # type: ignore[arg-type]
    ((_, failed),) = prepared.failed
    failure = failure_of(failed)

    assert failure == Failure("InternalError", str(failed), transient=False)
    assert isinstance(failed, InternalError)
    assert type(error).__name__ in failure.message
    assert "model" not in failure.message


def test_a_shortage_while_an_image_is_fetched_passes() -> None:
    prepared = BatchRunner[int](Broken(MemoryError())).prepare([1], [None])  # type: ignore[arg-type]
    assert failure_of(prepared.failed[0][1]).transient
