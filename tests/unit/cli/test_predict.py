"""What `firstpass predict` says where there is nothing to show."""

from __future__ import annotations

import io
import json
import os
from pathlib import Path

import pytest
from PIL import Image
from rich.console import Console
from typer.testing import CliRunner, Result

from backend.cli.main import app
from backend.cli.predict import _look_at
from backend.cli.predicted import print_hidden
from backend.errors import ImageUnreadable
from backend.settings import Settings
from models.tiny.scenes import BACKGROUND_NAMES, generate_scene
from models.types import Box, Classification, Detection, Detections, ModelOutput

FAINT = Detections(
    (Detection(Box(0, 0, 9, 9), "dog", 0.12), Detection(Box(0, 0, 5, 5), "cat", 0.2))
)


@pytest.mark.parametrize(
    ("output", "said"),
    [
        (
            FAINT,
            "Nothing was found that scores 0.3 or more; the best, 'cat', has 0.20 (--score-threshold would "
            "show it).",
        ),
        (Detections(()), "Nothing was found: no box of any score."),
        (Classification(("day",), (1.0,)), ""),
    ],
)
def test_what_came_closest_is_said_where_no_box_shows(output: ModelOutput, said: str) -> None:
    console = Console(file=io.StringIO(), width=200)

    print_hidden(console, (output,), 0.3)

    assert isinstance(console.file, io.StringIO)
    assert console.file.getvalue().strip() == said


@pytest.fixture
def scene(tmp_path: Path) -> Path:
    """Seven shapes in colours on a ground, as a file."""
    path = tmp_path / "scene.png"
    generate_scene(5, min_objects=2, max_objects=4).image.save(path)
    return path


def test_what_the_tiny_models_were_never_taught_is_said(scene: Path) -> None:
    """Before they are asked all the same; and there is no empty table, but a sentence."""
    done = predict(str(scene), "--labels", "dog,red stars,car")

    assert done.exit_code == 0
    assert (
        "tiny-florence2 was taught no words but circle, square, triangle, star, ring, cross, heart, shape, "
        "object: 'dog', 'car' mean nothing to it" in done.stderr
    )
    assert predict(str(scene), "--labels", "red stars,Circles").stderr == ""
    assert predict(str(scene), "--choices", "snow,grass field").stderr == ""


def test_nothing_found_is_a_sentence_and_no_empty_table(scene: Path) -> None:
    done = predict(str(scene), "--labels", "dog", "--score-threshold", "1")

    assert done.exit_code == 0
    assert "Nothing was found" in done.stdout
    assert "score " not in done.stdout
    assert "━" not in done.stdout
    assert "┃" not in done.stdout


def test_of_choices_none_of_which_fits_that_is_said(tmp_path: Path) -> None:
    """As in a project, where none is ticked; in JSON, too."""
    grey = tmp_path / "grey.png"
    Image.new("RGB", (64, 64), (128, 128, 128)).save(grey)

    done = predict(str(grey), "--choices", "snow,night")
    told = json.loads(predict(str(grey), "--choices", "snow,night", "--json").stdout)

    assert "choices: none fits, so a project's choice stays open (" in done.stdout
    assert [one["none_fits"] for one in told] == [True]


def test_a_choice_that_fits_is_said_without(scene: Path) -> None:
    ground = generate_scene(5, min_objects=2, max_objects=4).background

    done = predict(str(scene), "--choices", ",".join(BACKGROUND_NAMES))

    assert f"choices: {ground} " in done.stdout


def predict(*arguments: str) -> Result:
    return CliRunner().invoke(
        app, ["predict", *arguments, "--model", "tiny"], catch_exceptions=False
    )


def test_what_has_no_end_is_no_picture(tmp_path: Path) -> None:
    """A pipe would be waited for, and a device read until memory runs out."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)

    for path in (pipe, Path("/dev/zero")):
        with pytest.raises(ImageUnreadable, match="expected a file"):
            _look_at(path, Settings())
