"""Learned heads in a real Redis and under FIRSTPASS_HOME, and what a real worker makes of them."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
import redis

from backend.errors import Failure, QueueUnavailable
from backend.label_config.named_heads import with_head
from backend.label_studio.bodies import Task
from backend.learning.head_file import head_bytes
from backend.learning.head_fit import LabelExamples
from backend.learning.learned_tag import LearnedTag
from backend.prediction.engine import engine_for
from backend.prediction.predictor import PredictorSettings, TaskRequests
from backend.prediction.request import Answer, Outcome
from backend.queue import heads as shelves
from backend.queue.heads import HeadShelf
from backend.queue.job_queue import JobQueue
from backend.queue.keys import HEADS, head_key
from models.heads import HeadPart, HeadUnusable
from models.tiny.scenes import SHAPES, generate_scene
from models.types import BoxOutputs, Judgement
from tests.integration.conftest import StartCommand
from tests.unit.learning.heads import CLASSIFIER, a_head

pytestmark = pytest.mark.redis

NAME, DATA = a_head()
CONFIG = (
    '<View><Image name="image" value="$image"/><RectangleLabels name="box" toName="image">'
    + "".join(f'<Label value="{shape}"/>' for shape in SHAPES)
    + "</RectangleLabels></View>"
)


@pytest.fixture
def shelf(redis_connection: redis.Redis, tmp_path: Path) -> HeadShelf:
    return HeadShelf(redis_connection, tmp_path)


def test_what_is_put_is_there_for_those_who_share_redis(
    shelf: HeadShelf, redis_connection: redis.Redis, tmp_path: Path
) -> None:
    shelf.put(NAME, DATA)

    assert HeadShelf(redis_connection, tmp_path / "elsewhere").card(NAME).fingerprint == NAME
    assert (tmp_path / "heads" / f"{NAME}.safetensors").read_bytes() == DATA


def test_a_redis_that_was_emptied_gets_it_back_from_the_file(
    shelf: HeadShelf, redis_connection: redis.Redis
) -> None:
    """And one whose value was damaged."""
    shelf.put(NAME, DATA)
    redis_connection.delete(head_key(NAME))
    assert shelf.card(NAME).fingerprint == NAME
    assert redis_connection.get(head_key(NAME)) == DATA

    redis_connection.set(head_key(NAME), DATA[:-9])
    assert shelf.get(NAME) == DATA
    assert redis_connection.get(head_key(NAME)) == DATA


def test_one_that_is_nowhere_or_damaged_everywhere_is_refused(
    shelf: HeadShelf, redis_connection: redis.Redis, tmp_path: Path
) -> None:
    with pytest.raises(HeadUnusable, match="neither in Redis nor among the files"):
        shelf.card(NAME)

    shelf.put(NAME, DATA)
    redis_connection.set(head_key(NAME), DATA[:-9])
    (tmp_path / "heads" / f"{NAME}.safetensors").write_bytes(DATA[:-9])
    with pytest.raises(HeadUnusable, match="not those that its name stands for"):
        shelf.card(NAME)


@pytest.mark.parametrize("name", ["../../etc/passwd", "", "A" * 32, "0" * 33])
def test_what_is_no_fingerprint_names_no_file_and_no_key(shelf: HeadShelf, name: str) -> None:
    assert shelf.get(name) is None
    assert not shelf.forget(name)
    with pytest.raises(HeadUnusable, match="32 hexadecimal digits"):
        shelf.card(name)


def test_what_is_forgotten_is_gone(
    shelf: HeadShelf, redis_connection: redis.Redis, tmp_path: Path
) -> None:
    shelf.put(NAME, DATA)

    assert shelf.forget(NAME)

    assert redis_connection.exists(head_key(NAME), HEADS) == 0
    assert list((tmp_path / "heads").iterdir()) == []
    assert not shelf.forget(NAME)


def test_redis_keeps_only_so_many(
    shelf: HeadShelf, redis_connection: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The longest unwritten goes, and comes back from its file when it is asked for."""
    monkeypatch.setattr(shelves, "MOST_HEADS", 1)
    other, data = a_head(tag="other")
    shelf.put(NAME, DATA)
    shelf.put(other, data)

    assert redis_connection.exists(head_key(NAME)) == 0
    assert redis_connection.zcard(HEADS) == 1
    assert shelf.get(NAME) == DATA


def test_who_starts_with_the_files_puts_them_back_for_all(
    shelf: HeadShelf,
    redis_connection: redis.Redis,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A web process elsewhere has no file; as many as Redis is to keep, the newest first."""
    other, data = a_head(tag="other")
    shelf.put(NAME, DATA)
    shelf.put(other, data)
    os.utime(tmp_path / "heads" / f"{NAME}.safetensors", (1, 1))
    (tmp_path / "heads" / "notes.safetensors").write_bytes(b"no head")
    redis_connection.flushdb()
    elsewhere = HeadShelf(redis_connection, tmp_path / "elsewhere")
    monkeypatch.setattr(shelves, "MOST_HEADS", 1)

    shelf.put_back()
    assert (elsewhere.get(other), elsewhere.get(NAME)) == (data, None)

    monkeypatch.setattr(shelves, "MOST_HEADS", 2)
    shelf.put_back()
    assert (elsewhere.get(other), elsewhere.get(NAME)) == (data, DATA)


def test_without_files_or_redis_nothing_is_put_back(redis_url: str, tmp_path: Path) -> None:
    HeadShelf(None, tmp_path).put_back()
    connection = Silent.from_url(redis_url)
    assert isinstance(connection, Silent)
    connection.silent = True
    HeadShelf(connection, tmp_path).put_back()


class Silent(redis.Redis):
    """A Redis that can be silenced: it does not answer then."""

    silent = False

    def execute_command(self, *args: object, **options: object) -> object:
        if self.silent:
            raise redis.ConnectionError("gone")
        return super().execute_command(*args, **options)


def test_a_redis_that_is_silent_does_not_make_a_head_gone(redis_url: str, tmp_path: Path) -> None:
    """Another machine's file is not here. What was found last holds; else nobody knows, and it is said."""
    connection, now = Silent.from_url(redis_url), [0.0]
    assert isinstance(connection, Silent)
    HeadShelf(connection, tmp_path / "there").put(NAME, DATA)
    shelf, late = (HeadShelf(connection, tmp_path / "here", lambda: now[0]) for _ in range(2))
    card = shelf.card(NAME)

    connection.silent = True
    now[0] += 2 * shelves.LOOK_AGAIN_S
    assert shelf.card(NAME) == card
    with pytest.raises(QueueUnavailable, match="does not answer"):
        late.card(NAME)
    assert HeadShelf(connection, tmp_path / "there").card(NAME) == card

    connection.silent = False
    shelf.forget(NAME)
    with pytest.raises(HeadUnusable, match="neither in Redis nor among the files"):
        shelf.card(NAME)


def a_head_of_shapes(alpha: float) -> tuple[str, bytes]:
    """It judges every shape, by examples as wide as the bundled CLIP's vectors."""
    chance = np.random.default_rng(0)
    vectors, texts = (chance.normal(size=(len(SHAPES), 64)).astype(np.float32) for _ in range(2))
    numbers = np.arange(len(SHAPES))
    part = HeadPart("box", SHAPES, alpha=alpha, beta=1.0, scale=1.0, judged=SHAPES)
    examples = LabelExamples(vectors, numbers, numbers, numbers)
    made = head_bytes(CLASSIFIER, [LearnedTag(part, examples, texts, ())])
    assert made is not None
    return made


def _requests(settings: PredictorSettings, xml: str) -> TaskRequests:
    predictor = settings.for_label_config(xml)
    found = predictor.requests(Task(id=1, data={"image": "/data/local-files/?d=scene.png"}))
    assert not isinstance(found, Failure)
    return found


def _ask(queue: JobQueue, requests: TaskRequests) -> Mapping[str, Outcome]:
    asked = queue.ask(dict(requests.values()), interactive=True, wait_s=240)
    assert not asked.pending
    return asked.outcomes


def test_a_worker_finds_a_head_and_one_that_is_gone_is_no_silent_answer(
    shelf: HeadShelf,
    redis_connection: redis.Redis,
    redis_url: str,
    job_queue: JobQueue,
    start_command: StartCommand,
    tmp_path: Path,
) -> None:
    """Found, it judges each box. Gone after it was planned, the image fails for now; planned anew it is answered."""
    name, data = a_head_of_shapes(1.0)
    generate_scene(9_300_000_000).image.save(tmp_path / "scene.png")
    xml = with_head(CONFIG, ["box"], name)
    settings = PredictorSettings(engine_for("tiny"), None, None, heads=shelf.card)
    plain = settings.for_label_config(CONFIG)
    env = {
        "FIRSTPASS_REDIS_URL": redis_url,
        "FIRSTPASS_MODEL": "tiny",
        "FIRSTPASS_LOCAL_FILES_ROOT": str(tmp_path),
        "FIRSTPASS_HOME": str(tmp_path / "worker"),
        "FIRSTPASS_CPU_THREADS": "1",
    }
    shelf.put(name, data)
    start_command("worker", env=env)

    requests = _requests(settings, xml)
    (answer,) = _ask(job_queue, requests).values()
    assert isinstance(answer, Answer)
    judged = answer.outputs[-1]
    assert isinstance(judged, BoxOutputs)
    assert judged.items
    assert all(isinstance(one.output, Judgement) for one in judged.items)
    assert settings.for_label_config(xml).version != plain.version

    other, more = a_head_of_shapes(2.0)
    shelf.put(other, more)
    late = _requests(settings, with_head(CONFIG, ["box"], other))
    shelf.forget(other)
    (outcome,) = _ask(job_queue, late).values()
    assert isinstance(outcome, Failure)
    assert (outcome.kind, outcome.transient) == ("HeadUnavailable", True)
    assert f"the learned head {other} is not there any more" in outcome.message

    anew = settings.for_label_config(with_head(CONFIG, ["box"], other))
    assert anew.version == plain.version
    assert "is not used" in anew.complaints[0]
    (answered,) = _ask(job_queue, _requests(settings, CONFIG)).values()
    assert isinstance(answered, Answer)
