"""`firstpass prelabel`, up to where models would be loaded."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from backend.cli.main import app
from backend.errors import FirstpassError
from tests.unit.bulk.folders import CONFIG, folder_of

CHOICES = (
    '<View><Image name="image" value="$image"/><Choices name="s" toName="image"><Choice value="x"/>'
    "</Choices></View>"
)

ELLIPSES = (
    '<View><Image name="image" value="$image"/><RectangleLabels name="b" toName="image">'
    '<Label value="x"/></RectangleLabels><EllipseLabels name="e" toName="image"><Label value="x"/>'
    "</EllipseLabels></View>"
)


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """A folder of images, and label configs."""
    folder_of(tmp_path / "in", "a.png")
    for name, xml in (("boxes", CONFIG), ("choices", CHOICES), ("ellipses", ELLIPSES)):
        (tmp_path / f"{name}.xml").write_text(xml)
    (tmp_path / "none.xml").write_text('<View><Image name="image" value="$image"/></View>')
    (tmp_path / "loop.json").symlink_to(tmp_path / "loop.json")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine.txt").write_text("x")
    return tmp_path


def prelabel(files: Path, *arguments: str) -> Result:
    """Names of files in the arguments are below `files`."""
    placed = [one.replace("@", f"{files}/") for one in arguments]
    home = ("--home", str(files / "home"))
    return CliRunner().invoke(app, ["prelabel", *placed, *home], env={"FIRSTPASS_MODEL": "tiny"})


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ("folder @in --config @boxes.xml", "--out"),
        ("folder @nowhere --config @boxes.xml --out @o.json", "No such file"),
        ("folder @full --config @boxes.xml --out @o.json", "found none"),
        ("folder @in --config @nowhere.xml --out @o.json", "expected a label config"),
        ("folder @in --config @none.xml --out @o.json", "nothing in the label config"),
        ("folder @in --config @boxes.xml --out @no/o.json", "is not"),
        ("folder @in --config @boxes.xml --out @loop.json", "cannot be written"),
        ("folder @in --config @boxes.xml --out /proc/o.json --format coco", "cannot be written"),
        ("folder @in --config @boxes.xml --out @boxes.xml --format coco", "is none"),
        ("folder @in --config @boxes.xml --out /dev/full --format coco", "is none"),
        ("folder @in --config @boxes.xml --out @o.json --report @no/r.json", "is not"),
        ("folder @in --config @boxes.xml --dry-run --sheet @no/s.png", "is not"),
        ("folder @in --config @boxes.xml --dry-run --sheet @full", "is a folder"),
        ("folder @in --config @boxes.xml --out @full", "is a folder"),
        ("folder @in --config @boxes.xml --out @full --format coco", "neither"),
        ("folder @in --config @boxes.xml --out @in/new --format coco", "outside of the folder"),
        ("folder @in --config @choices.xml --out @new --format yolo", "has neither"),
        ("folder @in --config @ellipses.xml --out @new --format voc", "EllipseLabels"),
        ("folder @in --config @boxes.xml --out @o.json --report @r.pdf", "FILE.json"),
        ("project 3 --view 1 --filter {}", "not both"),
        ("project 3 --watch --limit 5", "takes no number"),
        ("project 3", "FIRSTPASS_LABEL_STUDIO_URL"),
        ("folder @in --config @boxes.xml --out @o.json --model no-such", "no-such"),
    ],
)
def test_what_cannot_work_is_one_sentence_and_nothing_is_written(
    files: Path, arguments: str, reason: str
) -> None:
    """No file beside those that were there, and no model was loaded for it."""
    before = sorted(path for path in files.rglob("*") if "home" not in path.parts)

    done = prelabel(files, *arguments.split())

    assert isinstance(done.exception, FirstpassError), done.output
    assert reason in str(done.exception)
    assert sorted(path for path in files.rglob("*") if "home" not in path.parts) == before
