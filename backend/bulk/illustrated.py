"""A report with pictures: what a bulk run hands to whoever writes its page."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from backend.bulk.cuts import Cut
from backend.bulk.drawing import LabelColours
from backend.bulk.gallery import STYLE, gallery_sections
from backend.bulk.report import Report
from backend.bulk.sliders import SCRIPT
from backend.bulk.thumbnail import Thumbnail
from backend.pages.page import summary_page
from backend.pages.summary import Summary

__all__ = ["Illustrated"]


@dataclass(frozen=True, slots=True)
class Illustrated:
    """`cuts` are the thresholds that a dry run lets people try; a run that is not `dry` has none."""

    report: Report
    pictures: tuple[Thumbnail, ...] = ()
    colours: LabelColours = field(default_factory=LabelColours)
    cuts: tuple[Cut, ...] = ()
    dry: bool = False

    def summary(self) -> Summary:
        """What people read of it."""
        told = self.report.summary(self.colours)
        title = f"Dry run, nothing written: {self.report.facts.source}"
        return replace(told, title=title) if self.dry else told

    def page(self) -> str:
        """The whole document, one file that loads nothing."""
        parts = gallery_sections(self.pictures, self.report.predicted, self.cuts, self.colours)
        return summary_page(
            self.summary(),
            first=parts,
            style=STYLE,
            script=SCRIPT if self.cuts else "",
            pictures=True,
        )
