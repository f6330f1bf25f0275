"""What a pass over the images did, for people and as JSON. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass

from backend.indexing.index_run import PassFigures
from backend.pages.summary import Figure, Summary, to_json
from backend.vectors.records import FailedItem
from backend.vectors.rows import IndexCounts
from backend.wording import images as in_images
from backend.wording import printable

__all__ = ["IndexReport", "index_summary"]

#: Failures that are named one by one.
_NAMED = 10


@dataclass(frozen=True, slots=True)
class IndexReport:
    """`title` names what is indexed, `version` the plan by which models were asked for regions."""

    title: str
    folder: str
    counts: IndexCounts
    did: PassFigures
    failures: Sequence[FailedItem]
    version: str = ""
    #: The version whose stored predictions count; empty for any.
    shown: str = ""
    other_models: Sequence[str] = ()

    def to_json(self) -> str:
        """Every figure, for programs."""
        return to_json(asdict(self))


def index_summary(report: IndexReport) -> Summary:
    """The same for people."""
    did, counts = report.did, report.counts
    pace = f"{did.indexed / did.seconds:.1f} images/s" if did.indexed and did.seconds else ""
    return Summary(
        f"Index of {report.title}",
        (),
        figures=[
            Figure("images", f"{counts.images:,}"),
            Figure("regions", f"{counts.regions:,}"),
            Figure("new or changed", f"{did.indexed:,}", pace),
            Figure("removed", f"{did.removed:,}"),
            Figure("failed", f"{counts.failed:,}"),
        ],
        notes=list(_notes(report)),
        tables=[],
    )


def _notes(report: IndexReport) -> Iterator[str]:
    did, of = report.did, Counter(report.did.regions_by_source)
    if of["annotation"]:
        yield (
            f"{of['annotation']:,} regions of {in_images(did.images_by_source['annotation'])} are "
            "from annotations."
        )
    if of["prediction"]:
        rows = f"of {report.shown} " if report.shown else ""
        yield (
            f"{of['prediction']:,} regions of {in_images(did.images_by_source['prediction'])} are from "
            f"stored predictions {rows}: nobody has submitted anything there.".replace(" :", ":")
        )
    if of["asked"]:
        yield (
            f"{of['asked']:,} regions of {in_images(did.images_by_source['asked'])} were asked for by the label config "
            f"as it is now ({report.version})."
        )
    if did.unplaced:
        yield f"{did.unplaced:,} regions have no area or are not on their image, and are left out."
    for one in report.failures[:_NAMED]:
        yield printable(f"Failed: {one.key}: {one.reason}")
    if len(report.failures) > _NAMED:
        yield f"And {len(report.failures) - _NAMED:,} more failed; --json names all."
    if report.failures:
        yield "The same command tries them again."
    if report.other_models:
        yield (
            f"There is an index of another model, too ({', '.join(report.other_models)}): it stays as it is, and "
            "is not asked. Delete its folder if it is needed no more."
        )
    yield f"It is in {report.folder}"
