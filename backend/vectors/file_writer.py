"""Writes an index that lies in a folder, so that whatever ends it, what is there is whole.

Vectors are flushed to the disk first; only then a transaction of SQLite makes rows of them.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterable, Iterator
from contextlib import ExitStack, closing, contextmanager, suppress

import numpy as np

from backend.vectors.file_store import KINDS, FileIndex
from backend.vectors.near_index import NearIndex, is_due, make_near_index, near_name
from backend.vectors.places import ROWS_FILE, IndexPlace, IndexUnusable
from backend.vectors.records import (
    FailedItem,
    ImageRow,
    IndexedImage,
    IndexKind,
    RegionRow,
)
from backend.vectors.rows import damaged
from backend.vectors.schema import FORMAT, SCHEMA, looks_values
from backend.vectors.vector_file import HalfArray, add_at, checksums, halves, mapped, vectors_file
from backend.vectors.writer_lock import sole_writer

__all__ = ["FileIndexWriter", "open_writer"]

#: Room is given back where more than this share of it, and more than a few, belongs to nothing any more.
_GONE_MOST, _GONE_FEW = 0.2, 1000


@contextmanager
def open_writer(place: IndexPlace) -> Iterator[FileIndexWriter]:
    """The one writer of an index, which is made where there is none.

    Raises `IndexUnusable` where another process writes it, where it is damaged, and, within the block too, where
    the disk is full or gone.
    """
    with ExitStack() as stack:
        stack.enter_context(sole_writer(place))
        with _written(place):
            database = stack.enter_context(
                closing(sqlite3.connect(place.folder / ROWS_FILE, isolation_level=None))
            )
            writer = FileIndexWriter(place, database)
        FileIndex(place)  # raises where a vector is not as it was written
        yield writer


class FileIndexWriter:
    """An `IndexWriter`; `open_writer` is the way in."""

    def __init__(self, place: IndexPlace, database: sqlite3.Connection) -> None:
        self.place = place
        self._database = database
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("PRAGMA synchronous = FULL")
        database.execute("PRAGMA foreign_keys = OFF")
        with self._transaction():
            for statement in SCHEMA.split(";"):
                database.execute(statement)
            for name, value in (("generation", 0), ("slots", 0), ("changes", 0)):
                self._default(name, str(value))
            self._default("format", FORMAT)
        self._sweep()

    def stamps(self) -> dict[str, str]:
        """The stamp of each indexed image, by its key."""
        return dict(self._database.execute("SELECT key, stamp FROM images").fetchall())

    def contents(self) -> dict[str, str]:
        """The sha256 of the bytes of each indexed image, by its key."""
        return dict(self._database.execute("SELECT key, sha256 FROM images").fetchall())

    def put(self, images: Iterable[IndexedImage]) -> None:
        """Store these images with their regions, each in place of what was stored of its key."""
        batch = list(images)
        if not batch:
            return
        vectors = [
            vector
            for image in batch
            for vector in (image.vector, *(region.vector for region in image.regions))
        ]
        stored = halves(np.array(vectors, np.float32))
        with self._changing():
            slot = self._place_for(stored)
            add_at(vectors_file(self.place.folder, self._number("generation")), slot, stored)
            self._forget([image.what.key for image in batch])
            marks = iter(zip(range(slot, slot + len(stored)), checksums(stored), strict=True))
            for image in batch:
                row = self._add_row(next(marks), image.thumbnail)
                self._add_image(row, image.what)
                for region in image.regions:
                    own = self._add_row(next(marks), region.thumbnail)
                    self._add_region(own, row, region.what)
            self._set("slots", slot + len(stored))

    def restamp(self, stamps: Iterable[tuple[str, str]]) -> None:
        """Note new stamps of images that are otherwise as they are stored: key and stamp."""
        with self._transaction():
            self._database.executemany(
                "UPDATE images SET stamp = ? WHERE key = ?", [(stamp, key) for key, stamp in stamps]
            )

    def fail(self, items: Iterable[FailedItem]) -> None:
        """Note images that could not be indexed, in place of what was stored of their keys."""
        batch = list(items)
        if not batch:
            return
        with self._changing():
            self._forget([item.key for item in batch])
            self._database.executemany(
                "INSERT INTO failures VALUES (?, ?, ?, ?)",
                [(item.key, item.stamp, item.kind, item.reason) for item in batch],
            )

    def failures(self) -> list[FailedItem]:
        """Images that could not be indexed."""
        found = self._database.execute("SELECT key, stamp, kind, reason FROM failures ORDER BY key")
        return [FailedItem(*one) for one in found]

    def remove(self, keys: Collection[str]) -> None:
        """Forget these images, their regions and their failures."""
        if keys:
            with self._changing():
                self._forget(keys)

    def tidy(self) -> None:
        """Give back the room of what is gone, where that is much of it, and make what finds the near ones of many."""
        slots = self._number("slots")
        (used,) = self._database.execute("SELECT count(*) FROM rows").fetchone()
        gone = slots - used
        if gone > _GONE_FEW and gone > _GONE_MOST * slots:
            self._compact()
        for kind in KINDS:
            self._tidy_near(kind)
        with _written(self.place):
            self._database.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def _compact(self) -> None:
        """Write what counts into a file of its own, one block after the other, and go over to it."""
        stored, generation = self._mapped(), self._number("generation") + 1
        found = self._database.execute("SELECT row, slot FROM rows ORDER BY row").fetchall()
        path = vectors_file(self.place.folder, generation)
        with self._changing():
            for start in range(0, len(found), 4096):
                some = np.array(found[start : start + 4096], np.int64)
                add_at(path, start, stored[some[:, 1]])
            self._database.executemany(
                "UPDATE rows SET slot = ? WHERE row = ?",
                [(slot, row) for slot, (row, _) in enumerate(found)],
            )
            self._set("slots", len(found))
            self._set("generation", generation)
            for kind in KINDS:
                self._set(near_name(kind), "")
        self._sweep()

    def _tidy_near(self, kind: IndexKind) -> None:
        found = self._database.execute(
            f"SELECT slot FROM rows JOIN {kind} USING (row) ORDER BY slot"
        ).fetchall()
        slots = np.array(found, np.int64).reshape(-1)
        if not is_due(NearIndex.read(self.place, self._text(near_name(kind))), slots):
            return
        name = f"{kind}.{self._number('generation')}.{self._number('changes')}"
        with self._changing():
            make_near_index(self.place.folder, name, self._mapped(), slots)
            self._set(near_name(kind), name)
        self._sweep()

    def _mapped(self) -> HalfArray:
        path = vectors_file(self.place.folder, self._number("generation"))
        try:
            return mapped(path, self._number("slots"), int(self._text("width") or 0))
        except ValueError as error:
            raise damaged(self.place, str(error)) from error

    def _sweep(self) -> None:
        """Delete files that belong to nothing: of an earlier generation, or of a run that was killed."""
        current = vectors_file(self.place.folder, self._number("generation"))
        near = {self._text(near_name(kind)) for kind in KINDS}
        with suppress(OSError):
            for path in self.place.folder.iterdir():
                is_old = path.suffix == ".f16" and path != current
                is_old |= path.suffix in (".usearch", ".npz") and path.stem not in near
                if is_old:
                    path.unlink()

    def _place_for(self, stored: HalfArray) -> int:
        """The slot of the first of these vectors. Raises `IndexUnusable` for those of another width."""
        width = str(stored.shape[1])
        self._default("width", width)
        if self._text("width") != width:
            raise damaged(
                self.place, f"its vectors are {self._text('width')} wide, and new ones {width}"
            )
        return self._number("slots")

    def _forget(self, keys: Collection[str]) -> None:
        for key in keys:
            self._database.execute("DELETE FROM failures WHERE key = ?", (key,))
            found = self._database.execute(
                "SELECT row FROM images WHERE key = ?", (key,)
            ).fetchone()
            if found is None:
                continue
            of_image = "SELECT row FROM regions WHERE image = ?"
            self._database.execute(f"DELETE FROM rows WHERE row IN ({of_image})", found)
            for table in ("regions", "said"):
                self._database.execute(f"DELETE FROM {table} WHERE image = ?", found)
            for table in ("images", "rows"):
                self._database.execute(f"DELETE FROM {table} WHERE row = ?", found)

    def _add_row(self, mark: tuple[int, int], thumbnail: bytes) -> int:
        added = self._database.execute(
            "INSERT INTO rows (slot, checksum, thumbnail) VALUES (?, ?, ?)", (*mark, thumbnail)
        )
        return int(added.lastrowid or 0)

    def _add_image(self, row: int, image: ImageRow) -> None:
        told = (image.key, image.task, image.number, image.path, image.stamp, image.sha256)
        values = (row, *told, image.width, image.height, image.split, *looks_values(image.looks))
        self._insert("images", values)
        for said in image.said:
            self._insert("said", (row, said.control, said.value, said.source, said.result))

    def _add_region(self, row: int, image: int, region: RegionRow) -> None:
        told = (region.source, region.result, region.region, region.control, region.label)
        looks = looks_values(region.looks)
        self._insert("regions", (row, image, *told, *region.box, region.score, *looks))

    def _insert(self, table: str, values: tuple[object, ...]) -> None:
        marks = ",".join("?" * len(values))
        self._database.execute(f"INSERT INTO {table} VALUES ({marks})", values)

    def _text(self, name: str) -> str:
        found = self._database.execute("SELECT value FROM meta WHERE name = ?", (name,)).fetchone()
        return "" if found is None else str(found[0])

    def _number(self, name: str) -> int:
        return int(self._text(name))

    def _default(self, name: str, value: str) -> None:
        self._database.execute("INSERT OR IGNORE INTO meta VALUES (?, ?)", (name, value))

    def _set(self, name: str, value: object) -> None:
        self._database.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (name, str(value)))

    @contextmanager
    def _changing(self) -> Iterator[None]:
        """A transaction that readers are to hear of."""
        with self._transaction():
            yield
            self._set("changes", self._number("changes") + 1)

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        with _written(self.place):
            self._database.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._database.execute("COMMIT")
            except BaseException:
                with suppress(sqlite3.Error):
                    self._database.execute("ROLLBACK")
                raise


@contextmanager
def _written(place: IndexPlace) -> Iterator[None]:
    """What ends writing, as one sentence."""
    try:
        yield
    except sqlite3.OperationalError as error:
        raise _not_written(place, str(error)) from error
    except sqlite3.DatabaseError as error:
        raise damaged(place, str(error)) from error
    except OSError as error:
        raise _not_written(place, error.strerror or str(error)) from error


def _not_written(place: IndexPlace, why: str) -> IndexUnusable:
    return IndexUnusable(
        f"the index {place.folder} cannot be written: {why}; what was indexed before is kept: make room there, "
        f"then `{place.remake}` goes on"
    )
