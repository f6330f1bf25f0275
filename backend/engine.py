"""Which models answer, as every process knows it without loading one."""

from __future__ import annotations

from dataclasses import dataclass

from backend.errors import ModelUnavailable
from models.registry import Entry, ModelNotAvailable, fingerprint, reason_not_served, resolve
from models.types import Classify, PerBox, Query

__all__ = ["Engine", "engine_for"]


@dataclass(frozen=True, slots=True)
class Engine:
    """A name for people, a fingerprint that changes when answers may, and what can be asked."""

    name: str
    fingerprint: str
    entries: tuple[Entry, ...]

    def refuses(self, query: Query, model_name: str | None = None) -> str | None:
        """Why these models cannot answer a query, or not faithfully; `None` when they can.

        With `model_name` that one is to answer it, of boxes and what is asked of each the latter.
        """
        if model_name is None:
            return reason_not_served(self.entries, query)
        named = [entry for entry in self.entries if entry.name == model_name]
        if not named:
            loaded = ", ".join(entry.name for entry in self.entries)
            return (
                f"expected model_name to be one of {loaded}, got {model_name!r}; "
                "FIRSTPASS_MODEL says which are loaded"
            )
        match query:
            case PerBox(ask=Classify() as ask):
                return reason_not_served(named, ask) or reason_not_served(self.entries, query)
            case _:
                return reason_not_served(named, query)


def engine_for(model_setting: str) -> Engine:
    """The engine that a `FIRSTPASS_MODEL` setting names; reads files, loads nothing.

    Raises `ModelUnavailable` for a name that the registry lacks or a folder that is no checkpoint.
    """
    try:
        entries = resolve(model_setting)
        digest = fingerprint(entries)
    except ModelNotAvailable as error:
        raise ModelUnavailable(str(error)) from error
    names = [part.strip().rstrip("/").rsplit("/", 1)[-1] for part in model_setting.split(",")]
    return Engine("+".join(name for name in names if name), digest, entries)
