"""How commands end: one exit code and one sentence for one cause, before any work."""

from __future__ import annotations

import os
import stat
import subprocess
from pathlib import Path

import pytest
from PIL import Image
from typer.testing import CliRunner, Result

from backend.cli import ends
from backend.cli.main import app
from backend.errors import FirstpassError, SettingsError
from backend.inference.devices import check_device
from backend.processes.home import folder_in
from backend.runs.output_file import OutputUnwritable
from backend.settings import Settings
from models.devices import pick_device
from tests import forks

CONFIG = (
    '<View><Image name="i" value="$image"/><RectangleLabels name="b" toName="i">'
    '<Label value="cat"/></RectangleLabels></View>'
)


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """An image, a label config, a file where a home might be."""
    (tmp_path / "in").mkdir()
    Image.new("RGB", (32, 32)).save(tmp_path / "in" / "a.png")
    (tmp_path / "config.xml").write_text(CONFIG)
    (tmp_path / "file").write_text("x")
    (tmp_path / "bad.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    return tmp_path


def firstpass(place: Path, line: str, **env: str) -> tuple[int, str]:
    """Exit code and error output of a real process; `@` is the place. Who asks for a device has torch."""
    arguments = [one.replace("@", f"{place}/") for one in line.split()]
    environment = {**os.environ, "FIRSTPASS_MODEL": "tiny", **env}  # noqa: TID251 - handed on
    done = forks.run(*arguments, env=environment, timeout_s=240, models="--device" in arguments)
    assert "Traceback" not in done.stderr, done.stderr
    return done.returncode, " ".join(done.stderr.split())


NOWHERE = "--redis-url redis://127.0.0.1:1/0"


@pytest.mark.parametrize(
    "line",
    [
        "predict @in/a.png --labels cat",
        "prelabel folder @in --config @config.xml --out @o.json --home @home",
        "plan @config.xml",
        f"web --port 0 {NOWHERE}",
        f"worker {NOWHERE}",
        f"up --port 0 {NOWHERE}",
        f"doctor {NOWHERE}",
    ],
)
def test_an_unknown_model_ends_each_command_alike(place: Path, line: str) -> None:
    code, said = firstpass(place, f"{line} --model nope")
    assert code == ends.NOT_DONE
    assert "'nope'" in said or line.startswith("doctor")


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("predict @in/a.png --labels cat --device cuda:99", "cuda:99"),
        (f"worker {NOWHERE} --device cuda:99", "cuda:99"),
        (f"up --port 0 {NOWHERE} --device cuda:99", "FIRSTPASS_DEVICE: expected a device"),
        ("up --port 0 --home @file", "FIRSTPASS_HOME"),
        ("up --port 0 --home /proc/home", "FIRSTPASS_HOME"),
        ("prelabel folder @in --config @config.xml --out @o.json --home @file", "FIRSTPASS_HOME"),
    ],
)
def test_what_can_be_known_is_said_before_the_work(place: Path, line: str, reason: str) -> None:
    """One sentence, and nothing was started for it."""
    code, said = firstpass(place, line)
    assert code == ends.NOT_DONE
    assert reason in said
    assert said.count("firstpass: ") == 1
    assert "web |" not in said


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("@nope.png --labels cat", "nope.png: No such file"),
        ("@in/a.png @nope.png --labels cat", "nope.png: No such file"),
        ("@in --labels cat", "in: Is a directory"),
        ("@in/a.png @bad.png --labels cat", "bad.png: "),
        ("@in/a.png @config.xml --labels cat", "config.xml: expected an image"),
        ("@in/a.png --labels cat --out @no/o.png", "no is not"),
        ("@in/a.png --labels cat --out /proc/o.png", "cannot be written"),
        ("@in/a.png --labels cat --out @o.xyz", ".png"),
        ("@in/a.png --labels cat --out /dev/full", ".png"),
        ("@in/a.png @in/a.png --labels cat --out @file", "is none"),
        ("@in/a.png", "--labels"),
        ("@in/a.png --labels cat --model nope", "'nope'"),
    ],
)
def test_predict_looks_at_files_before_models_load(
    place: Path, line: str, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def load(settings: Settings) -> None:
        raise AssertionError("the models were loaded")

    monkeypatch.setattr("backend.cli.predict.load_models", load)
    given = [one.replace("@", f"{place}/") for one in line.split()]
    done = CliRunner().invoke(app, ["predict", "--model", "tiny", *given])

    assert isinstance(done.exception, FirstpassError)
    assert reason in str(done.exception)
    assert stat.S_ISCHR(Path("/dev/full").stat().st_mode)


def test_a_picture_goes_through_a_link_and_into_no_device(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is drawn takes the place of the file that the link points to."""
    (place / "real.png").write_bytes(b"old")
    (place / "link.png").symlink_to("real.png")
    (place / "full.png").symlink_to("/dev/full")

    def predict(out: str) -> Result:
        arguments = ["predict", str(place / "in" / "a.png"), "--labels", "cat", "--model", "tiny"]
        return CliRunner().invoke(app, [*arguments, "--out", str(place / out)])

    assert predict("link.png").exit_code == 0
    assert (place / "link.png").is_symlink()
    assert (place / "real.png").read_bytes().startswith(b"\x89PNG")
    assert isinstance(predict("full.png").exception, OutputUnwritable)
    assert stat.S_ISCHR(Path("/dev/full").stat().st_mode)


@pytest.mark.parametrize(
    "device",
    [
        "cuda:99",
        "cuda:-1",
        "cuda:x",
        "gpu",
        "",
        " ",
        "CUDA",
        "meta",
        "cpu:5",
        "mps:9",
        "0",
        "xpu",
        "a\nb",
    ],
)
def test_a_device_that_is_not_there_is_said(device: str) -> None:
    with pytest.raises(ValueError, match="device"):
        pick_device(device)


def test_who_holds_no_torch_can_ask_for_a_device() -> None:
    with pytest.raises(SettingsError, match=r"FIRSTPASS_DEVICE: .*cuda:99"):
        check_device("cuda:99")


def test_devices_that_are_always_there_need_no_look(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(subprocess, "run")
    check_device("cpu")
    check_device("auto")


@pytest.mark.parametrize("name", ["file", "file/below", "loop", "link-to-file", "x" * 300])
def test_a_home_that_cannot_be_is_one_sentence(place: Path, name: str) -> None:
    (place / "loop").symlink_to("loop")
    (place / "link-to-file").symlink_to("file")
    with pytest.raises(SettingsError, match="FIRSTPASS_HOME: expected a folder"):
        folder_in(place / name, "redis")


@pytest.mark.parametrize("home", ["/proc", "/dev/null", "/sys/firstpass"])
def test_a_home_on_what_takes_no_files(home: str) -> None:
    with pytest.raises(SettingsError, match="FIRSTPASS_HOME"):
        folder_in(Path(home), "redis")
