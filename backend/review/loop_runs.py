"""What `tune` and `learn` last found and last applied in each project, kept in Redis for the project's page.

Each reads every annotation, which no page can wait for; and what was applied stays worth knowing once a later
run has looked without writing. Whoever runs the command leaves it here.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, TypeAlias

import redis
from pydantic import TypeAdapter, ValidationError

from backend.label_studio.project_key import ProjectKey
from backend.queue.connection import queue_errors

__all__ = ["KeptLoopRuns", "LoopChange", "LoopCommand", "LoopRun", "LoopRuns"]

PREFIX = "firstpass:loop:"
#: What was left last goes so long after it, and with it all of the project.
TTL_S = 90 * 86_400

LoopCommand: TypeAlias = Literal["tune", "learn"]


@dataclass(frozen=True, slots=True)
class LoopChange:
    """One thing of a label that changes, in words: from what to what, and what is gained, with its range."""

    tag: str
    label: str
    what: str
    before: str
    after: str
    gain: str


@dataclass(frozen=True, slots=True)
class LoopRun:
    """One run. `stays` counts what was looked at and stays; `project` is whose it is, as `KeptReport` has it."""

    made_at: str
    annotations: int
    version_before: str
    version_after: str
    changes: tuple[LoopChange, ...]
    stays: int
    project: ProjectKey | None = None


@dataclass(frozen=True, slots=True)
class LoopRuns:
    """What a command found last, and what it applied last that was not taken back."""

    found: LoopRun | None = None
    applied: LoopRun | None = None


_RUN = TypeAdapter(LoopRun)
_COMMANDS: tuple[LoopCommand, ...] = ("tune", "learn")


@dataclass(frozen=True)
class KeptLoopRuns:
    """Every method raises `QueueUnavailable`."""

    connection: redis.Redis = field(repr=False)

    def keep(self, command: LoopCommand, project: int, run: LoopRun, *, applied: bool) -> None:
        """What was found, in place of what was found before; and what was `applied`, likewise."""
        # Half an emoji, which a label may hold, is no text to who reads it back.
        text = json.dumps(asdict(run), ensure_ascii=False).encode("utf-8", "replace")
        fields: dict[Any, Any] = dict.fromkeys(
            [f"{command}.found", *([f"{command}.applied"] if applied else [])], text
        )
        with queue_errors(), self.connection.pipeline() as pipeline:
            pipeline.hset(_key(project), mapping=fields)
            pipeline.expire(_key(project), TTL_S)
            pipeline.execute()

    def taken_back(self, command: LoopCommand, project: int) -> None:
        """Nothing of the command is applied any more."""
        with queue_errors():
            self.connection.hdel(_key(project), f"{command}.applied")

    def of(self, project: int) -> Mapping[LoopCommand, LoopRuns]:
        """What there is of a project with this number; nothing of what another version wrote."""
        with queue_errors():
            stored: Any = self.connection.hgetall(_key(project))
        return {
            command: LoopRuns(
                found=_run(stored, f"{command}.found"), applied=_run(stored, f"{command}.applied")
            )
            for command in _COMMANDS
        }

    def forget(self, project: ProjectKey) -> None:
        """Drop what is the project's, and what is not known to be another's with this number."""
        runs = self.of(project.id).values()
        known = [run for each in runs for run in (each.found, each.applied) if run is not None]
        if all(run.project in (None, project) for run in known):
            with queue_errors():
                self.connection.delete(_key(project.id))


def _run(stored: Mapping[bytes, bytes], name: str) -> LoopRun | None:
    text = stored.get(name.encode())
    try:
        return None if text is None else _RUN.validate_json(text)
    except ValidationError:
        return None


def _key(project: int) -> str:
    return f"{PREFIX}{project}"
