"""What an overview means: how all of it stands, what is wrong, and what is worth knowing. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from backend.errors import TookTooLong
from backend.place import how_to_run, how_to_start, how_to_start_workers
from backend.queue.connection import foreign_value
from backend.queue.keys import INTERACTIVE_QUEUE, WORKERS
from backend.queue.readiness import waiting_workers
from backend.queue.worker_card import RESTING
from backend.status.overview import Overview, RedisView
from backend.status.wording import worker_name
from backend.wording import images, megabytes, tasks

__all__ = ["Headline", "headline", "notes", "problems"]

#: A person who opened an image has given up by then.
OPENED_WAITS_S = 30.0
#: Share of Redis's memory limit past which little is left for a large import.
NEARLY_FULL = 0.9


@dataclass(frozen=True, slots=True)
class Headline:
    """How all of it stands in a few words: well, worth a look some time, or in need of one now."""

    text: str
    tone: Literal["good", "busy", "bad"]


def headline(overview: Overview) -> Headline:
    """The worst there is. It calls nothing well while an image or a task has no prediction for good."""
    if not overview.redis.up:
        return Headline("Redis does not answer", "bad")
    if problems(overview):
        return Headline("This needs a look", "bad")
    if overview.failed_images:
        return Headline(f"At work, but {images(overview.failed_images)} failed", "busy")
    failed = sum(project.failed for project in overview.projects)
    if failed:
        return Headline(f"At work, but {tasks(failed)} failed", "busy")
    return Headline("All is well", "good")


def problems(overview: Overview) -> list[str]:
    """What an operator should look at now, as sentences; empty when all is well."""
    redis = overview.redis
    if not redis.up:
        return [redis.reason or "Redis does not answer"]
    found = [*_redis_problems(redis)]
    if overview.foreign:
        found.append(f"{_capital('; '.join(foreign_value(overview.foreign)))}.")
    if WORKERS in overview.foreign:
        pass  # who is alive is not known
    elif not overview.workers:
        waiting = f"; {images(overview.waiting)} wait" if overview.waiting else ""
        remedy = _capital(how_to_start_workers(overview.runs_in))
        found.append(f"No worker is alive{waiting}. {remedy}.")
    elif overview.alive:
        found.extend(_waiting_workers(overview))
    found.extend(_silent_workers(overview))
    found.extend(
        f"An opened image has waited for {queue.oldest_s:.0f} s: the workers do not keep up."
        for queue in overview.queues
        if queue.name == INTERACTIVE_QUEUE and (queue.oldest_s or 0) > OPENED_WAITS_S
    )
    found.extend(_overdue_problems(overview))
    found.extend(_delivery_problems(overview))
    found.extend(_head_problems(overview))
    return found


def notes(overview: Overview) -> list[str]:
    """What is worth knowing although nothing is wrong."""
    found = []
    if overview.redis.aof is False:
        found.append(
            "Redis keeps no append-only file: what is queued is lost when it crashes (appendonly yes)."
        )
    if overview.failed_images:
        found.append(
            f"{images(overview.failed_images)} failed: {how_to_run('status --failed', overview.runs_in)} says why, "
            f"{how_to_run('retry', overview.runs_in)} tries them again."
        )
    if overview.waiting_couriers:
        at_work = f" ({worker_name(overview.courier)})" if overview.courier is not None else ""
        found.append(
            f"More than one courier runs: {', '.join(map(worker_name, overview.waiting_couriers))} wait to take over from the one "
            f"at work{at_work}."
        )
    rest = [card for card in overview.alive if card.state in RESTING]
    if rest and overview.able:
        names = ", ".join(f"{worker_name(card)} ({card.state})" for card in rest)
        remedies = sorted({card.remedy for card in rest})
        found.append(f"These take no images: {names}; {', '.join(remedies)}.")
    return found


def _waiting_workers(overview: Overview) -> list[str]:
    """One that loads its models is worth a line only while nobody else works."""
    able = bool(overview.able)
    return [
        f"{_capital(one.reason)}{'.' if able else _they_wait(overview)}"
        f"{_as_sentence(one.remedy, ' It starts by itself then.') if one.waits else ''}"
        # While another takes images, one that rests is as somebody wants it: a note.
        for one in waiting_workers(
            [card for card in overview.alive if not able or card.state not in RESTING]
        )
        if one.waits or not able
    ]


def _they_wait(overview: Overview) -> str:
    waiting = f"; {images(overview.waiting)} wait" if overview.waiting else ""
    return f", and no other is alive{waiting}."


def _as_sentence(remedy: str, then: str) -> str:
    return f" {_capital(remedy)}.{then}" if remedy else then


def _capital(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}"


def _silent_workers(overview: Overview) -> list[str]:
    """Another takes over the images of a silent one, if there is another."""
    held = sum(queue.leased for queue in overview.queues)
    if overview.able:
        then = "its images go to another"
    else:
        holds = f", {images(held)} more it had begun with" if held else ""
        then = (
            f"no other is alive, so {images(overview.waiting)} wait{holds}. See whether it is stopped or "
            f"hangs, or start another: {how_to_start('worker', overview.runs_in)}"
        )
    return [
        f"Worker {worker_name(card)} has been silent for {card.silent_s(overview.at):.0f} s; {then}."
        for card in overview.workers
        if card.is_late(overview.at)
    ]


def _redis_problems(redis: RedisView) -> list[str]:
    found = []
    if redis.aof_ok is False:
        found.append("Redis could not write its append-only file: is its disk full?")
    if redis.max_bytes is not None and redis.eviction not in (None, "noeviction"):
        found.append(
            f"Redis may throw queued images away when its memory is full (maxmemory-policy is "
            f"{redis.eviction}); set it to noeviction."
        )
    if redis.max_bytes and (redis.used_bytes or 0) > NEARLY_FULL * redis.max_bytes:
        found.append(
            f"Redis uses {megabytes(redis.used_bytes or 0)} of its {megabytes(redis.max_bytes)}."
        )
    return found


def _overdue_problems(overview: Overview) -> list[str]:
    """Images that outlast the limit keep a worker for as long, and end it: work on all others waits."""
    overdue = sum(record.kind == TookTooLong.__name__ for record in overview.failures)
    if not overdue:
        return []
    return [
        f"{images(overdue)} of the last that failed took longer than FIRSTPASS_JOB_TIMEOUT_S allows, and ended "
        f"their workers: {how_to_run('status --failed', overview.runs_in)} says which, and what to do."
    ]


def _head_problems(overview: Overview) -> list[str]:
    """What was learned and is not there: predictions go on without it, under another version."""
    return [
        f"What was learned for {project.words} is not used (model_head {head.fingerprint:.40}): {head.trouble}. "
        f"{how_to_run(f'learn --project {project.id} --apply', overview.runs_in)} learns anew, with --forget in place "
        "of --apply it is forgotten."
        for project in overview.projects
        for head in project.heads
        if head.trouble
    ]


def _delivery_problems(overview: Overview) -> list[str]:
    courier, owed = overview.courier, overview.owed_tasks
    if courier is None and owed:
        return [
            f"No courier is alive; {tasks(owed)} wait to be written into Label Studio. Start one: "
            f"{how_to_start('courier', overview.runs_in)}."
        ]
    found = []
    if courier is not None and courier.waiting:
        found.append(f"The courier delivers nothing at present: {courier.waiting}")
    found.extend(
        f"Project {project.partition('.')[0]} is owed predictions, and is put off: {reason}. {how_to_run('owed', overview.runs_in)} lists what is owed, and drops it with --drop."
        for project, reason in list(overview.put_off.items())[:5]
    )
    return found
