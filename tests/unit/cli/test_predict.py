"""What `firstpass predict` says where there is nothing to show."""

from __future__ import annotations

import io
import os
from pathlib import Path

import pytest
from rich.console import Console

from backend.cli.predict import _look_at
from backend.cli.predicted import print_hidden
from backend.errors import ImageUnreadable
from backend.settings import Settings
from models.types import Box, Classification, Detection, Detections, ModelOutput

FAINT = Detections(
    (Detection(Box(0, 0, 9, 9), "dog", 0.12), Detection(Box(0, 0, 5, 5), "cat", 0.2))
)


@pytest.mark.parametrize(
    ("output", "said"),
    [
        (FAINT, "no box scores 0.3 or more; the best, 'cat', has 0.20 (see --score-threshold)"),
        (Detections(()), "no box scores 0.3 or more; nothing was found at all"),
        (Classification(("day",), (1.0,)), ""),
    ],
)
def test_what_came_closest_is_said_where_no_box_shows(output: ModelOutput, said: str) -> None:
    console = Console(file=io.StringIO(), width=200)

    print_hidden(console, (output,), 0.3)

    assert isinstance(console.file, io.StringIO)
    assert console.file.getvalue().strip() == said


def test_what_has_no_end_is_no_picture(tmp_path: Path) -> None:
    """A pipe would be waited for, and a device read until memory runs out."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)

    for path in (pipe, Path("/dev/zero")):
        with pytest.raises(ImageUnreadable, match="expected a file"):
            _look_at(path, Settings())
