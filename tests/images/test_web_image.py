"""The web image holds no model library: each command works there, or says in a sentence where it does."""

from __future__ import annotations

import pytest

from tests.images.engine import Engine, Job
from tests.images.world import World, wait_until

#: Commands that need models, as a person would type them; an argument that is missing must not be the end.
WITH_MODELS = (
    ("models", "list"),
    ("models", "pull"),
    ("models", "check"),
    ("worker", "--redis-url", "redis://127.0.0.1:1/0"),
    ("predict", "/etc/hostname", "--labels", "star"),
    ("up",),
    ("demo",),
    ("evaluate", "project", "1"),
    ("prelabel", "folder", "/etc", "--config", "/etc/hostname", "--out", "/tmp/tasks.json"),
)


@pytest.mark.parametrize("arguments", WITH_MODELS, ids=" ".join)
def test_no_command_ends_in_an_import_error(
    engine: Engine, web_image: str, arguments: tuple[str, ...]
) -> None:
    """It does its work, or ends with one sentence; never with a list of modules or a traceback."""
    done = engine.run(Job(web_image, arguments, {"COLUMNS": "200"}))

    said = done.stdout + done.stderr
    assert "Traceback" not in said
    assert "ModuleNotFoundError" not in said
    assert "No module named" not in said
    if done.returncode:
        *notes, sentence = [line for line in done.stderr.splitlines() if line.strip()]
        assert sentence.startswith("firstpass: "), said
        # Some say first what they take for granted, since no installation is there to ask.
        assert all(note.startswith("No Firstpass runs here: ") for note in notes), said


def test_every_command_has_its_help(engine: Engine, web_image: str, worker_image: str) -> None:
    """Both images know the same commands."""
    helps = [engine.run(Job(image, ("--help",))) for image in (web_image, worker_image)]

    assert [done.returncode for done in helps] == [0, 0]
    assert helps[0].stdout == helps[1].stdout


def test_the_health_check_of_the_image_tells_whether_web_answers(
    engine: Engine, web_image: str, world: World
) -> None:
    """The image's own command: 0 beside a web process that answers, 1 where none does."""
    check = engine.config(web_image)["Healthcheck"]["Test"]
    assert check[0] == "CMD"
    alone = engine.run(
        Job(web_image, tuple(check[2:]), {"FIRSTPASS_PORT": "1"}, entrypoint=check[1])
    )
    assert alone.returncode == 1

    web = world.start("web")
    wait_until(lambda: world.stack.answers, world.words)

    assert web.exec(*check[1:]).returncode == 0


def test_worker_and_courier_tell_whether_they_are_alive(world: World) -> None:
    """`firstpass health` in each of the containers: 0 while the process works there."""
    world.start_all()

    healthy = {
        name: world.running[name].exec("firstpass", "health", name).returncode
        for name in ("web", "courier", "worker")
    }

    assert healthy == {"web": 0, "courier": 0, "worker": 0}
