"""How a command is given where Firstpass runs: advice that cannot be followed in a container is none."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

__all__ = [
    "COMPOSE",
    "DEPLOYMENT",
    "how_to_bring_folder",
    "how_to_pull",
    "how_to_run",
    "how_to_see_redis",
    "how_to_see_web",
    "how_to_set",
    "how_to_set_password",
    "how_to_start",
    "how_to_start_workers",
]

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
    if runs_in == "systemd":
        return f"run `firstpass {pull}` as the user firstpass, with HF_HOME=/var/cache/firstpass"
    return f"run `firstpass {pull}` where there is network"


def how_to_bring_folder(runs_in: str) -> str:
    """What gets a checkpoint's folder to the workers, as an instruction."""
    if runs_in in ("host", "systemd"):
        return "copy the whole folder there"
    return "mount the whole folder there, into web, courier and workers alike"


def how_to_start(part: Literal["worker", "courier"], runs_in: str) -> str:
    """What starts one, as words behind a colon.

    >>> how_to_start("courier", "compose")
    '`docker compose up -d courier`'
    """
    if runs_in == "compose":
        return f"`{COMPOSE} up -d {part}`"
    if runs_in == "kubernetes":
        return f"`kubectl scale {DEPLOYMENT}{part} --replicas=1`"
    if runs_in == "systemd":
        return f"`systemctl start firstpass-{'worker@1' if part == 'worker' else part}`"
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


def how_to_run(command: str, runs_in: str) -> str:
    """How one of our commands is given, as it is typed.

    >>> how_to_run("drain --undo", "compose")
    '`docker compose exec web firstpass drain --undo`'
    """
    if runs_in == "compose":
        return f"`{COMPOSE} exec web firstpass {command}`"
    if runs_in == "kubernetes":
        return f"`kubectl exec {DEPLOYMENT}courier -- firstpass {command}`"
    return f"`firstpass {command}`"


def how_to_see_redis(runs_in: str) -> str:
    """What to look at where Redis does not answer, as an instruction.

    >>> how_to_see_redis("host")
    'see whether it runs, and whether FIRSTPASS_REDIS_URL is right'
    """
    if runs_in == "compose":
        return f"`{COMPOSE} ps -a redis` and `{COMPOSE} logs redis` tell whether it runs; of a Redis of yours see REDIS_URL in docker/.env"
    if runs_in == "kubernetes":
        return "`kubectl get pods -n firstpass` tells whether it runs; of a Redis of yours see `redis-url` in the Secret"
    if runs_in == "systemd":
        return "`systemctl status redis-server` tells whether it runs here; see REDIS_URL in /etc/firstpass/firstpass.env"
    return "see whether it runs, and whether FIRSTPASS_REDIS_URL is right"


def how_to_see_web(runs_in: str) -> str:
    """What to do where the web process does not answer, as an instruction.

    >>> how_to_see_web("compose")
    '`docker compose ps -a web` and `docker compose logs web` tell whether it runs, `docker compose up -d web` starts it'
    >>> how_to_see_web("host")
    'start `firstpass up`; only if Label Studio reaches it under another address, also set FIRSTPASS_PUBLIC_URL to that'
    """
    if runs_in == "compose":
        return f"`{COMPOSE} ps -a web` and `{COMPOSE} logs web` tell whether it runs, `{COMPOSE} up -d web` starts it"
    if runs_in == "kubernetes":
        return f"`kubectl get pods -n firstpass` and `kubectl logs {DEPLOYMENT}web` tell whether it runs"
    if runs_in == "systemd":
        return "`systemctl status firstpass-web` tells whether it runs; FIRSTPASS_PUBLIC_URL must be its address as Label Studio reaches it"
    if runs_in == "container":
        return "start a container of the web image, and set FIRSTPASS_PUBLIC_URL to its address as Label Studio reaches it"
    return "start `firstpass up`; only if Label Studio reaches it under another address, also set FIRSTPASS_PUBLIC_URL to that"


def how_to_set_password(runs_in: str) -> str:
    """What to look at where Redis refuses our password, as an instruction.

    >>> how_to_set_password("compose")
    'see REDIS_PASSWORD in docker/.env, of a Redis of yours REDIS_URL there'
    """
    if runs_in == "compose":
        return "see REDIS_PASSWORD in docker/.env, of a Redis of yours REDIS_URL there"
    if runs_in == "kubernetes":
        return "see `redis-password` in the Secret, of a Redis of yours `redis-url` there"
    if runs_in == "systemd":
        return "see REDIS_URL in /etc/firstpass/firstpass.env"
    return "see whether the password in FIRSTPASS_REDIS_URL is right"


#: Settings that the compose files and the units call otherwise, since others read them too.
_SHORT = ("FIRSTPASS_LABEL_STUDIO_API_KEY", "FIRSTPASS_REDIS_URL")


def how_to_set(name: str, part: Literal["web", "worker", "courier"], runs_in: str) -> str:
    """How a setting gets another value in a part that runs, as an instruction.

    >>> how_to_set("FIRSTPASS_LABEL_STUDIO_API_KEY", "courier", "compose")
    'set LABEL_STUDIO_API_KEY in docker/.env, then `docker compose up -d courier`'
    """
    if runs_in == "compose":
        short = name.removeprefix("FIRSTPASS_") if name in _SHORT else name
        return f"set {short} in docker/.env, then `{COMPOSE} up -d {part}`"
    if runs_in == "kubernetes":
        return (
            f"set {name} in docker/kubernetes/base/settings.yaml and apply it (`kubectl apply -k "
            "docker/kubernetes/base`, or your overlay in place of base), or where it is secret change it in the "
            "Secret (`kubectl edit -n firstpass secret/firstpass`, values in base64); then "
            f"`kubectl rollout restart {DEPLOYMENT}{part}`"
        )
    if runs_in == "systemd":
        unit = "firstpass-worker@*" if part == "worker" else f"firstpass-{part}"
        return f"set {name} in /etc/firstpass/firstpass.env, then `systemctl restart '{unit}'`"
    if runs_in == "container":
        return f"start the container of the {part} anew with {name}"
    return f"set {name} and start the {part} again"
