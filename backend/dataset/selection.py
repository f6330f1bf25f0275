"""Which tasks of a project a bulk run is about. Pure."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeVar

from backend.errors import BadRequest
from backend.label_studio.records import TaskRow
from backend.plain import Json

__all__ = ["Selection", "parse_filters", "parse_ids", "reservoir"]

T = TypeVar("T")

#: Ids named one by one are kept in memory; more tasks than these are chosen by a filter.
MAX_IDS = 200_000

_UNLABELED: Json = {
    "filter": "filter:tasks:total_annotations",
    "operator": "equal",
    "type": "Number",
    "value": 0,
}
_RANGE = re.compile(r"([0-9]{1,12})(?:-([0-9]{1,12}))?")


@dataclass(frozen=True, slots=True)
class Selection:
    """What was chosen. `filters` is as in Label Studio's Data Manager, `view` the id of one of its tabs.

    `limit` takes the first tasks by id, `sample` any, the same ones for the same `seed`; both of what the
    rest has chosen. Without `labeled` only tasks that nobody has annotated are chosen.
    """

    view: int | None = None
    filters: Json | None = None
    ids: tuple[int, ...] | None = None
    labeled: bool = False
    limit: int | None = None
    sample: int | None = None
    seed: int = 0

    @property
    def key(self) -> str:
        """The same text for the same selection; another for another."""
        named = {
            "view": self.view,
            "filters": self.filters,
            "ids": self.ids,
            "labeled": self.labeled,
            "limit": self.limit,
            "sample": [self.sample, self.seed] if self.sample is not None else None,
        }
        chosen = {name: value for name, value in named.items() if value not in (None, False)}
        return json.dumps(chosen, sort_keys=True)

    @property
    def is_counted(self) -> bool:
        """Whether it is a number of tasks, which are then settled once for the whole run."""
        return self.limit is not None or self.sample is not None

    @property
    def asked_filters(self) -> Json | None:
        """What Label Studio is asked to filter by: no less than the selection, sometimes more.

        It cannot be asked for one of several things and another besides; `admits` sees to the rest.
        """
        if self.labeled or self.view is not None:
            return self.filters
        items = (self.filters or {}).get("items") or []
        if (self.filters or {}).get("conjunction") == "or" and len(items) > 1:
            return self.filters
        return {"conjunction": "and", "items": [*items, _UNLABELED]}

    @property
    def is_asked_exactly(self) -> bool:
        """Whether `asked_filters` (or the view) asks for the selection and no more."""
        return self.labeled or (self.view is None and self.asked_filters is not self.filters)

    def admits(self, task: TaskRow) -> bool:
        """Whether a listed task is chosen."""
        return self.labeled or not task.total_annotations


def parse_ids(text: str) -> tuple[int, ...]:
    """Task ids and ranges of them, commas between; ascending, each once.

    >>> parse_ids("7, 1-3,2")
    (1, 2, 3, 7)

    Raises `BadRequest` for anything else, and for too many.
    """
    ids: set[int] = set()
    for part in text.split(","):
        match = _RANGE.fullmatch(part.strip())
        if match is None:
            raise BadRequest(f"expected --ids as in 1,2,5-9, got {part.strip()[:40]!r}")
        first, last = int(match[1]), int(match[2] or match[1])
        if last < first:
            raise BadRequest(f"expected a range of ids that ascends, got {part.strip()!r}")
        if last - first + len(ids) >= MAX_IDS:
            raise BadRequest(
                f"expected at most {MAX_IDS:,} ids; choose more tasks by --filter, e.g. on `tasks:id`"
            )
        ids.update(range(first, last + 1))
    return tuple(sorted(ids))


def parse_filters(text: str) -> Json:
    """A Data Manager filter from its JSON.

    >>> sorted(parse_filters('{"conjunction": "and", "items": []}'))
    ['conjunction', 'items']

    Raises `BadRequest`.
    """
    try:
        filters = json.loads(text)
    except ValueError as error:
        raise BadRequest(f"expected --filter as JSON: {error}") from error
    match filters:
        case {"conjunction": "and" | "or" as joined, "items": list(items)} if all(
            map(_is_item, items)
        ):
            return {"conjunction": joined, "items": items}
    raise BadRequest(
        'expected --filter as {"conjunction": "and" or "or", "items": [{"filter": "filter:tasks:...", '
        f'"operator": ..., "type": ..., "value": ...}}]}}, got {_shown(text)}'
    )


def reservoir(items: Iterable[T], size: int, seed: int) -> list[T]:
    """`size` items, each as likely as any other, in their order; memory for as many.

    >>> reservoir(range(1000), 3, seed=1)
    [127, 254, 677]
    """
    chance = random.Random(seed)  # noqa: S311 - a sample to look at, no secret
    kept: list[tuple[int, T]] = []
    for number, item in enumerate(items):
        if number < size:
            kept.append((number, item))
        elif (place := chance.randrange(number + 1)) < size:
            kept[place] = (number, item)
    return [item for _, item in sorted(kept, key=lambda pair: pair[0])]


def _is_item(item: object) -> bool:
    return isinstance(item, dict) and {"filter", "operator", "type", "value"} <= item.keys()


def _shown(text: str) -> str:
    return text if len(text) <= 120 else f"{text[:120]}..."
