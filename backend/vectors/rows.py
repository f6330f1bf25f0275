"""Reads the rows and thumbnails of an index: all that a page needs, without numpy and without any vector."""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Any

from backend.vectors.places import ROWS_FILE, IndexPlace, IndexUnusable
from backend.vectors.records import FailedItem, ImageRow, RegionRow, SaidOfImage
from backend.vectors.schema import FORMAT, IMAGE_COLUMNS, REGION_COLUMNS, image_of, region_of

__all__ = ["IndexCounts", "IndexRows", "damaged", "meta_of"]

#: SQLite takes so many values in one statement.
_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class IndexCounts:
    """How much there is."""

    images: int
    regions: int
    #: Images that could not be indexed.
    failed: int


class IndexRows:
    """The rows of an index that another process may be writing; every answer is of one moment.

    Each call opens the file for itself, so it may be used by any thread. Raises `BadRequest` where there is no
    index, `IndexUnusable` where it cannot be read.
    """

    def __init__(self, place: IndexPlace) -> None:
        self.place = place

    def images(self, rows: Iterable[int] | None = None) -> list[ImageRow]:
        """All images by row, or those of `rows`; rows that are gone are left out."""
        with self._opened() as database:
            found = list(_selected(database, IMAGE_COLUMNS, "images", rows))
            said = _said(database, None if rows is None else [one[0] for one in found])
        return [image_of(one, tuple(said.get(one[0], ()))) for one in found]

    def regions(
        self, rows: Iterable[int] | None = None, *, label: str | None = None
    ) -> list[RegionRow]:
        """All regions by row, those of `rows`, or those of one label."""
        with self._opened() as database:
            if label is not None:
                by_label = f"SELECT {REGION_COLUMNS} FROM regions WHERE label = ? ORDER BY row"
                return [region_of(one) for one in database.execute(by_label, (label,))]
            return [region_of(one) for one in _selected(database, REGION_COLUMNS, "regions", rows)]

    def of_task(self, task: int) -> list[ImageRow]:
        """The images of a task, in their order; none for one that is not indexed."""
        with self._opened() as database:
            found = database.execute("SELECT row FROM images WHERE task = ?", (task,)).fetchall()
        return sorted(self.images(row for (row,) in found), key=lambda image: image.number)

    def row_of(self, key: str) -> int | None:
        """The row of the image that has this key."""
        with self._opened() as database:
            found = database.execute("SELECT row FROM images WHERE key = ?", (key,)).fetchone()
        return None if found is None else int(found[0])

    def regions_of(self, image: int) -> list[RegionRow]:
        """The regions of an image, by its row."""
        with self._opened() as database:
            found = database.execute(
                f"SELECT {REGION_COLUMNS} FROM regions WHERE image = ? ORDER BY row", (image,)
            )
            return [region_of(one) for one in found]

    def labels(self) -> dict[str, int]:
        """How many regions each label has, by label."""
        with self._opened() as database:
            counted = "SELECT label, count(*) FROM regions GROUP BY label ORDER BY label"
            return dict(database.execute(counted).fetchall())

    def thumbnail(self, row: int) -> bytes | None:
        """A small JPEG of an image or of a region; `None` for a row that is gone."""
        with self._opened() as database:
            found = database.execute("SELECT thumbnail FROM rows WHERE row = ?", (row,)).fetchone()
        return None if found is None else found[0]

    def failures(self) -> list[FailedItem]:
        """Images that could not be indexed, and why."""
        with self._opened() as database:
            found = database.execute("SELECT key, stamp, kind, reason FROM failures ORDER BY key")
            return [FailedItem(*one) for one in found]

    def state(self) -> str:
        """Another text whenever the index has changed."""
        with self._opened() as database:
            return meta_of(database, "changes") or "0"

    def counts(self) -> IndexCounts:
        """How many rows there are."""
        with self._opened() as database:
            images, regions, failed = (
                database.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
                for table in ("images", "regions", "failures")
            )
        return IndexCounts(images, regions, failed)

    @contextmanager
    def _opened(self) -> Iterator[sqlite3.Connection]:
        """One transaction for reading."""
        with self.opened() as database:
            database.execute("BEGIN")
            yield database

    @contextmanager
    def opened(self) -> Iterator[sqlite3.Connection]:
        """The tables, to be read only. Raises as the class says."""
        self.place.must_exist()
        path = self.place.folder / ROWS_FILE
        try:
            with closing(
                sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True, isolation_level=None)
            ) as database:
                if meta_of(database, "format") != FORMAT:
                    raise IndexUnusable(
                        f"the index {self.place.folder} was made by another version of Firstpass: delete that "
                        f"folder, then `{self.place.remake}`"
                    )
                yield database
        except sqlite3.DatabaseError as error:
            raise damaged(self.place, str(error)) from error


def damaged(place: IndexPlace, what: str) -> IndexUnusable:
    """The error for an index that is not as it was written."""
    return IndexUnusable(
        f"the index {place.folder} is damaged: {what}; delete that folder, then `{place.remake}` makes it anew"
    )


def meta_of(database: sqlite3.Connection, name: str) -> str | None:
    found = database.execute("SELECT value FROM meta WHERE name = ?", (name,)).fetchone()
    return None if found is None else str(found[0])


def _selected(
    database: sqlite3.Connection, columns: str, table: str, rows: Iterable[int] | None
) -> Iterator[tuple[Any, ...]]:
    if rows is None:
        yield from database.execute(f"SELECT {columns} FROM {table} ORDER BY row")
        return
    wanted = sorted(set(rows))
    for start in range(0, len(wanted), _AT_ONCE):
        some = wanted[start : start + _AT_ONCE]
        marks = ",".join("?" * len(some))
        yield from database.execute(
            f"SELECT {columns} FROM {table} WHERE row IN ({marks}) ORDER BY row", some
        )


def _said(database: sqlite3.Connection, images: list[int] | None) -> dict[int, list[SaidOfImage]]:
    said: defaultdict[int, list[SaidOfImage]] = defaultdict(list)
    query = "SELECT image, control, value, source, result FROM said"
    if images is None:
        found = database.execute(f"{query} ORDER BY rowid").fetchall()
    else:
        found = []
        for start in range(0, len(images), _AT_ONCE):
            some = images[start : start + _AT_ONCE]
            marks = ",".join("?" * len(some))
            found += database.execute(f"{query} WHERE image IN ({marks}) ORDER BY rowid", some)
    for image, control, value, source, result in found:
        said[image].append(SaidOfImage(control, value, source, result))
    return dict(said)
