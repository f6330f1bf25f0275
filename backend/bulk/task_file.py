"""Tasks with their predictions as the JSON file that Label Studio imports."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from urllib.parse import quote

from backend.label_config.control_tags import ObjectTag
from backend.runs.output_file import OutputUnwritable, writing

__all__ = ["Addresses", "OutputUnwritable", "write_tasks"]

#: Label Studio takes these addresses as they are; in others it expects percent-encoding.
_VERBATIM = ("s3://", "gs://", "azure-blob://")
LOCAL_FILES = "/data/local-files/?d="


class Addresses:
    """From an image's path below its folder to its address in a task."""

    def __init__(self, prefix: str) -> None:
        """`prefix` comes before the path as it is given."""
        self.prefix = prefix
        self._verbatim = prefix.lower().startswith(_VERBATIM)

    @classmethod
    def local_files(cls, folder: Path, document_root: Path | None) -> Addresses:
        """Addresses of Label Studio's local files; without a root the folder counts as it.

        >>> Addresses.local_files(Path("/data/scans 1"), Path("/data")).of("a.jpg")
        '/data/local-files/?d=scans%201/a.jpg'
        """
        if document_root is None or folder.resolve() == document_root.resolve():
            return cls(LOCAL_FILES)
        try:
            inside = folder.resolve().relative_to(document_root.resolve())
        except ValueError:
            return cls(LOCAL_FILES)
        return cls(f"{LOCAL_FILES}{quote(inside.as_posix())}/")

    def of(self, path: str) -> str:
        """The address of an image.

        >>> Addresses("https://example.com/").of("a b/50%.jpg")
        'https://example.com/a%20b/50%25.jpg'
        """
        return self.prefix + (path if self._verbatim else quote(path))


def write_tasks(
    out: Path, image: ObjectTag, addresses: Addresses, rows: Iterable[tuple[str, str]]
) -> int:
    """Writes one task per row (path, prediction as JSON) and gives their number.

    Row by row; `out` has them when they are all written. Raises `OutputUnwritable`.
    """
    written = 0
    with writing(out) as file:
        for path, prediction in rows:
            data = json.dumps(image.data_of(addresses.of(path)), ensure_ascii=False)
            task = f'{{"data": {data}, "predictions": [{prediction}]}}'
            file.write(f"{',' if written else '['}\n{task}".encode())
            written += 1
        file.write(b"\n]\n" if written else b"[]\n")
    return written
