"""Which project of which Label Studio: its id alone is not enough, since two of them both have a 4."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

__all__ = ["ProjectKey", "data_page"]

#: Label Studio's way to name a project: `<id>.<seconds since the epoch>`.
_PROJECT = re.compile(r"([0-9]{1,18})\.([0-9]{1,18})")


@dataclass(frozen=True, slots=True)
class ProjectKey:
    """The project's id, and when it was made in seconds since the epoch."""

    id: int
    created_s: int

    @classmethod
    def parse(cls, text: str | None) -> ProjectKey | None:
        """From `project` of a request of Label Studio's; `None` for anything else.

        >>> ProjectKey.parse("4.1795207698")
        ProjectKey(id=4, created_s=1795207698)
        """
        found = _PROJECT.fullmatch(text or "")
        return cls(int(found[1]), int(found[2])) if found else None

    @classmethod
    def of(cls, project: Mapping[str, Any]) -> ProjectKey | None:
        """From the project as Label Studio's API and events give it; `None` for anything else."""
        match project:
            case {"id": int(number), "created_at": str(created)}:
                try:
                    return cls(number, int(datetime.fromisoformat(created).timestamp()))
                except ValueError:
                    return None
        return None

    def __str__(self) -> str:
        return f"{self.id}.{self.created_s}"


def data_page(home: str, project: int | str) -> str:
    """Where people find a project's tasks, below Label Studio's address `home`.

    >>> data_page("http://localhost:8080/", 3)
    'http://localhost:8080/projects/3/data'
    """
    return f"{home.rstrip('/')}/projects/{project}/data"
