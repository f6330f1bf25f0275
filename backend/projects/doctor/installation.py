"""This installation: Redis, workers, courier, models and the web process. Findings from what was read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import zip_longest
from pathlib import Path

from backend.delivery.card import CourierCard
from backend.errors import FirstpassError, ModelUnavailable
from backend.inference.checkpoints import check_checkpoints
from backend.place import how_to_start, how_to_start_workers
from backend.prediction.engine import engine_of
from backend.projects.finding import Finding, Level
from backend.projects.our_web import OurWeb
from backend.queue.connection import foreign_value
from backend.queue.readiness import waiting_workers
from backend.queue.worker_card import WorkerCard
from backend.settings import Settings
from backend.status.overview import Overview, RedisView
from backend.status.wording import worker_name
from backend.wording import duration

__all__ = ["check_courier", "check_models", "check_redis", "check_web", "check_workers"]


def check_redis(redis: RedisView, foreign: Sequence[str] = ()) -> Iterator[Finding]:
    """Whether it answers, and keeps what it is given; `foreign` are keys that hold something else than ours."""
    if not redis.up:
        yield Finding(
            Level.ERROR,
            redis.reason or "Redis does not answer",
            None,  # the reason says by itself what to do
        )
        return
    if foreign:
        yield Finding(Level.ERROR, *foreign_value(foreign))
    yield Finding(Level.OK, f"Redis {redis.version or ''} answers".replace("  ", " "))
    if redis.eviction not in (None, "noeviction"):
        yield Finding(
            Level.ERROR if redis.max_bytes else Level.WARNING,
            f"Redis may throw queued images away (maxmemory-policy is {redis.eviction})",
            "set maxmemory-policy noeviction in its configuration",
        )
    if redis.aof is False:
        yield Finding(
            Level.WARNING,
            "Redis keeps no append-only file: what is queued is lost when it crashes",
            "set appendonly yes in its configuration",
        )
    if redis.aof_ok is False:
        yield Finding(
            Level.ERROR,
            "Redis could not write its append-only file",
            "see whether its disk is full",
        )


def check_workers(overview: Overview, settings: Settings) -> Iterator[Finding]:
    """Whether any lives, and answers as the settings here say: the same models, asked the same way."""
    alive, able = overview.alive, overview.able
    start = how_to_start("worker", settings.runs_in)
    if not alive:
        yield Finding(Level.ERROR, "no worker is alive", how_to_start_workers(settings.runs_in))
    for one in waiting_workers(alive):
        fix = f"{one.remedy}; it starts by itself then" if one.remedy else None
        level = Level.ERROR if one.waits and not able else Level.WARNING
        yield Finding(level, f"{one.reason}{'' if able else ', and no other is alive'}", fix)
    for card in able:
        what = f"worker {worker_name(card)} on {card.device} with {card.model}"
        if not _named_alike(card.model, settings.model):
            yield Finding(
                Level.ERROR,
                f"{what}, where the settings here name {settings.model}",
                "give web, workers and courier the same FIRSTPASS_MODEL",
            )
        elif not _answers_alike(card, settings):
            yield Finding(
                Level.ERROR,
                f"{what}, which answers otherwise than the settings here say",
                "give all processes the same FIRSTPASS_NUM_BEAMS, FIRSTPASS_MAX_NEW_TOKENS and FIRSTPASS_GATE, "
                "the same files of a model in a folder, and the same Firstpass",
            )
        else:
            yield Finding(Level.OK, what)
    for card in overview.workers:
        if card not in alive:
            silent = duration(card.silent_s(overview.at))
            yield Finding(
                Level.WARNING,
                f"worker {worker_name(card)} has been silent for {silent}",
                "see its log; its images go to another worker"
                if able
                else f"see whether it is stopped or hangs, or start another: {start}",
            )


def check_courier(card: CourierCard | None, settings: Settings) -> Finding:
    """Whether what `/predict` cannot answer in time is delivered."""
    if not settings.delivers and not (card is not None and card.unable):
        return Finding(
            Level.WARNING,
            "nothing is delivered late: there is no token for Label Studio",
            "set FIRSTPASS_LABEL_STUDIO_URL and FIRSTPASS_LABEL_STUDIO_API_KEY for all processes",
        )
    if card is None:
        with_up = (
            " (`firstpass up` does, when it has a token)" if settings.runs_in == "host" else ""
        )
        return Finding(
            Level.ERROR,
            "no courier is alive: what is not ready in time never reaches Label Studio",
            f"start one: {how_to_start('courier', settings.runs_in)}{with_up}",
        )
    name = f"courier {card.host}:{card.pid}"
    if card.unable:
        return Finding(Level.ERROR, f"{name} cannot deliver: {card.waiting}", "mend that")
    what = f"{name} delivers to {card.label_studio_url}"
    if card.waiting is not None:
        return Finding(
            Level.ERROR, f"{what}, and waits: {card.waiting}", "mend that; it goes on then"
        )
    seen = duration(card.seen_at - card.started_at)
    return Finding(Level.OK, f"{what}; {card.stored:,} stored in {seen}")


def check_models(settings: Settings, workers: int) -> Finding:
    """Whether the checkpoints are on this machine; the workers' machines count if this is none of them."""
    try:
        check_checkpoints(settings.model, settings.runs_in)
    except ModelUnavailable as error:
        if workers:
            return Finding(
                Level.SKIPPED, f"models are not on this machine, the workers have them ({error})"
            )
        # The reason says by itself what to do, and for which of the models.
        return Finding(Level.ERROR, str(error), "do so on every machine where workers run")
    except ImportError:
        return Finding(
            Level.SKIPPED, "models are not looked at: this is an installation without them"
        )
    return Finding(Level.OK, f"the models {settings.model} are on this machine, whole")


def check_web(web: OurWeb, settings: Settings) -> Finding:
    """Whether the web process answers, and where."""
    try:
        health = web.health()
    except FirstpassError as error:
        return Finding(Level.ERROR, str(error))
    what = f"the web process answers at {web.url} (version {health.get('version')})"
    if settings.public_url is None or web.url == settings.public_url:
        return Finding(Level.OK, what)
    return Finding(
        Level.WARNING,
        f"{what}, and not from here at {settings.public_url}",
        "that is right where only Label Studio's network knows FIRSTPASS_PUBLIC_URL; else mend it",
    )


def _answers_alike(card: WorkerCard, settings: Settings) -> bool:
    """Whether a worker's fingerprint is ours, as far as both are known: a folder may be on its machine only."""
    try:
        ours = engine_of(settings).fingerprint
    except ModelUnavailable:
        return True
    return card.fingerprint in ("", ours)


def _named_alike(one: str, other: str) -> bool:
    """Whether two settings name the same models; a folder's path may begin at another one in either."""
    pairs = zip_longest(_paths(one), _paths(other), fillvalue=())
    return all(a and b and a[-len(b) :] == b[-len(a) :] for a, b in pairs)


def _paths(model: str) -> list[tuple[str, ...]]:
    return [Path(part.strip()).parts for part in model.split(",") if part.strip()]
