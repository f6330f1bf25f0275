"""A benchmark's figures as a table for people and as JSON for programs."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

from rich import box
from rich.table import Table
from rich.text import Text

from backend.processes.redis_server import find_redis_server
from tests.bench.figures import Figure

__all__ = ["Report", "machine"]

_COLOURS = {True: "green", False: "bold red", None: ""}


@dataclass(slots=True)
class Report:
    """The figures of one run, with the machine it ran on."""

    title: str
    settings: dict[str, Any]
    machine_before: dict[str, Any] = field(default_factory=lambda: machine())
    figures: list[Figure] = field(default_factory=list)
    #: Seconds that each benchmark took.
    seconds: dict[str, float] = field(default_factory=dict)

    @property
    def missed(self) -> Sequence[Figure]:
        """The figures that did not keep their target."""
        return [figure for figure in self.figures if figure.met is False]

    def table(self) -> Table:
        """One row per figure: what was measured, what was asked, and against what."""
        table = Table(title=self.title, box=box.SIMPLE_HEAD, title_justify="left")
        table.add_column("figure", ratio=3)
        table.add_column("measured", justify="right", no_wrap=True)
        table.add_column("target", no_wrap=True)
        table.add_column("", no_wrap=True)
        table.add_column("ours, against the alternative in the same run", ratio=5)
        for figure in self.figures:
            target = f"{figure.target}{figure.unit}" if figure.target else ""
            table.add_row(
                figure.title,
                f"{figure.value:.3g}{figure.unit}",
                target,
                Text(figure.verdict, style=_COLOURS[figure.met]),
                figure.against,
            )
        return table

    def write(self, path: Path) -> None:
        """Write everything, raw numbers included, as JSON."""
        body = {
            "title": self.title,
            "at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            "settings": self.settings,
            "machine": {"before": self.machine_before, "after": machine()},
            "seconds": {name: round(took, 1) for name, took in self.seconds.items()},
            "figures": [figure.as_json() for figure in self.figures],
        }
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(body, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def machine() -> dict[str, Any]:
    """Processors, load (1, 5 and 15 minutes) and versions: what the raw numbers depend on."""
    redis_says = subprocess.run(
        [find_redis_server(), "--version"], capture_output=True, text=True, check=True
    )
    return {
        "system": platform.platform(),
        "processors": os.cpu_count(),
        "load": [round(load, 2) for load in os.getloadavg()],
        "python": platform.python_version(),
        "redis_server": redis_says.stdout.split("v=")[-1].split()[0],
        "packages": {name: version(name) for name in ("redis", "rq", "torch", "firstpass")},
    }
