"""The way that every person goes with real weights, from an empty cache, by the command line alone."""

from __future__ import annotations

import base64
import json
import select
import shlex
import shutil
import subprocess
from pathlib import Path

import httpx
import pytest
from PIL import Image

from backend.processes.children import free_port
from models.tiny.scenes import generate_scene
from tests.hub.machine import Machine, make
from tests.hub.serve_hub import serving

BOTH = ("florence-2-base", "clip-vit-b-32")
REMEDY = "`firstpass models pull florence-2-base clip-vit-b-32`"
CONFIG = (
    '<View><Image name="image" value="$image"/><RectangleLabels name="box" toName="image">'
    '<Label value="star"/></RectangleLabels><Choices name="scene" toName="image">'
    '<Choice value="night"/><Choice value="snow"/></Choices></View>'
)
#: Answers of random weights go on until a bound stops them.
SHORT = {"FIRSTPASS_MAX_NEW_TOKENS": "16", "FIRSTPASS_NUM_BEAMS": "1"}


def listed(machine: Machine) -> list[str]:
    """What `models list` says of both models."""
    table = machine.run("models", "list").stdout
    rows = {line.split("│")[1].strip(): line for line in table.splitlines() if "│" in line}
    return [rows[name].split("│")[2].strip() for name in BOTH]


@pytest.mark.redis
@pytest.mark.timeout(900)
def test_from_an_empty_cache_to_predictions(tmp_path: Path) -> None:
    """list (no), pull, list (yes), check, predict, up with /predict, doctor: weights of the real size (1.1 GB)."""
    make(tmp_path / "root", full=True)
    picture = tmp_path / "photo.png"
    generate_scene(3).image.save(picture)
    with serving(tmp_path / "root") as hub:
        machine = Machine(tmp_path / "hf", hub.url, dict(SHORT))
        assert listed(machine) == ["no", "no"]
        pulled = machine.run("models", "pull")
        assert pulled.returncode == 0, pulled.stderr
        assert listed(machine) == ["yes, 468 MB", "yes, 610 MB"]
    shutil.rmtree(tmp_path / "root")
    # From here on there is no hub.
    check = machine.run("models", "check", "--verify")
    assert check.returncode == 0, check.stderr
    assert "clip-vit-b-32: 8 files as the hub has them" in check.stdout
    assert "Ground (florence-2-base), Classify (clip-vit-b-32)" in check.stdout
    check_predict(machine, picture)
    check_up(machine, picture)
    shutil.rmtree(tmp_path / "hf")  # pytest would keep it for days


def check_predict(machine: Machine, picture: Path) -> None:
    """The picture comes back with whatever random weights see in it."""
    drawn = picture.with_name("boxes.png")
    asked = ("predict", str(picture), "--labels", "star", "--choices", "night,snow", "--json")
    predicted = machine.run(*asked, "--out", str(drawn))
    assert predicted.returncode == 0, predicted.stderr
    (report,) = json.loads(predicted.stdout)
    assert set(report["choices"]) == {"night", "snow"}
    with Image.open(drawn) as image:
        assert [report["width"], report["height"]] == list(image.size)


def check_up(machine: Machine, picture: Path) -> None:
    """Label Studio's request is answered, and `doctor` finds the models."""
    home, port = str(picture.with_name("home")), str(free_port())
    machine.more["FIRSTPASS_WAIT_S"] = "90"  # the longest there is
    with machine.start("up", "--home", home, "--port", port) as process:
        assert "ready" in first_line(process)
        assert predictions(f"http://127.0.0.1:{port}", picture) == 1
        doctor = machine.run("doctor", "--json", FIRSTPASS_HOME=home, FIRSTPASS_PORT=port)
        process.terminate()
        process.communicate(timeout=60)
    whats = [finding["what"] for finding in json.loads(doctor.stdout)["findings"]]
    assert "the models florence-2-base,clip-vit-b-32 are on this machine, whole" in whats


def first_line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    ready, _, _ = select.select([process.stdout], [], [], 120)
    return process.stdout.readline() if ready else ""


def predictions(url: str, picture: Path) -> int:
    """How many predictions `/predict` gives for one task with that picture."""
    data = base64.b64encode(picture.read_bytes()).decode()
    body = {
        "tasks": [{"id": 1, "data": {"image": f"data:image/png;base64,{data}"}}],
        "label_config": CONFIG,
        "project": "1.1",
    }
    answer = httpx.post(f"{url}/predict", json=body, timeout=120, trust_env=False).json()
    assert not answer.get("errors"), answer
    return sum(bool(result) for result in answer["results"])


def test_what_is_missing_is_named_at_once_and_whole(machine: Machine, tmp_path: Path) -> None:
    """`up`, `predict`, `worker`, `check` and `doctor` name both models and the one command for both."""
    picture = tmp_path / "photo.png"
    generate_scene(3).image.save(picture)
    for command in (
        ("predict", str(picture), "--labels", "star"),
        ("up", "--home", str(tmp_path / "home")),
        ("models", "check"),
        ("worker", "--no-wait", "--redis-url", "redis://127.0.0.1:1/0"),
        ("prelabel", "folder", str(tmp_path), "--config", config(tmp_path), "--out", "a.json"),
    ):
        done = machine.run(*command)
        said = " ".join((done.stdout + done.stderr).split())
        assert done.returncode != 0
        assert "expected florence-2-base and clip-vit-b-32 on this machine" in said, command
        assert REMEDY in said
        assert "Traceback" not in said
    assert not (tmp_path / "home").exists()
    found = json.loads(machine.run("doctor", "--json").stdout)["findings"]
    assert any(REMEDY in finding["what"] for finding in found)


def config(folder: Path) -> str:
    path = folder / "config.xml"
    path.write_text(CONFIG)
    return str(path)


def test_a_model_that_came_in_part_is_not_taken_for_whole(machine: Machine) -> None:
    """Only what is missing is named."""
    assert machine.run("models", "pull").returncode == 0
    (machine.florence / "model.safetensors").unlink()

    refused = machine.run("models", "check")

    assert refused.returncode == 2
    assert "`firstpass models pull florence-2-base` where" in refused.stderr
    assert "clip-vit-b-32" not in refused.stderr
    assert listed(machine)[0].startswith("in part")


def test_the_command_that_is_said_brings_the_models(machine: Machine, tmp_path: Path) -> None:
    """As it stands in the sentence, and asked again as before: the models are no longer missed."""
    generate_scene(3).image.save(tmp_path / "photo.png")
    asked = ("predict", str(tmp_path / "photo.png"), "--labels", "star", "--choices", "night")
    refused = machine.run(*asked)
    assert refused.returncode == 2
    command = refused.stderr.split("`")[1]

    program, *arguments = shlex.split(command)
    assert program == "firstpass"
    assert machine.run(*arguments).returncode == 0
    assert all(said.startswith("yes") for said in listed(machine))
    assert "never pulled" not in machine.run(*asked, **SHORT).stderr
