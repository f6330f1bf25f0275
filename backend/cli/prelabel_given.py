"""What was given to `firstpass prelabel`, sorted into what a project takes and what a folder takes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from backend.errors import BadRequest

if TYPE_CHECKING:
    from backend.cli.prelabel_folder import FolderOptions
    from backend.cli.prelabel_project import ProjectOptions

__all__ = ["Given"]


@dataclass(frozen=True, slots=True)
class Given:
    """The options as they came."""

    project: int | None
    view: int | None
    filters: str | None
    ids: str | None
    labeled: bool
    watch: bool
    images: Path | None
    follow_links: bool
    config: Path | None
    out: Path | None
    format: str | None
    split: float | None
    url_prefix: str | None
    limit: int | None
    sample: int | None
    seed: int
    retry_failed: bool
    dry_run: bool
    sheet: Path

    def for_project(self) -> ProjectOptions:
        """Raises `BadRequest` for an option of folders, and for what contradicts itself."""
        from backend.cli.prelabel_project import ProjectOptions
        from backend.dataset.selection import Selection, parse_filters, parse_ids

        self._refuse(
            "--images",
            {
                "--config": self.config,
                "--out": self.out,
                "--format": self.format,
                "--split": self.split,
                "--follow-links": self.follow_links or None,
                "--url-prefix": self.url_prefix,
            },
        )
        if self.view is not None and self.filters is not None:
            raise BadRequest("expected --view or --filter, not both: a view is a filter")
        if self.watch and (self.limit or self.sample or self.dry_run):
            raise BadRequest("--watch goes on for new tasks, so it takes no number of them")
        selection = Selection(
            view=self.view,
            filters=parse_filters(self.filters) if self.filters is not None else None,
            ids=parse_ids(self.ids) if self.ids is not None else None,
            labeled=self.labeled,
            limit=self.limit,
            sample=self.sample,
            seed=self.seed,
        )
        return ProjectOptions(
            project=self.project or 0,
            selection=selection,
            retry_failed=self.retry_failed,
            watch=self.watch,
            dry_run=self.dry_run,
            sheet=self.sheet,
        )

    def for_folder(self) -> FolderOptions:
        """Raises `BadRequest` for an option of projects, and without a label config."""
        from backend.cli.prelabel_folder import FolderOptions

        self._refuse(
            "--project",
            {
                "--view": self.view,
                "--filter": self.filters,
                "--ids": self.ids,
                "--all": self.labeled or None,
                "--watch": self.watch or None,
            },
        )
        if self.images is None or self.config is None:
            raise BadRequest("expected --config FILE.xml, the label config, beside --images")
        if self.split is not None and self.format is None:
            raise BadRequest("expected --format beside --split: it is for datasets")
        if self.split is not None and not 0 < self.split < 1:
            raise BadRequest(f"expected --split between 0 and 1, as in 0.9, got {self.split:g}")
        return FolderOptions(
            images=self.images,
            follow_links=self.follow_links,
            config=self.config,
            out=self.out,
            format=self.format,
            split=self.split,
            url_prefix=self.url_prefix,
            limit=self.limit,
            sample=self.sample,
            seed=self.seed,
            retry_failed=self.retry_failed,
            dry_run=self.dry_run,
            sheet=self.sheet,
        )

    @staticmethod
    def _refuse(other: str, options: dict[str, object]) -> None:
        given = [name for name, value in options.items() if value is not None]
        if given:
            raise BadRequest(f"{', '.join(given)}: for {other} alone")
