"""Children: started, watched, ended, also when we die without a word."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from backend.processes import children
from backend.processes.children import ManagedProcess, ProcessFailed, Program, free_port
from backend.processes.supervisor import BACK_OFF_FIRST_S, Supervisor, ending_signals

REPOSITORY = Path(__file__).parents[2]
PATIENCE_S = 120.0


def python(name: str, code: str, **given: object) -> Program:
    return Program(name=name, argv=(sys.executable, "-u", "-c", code), **given)  # type: ignore[arg-type]


def until(condition: Callable[[], bool], timeout_s: float = PATIENCE_S) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "did not happen in time"
        time.sleep(0.02)


def alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def test_a_child_that_ends_early_is_reported_with_its_last_words():
    """The error carries the status and what the child printed."""
    with Supervisor() as supervisor, pytest.raises(ProcessFailed, match=r"status 3[\s\S]*no disk"):
        supervisor.start(
            python("web", "print('no disk'); raise SystemExit(3)"), ready=lambda: False
        )


def test_a_child_that_is_never_ready_is_reported_and_ended(tmp_path: Path):
    """After the time is over the error names the log file, and leaving ends the child."""
    log = tmp_path / "web.log"
    with Supervisor() as supervisor:
        with pytest.raises(ProcessFailed, match=r"not ready after 0\.3 s[\s\S]*web\.log"):
            supervisor.start(
                python("web", "print('hm'); import time; time.sleep(60)", log=log),
                ready=lambda: "never" in log.read_text(),
                timeout_s=0.3,
            )
        (process,) = supervisor.processes
        assert process.running

    assert not process.running


def test_a_program_that_does_not_exist_is_reported():
    """A missing program is an error of ours, not a silent exit."""
    with Supervisor() as supervisor, pytest.raises(ProcessFailed, match=r"/no/such/program: No"):
        supervisor.start(Program("web", ("/no/such/program",)), ready=lambda: False)


def test_output_goes_to_stderr_behind_the_name(capsys: pytest.CaptureFixture[str]):
    """Lines of several children can be told apart."""
    process = ManagedProcess.start(python("worker", "print('loaded')"))
    said: list[str] = []

    def is_said() -> bool:
        said.append(capsys.readouterr().err)
        return "worker   | loaded" in "".join(said)

    until(is_said)
    process.stop()


def test_stop_is_gentle_first_and_then_not(tmp_path: Path):
    """A child that heeds SIGTERM cleans up; one that does not is killed after the grace."""
    gentle = python(
        "gentle",
        "import signal, sys, time\n"
        "signal.signal(signal.SIGTERM, lambda *_: (print('tidy'), sys.exit(0)))\n"
        "print('up'); time.sleep(60)",
        log=tmp_path / "gentle.log",
    )
    stubborn = python(
        "stubborn",
        "import signal, time\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "print('up'); time.sleep(60)",
        log=tmp_path / "stubborn.log",
    )
    processes = [ManagedProcess.start(gentle), ManagedProcess.start(stubborn)]
    for process, grace_s in zip(processes, (PATIENCE_S, 0.5), strict=True):
        process.wait_ready(lambda process=process: "up" in process.tail(), timeout_s=PATIENCE_S)  # type: ignore[misc]
        process.stop(grace_s=grace_s)

    assert [process.returncode for process in processes] == [0, -signal.SIGKILL]
    assert "tidy" in processes[0].tail()


def test_stop_ends_grandchildren_too(tmp_path: Path):
    """What a child started in its session does not outlive it."""
    process = ManagedProcess.start(
        python(
            "parent",
            "import subprocess, time\nprint(subprocess.Popen(['sleep', '60']).pid); time.sleep(60)",
            log=tmp_path / "parent.log",
        )
    )
    process.wait_ready(lambda: process.tail().isdigit(), timeout_s=PATIENCE_S)
    grandchild = int(process.tail())
    process.stop()

    until(lambda: not alive(grandchild))


def test_a_crashed_child_is_started_again_and_another_ends_the_watch(tmp_path: Path):
    """`restart` children come back, later each time; the end of any other is an error."""
    starts = tmp_path / "starts"
    starts.touch()
    crashing = python(
        "worker",
        f"import time; print(time.monotonic(), file=open({str(starts)!r}, 'a')); raise SystemExit(1)",
        log=tmp_path / "w",
    )

    def came_back_twice() -> bool:
        supervisor.look_after_all()
        return len(starts.read_text().splitlines()) >= 3

    with Supervisor() as supervisor:
        supervisor.start(crashing, restart=True)
        until(came_back_twice)
        first, second, third, *_ = map(float, starts.read_text().split())
        assert second - first > BACK_OFF_FIRST_S
        assert third - second > 2 * BACK_OFF_FIRST_S

        supervisor.start(python("web", "raise SystemExit(4)", log=tmp_path / "web"))
        with pytest.raises(ProcessFailed, match="web ended with status 4"):
            supervisor.wait(every_s=0.05)


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's help is Linux's")
@pytest.mark.parametrize("signum", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_children_do_not_outlive_us(signum: signal.Signals, tmp_path: Path):
    """Killed outright, terminated or interrupted: no child is left."""
    code = (
        "import sys, time\n"
        "from backend.processes.children import Program\n"
        "from backend.processes.supervisor import Supervisor, ending_signals\n"
        "with ending_signals(), Supervisor() as supervisor:\n"
        "    child = supervisor.start(Program('nap', ('sleep', '60')))\n"
        "    print(child.pid, flush=True)\n"
        "    supervisor.wait()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code],
        cwd=REPOSITORY,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        until(lambda: "sleep" in Path(f"/proc/{child}/cmdline").read_text())
        os.kill(parent.pid, signum)
        parent.wait(timeout=PATIENCE_S)

    until(lambda: not alive(child))


def test_a_signal_that_comes_while_a_child_starts_does_not_lose_it(
    monkeypatch: pytest.MonkeyPatch,
):
    """The child is on the list before the signal acts."""
    start = ManagedProcess.start

    def interrupted(program: Program) -> ManagedProcess:
        process = start(program)
        signal.raise_signal(signal.SIGTERM)
        return process

    monkeypatch.setattr(ManagedProcess, "start", interrupted)
    with ending_signals(), Supervisor() as supervisor:
        with pytest.raises(KeyboardInterrupt):
            supervisor.start(Program("nap", ("sleep", "60")))
        (process,) = supervisor.processes

    assert not process.running


def test_ending_signals_are_put_back():
    """Outside the block the handlers are what they were."""
    before = signal.getsignal(signal.SIGTERM)
    with ending_signals(), pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGTERM)

    assert signal.getsignal(signal.SIGTERM) == before


def test_settings_pass_by_environment(tmp_path: Path):
    """`env` comes on top of ours; with `clean_env` it is all there is."""
    code = "import os; print(os.environ.get('FIRSTPASS_X'), 'HOME' in os.environ)"
    said = []
    for clean in (False, True):
        log = tmp_path / f"{clean}.log"
        process = ManagedProcess.start(
            python("child", code, env={"FIRSTPASS_X": "1"}, clean_env=clean, log=log)
        )
        until(lambda process=process: not process.running)  # type: ignore[misc]
        process.stop()
        said.append(process.tail())

    assert said == ["1 True", "1 False"]


def test_free_ports_are_free():
    """A port is given that one can bind."""
    assert free_port() > 0


def test_a_log_outlives_restarts_and_is_bounded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Why a process ended is there after it was started again; an error quotes the last run alone."""
    monkeypatch.setattr(children, "LOG_BYTES", 1000)
    log = tmp_path / "redis.log"
    for run in range(3):
        ended = ManagedProcess.start(python("redis", f"print('run {run}', 'x' * 300)", log=log))
        until(lambda ended=ended: not ended.running)  # type: ignore[misc]
        assert f"run {run}" in ended.tail()
        assert run == 0 or f"run {run - 1}" not in ended.tail()
    text = log.read_text()
    assert [f"run {run}" in text for run in range(3)] == [True, True, True]
    assert text.count("---- started again") == 2

    for run in range(3, 12):
        ended = ManagedProcess.start(python("redis", f"print('run {run}', 'x' * 300)", log=log))
        until(lambda ended=ended: not ended.running)  # type: ignore[misc]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["redis.log", "redis.log.1"]
    assert "run 11" in log.read_text()
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) < 4000
    silent = ManagedProcess.start(python("redis", "pass", log=log))
    until(lambda: not silent.running)
    assert "it wrote nothing" in str(silent.failure("ended"))
