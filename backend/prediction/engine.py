"""Which models answer, as every process knows it without loading one."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from backend.errors import ModelFolderMissing, ModelUnavailable
from backend.settings import Settings
from models.answering import Answering, Overrides
from models.queries import Classify, Ground, PerBox, Query
from models.registry import (
    ANY_BOX,
    Entry,
    FolderNotAvailable,
    ModelNotAvailable,
    asked_of,
    fingerprint,
    reason_not_served,
    resolve,
)

__all__ = ["Engine", "engine_for", "engine_of", "model_errors", "overrides_of"]

#: Of a commit, people read the first digits.
_COMMIT = re.compile(r"(?<=@)([0-9a-f]{8})[0-9a-f]{32}$")


@dataclass(frozen=True, slots=True)
class Engine:
    """A name for people, a fingerprint that changes when answers may, and what can be asked."""

    name: str
    fingerprint: str
    entries: tuple[Entry, ...]

    def model_to_ask(self, model_name: str | None) -> str | None:
        """The `model` of a query whose tag names a model: `None` where that one is asked anyway."""
        unnamed = [entry.name for entry in asked_of(self.entries, None)]
        return None if model_name in unnamed else model_name

    def score_threshold(self, model_name: str | None = None) -> float:
        """The least score of a region, 0..1, that the model which finds it goes by."""
        finders = [entry for entry in self.entries if Ground in entry.queries]
        named = [entry for entry in finders if entry.name == model_name]
        asked = next(iter(named or finders), None)
        return (asked.answering if asked is not None else Answering()).score_threshold

    def strange(self, query: Ground | Classify) -> str | None:
        """That a model was taught a few words, and which phrases have none of them; `None` where all have.

        >>> engine_for("tiny").strange(Ground(("dog", "red stars")))
        "tiny-florence2 was taught no words but circle, square, triangle, star, ring, cross, heart, shape, object: \
'dog' means nothing to it; `firstpass models list` names other models"
        """
        asked = next((one for one in self.entries if type(query) in one.queries), None)
        if asked is None or not asked.taught:
            return None
        known = {form for word in asked.taught for form in (word, f"{word}s", f"{word}es")}
        phrases = query.phrases if isinstance(query, Ground) else query.candidates
        strange = [phrase for phrase in phrases if known.isdisjoint(phrase.lower().split())]
        if not strange:
            return None
        return (
            f"{asked.name} was taught no words but {', '.join(asked.taught)}: {', '.join(map(repr, strange))} "
            f"{'means' if len(strange) == 1 else 'mean'} nothing to it; `firstpass models list` names other models"
        )

    def refuses(self, query: Query, model_name: str | None = None) -> str | None:
        """Why these models cannot answer a query, or not faithfully; `None` when they can.

        With `model_name` that one is to answer it, of boxes and what is asked of each the latter.
        """
        if model_name is None:
            return reason_not_served(self.entries, query)
        named = asked_of(self.entries, model_name)
        if not named:
            loaded = ", ".join(entry.name for entry in self.entries)
            return (
                f"expected model_name to be one of {loaded}, got {model_name!r}; "
                "FIRSTPASS_MODEL says which are loaded"
            )
        own = query.question(ANY_BOX) if isinstance(query, PerBox) else query
        alone = replace(own, model=None)
        return reason_not_served(named, alone) or reason_not_served(self.entries, query)


@contextmanager
def model_errors() -> Iterator[None]:
    """Turn what the models say is missing into `ModelUnavailable`: whoever names or loads one does it here."""
    try:
        yield
    except FolderNotAvailable as error:
        raise ModelFolderMissing(str(error)) from error
    except ModelNotAvailable as error:
        raise ModelUnavailable(str(error)) from error


def engine_of(settings: Settings) -> Engine:
    """The engine that the settings name, asked as they say. Raises `ModelUnavailable`."""
    return engine_for(settings.model, overrides_of(settings))


def overrides_of(settings: Settings) -> Overrides:
    """What the settings ask otherwise than the checkpoints say."""
    return Overrides(settings.num_beams, settings.max_new_tokens, settings.gate)


def engine_for(model_setting: str, overrides: Overrides | None = None) -> Engine:
    """The engine that a `FIRSTPASS_MODEL` setting names; reads files, loads nothing.

    Raises `ModelUnavailable` for a name that the registry lacks, `ModelFolderMissing` for a folder that is
    no checkpoint.
    """
    with model_errors():
        entries = resolve(model_setting, overrides)
        digest = fingerprint(entries)
    names = [part.strip().rstrip("/").rsplit("/", 1)[-1] for part in model_setting.split(",")]
    names = [_COMMIT.sub(r"\1", name) for name in names]
    return Engine("+".join(name for name in names if name), digest, entries)
