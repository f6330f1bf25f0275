"""Raw answers of the models kept in a file between runs of a benchmark."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from hashlib import sha256
from pathlib import Path

import models.tiny.backgrounds
import models.tiny.scenes
import models.tiny.shapes
from tests.bench import review_scenes

__all__ = ["KeptAnswers"]

_ROOT = Path(__file__).parents[2]
_PAINTERS = (models.tiny.backgrounds, models.tiny.scenes, models.tiny.shapes, review_scenes)


class KeptAnswers:
    """Bytes by name, as the product's cache asks for them; written at once, read by whoever comes next."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = sqlite3.connect(path, timeout=60, isolation_level=None)
        self._file.execute("PRAGMA journal_mode=WAL")
        self._file.execute("CREATE TABLE IF NOT EXISTS kept (name TEXT PRIMARY KEY, value BLOB)")

    @classmethod
    def of_scenes(cls) -> KeptAnswers:
        """The file of the scenes as they are painted now: another way of painting has a file of its own."""
        sources = [Path(module.__file__ or "").read_bytes() for module in _PAINTERS]
        painted = sha256(b"".join(sources)).hexdigest()[:12]
        return cls(_ROOT / ".cache" / "review-lab" / f"{painted}.sqlite")

    def get(self, names: Sequence[str]) -> list[bytes | None]:
        """One value per name, in order; `None` for what is not there."""
        found = []
        for name in names:
            row = self._file.execute("SELECT value FROM kept WHERE name = ?", (name,)).fetchone()
            found.append(None if row is None else bytes(row[0]))
        return found

    def put(self, values: Mapping[str, bytes]) -> None:
        """Keep these values under their names."""
        self._file.execute("BEGIN")
        self._file.executemany("INSERT OR REPLACE INTO kept VALUES (?, ?)", values.items())
        self._file.execute("COMMIT")
