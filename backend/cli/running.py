"""The settings of the Firstpass that runs, for commands that were not given them: taken, and said in one line."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import typer

from backend import __version__
from backend.errors import QueueUnavailable, SettingsError
from backend.settings import Settings, load_settings, variable_name
from backend.wording import printable

if TYPE_CHECKING:
    from backend.status.installation import InstallationCard

__all__ = ["ANSWERS", "IMAGES", "LABEL_STUDIO", "OURS", "as_it_runs"]

#: What a command may take of it, by what it is about: what predictions depend on, which Label Studio it is,
#: where Firstpass itself is, and which images are read.
ANSWERS = ("model", "num_beams", "max_new_tokens", "gate", "score_threshold")
LABEL_STUDIO = ("label_studio_url", "label_studio_browser_url")
OURS = ("public_url", "host", "port")
IMAGES = (
    *("image_allow", "local_files_root", "image_max_bytes", "image_max_pixels"),
    *("image_timeout_s", "image_max_redirects"),
)

#: A command that needs no Redis waits no longer for one that does not answer.
TIMEOUT_S = 2.0
#: Named where they are taken, although they are as usual.
_ALWAYS = ("model", "label_studio_url")
#: The address is said anyhow; which of a machine's own addresses a process listens on differs rightly.
_NEVER = ("host", "port")
_WORDS = {"label_studio_url": "Label Studio", "score_threshold": "threshold"}

Say: TypeAlias = Callable[[str], None]
_say = partial(typer.echo, err=True)


def as_it_runs(settings: Settings, names: Collection[str], say: Say = _say) -> Settings:
    """The settings, where those of `names` that were not given are as the Firstpass that runs has them.

    What was given here counts, and `say` is told where that is something else; and of what was taken. An address
    is taken as a whole: where a part of it was given that is of another place, no other part is taken. Where none runs the
    settings stay as they are.
    """
    given = [name for name in names if name in settings.model_fields_set]
    card, why = _card(settings)
    if card is None:
        if "model" in names and "model" not in given:
            say(f"{why}: the usual model is meant, {settings.model}.")
        return settings
    shown = card.seen_from(Path.cwd())
    theirs = {name: shown.get(name) for name in names}
    try:
        typed = load_settings(**theirs)
    except SettingsError:
        say(
            f"The Firstpass at {printable(card.url)} is of another version: its settings are not read here."
        )
        return settings
    others = [name for name in names if name not in given]
    taken = {name: getattr(typed, name) for name in others}
    apart = set(_apart(settings, settings.model_copy(update=taken), card))
    taken = {name: value for name, value in taken.items() if name not in apart}
    told = ", ".join(_told(taken))
    if told:
        say(printable(f"As the Firstpass that runs at {card.url}: {told}."))
    if card.version != __version__:
        say(
            printable(
                f"It is Firstpass {card.version} and this command {__version__}: they may answer differently."
            )
        )
    for line in _differences(settings, given, theirs):
        say(printable(line))
    return settings.model_copy(update=taken)


def _card(settings: Settings) -> tuple[InstallationCard | None, str]:
    """What the installation shows, or why there is nothing to be seen of one."""
    from backend.cli.status import open_redis
    from backend.queue.connection import queue_errors
    from backend.status.installation import read_installation

    try:
        with open_redis(settings, timeout_s=TIMEOUT_S) as connection, queue_errors():
            return read_installation(connection), "No Firstpass runs here"
    except QueueUnavailable as error:
        return None, error.reason
    except SettingsError:
        return None, "No Firstpass runs here"


def _apart(given: Settings, mixed: Settings, card: InstallationCard) -> Iterator[str]:
    """The fields of each address of which something was given that is not of the one that runs.

    With the rest of that one, a project's address in one Label Studio would be heeded in another. `mixed`: what was
    given, filled up from the card. An address for people, or for Label Studio, may be given where the card has none.
    """
    theirs, parts = card.settings, given.model_fields_set
    ours = given.model_dump(mode="json", include={*LABEL_STUDIO, *OURS})

    def differs(name: str) -> bool:
        return name in parts and ours[name] != theirs.get(name)

    def replaced(name: str) -> bool:
        return differs(name) and theirs.get(name) is not None

    if differs("label_studio_url") or replaced("label_studio_browser_url"):
        yield from LABEL_STUDIO
    # A host of 0.0.0.0 is another word for 127.0.0.1 here, not another place.
    listens_elsewhere = not parts.isdisjoint(("host", "port")) and mixed.local_url != card.url
    if listens_elsewhere or replaced("public_url"):
        yield from OURS


def _told(taken: Mapping[str, Any]) -> Iterator[str]:
    """What a person should know of: the models, Label Studio, and what is not as usual."""
    for name, value in taken.items():
        usual = Settings.model_fields[name].default
        if value is not None and name not in _NEVER and (name in _ALWAYS or value != usual):
            yield f"{_WORDS.get(name, name.replace('_', ' '))} {_text(value)}"


def _differences(
    settings: Settings, given: Collection[str], theirs: Mapping[str, Any]
) -> Iterator[str]:
    ours = settings.model_dump(mode="json", include=set(given))
    for name in given:
        if name != "host" and ours[name] != theirs[name]:
            yield (
                f"{variable_name(name)} is {_text(ours[name])}, since it was given here; the Firstpass that runs "
                f"has {_text(theirs[name])}."
            )


def _text(value: object) -> str:
    if isinstance(value, list | tuple):
        return ",".join(map(str, value)) or "none"
    return "none" if value is None else str(value)
