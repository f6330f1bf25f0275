"""What was given to `firstpass evaluate`, sorted by where the labelled images come from."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from backend.errors import BadRequest
from backend.settings import Settings

if TYPE_CHECKING:
    from backend.cli.evaluate_run import EvaluateOptions
    from backend.evaluation.labelled import LabelledSet
    from backend.evaluation.sources import Source

__all__ = ["EvaluateGiven"]


@dataclass(frozen=True, slots=True)
class EvaluateGiven:
    """The options as they came."""

    project: int | None
    export: Path | None
    images: Path | None
    format: Literal["coco", "yolo", "voc"] | None
    annotations: Path | None
    split: str | None
    config: Path | None
    limit: int | None
    sample: int | None
    seed: int
    retry_failed: bool
    sweep: bool
    against: tuple[str, ...]
    write_thresholds: bool

    def options(self) -> EvaluateOptions:
        """Raises `BadRequest` for options that do not go together."""
        from backend.cli.evaluate_run import EvaluateOptions
        from backend.evaluation.run import Selected

        self._check()
        return EvaluateOptions(
            read=self._source,
            selected=Selected(self.limit, self.sample, self.seed),
            retry_failed=self.retry_failed,
            sweep=self.sweep,
            against=self.against,
            write_thresholds=self.write_thresholds,
        )

    def _check(self) -> None:
        if self.project is not None:
            self._refuse(
                "--project", "export", "images", "format", "annotations", "split", "config"
            )
        elif self.export is not None:
            self._refuse("--export", "format", "annotations", "split")
        elif self.images is None:
            raise BadRequest(
                "expected --project ID, --export FILE.json, or --images FOLDER --format coco|yolo|voc"
            )
        elif self.format is None:
            raise BadRequest("expected --format coco, yolo or voc beside --images")
        elif self.format == "coco":
            self._refuse("--format coco", "split")
        if self.write_thresholds and self.project is None and self.config is None:
            raise BadRequest(
                "--write-thresholds writes into a label config: give --config FILE.xml, or --project"
            )

    def _refuse(self, beside: str, *names: str) -> None:
        given = [f"--{name}" for name in names if getattr(self, name) is not None]
        if given:
            raise BadRequest(
                f"{beside} takes no {' and no '.join(given)}: leave out one or the other"
            )

    def _source(self, settings: Settings) -> Source:
        from backend.evaluation.sources import dataset_source, export_source, project_source

        if self.project is not None:
            return project_source(self.project, settings)
        if self.export is not None:
            return export_source(self.export, self.images, self.config, settings)
        if self.images is None:
            raise BadRequest("expected --images FOLDER")
        return dataset_source(self.images, self._dataset, self.config, settings)

    def _dataset(self, folder: Path) -> LabelledSet:
        from backend.evaluation.coco import read_coco
        from backend.evaluation.voc import read_voc
        from backend.evaluation.yolo import read_yolo

        if self.format == "coco":
            return read_coco(folder, self.annotations)
        read = read_yolo if self.format == "yolo" else read_voc
        return read(folder, self.annotations, self.split)
