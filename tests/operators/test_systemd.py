"""The systemd units and the logrotate file, read by the programs that read them on a machine."""

from __future__ import annotations

import configparser
import re
import shlex
import subprocess
import time
from pathlib import Path

import pytest

from backend.settings import Settings, load_settings, variable_name
from tests.conftest import missing_command
from tests.operators.conftest import REPOSITORY, ran
from tests.pages import blocks, parses

UNITS = REPOSITORY / "docker" / "systemd"
SERVICES = sorted(path.name for path in UNITS.glob("*.service"))
NAMES = {variable_name(field) for field in Settings.model_fields} | {"REDIS_URL"}


@pytest.fixture
def units(tmp_path: Path) -> Path:
    """The units with a program that is there in place of ours, and the template with an instance."""
    for path in UNITS.glob("firstpass*.[st]*"):
        text = path.read_text().replace("/opt/firstpass/bin/firstpass", "/bin/true")
        (tmp_path / path.name.replace("@.", "@1.")).write_text(text)
    (tmp_path / "firstpass-worker@.service").write_text(
        (tmp_path / "firstpass-worker@1.service").read_text()
    )
    return tmp_path


def test_systemd_takes_every_unit(units: Path) -> None:
    """Without a word: unknown keys, missing units and programs are all said."""
    files = [*units.glob("*.service"), *units.glob("*.target")]

    verified = ran(missing_command("systemd-analyze"), "verify", "--man=no", *files)

    assert (verified.returncode, verified.stdout + verified.stderr) == (0, "")
    assert len(files) == 5


@pytest.mark.parametrize("unit", ["firstpass-web", "firstpass-courier", "firstpass-worker@1"])
def test_a_unit_is_exposed_to_little(units: Path, unit: str) -> None:
    """By systemd's own reckoning: 10 is a unit without any confinement, 2 and less it calls OK."""
    analyze = missing_command("systemd-analyze")

    judged = ran(analyze, "security", "--offline=true", "--threshold=20", units / f"{unit}.service")

    assert judged.returncode == 0, judged.stdout


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_runs_a_command_of_ours_with_settings_of_ours(service: str) -> None:
    """Its command line parses, and every variable it sets is one that is read."""
    text = (UNITS / service).read_text()
    (line,) = re.findall(r"^ExecStart=(.*)$", text, re.MULTILINE)
    program, *arguments = shlex.split(line)

    assert program == "/opt/firstpass/bin/firstpass"
    assert parses(arguments)
    assert arguments[0] in service
    given = re.findall(
        r"(\w+)=\S+", " ".join(re.findall(r"^Environment=(.*)$", text, re.MULTILINE))
    )
    assert set(given) - NAMES <= {"HF_HOME", "MPLCONFIGDIR"}


def test_a_worker_is_given_the_time_of_its_batch() -> None:
    """The time to stop is more than a batch may take."""
    text = (UNITS / "firstpass-worker@.service").read_text()
    (seconds,) = re.findall(r"^TimeoutStopSec=(\d+)$", text, re.MULTILINE)

    assert int(seconds) > load_settings().job_timeout_s + load_settings().image_timeout_s


def test_the_target_starts_what_is_enabled_and_no_more() -> None:
    """A machine with workers only has no web process and no courier."""
    target = (UNITS / "firstpass.target").read_text()

    assert not re.search(r"^(Wants|Requires)=", target, re.MULTILINE)
    for service in SERVICES:
        text = (UNITS / service).read_text()
        assert "PartOf=firstpass.target\n" in text
        assert "WantedBy=firstpass.target\n" in text


@pytest.mark.parametrize("shell", ["bash", "dash"])
def test_a_command_at_the_shell_has_the_settings_of_the_units(tmp_path: Path, shell: str) -> None:
    """By the function of the page, and with a value as the page says to write it."""
    (block,) = blocks("docs/systemd.md", "Use")
    settings = (UNITS / "firstpass.env.example").read_text()
    (tmp_path / "firstpass.env").write_text(f"{settings}HF_TOKEN='a $b \"c'\n")
    (tmp_path / "firstpass").write_text('#!/bin/sh\necho "$@"; env\n')
    (tmp_path / "firstpass").chmod(0o755)
    script = block.replace("/etc/firstpass/firstpass.env", f"{tmp_path}/firstpass.env")

    done = ran(shell, "-euc", script.replace("/opt/firstpass/bin", str(tmp_path)))

    said = done.stdout.splitlines()
    assert done.returncode == 0, done.stderr
    assert {"connect --project 3", "doctor --project 3", "status"} <= set(said)
    assert 'HF_TOKEN=a $b "c' in said
    assert "REDIS_URL=redis://:CHANGE-ME@localhost:6379/0" in said
    assert {
        f"{name}={value}"
        for service in SERVICES
        for line in re.findall(r"^Environment=(.*)$", (UNITS / service).read_text(), re.MULTILINE)
        for name, value in (one.split("=", 1) for one in line.split())
        if name in ("FIRSTPASS_HOME", "FIRSTPASS_RUNS_IN", "HF_HOME")
    } <= set(said)


def test_the_example_of_settings_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every line is a setting, and together they are valid."""
    parser = configparser.ConfigParser(interpolation=None)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read_string("[all]\n" + (UNITS / "firstpass.env.example").read_text())

    for name, value in parser["all"].items():
        assert name in NAMES
        monkeypatch.setenv(name, value)

    assert load_settings().delivers is False  # the token is a credential, not a variable


def test_logs_are_rotated_under_a_writer_that_goes_on(tmp_path: Path) -> None:
    """`logrotate` takes the file; a process that appends writes on, and nothing has to be told."""
    logrotate = missing_command("logrotate")
    log = tmp_path / "up.log"
    text = (REPOSITORY / "docker" / "logrotate" / "firstpass").read_text()
    (paths,) = re.findall(r"^(/.*) \{$", text, re.MULTILINE)
    config = tmp_path / "firstpass"
    config.write_text(
        re.sub(r"\n *su .*", "", text.replace(paths, f"{log}")).replace("delaycompress", "")
    )
    config.chmod(0o644)
    line = "a line of the log\n"

    with (
        log.open("ab", buffering=0) as sink,
        subprocess.Popen(["cat"], stdin=subprocess.PIPE, stdout=sink, bufsize=0) as writer,
    ):
        assert writer.stdin is not None
        writer.stdin.write(line.encode())
        wait_for(log, line)
        rotated = ran(logrotate, "--force", "--state", tmp_path / "state", config)
        assert rotated.returncode == 0, rotated.stderr
        writer.stdin.write(line.encode())
        writer.stdin.close()

    assert log.read_text() == line
    assert (tmp_path / "up.log.1.gz").is_file()


def wait_for(log: Path, text: str) -> None:
    deadline = time.monotonic() + 60
    while log.read_text() != text:
        assert time.monotonic() < deadline
        time.sleep(0.01)
