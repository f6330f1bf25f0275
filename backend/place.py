"""How a command is given where Firstpass runs: advice that cannot be followed in a container is none."""

from __future__ import annotations

import socket
from collections.abc import Sequence

__all__ = ["COMPOSE", "how_to_pull", "how_to_start_workers"]

#: As docker/README.md gives it, in the folder `docker/`.
COMPOSE = "docker compose"


def how_to_pull(names: Sequence[str], runs_in: str) -> str:
    """What gets models into the cache of the workers, as an instruction.

    >>> how_to_pull(["tiny-clip"], "compose")
    'run `docker compose run --rm worker models pull tiny-clip`'
    """
    pull = f"models pull {' '.join(names)}"
    if runs_in == "compose":
        return f"run `{COMPOSE} run --rm worker {pull}`"
    if runs_in == "kubernetes":
        return f"run `kubectl exec {socket.gethostname()} -- firstpass {pull}`, with its namespace"
    if runs_in == "container":
        return f"run `firstpass {pull}` in this container, or in another with the same cache"
    return f"run `firstpass {pull}` where there is network"


def how_to_start_workers(runs_in: str) -> str:
    """What starts a worker, as an instruction.

    >>> how_to_start_workers("host")
    'start one: `firstpass worker` (or `firstpass up`)'
    """
    if runs_in == "compose":
        return f"start one: `{COMPOSE} up -d worker`"
    if runs_in == "kubernetes":
        return "start one: scale the workers' Deployment (`kubectl scale`)"
    if runs_in == "container":
        return "start one: a container of the worker's image"
    return "start one: `firstpass worker` (or `firstpass up`)"
