"""Answers searches in a worker, from the indexes of its own FIRSTPASS_HOME."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from pathlib import Path
from socket import gethostname

import numpy as np

from backend.errors import BadRequest
from backend.vectors.file_store import FileIndex
from backend.vectors.places import index_place
from backend.vectors.ranking import Sought, like_row, ranked
from models.queries import SearchIndex
from models.types import Hits

__all__ = ["HomeIndexes"]

#: Indexes that are kept open: of each its rows are in memory.
_OPEN = 4


class HomeIndexes:
    """The indexes below a folder, opened when they are asked for; a `models.protocols.IndexSearch`."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self._open: OrderedDict[Path, FileIndex] = OrderedDict()

    def __call__(self, query: SearchIndex, vector: Sequence[float] | None, model: str) -> Hits:
        """What is found. Raises `BadRequest` where there is no such index here, or no such row in it."""
        index = self._index(query.index, model)
        if vector is not None:
            told = np.array(vector, np.float32)
            return ranked(index, Sought(told, query.over, query.label, query.limit))
        return ranked(index, like_row(index, int(query.sought), query))

    def _index(self, name: str, model: str) -> FileIndex:
        place = index_place(self._home, name, model)
        if not place.exists:
            raise BadRequest(
                f"the worker on {gethostname()} has no index {name} of this model in its FIRSTPASS_HOME: run "
                f"`{place.remake}` where the workers run, or give them the FIRSTPASS_HOME in which it was made"
            )
        index = self._open.pop(place.folder, None)
        if index is None:
            index = FileIndex(place)
        else:
            index.refresh()
        self._open[place.folder] = index
        while len(self._open) > _OPEN:
            self._open.popitem(last=False)
        return index
