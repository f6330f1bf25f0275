"""What a process writes into Redis, and what it sees there: run with a clock that is an hour off.

`python -m tests.faults.skewed URL write|read`; `read` prints JSON.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from types import SimpleNamespace
from typing import Any, cast

import redis

from backend.delivery.card import write_card
from backend.delivery.claims import Claims
from backend.delivery.courier import Courier
from backend.delivery.desk import DeliveryDesk
from backend.delivery.failed_tasks import FailedTasks
from backend.delivery.owed import OwedTasks
from backend.errors import Failure
from backend.label_studio.project_key import ProjectKey
from backend.prediction.predictor import Slot
from backend.processes.courier import _Pulse
from backend.projects.doctor.installation import check_courier, check_workers
from backend.queue.bounded_store import BoundedStore, StoreLimits
from backend.queue.clock import RedisClock
from backend.queue.connection import connect
from backend.queue.failures import FailedTask
from backend.queue.keys import CACHE_INDEX
from backend.queue.retry import Retrier
from backend.queue.submit import Submission, SubmitLimits, Submitter
from backend.review.phrase_tally import PhraseTally
from backend.settings import Settings
from backend.status.reading import read_overview
from tests.integration.test_queue import requests_for

PROJECT, AGAIN = ProjectKey(4, 5), ProjectKey(6, 7)
#: More than the workers have in hand before they run them, so that some wait.
WAITING = [f"ok-waiting-{number}" for number in range(150)]


def write(connection: redis.Redis) -> None:
    """What web process and courier leave behind: owed tasks, failures, waiting jobs, phrases, cards."""
    owed = OwedTasks(connection)
    failed = FailedTasks(connection)
    desk = DeliveryDesk(owed, Claims(connection), failed, lambda: True)
    desk.hand_over(PROJECT, "version", [Slot(1)])
    owed.note_change(PROJECT)
    failed.note(PROJECT, {2: Failure("ImageUnreadable", "broken", transient=False)})
    failed.owe_again([FailedTask(str(AGAIN), 3)])
    submitter = Submitter(connection, SubmitLimits(1000, 60))
    waiting = requests_for(WAITING)
    submitter.submit([Submission(*item) for item in waiting.items()], interactive=False)
    PhraseTally(connection, clock=RedisClock(connection)).count_asked(PROJECT, "Car", "a car")
    BoundedStore(connection, StoreLimits(60, 10)).put({"name": b"value"})
    courier = cast("Courier", SimpleNamespace(counts=Counter()))
    write_card(connection, _Pulse(connection, "http://ls", courier, RedisClock(connection)).card())


def read(connection: redis.Redis) -> dict[str, Any]:
    """Ages in seconds, and what status, doctor, courier and retry make of them."""
    overview, owed = read_overview(connection), OwedTasks(connection)
    (typed,) = PhraseTally(connection, clock=RedisClock(connection)).lately(PROJECT)
    ((_, cached),) = cast("Any", connection.zrange(CACHE_INDEX, 0, -1, withscores=True))
    assert overview.courier is not None
    ages = {
        "courier": overview.courier.silent_s(overview.at),
        "phrase": overview.at - typed.last_asked_s,
        "cache": overview.at - cached,
        **{f"failure {i}": overview.at - one.at for i, one in enumerate(overview.failures)},
        **{f"worker {card.pid}": card.silent_s(overview.at) for card in overview.workers},
        **{queue.name: queue.oldest_s for queue in overview.queues if queue.waiting},
    }
    settings = Settings(model=overview.workers[0].model)
    findings = [*check_workers(overview, settings), check_courier(overview.courier, settings)]
    submitter = Submitter(connection, SubmitLimits(1000, 60))
    return {
        "ages": ages,
        "late workers": sum(card.is_late(overview.at) for card in overview.workers),
        "failed": overview.failed_images,
        "failed jobs": sum(queue.failed for queue in overview.queues),
        "unrecorded": len(Retrier(connection, submitter)._unrecorded({})),
        "owed": [owed.due(project, owed.now(), 10) for project in (PROJECT, AGAIN)],
        "changed": [changed.key.id for changed in owed.changed()],
        "silent": [finding.what for finding in findings if "silent" in finding.what],
        "waits": [h.sum_s >= 0 for h in overview.histograms],
    }


if __name__ == "__main__":
    url, mode = sys.argv[1:]
    with connect(url) as ours:
        if mode == "write":
            write(ours)
        else:
            sys.stdout.write(json.dumps(read(ours)))
