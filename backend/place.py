"""How a command is given where Firstpass runs: advice that cannot be followed in a container is none."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

__all__ = ["COMPOSE", "DEPLOYMENT", "how_to_pull", "how_to_start", "how_to_start_workers"]

#: As docker/README.md gives it, in the folder `docker/`.
COMPOSE = "docker compose"
#: What docker/kubernetes/ makes, with the part behind it. Who advises may be another part than the one that is meant.
DEPLOYMENT = "-n firstpass deployment/firstpass-"


def how_to_pull(names: Sequence[str], runs_in: str) -> str:
    """What gets models into the cache of the workers, as an instruction.

    >>> how_to_pull(["tiny-clip"], "compose")
    'run `docker compose run --rm worker models pull tiny-clip`'
    """
    pull = f"models pull {' '.join(names)}"
    if runs_in == "compose":
        return f"run `{COMPOSE} run --rm worker {pull}`"
    if runs_in == "kubernetes":
        return f"run `kubectl exec {DEPLOYMENT}worker -- firstpass {pull}`"
    if runs_in == "container":
        return f"run `firstpass {pull}` in this container, or in another with the same cache"
    return f"run `firstpass {pull}` where there is network"


def how_to_start(part: Literal["worker", "courier"], runs_in: str) -> str:
    """What starts one, as words behind a colon.

    >>> how_to_start("courier", "compose")
    '`docker compose up -d courier`'
    """
    if runs_in == "compose":
        return f"`{COMPOSE} up -d {part}`"
    if runs_in == "kubernetes":
        return f"`kubectl scale {DEPLOYMENT}{part} --replicas=1`"
    if runs_in == "container":
        return f"a container of the {'worker' if part == 'worker' else 'web'} image with the command `{part}`"
    return f"`firstpass {part}`"


def how_to_start_workers(runs_in: str) -> str:
    """What starts a worker where there is none, as an instruction.

    >>> how_to_start_workers("host")
    'start one: `firstpass worker` (or `firstpass up`)'
    """
    up = " (or `firstpass up`)" if runs_in == "host" else ""
    return f"start one: {how_to_start('worker', runs_in)}{up}"
