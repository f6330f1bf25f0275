"""`firstpass explore` over the indexes of folders, from nothing and as the page says it; models in this process."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest
from PIL import Image

from models.tiny.scenes import generate_scene
from tests.forked_commands import command_folder
from tests.page_commands import FOLDER_EXPLORED, commands_run_by

FIRST_SEED = 8_600_000_000
PATIENCE_S = 600.0
pytestmark = pytest.mark.timeout(1200)


def saved(folder: Path, first: int, count: int) -> None:
    folder.mkdir(parents=True)
    for number in range(count):
        generate_scene(FIRST_SEED + first + number, max_objects=3).image.save(
            folder / f"{first + number:02}.png"
        )


def test_a_folder_is_explored_against_another(fork_server: str, tmp_path: Path) -> None:
    """Copies and a blank image are found, the page is one file, and mistakes are told in one sentence."""
    desk = tmp_path / "desk"
    saved(desk / "scans", 0, 14)
    saved(desk / "old-scans", 50, 12)
    with Image.open(desk / "scans" / "03.png") as image:
        image.convert("RGB").save(desk / "scans" / "again.jpg", quality=50)
    Image.new("RGB", (300, 200), "black").save(desk / "scans" / "blank.png")
    before = {path: path.read_bytes() for path in desk.rglob("*") if path.is_file()}
    binaries = command_folder(fork_server, tmp_path / "bin")
    env = {
        "HOME": str(tmp_path),
        "FIRSTPASS_HOME": str(tmp_path / "home"),
        "FIRSTPASS_MODEL": "tiny-clip",
        "FIRSTPASS_CPU_THREADS": "1",
        "PATH": f"{binaries}:{os.environ['PATH']}",  # noqa: TID251
    }

    def run(command: str, expect: int = 0) -> str:
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", command],
            cwd=desk, env=env, capture_output=True, text=True, timeout=PATIENCE_S, check=False,
        )  # fmt: skip
        assert done.returncode == expect, done.stdout + done.stderr
        assert "Traceback" not in done.stdout + done.stderr
        return done.stdout if expect == 0 else " ".join((done.stdout + done.stderr).split())

    (against,) = commands_run_by(FOLDER_EXPLORED)
    assert "there is no index yet: run `firstpass index --images scans`" in run(against, expect=2)
    run("firstpass index --images scans/")
    assert "no index yet: run `firstpass index --images old-scans`" in run(against, expect=2)
    run("firstpass index --images old-scans/")

    printed = run(f"{against} --report explored.html")
    assert "2 copies (near copies)" in " ".join(printed.split())
    page = (desk / "explored.html").read_text()
    assert "<script" not in page
    assert page.count("data:image/jpeg;base64,") > 16
    assert "Against old-scans/" in page

    told = json.loads(run("firstpass explore --images scans/ --json --words 'night,snow,grass'"))
    keys = {row: name["key"] for row, name in told["rows"].items()}
    groups = [[keys[str(row)] for row in one["rows"]] for one in told["copies"]["groups"]]
    assert groups == [["03.png", "again.jpg"]]
    hinted = {keys[str(one["row"])] for one in told["quality"]["hints"]}
    assert "blank.png" in hinted
    assert "drift" not in told
    assert {word for one in told["clusters"]["clusters"] for word in one["words"]} <= {
        "night", "snow", "grass"
    }  # fmt: skip
    one = json.loads(run("firstpass explore --images scans/ --json --only map,clusters"))
    assert one["map"] == told["map"]

    same = run("firstpass explore --images scans/ --against scans", expect=2)
    assert "expected --against another set" in same
    assert "expected --only of copies," in run(
        "firstpass explore --images scans/ --only colours", expect=2
    )
    assert "expected --against with --only drift" in run(
        "firstpass explore --images scans/ --only drift", expect=2
    )
    assert "expected --tab with --project" in run(
        "firstpass explore --images scans/ --tab", expect=2
    )
    (desk / "empty").mkdir()
    run("firstpass index --images empty/")
    assert "the index has no image yet" in run("firstpass explore --images empty/", expect=2)
    assert {path: path.read_bytes() for path in before} == before
