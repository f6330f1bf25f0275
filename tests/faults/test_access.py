"""The Redis users of docs/operate.md: enough for asking and working, and for nothing else."""

from __future__ import annotations

import re
import signal
from pathlib import Path

import pytest
import redis
from redis.exceptions import NoPermissionError

from backend.delivery.card import CourierCard, read_card, write_card
from backend.delivery.claims import Claims
from backend.delivery.failed_tasks import FailedTasks
from backend.delivery.owed import OwedTasks
from backend.delivery.turn import Turn
from backend.errors import Failure
from backend.label_studio.project_key import ProjectKey
from tests.faults.conftest import MakeRig
from tests.faults.rig import ENDLESS_S, PATIENCE_S, Rig, Users, answered, failed
from tests.pages import REPOSITORY

#: As they stand there, but that each user's name is its password.
USERS = "".join(
    re.sub(r"^user (\S+) on >PASSWORD", r"user \1 on >\1", line) + "\n"
    for line in (REPOSITORY / "docs" / "operate.md").read_text().splitlines()
    if line.startswith("user ")
)
ADMIN = "user admin on >admin allkeys allchannels +@all\n"
REFUSED = (
    "FLUSHALL",
    "FLUSHDB",
    "CONFIG GET dir",
    "KEYS *",
    "SHUTDOWN NOSAVE",
    "ACL LIST",
    "MODULE LIST",
    "REPLICAOF 127.0.0.1 1",
    "SET session:1 x",
    "GET session:1",
    "PUBLISH other x",
)


@pytest.fixture
def guarded(make_rig: MakeRig, tmp_path: Path) -> Rig:
    """A rig whose web side and workers come as these users."""
    file = tmp_path / "users.acl"
    file.write_text(USERS + ADMIN)
    users = Users("admin", "firstpass-web", "firstpass-worker")
    return make_rig(users=users, aclfile=str(file))


def test_the_users_can_do_all_that_is_needed(guarded: Rig) -> None:
    """Asking, working, failing, trying again, recovering and finding lost jobs: nothing is refused."""
    guarded.submit(["ok-lost", "away-1", "raise-1"])
    guarded.connection.delete("rq:queue:firstpass-bulk")
    victim = guarded.worker(base_s=ENDLESS_S)
    guarded.until(lambda: guarded.stock().leased)
    victim.kill()
    worker = guarded.worker(lease_s=1)

    outcomes = guarded.ask(["ok-1", "bad-1"])
    guarded.until(guarded.all_done)
    worker.send_signal(signal.SIGTERM)

    assert worker.wait(PATIENCE_S) == 0
    assert answered(outcomes) == {"ok-1"}
    assert answered(guarded.outcomes()) == {"ok-1", "ok-lost"}
    assert set(failed(guarded.outcomes())) == {"bad-1", "away-1", "raise-1"}
    logs = "".join(log.read_text() for log in guarded.folder.glob("worker-*.log"))
    assert "NOPERM" not in logs
    assert "NoPermission" not in logs


@pytest.mark.parametrize("user", ["firstpass-web", "firstpass-worker"])
def test_the_users_can_do_no_more(guarded: Rig, user: str) -> None:
    """Commands over the whole server, other programs' keys and their channels are refused."""
    with redis.Redis.from_url(guarded.server.url(user)) as connection:
        assert connection.ping()
        for command in REFUSED:
            with pytest.raises(NoPermissionError):
                connection.execute_command(*command.split())


def test_the_web_user_can_do_all_that_delivery_needs(guarded: Rig) -> None:
    """The courier and the commands come as it: owing, claiming, taking turns, signs of life, failures."""
    project, failure = ProjectKey(4, 1795207698), Failure("TaskError", "no image", transient=False)
    with redis.Redis.from_url(guarded.server.url("firstpass-web")) as connection:
        owed, claims = OwedTasks(connection), Claims(connection)
        owed.add(project, [1, 2], 0.0)
        owed.failed_again(project, 1)
        owed.postpone(project, [1], 5.0)
        owed.note_change(project)
        with Turn(connection, "firstpass:delivery:writer:x", urgent=True).held():
            mine = claims.take(project, "v", [1, 2], holder="writer")
            claims.settle(project, "v", [1])
            claims.release(project, "v", [2], holder="writer")
        FailedTasks(connection).note(project, {2: failure})
        FailedTasks(connection).forget(project, [2])
        write_card(connection, CourierCard("host", 1, "http://ls", 0.0, 0.0, 0, 0))
        owed.settle(project, [2])

        assert mine == {1, 2}
        (changed,) = owed.changed()
        owed.settle_change(changed)
        assert (owed.due(project, 9.0, 10), changed.key) == ([1], project)
        assert read_card(connection) is not None
        assert owed.forget(project) == 1
