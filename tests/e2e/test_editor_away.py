"""What a person reads in the editor while parts of Firstpass stand still or are away; and then it works again."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from backend.demo.environment import Place, Running, repository, running
from backend.processes.children import ManagedProcess
from backend.processes.stack import Stack
from backend.processes.supervisor import Supervisor
from backend.settings import load_settings
from tests.e2e.browser import keep_screenshot
from tests.e2e.chromium import SharedChromium
from tests.e2e.desk import SCENE, WITH_NOTE, Desk, signed_in
from tests.e2e.killing import stopped, wait_until
from tests.forked_children import supervised

#: A worker that stands still for longer is taken for dead.
LEASE_S = 600


@dataclass(slots=True)
class Rig:
    """An installation whose processes stay away once they are ended."""

    pair: Running
    processes: dict[str, ManagedProcess]

    @contextmanager
    def without(self, name: str) -> Iterator[None]:
        """Within, this process is not there; afterwards it is, and at work."""
        self.processes[name].stop()
        try:
            yield
        finally:
            self.processes[name] = ManagedProcess.start(self.processes[name].program)
            stack = Stack(self.pair.backend.url, self.pair.backend.auth or ("", ""))
            wait_until(lambda: stack.answers and stack.workers > 0)


@pytest.fixture(scope="module")
def rig(
    label_studio_bin: Path, fork_server: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Rig]:
    settings = load_settings(model="tiny", wait_s=8, cpu_threads=1, lease_s=LEASE_S)
    folder = tmp_path_factory.mktemp("away")
    place = Place(label_studio_bin, repository() / ".cache" / "demo", folder)
    with (
        supervised(fork_server),
        Supervisor() as supervisor,
        running(settings, place, supervisor) as both,
    ):
        made = Rig(both, {process.name: process for process in supervisor.processes})
        yield made
        for name in ("worker", "web"):
            made.processes[name].stop()


@pytest.fixture(scope="module")
def desk(rig: Rig, shared_chromium: SharedChromium) -> Iterator[Desk]:
    client = rig.pair.client
    project = client.create_project("away", WITH_NOTE)
    client.connect(project, rig.pair.backend)
    (task,) = client.upload(project, {SCENE.name: SCENE.png})
    with signed_in(rig.pair, project, task, shared_chromium) as desk:
        yield desk


@pytest.fixture(autouse=True)
def _kept(desk: Desk, request: pytest.FixtureRequest) -> Iterator[None]:
    yield
    keep_screenshot(desk.window, request.node.name)


def told(desk: Desk, prompt: str, sentence: str) -> None:
    """Type it, and read that sentence and nothing else; say how long that took."""
    desk.tools.type_prompt(prompt)
    seconds = desk.tools.answered(sentence)
    sys.stdout.write(f"{seconds:.1f} s until {sentence!r}\n")
    assert len(desk.tools.texts()) == 1
    assert desk.tools.in_sight()


def test_an_answer_that_is_late_is_there_when_it_is_asked_again(rig: Rig, desk: Desk):
    with stopped(rig.processes["worker"].pid):
        told(
            desk,
            "yellow ring -> Round",
            "Not done in time. The work goes on: ask again in a moment.",
        )
        keep_screenshot(desk.window, "an answer that is late")

    told(desk, "yellow ring -> Round", '"yellow ring": ')


def test_without_a_worker_the_note_says_whom_to_tell_what(rig: Rig, desk: Desk):
    """And once they have done that, the same prompt is answered."""
    with rig.without("worker"):
        told(
            desk,
            "green cross -> Round",
            "Nobody answers. Go on by hand, and tell whoever runs Firstpass: "
            '"no worker is alive; start one: `firstpass worker` (or `firstpass up`)".',
        )
        keep_screenshot(desk.window, "without a worker")

    told(desk, "green cross -> Round", '"green cross": ')


def test_while_redis_does_not_answer_the_note_says_so(rig: Rig, desk: Desk):
    with stopped(rig.processes["redis"].pid):
        told(
            desk,
            "red heart -> Round",
            "Firstpass is offline. Go on by hand, and tell whoever runs Firstpass: "
            '"Redis does not answer (TimeoutError); see whether it runs, and whether FIRSTPASS_REDIS_URL is right".',
        )
        keep_screenshot(desk.window, "while Redis does not answer")

    told(desk, "red heart -> Round", '"red heart": ')


def test_without_the_web_process_what_was_typed_stays(rig: Rig, desk: Desk):
    """Nothing else is shown; the next prompt takes it along."""
    with rig.without("web"):
        before = desk.tools.texts()
        answered = desk.tools.requests()
        desk.tools.type_prompt("blue square -> Round")
        wait_until(lambda: desk.tools.requests() > answered)
        assert desk.tools.texts() == ["blue square -> Round", *before]
        keep_screenshot(desk.window, "without the web process")

    told(desk, "white square -> Round", '"white square": ')
