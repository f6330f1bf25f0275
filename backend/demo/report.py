"""What a demo run measured, for people and as JSON."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.table import Table

from backend.demo.evaluation import Tally

__all__ = ["Report", "as_table", "write_json"]


@dataclass(frozen=True, slots=True)
class Report:
    """The figures of one run; scores in 0..1, `seconds` from the command to the last prediction."""

    tasks: int
    predicted_tasks: int
    boxes: int
    tags: int
    f1_50: float
    tag_accuracy: float
    label_studio_version: str
    firstpass_version: str
    model_version: str
    seconds: float

    @classmethod
    def of(cls, tally: Tally, seconds: float, **versions: str) -> Report:
        """The figures of a tally, rounded for reading."""
        return cls(
            tasks=tally.tasks,
            predicted_tasks=tally.predicted_tasks,
            boxes=tally.boxes.given,
            tags=tally.tags,
            f1_50=round(tally.boxes.f1, 4),
            tag_accuracy=round(tally.tag_accuracy, 4),
            seconds=round(seconds, 1),
            **versions,
        )

    @property
    def complete(self) -> bool:
        """Whether every task got a prediction."""
        return self.predicted_tasks == self.tasks


def as_table(report: Report) -> Table:
    """A row per figure."""
    table = Table(show_header=False, title="Pre-filled in Label Studio", title_justify="left")
    table.add_column(justify="left")
    table.add_column(justify="right")
    table.add_row("tasks", f"{report.predicted_tasks} of {report.tasks}")
    table.add_row("boxes", str(report.boxes))
    table.add_row("tags", str(report.tags))
    table.add_row("F1 at IoU 0.5", f"{report.f1_50:.3f}")
    table.add_row("tag accuracy", f"{report.tag_accuracy:.3f}")
    table.add_row("seconds", f"{report.seconds:.1f}")
    return table


def write_json(report: Report, path: Path) -> None:
    """The figures as a JSON object, in a file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(asdict(report), indent=2) + "\n")
