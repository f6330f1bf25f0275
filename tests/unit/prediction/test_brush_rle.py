"""Outlines -> run-length code, against Label Studio's own encoder and decoder."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from backend.prediction.brush_mask import mask_of_rle
from backend.prediction.brush_rle import encoded_runs, rle_of_outlines
from models.types import ImageSize, Point
from tests.conftest import missing

REPOSITORY = Path(__file__).parents[3]
LABEL_STUDIO_PYTHON = REPOSITORY / ".venv-label-studio" / "bin" / "python"
STAR: tuple[Point, ...] = (
    (50.0, 5.0), (61.2, 38.8), (97.5, 39.1), (68.4, 60.2), (79.1, 94.7),
    (50.3, 73.6), (21.0, 95.0), (32.1, 60.4), (2.5, 39.5), (38.6, 38.9),
)  # fmt: skip


def filled(outlines: Sequence[Sequence[Point]], size: ImageSize, scale: int = 8) -> list[bool]:
    """Which pixels' middles lie in an outline: painted by Pillow at `scale` times the size."""
    mask = Image.new("L", (size.width * scale, size.height * scale))
    for outline in outlines:
        ImageDraw.Draw(mask).polygon([(x * scale, y * scale) for x, y in outline], fill=255)
    half = scale // 2
    return [
        mask.getpixel((x * scale + half, y * scale + half)) == 255
        for y in range(size.height)
        for x in range(size.width)
    ]


def overlap(one: Sequence[object], other: Sequence[object]) -> float:
    """Intersection over union of two masks."""
    both = sum(1 for a, b in zip(one, other, strict=True) if a and b)
    either = sum(1 for a, b in zip(one, other, strict=True) if a or b)
    return both / either


def test_the_code_is_that_of_label_studios_own_encoder(golden_folder: Path) -> None:
    """But for a last byte of zeros, which it appends where none is needed."""
    cases = json.loads((golden_folder / "brush" / "mask2rle.json").read_text())

    for case in cases:
        ours = encoded_runs(case["runs"], ImageSize(case["width"], case["height"]))
        assert case["rle"] in (ours, [*ours, 0])
    assert len(cases) == 6


@given(
    size=st.tuples(st.integers(1, 60), st.integers(1, 60)),
    lengths=st.lists(st.integers(1, 500), max_size=40),
)
def test_masks_come_back_as_they_were(size: tuple[int, int], lengths: list[int]) -> None:
    """Runs of any length, also over the ends of rows."""
    pixels = bytearray(size[0] * size[1])
    runs, at = [], 0
    for gap, count in zip(lengths[::2], lengths[1::2], strict=False):
        if at + gap + count > len(pixels):
            break
        runs.append((at + gap, count))
        pixels[at + gap : at + gap + count] = b"\xff" * count
        at += gap + count

    code = encoded_runs(runs, ImageSize(*size))

    assert mask_of_rle(code, ImageSize(*size)) == bytes(pixels)
    assert all(0 <= byte <= 255 for byte in code)


def test_a_painted_outline_covers_its_area() -> None:
    """IoU of at least 0.99 with the same outline painted eight times as fine."""
    size = ImageSize(400, 400)
    star = tuple((4 * x, 4 * y) for x, y in STAR)

    painted = mask_of_rle(rle_of_outlines([star], size), size)

    assert overlap(painted, filled([star], size)) >= 0.99


def test_all_parts_are_painted() -> None:
    """A thing that something stands in front of is one mask."""
    size = ImageSize(40, 20)
    parts = [((1, 1), (9, 1), (9, 9), (1, 9)), ((20, 5), (38, 5), (38, 18), (20, 18))]

    painted = mask_of_rle(rle_of_outlines(parts, size), size)

    assert painted[5 * 40 + 5] == painted[10 * 40 + 30] == 255
    assert painted[5 * 40 + 15] == 0


@pytest.mark.parametrize(
    "outlines",
    [
        [],
        [((500.0, 500.0), (600.0, 500.0), (600.0, 600.0))],
        [((-9.0, -9.0), (-1.0, -9.0), (-1.0, -1.0))],
    ],
)
def test_nothing_on_the_image_is_no_code(outlines: list[tuple[Point, ...]]) -> None:
    """Rather than a mask without a pixel."""
    assert rle_of_outlines(outlines, ImageSize(100, 100)) == []


def test_what_leaves_the_image_is_cut_off() -> None:
    size = ImageSize(10, 10)

    painted = mask_of_rle(
        rle_of_outlines([((-50, -50), (50, -50), (50, 50), (-50, 50))], size), size
    )

    assert painted == b"\xff" * 100


def test_a_large_mask_stays_small() -> None:
    """24 million pixels: nothing of that size is held, and the code is some kilobytes."""
    size = ImageSize(6000, 4000)

    code = rle_of_outlines([((1, 1), (5999, 1), (5999, 3999), (1, 3999))], size)

    painted = mask_of_rle(code, size)
    assert painted.count(255) == 5998 * 3998
    assert len(code) < 60_000


def test_label_studios_decoder_reads_it() -> None:
    """Its converter, in its own environment: the mask that we painted."""
    if not LABEL_STUDIO_PYTHON.is_file():
        missing(f"no Label Studio at {LABEL_STUDIO_PYTHON}; `make setup` installs it")
    size = ImageSize(100, 100)
    code = rle_of_outlines([STAR], size)
    script = (
        "import json, sys\n"
        "from label_studio_sdk.converter.brush import decode_rle\n"
        "values = decode_rle(json.load(sys.stdin))\n"
        "json.dump(values.reshape(100, 100, 4)[:, :, 3].ravel().tolist(), sys.stdout)\n"
    )

    done = subprocess.run(
        [LABEL_STUDIO_PYTHON, "-c", script],
        input=json.dumps(code),
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )

    assert bytes(json.loads(done.stdout)) == mask_of_rle(code, size)
