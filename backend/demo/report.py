"""What a demo run measured, for people and as JSON."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path

from backend.demo.evaluation import Tally
from backend.demo.review_loop import LoopFigures
from backend.pages.summary import Figure, to_json

__all__ = ["Report", "figures_of", "write_json"]


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


def figures_of(report: Report) -> tuple[Figure, ...]:
    """What people read of it."""
    return (
        Figure("tasks", f"{report.predicted_tasks} of {report.tasks}"),
        Figure("boxes", str(report.boxes)),
        Figure("tags", str(report.tags)),
        Figure("F1 at IoU 0.5", f"{report.f1_50:.3f}"),
        Figure("tag accuracy", f"{report.tag_accuracy:.3f}"),
        Figure("seconds", f"{report.seconds:.1f}"),
    )


def write_json(report: Report | LoopFigures, path: Path) -> None:
    """The figures as a JSON object, in a file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(to_json(asdict(report)))
