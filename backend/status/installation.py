"""What the installation that runs was told, as its web process shows it in Redis: commands need not be told again.

It stands in Redis, and the web process does not answer it over HTTP: a command sends its token to the Label Studio
that is named there. A Redis is ours, by the password of an embedded one or by its URL, and workers take their
work from it; on a port of this machine anybody may answer.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import redis
from pydantic import TypeAdapter, ValidationError

from backend import __version__
from backend.queue.client import is_foreign
from backend.queue.keys import INSTALLATION
from backend.settings import Settings
from models.names import stands_in_table

__all__ = [
    "SHOWN",
    "InstallationCard",
    "InstallationSign",
    "home_of",
    "installation_of",
    "read_installation",
]

#: The settings that are shown. No secret is among them, nor what opens one.
SHOWN = (
    *("model", "num_beams", "max_new_tokens", "gate", "score_threshold"),
    *("label_studio_url", "label_studio_browser_url", "public_url", "host", "port"),
    *("image_allow", "local_files_root", "image_max_bytes", "image_max_pixels"),
    *("image_timeout_s", "image_max_redirects"),
)
#: The web process shows itself again with each look at Redis, every second.
TTL_S = 10


@dataclass(frozen=True, slots=True)
class InstallationCard:
    """The version of the web process, its address as seen from its machine, and its settings as JSON has them.

    `folder` is the one it was started in, which its relative paths begin at.
    """

    version: str
    url: str
    settings: Mapping[str, Any]
    folder: str = ""

    @classmethod
    def of(cls, settings: Settings) -> InstallationCard:
        """What a process with these settings shows."""
        return cls(
            __version__,
            settings.local_url,
            settings.model_dump(mode="json", include=set(SHOWN)),
            str(Path.cwd()),
        )

    def seen_from(self, folder: Path) -> Mapping[str, Any]:
        """The settings, whose paths mean the same to a process in `folder`.

        In the folder of the web process itself they stay as they are written: a model is asked for by its name.
        """
        if not self.folder or Path(self.folder) == folder:
            return self.settings
        told = dict(self.settings)
        match told:
            case {"model": str(model)}:
                parts = (part.strip() for part in model.split(","))
                told["model"] = ",".join(part and self._whole(part) for part in parts)
        match told:
            case {"local_files_root": str(root)}:
                told["local_files_root"] = str(Path(self.folder, root))
        return told

    def _whole(self, model: str) -> str:
        """A model of the table as it is, else its folder from the root on."""
        as_it_is = stands_in_table(model) or model.startswith("~")
        return model if as_it_is else str(Path(self.folder, model))


_CARD = TypeAdapter(InstallationCard)


class InstallationSign:
    """Shows a web process's card from the first `renew()` until `take_down()`, or until it is silent."""

    def __init__(self, connection: redis.Redis, settings: Settings) -> None:
        self._connection = connection
        self._text = json.dumps(asdict(InstallationCard.of(settings)))

    def renew(self) -> None:
        """Show it for some seconds more. Where Redis takes nothing, whoever looks at it says so."""
        with suppress(redis.RedisError):
            self._connection.set(INSTALLATION, self._text, ex=TTL_S)

    def take_down(self) -> None:
        """Show it no more. Other web processes of the installation show it again at once."""
        with suppress(redis.RedisError):
            self._connection.delete(INSTALLATION)


def read_installation(connection: redis.Redis) -> InstallationCard | None:
    """The card of the web process that runs; `None` where none does. Raises Redis's own errors."""
    try:
        stored = connection.get(INSTALLATION)
    except redis.ResponseError as error:
        if is_foreign(error):  # the next `renew()` writes over it
            return None
        raise
    return installation_of(stored)


def installation_of(stored: str | bytes | None) -> InstallationCard | None:
    """The card that is stored; `None` where none is, or one of another version of Firstpass."""
    with suppress(ValidationError):
        return None if stored is None else _CARD.validate_json(stored)
    return None


def home_of(card: InstallationCard | None) -> str:
    """Label Studio's address as browsers see it; empty where the card tells none that is of the web."""
    told = {} if card is None else card.settings
    address = told.get("label_studio_browser_url") or told.get("label_studio_url")
    if isinstance(address, str) and address.startswith(("http://", "https://")):
        return address.rstrip("/")
    return ""
