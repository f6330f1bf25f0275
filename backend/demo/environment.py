"""A Label Studio and a Firstpass that know each other, on this machine."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import SecretStr

from backend import __version__
from backend.demo.client import Backend, LabelStudioClient
from backend.demo.data_folder import begin_label_studio
from backend.demo.label_studio import LabelStudio
from backend.inference.checkpoints import check_checkpoints
from backend.processes.children import free_port
from backend.processes.stack import start_stack
from backend.processes.supervisor import Supervisor
from backend.settings import Settings

__all__ = ["CACHE", "LABEL_STUDIO_BIN", "Place", "Running", "Say", "repository", "running"]

#: Where `make setup` puts it, in the checkout.
LABEL_STUDIO_BIN = Path(".venv-label-studio/bin/label-studio")
#: Kept there between runs: its migrated database.
CACHE = Path(".cache/demo")
USER = "label-studio"

Say = Callable[[str], None]


def repository() -> Path:
    """The checkout that this code runs from."""
    return Path(__file__).parents[2]


@dataclass(frozen=True, slots=True)
class Place:
    """What Label Studio is started from and where everything is kept."""

    #: The `label-studio` command of a virtual environment of its own.
    binary: Path
    #: Kept between runs: the migrated database.
    cache: Path
    #: This run's data and logs.
    folder: Path
    #: Further variables for Label Studio, such as feature flags.
    label_studio_env: Mapping[str, str] = field(default_factory=dict)
    #: Whether Label Studio is started again when it has ended by itself.
    label_studio_restarts: bool = False


@dataclass(frozen=True, slots=True)
class Running:
    """Both, ready for projects; the client is signed in. `settings` are those that Firstpass runs with."""

    label_studio: LabelStudio
    client: LabelStudioClient
    backend: Backend
    settings: Settings


@contextmanager
def running(
    settings: Settings, place: Place, supervisor: Supervisor, say: Say = lambda line: None
) -> Iterator[Running]:
    """Label Studio, Redis, web and one worker, ready; the supervisor ends them.

    `settings` says which model and how long to wait; address, Redis, home and credentials are made
    here. Raises `ModelUnavailable` or `SettingsError` before anything is started, `ProcessFailed`
    when something does not start.
    """
    check_checkpoints(settings.model, settings.runs_in)
    starting = begin_label_studio(
        place.binary,
        supervisor,
        cache=place.cache,
        folder=place.folder / "label-studio",
        env=place.label_studio_env,
        restart=place.label_studio_restarts,
    )
    url, token = starting.label_studio.url, starting.label_studio.login.token
    password = secrets.token_urlsafe(24)
    ours = settings.model_copy(
        update={
            "host": "127.0.0.1",
            "port": free_port(),
            "home": place.folder / "firstpass",
            "redis_url": None,
            "basic_auth_user": USER,
            "basic_auth_pass": SecretStr(password),
            "label_studio_url": url,
            "label_studio_api_key": SecretStr(token or ""),
        }
    )
    # Beside it, not after it: each keeps one core busy for most of its start.
    with start_stack(ours, supervisor, logs=place.folder / "logs") as stack:
        say(f"Firstpass {__version__} is up with the model {settings.model}")
        label_studio = starting.ready()
        say(f"Label Studio {label_studio.version} is up")
        with LabelStudioClient(label_studio) as client:
            yield Running(label_studio, client, Backend(stack.url, USER, password), ours)
