"""`firstpass` with a note of when each of some functions is first entered, over all threads.

`python -m tests.standin.traced NOTES NAMES COMMAND...`: NAMES is a JSON file with a list of `[file, function]`,
files as paths of this repository. NOTES gets a JSON line `[monotonic seconds, file, function]` for each. The clock is
the machine's, so that the notes of several processes can be sorted.
"""

from __future__ import annotations

import importlib
import json
import sys
import threading
import time
from pathlib import Path
from types import FrameType

from backend.cli.main import main

REPOSITORY = Path(__file__).parents[2]


def watch(notes: Path, names: list[tuple[str, str]]) -> None:
    """Begin, in this thread and in those that are started from here on."""
    files = {str(REPOSITORY / file): file for file, _ in names}
    wanted = set(names)

    def entered(frame: FrameType, event: str, argument: object) -> None:
        file = files.get(frame.f_code.co_filename)
        if file is None or event != "call":
            return
        # A function within another goes by its own name.
        name = (file, frame.f_code.co_qualname.rpartition("<locals>.")[2])
        if name in wanted:
            wanted.discard(name)
            with notes.open("a") as sink:
                sink.write(json.dumps([time.monotonic(), *name]) + "\n")

    threading.setprofile(entered)
    sys.setprofile(entered)


if __name__ == "__main__":
    _, to, given, *command = sys.argv
    if command[0] == "worker":
        importlib.import_module(
            "models.runtime"
        )  # torch: a minute, if each of its calls were looked at
    watch(Path(to), [(file, function) for file, function in json.loads(Path(given).read_text())])
    sys.argv = ["firstpass", *command]
    main()
