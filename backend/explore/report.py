"""What was found, for people: figures, tables, and galleries of thumbnails; and the same as JSON. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from backend.explore.findings import Question
from backend.pages.summary import Cell, Figure, Link, Summary, Table, Toned, to_json
from backend.plain import Json

__all__ = ["ExploreReport", "ImageName", "explore_summary"]

#: Rows of a table and images of a row that are named.
_ROWS, _NAMED = 100, 4


@dataclass(frozen=True, slots=True)
class ImageName:
    """How an image is called, and its address in Label Studio; empty of a folder."""

    key: str
    name: str
    address: str = ""
    #: `None` of a folder.
    task: int | None = None


@dataclass(frozen=True, slots=True)
class ExploreReport:
    """The answers as `exploring` gives them, and what their rows are called. `others` are those of the other set."""

    title: str
    made_at: str
    images: int
    seed: int
    answers: Mapping[Question, Json]
    names: Mapping[int, ImageName]
    others: Mapping[int, ImageName] = field(default_factory=dict)
    notes: Sequence[str] = ()

    def to_json(self) -> str:
        """Everything, for programs: `names` tells for each row its key, task and address."""
        return to_json(
            {
                "title": self.title,
                "made_at": self.made_at,
                "images": self.images,
                "seed": self.seed,
                "notes": list(self.notes),
                **{str(question): body for question, body in self.answers.items()},
                "rows": {str(row): _told(name) for row, name in self.names.items()},
                "other_rows": {str(row): _told(name) for row, name in self.others.items()},
            }
        )

    def linked(self, rows: Sequence[int], names: Mapping[int, ImageName] | None = None) -> Cell:
        """The images of a cell of a table: the first few, a line each."""
        known = self.names if names is None else names
        named = [known.get(row, ImageName("", f"row {row}")) for row in rows[:_NAMED]]
        lines: list[str | Link] = [Link(one.name, one.address) for one in named]
        if len(rows) > _NAMED:
            lines.append(f"and {len(rows) - _NAMED:,} more")
        return tuple(lines)


def explore_summary(report: ExploreReport) -> Summary:
    """The figures first, then a table for each question that was asked."""
    tables: Mapping[Question, Callable[[ExploreReport, Json], Table]] = {
        "copies": _copies, "clusters": _clusters, "gaps": _gaps, "outliers": _outliers,
        "quality": _quality, "drift": _drift,
    }  # fmt: skip
    made = [
        tables[question](report, body)
        for question, body in report.answers.items()
        if question in tables
    ]
    return Summary(
        f"Explored: {report.title}",
        [f"made {report.made_at}", f"seed {report.seed}"],
        tuple(_figures(report)),
        notes=tuple(report.notes),
        tables=made,
    )


def _told(name: ImageName) -> Json:
    return {"key": name.key, "task": name.task, "address": name.address}


def _figures(report: ExploreReport) -> Iterator[Figure]:
    answers = report.answers
    yield Figure("images", f"{report.images:,}")
    if (copies := answers.get("copies")) is not None:
        groups = copies["groups"]
        conflicts, leaks = (sum(group[kind] for group in groups) for kind in ("conflict", "leak"))
        more = f"in {len(groups):,} groups; {conflicts:,} labelled differently, {leaks:,} in several splits"
        spare = sum(len(group["rows"]) - 1 for group in groups)
        yield Figure("images that are copies of others", f"{spare:,}", more)
    if (clusters := answers.get("clusters")) is not None:
        apart = clusters["silhouette"]
        more = (
            "" if apart is None else f"apart from each other by {apart:.2f} (silhouette, at most 1)"
        )
        yield Figure("clusters", f"{len(clusters['clusters']):,}", more)
    if (gaps := answers.get("gaps")) is not None:
        yield Figure(
            "gaps", f"{len(gaps['gaps']):,}", f"of {gaps['looked']:,} pairs of label and scene"
        )
    if (outliers := answers.get("outliers")) is not None:
        yield Figure("outliers", f"{len(outliers['images']):,}", "far from all other images")
    if (quality := answers.get("quality")) is not None:
        images = len({hint["row"] for hint in quality["hints"]})
        yield Figure("hints of quality", f"{len(quality['hints']):,}", f"on {images:,} images")
    if (drift := answers.get("drift")) is not None:
        interval = f"{drift['low']:.2f} to {drift['high']:.2f}; 0.5: alike, 1: never alike"
        yield Figure(f"told apart from {drift['against']}", f"{drift['auroc']:.2f}", interval)


def _copies(report: ExploreReport, body: Json) -> Table:
    rows: list[Sequence[Cell]] = []
    for group in body["groups"][:_ROWS]:
        tone = "labelled differently" if group["conflict"] else "leak" if group["leak"] else ""
        first: Cell = Toned(tone, "bad") if tone else ""
        least = min(group["pairs"], key=lambda pair: pair["score"])
        rows.append(
            (first, group["reason"], report.linked(group["rows"]), "; ".join(least["evidence"]))
        )
    notes = [
        f"{body['compared']:,} pairs were laid over each other and compared; no pair is told by a hash or a vector "
        "only. The evidence is that of a group's least like pair.",
        *_more(body["groups"]),
    ]
    advice = "" if rows else "No copies were found."
    return Table("Copies", ("", "what", "images", "evidence"), rows, notes, advice)


def _clusters(report: ExploreReport, body: Json) -> Table:
    rows = [
        (
            one["name"],
            f"{one['size']:,}",
            " / ".join(one["words"][:2]),
            ", ".join(one["labels"]),
            "-" if one["purity"] is None else f"{100 * one['purity']:.0f} % {one['label']}",
            report.linked(one["rows"]),
        )
        for one in body["clusters"]
    ]
    notes = (
        "in words: what sets the cluster apart from the others, by the model; by labels: what is more often in it "
        "than elsewhere. Purity: the share of its labelled images that have its commonest label. The images nearest to "
        "its middle come first.",
    )
    columns = ("cluster", "images#", "in words", "by labels", "purity", "images")
    return Table("Clusters", columns, rows, notes if rows else ())


def _gaps(report: ExploreReport, body: Json) -> Table:
    rows = [
        (
            gap["label"],
            gap["scene"],
            f"{gap['there']:,}",
            f"{gap['expected']:.1f}",
            f"{gap['chance']:.1e}",
        )
        for gap in body["gaps"][:_ROWS]
    ]
    by = f"the choice {body['scenes']}" if body["scenes"] else "the clusters"
    notes = [
        f"Scenes are {by}; labels are those that are {body['labels']}. Expected: as often as the label is elsewhere. "
        "Chance: how likely so few are in a set without any gap, of all pairs that were looked at.",
        *_more(body["gaps"]),
    ]
    notes = notes if body["labels"] else []
    advice = "" if rows else _no_gap(body)
    return Table("Gaps", ("label", "scene", "there#", "expected#", "chance#"), rows, notes, advice)


def _no_gap(body: Json) -> str:
    if body["looked"]:
        return "No label is rarer in a scene than chance makes it."
    if not body["labels"]:
        return "No gap can be told: no image in the index has labels."
    return "No gap can be told: of no label and scene are 3 images expected together."


def _outliers(report: ExploreReport, body: Json) -> Table:
    rows = [
        (
            report.linked([one["row"]]),
            f"{one['score']:.1f}",
            one["reason"],
            "" if one["kind"] == "alone" else f"{one['group'] + 1}",
        )
        for one in body["images"][:_ROWS]
    ]
    advice = "" if rows else "No image is far from all others."
    columns = ("image", "how far#", "why", "group#")
    return Table("Outliers", columns, rows, _more(body["images"]), advice)


def _quality(report: ExploreReport, body: Json) -> Table:
    rows = [
        (report.linked([one["row"]]), one["reason"], f"{one['score']:.1f}")
        for one in body["hints"][:_ROWS]
    ]
    notes = [
        "Hints, no faults: limits go by what is usual in this set, and a blurred picture may be just what is wanted.",
        *_more(body["hints"]),
    ]
    advice = "" if rows else "No image stands out."
    return Table("Image quality", ("image", "hint", "how far#"), rows, notes, advice)


def _drift(report: ExploreReport, body: Json) -> Table:
    rows = [
        (
            one["reason"],
            f"{one['z']:+.1f}",
            report.linked(one["rows"]),
            report.linked(one["other_rows"], report.others),
        )
        for one in body["clusters"]
    ]
    notes = (
        f"A classifier that saw four fifths of both sets tells the rest apart with an AUROC of {body['auroc']:.3f} "
        f"({body['low']:.3f} to {body['high']:.3f} in 95 of 100 cases); images of equal pixels are kept together.",
    )
    columns = ("cluster", "standard errors#", "of this set", "of the other")
    return Table(
        f"Against {body['against']}", columns, rows, notes, f"{body['reason']}.".capitalize()
    )


def _more(found: Sequence[object]) -> Sequence[str]:
    return [f"The first {_ROWS} of {len(found):,}; --json has all."] if len(found) > _ROWS else []
