"""The tables of an index, and how a row of them is read. Without numpy."""

from __future__ import annotations

import sqlite3

from backend.vectors.records import ImageRow, Looks, RegionRow, SaidOfImage

__all__ = [
    "FORMAT",
    "IMAGE_COLUMNS",
    "LOOKS",
    "REGION_COLUMNS",
    "SCHEMA",
    "hash_text",
    "image_of",
    "looks_values",
    "region_of",
]

#: Raised when what is stored means something else; an index of another format is made anew.
FORMAT = "1"

LOOKS = "pixels_sha256, hash, mirrored_hash, brightness, contrast, sharpness, commonest_share"
IMAGE_COLUMNS = f"row, key, task, number, path, stamp, sha256, width, height, split, {LOOKS}"
REGION_COLUMNS = (
    "row, image, source, result, region, control, label, x_min, y_min, x_max, y_max, score, "
    f"{LOOKS}"
)
_LOOKS_TYPES = (
    "pixels_sha256 TEXT NOT NULL, hash TEXT NOT NULL, mirrored_hash TEXT NOT NULL, "
    "brightness REAL NOT NULL, contrast REAL NOT NULL, sharpness REAL NOT NULL, "
    "commonest_share REAL NOT NULL"
)

#: `rows` numbers images and regions together; `slot` is where in the file of vectors its vector stands, and
#: `checksum` its CRC-32.
SCHEMA = f"""
CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS rows (
  row INTEGER PRIMARY KEY AUTOINCREMENT, slot INTEGER NOT NULL, checksum INTEGER NOT NULL, thumbnail BLOB NOT NULL
);
CREATE TABLE IF NOT EXISTS images (
  row INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE, task INTEGER, number INTEGER NOT NULL, path TEXT NOT NULL,
  stamp TEXT NOT NULL, sha256 TEXT NOT NULL, width INTEGER NOT NULL, height INTEGER NOT NULL, split TEXT NOT NULL,
  {_LOOKS_TYPES}
);
CREATE INDEX IF NOT EXISTS images_by_task ON images (task);
CREATE TABLE IF NOT EXISTS regions (
  row INTEGER PRIMARY KEY, image INTEGER NOT NULL, source TEXT NOT NULL, result INTEGER, region TEXT NOT NULL,
  control TEXT NOT NULL, label TEXT NOT NULL, x_min REAL NOT NULL, y_min REAL NOT NULL, x_max REAL NOT NULL,
  y_max REAL NOT NULL, score REAL, {_LOOKS_TYPES}
);
CREATE INDEX IF NOT EXISTS regions_by_image ON regions (image);
CREATE INDEX IF NOT EXISTS regions_by_label ON regions (label);
CREATE TABLE IF NOT EXISTS said (
  image INTEGER NOT NULL, control TEXT NOT NULL, value TEXT NOT NULL, source TEXT NOT NULL, result INTEGER
);
CREATE INDEX IF NOT EXISTS said_by_image ON said (image);
CREATE TABLE IF NOT EXISTS failures (
  key TEXT PRIMARY KEY, stamp TEXT NOT NULL, kind TEXT NOT NULL, reason TEXT NOT NULL
) WITHOUT ROWID;
"""


def hash_text(value: int) -> str:
    """A hash of 64 bits as SQLite keeps it, whose numbers have a sign.

    >>> hash_text(255)
    '00000000000000ff'
    """
    return f"{value:016x}"


def looks_values(looks: Looks) -> tuple[object, ...]:
    """In the order of `LOOKS`."""
    return (
        looks.pixels_sha256,
        hash_text(looks.hash),
        hash_text(looks.mirrored_hash),
        looks.brightness,
        looks.contrast,
        looks.sharpness,
        looks.commonest_share,
    )


def image_of(found: sqlite3.Row | tuple[object, ...], said: tuple[SaidOfImage, ...]) -> ImageRow:
    """From `IMAGE_COLUMNS`."""
    row, key, task, number, path, stamp, sha256, width, height, split, *looks = found
    return ImageRow(
        str(key), task, number, path, stamp, sha256, width, height, _looks(looks), split, said, row  # type: ignore[arg-type]
    )  # fmt: skip


def region_of(found: sqlite3.Row | tuple[object, ...]) -> RegionRow:
    """From `REGION_COLUMNS`."""
    row, image, source, result, region, control, label, *rest = found
    x_min, y_min, x_max, y_max, score, *looks = rest
    box = (x_min, y_min, x_max, y_max)
    return RegionRow(
        source, result, region, control, label, box, score, _looks(looks), image, row  # type: ignore[arg-type]
    )  # fmt: skip


def _looks(values: list[object]) -> Looks:
    sha256, one, other, *measures = values
    return Looks(str(sha256), int(str(one), 16), int(str(other), 16), *measures)  # type: ignore[arg-type]
