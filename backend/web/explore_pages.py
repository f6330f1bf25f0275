"""Puts the pages of an index together from its files. Reads; computes nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil
from typing import TypeVar
from urllib.parse import quote

from backend.errors import BadRequest, FirstpassError
from backend.pages.markup import Markup, element, with_code
from backend.pages.page import section
from backend.vectors.records import ImageRow, RegionRow
from backend.vectors.rows import IndexRows
from backend.web.explore_page import ExplorePage, Found
from backend.web.explore_source import ExploreSource, in_a_sentence
from backend.web.explore_view import Explored, map_points
from backend.web.picture_pages import copies_group, gallery_page, navigation, page_links, remarked
from backend.web.thumbnails import Pictures, gallery
from models.queries import MAX_PHRASE_CHARS

__all__ = ["ExplorePages"]

T = TypeVar("T")

#: Pictures of one page, and groups of copies.
PAGE, PAGE_GROUPS = 120, 25
#: Labels whose name in an address a browser would take for a step, or for none.
_BY_QUERY = ("", ".", "..")


@dataclass(frozen=True, slots=True)
class ExplorePages:
    """Every method raises errors of ours, `BadRequest` where there is no index."""

    source: ExploreSource

    def overview(self, project: int, sought: str | int) -> str:
        """The first page; with what a text finds, or what looks like a row. Nothing is sought by an empty text."""
        rows = self.source.rows(project)
        pictures = self._pictures(project, "{0}", "../crops/{0}")
        explored = self.source.explored(project)
        shown = _shown_rows(explored) if explored is not None else set()
        return ExplorePage(
            project=project,
            title=f"Project {project}: what there is",
            counts=rows.counts(),
            state=rows.state(),
            explored=explored,
            images={image.row: image for image in rows.images(shown)},
            pictures=pictures,
            labels=rows.labels(),
            makes_tabs=self.source.make_tab is not None,
            found=self._found(project, sought, rows, pictures) if sought else None,
        ).markup()

    def map(self, project: int) -> bytes:
        """The points as the script of the first page reads them."""
        explored = self.source.explored(project)
        tasks = self.source.rows(project).tasks()
        return map_points(explored.points if explored is not None else (), tasks)

    def thumbnail(self, project: int, row: int) -> bytes | None:
        """A small JPEG; `None` for a row that is gone."""
        return self.source.rows(project).thumbnail(row)

    def figures(self, project: int, rows: Sequence[int]) -> str:
        """Those images as figures, in that order, for the script of the first page."""
        pictures = self._pictures(project, "{0}", "../crops/{0}")
        images = {image.row: image for image in self.source.rows(project).images(rows)}
        return "".join(pictures.of_image(images[row]) for row in rows if row in images)

    def question(self, project: int, name: str, number: int) -> str:
        """All that `firstpass explore` found of one kind. Raises `BadRequest` for another name."""
        titles = {"copies": "Copies", "odd": "Unlike all others", "quality": "Hints on quality"}
        if name not in titles:
            raise BadRequest(
                f"there is no page {name!r} of a project; there are {', '.join(titles)}"
            )
        rows, explored = self.source.rows(project), self.source.explored(project)
        pictures = self._pictures(project, "../{0}", "../../crops/{0}")
        nav = navigation(pictures, name, labels=bool(rows.labels()))
        title = f"Project {project}: {titles[name].lower()}"
        if explored is None:
            why = element("p", "Not explored yet: run ", element("code", _command(project)), ".")
            return gallery_page(title, nav, [section(titles[name], why)], None)
        if name == "copies":
            groups, links = _paged(explored.copies, number, PAGE_GROUPS)
            images = _by_row(rows, [row for group in groups for row in group.rows])
            content = [copies_group(group, images, pictures) for group in groups]
            said = f"{len(explored.copies):,} groups; those that are labelled differently first"
        else:
            remarks, links = _paged(
                explored.odd if name == "odd" else explored.quality, number, PAGE
            )
            images = _by_row(rows, [one.row for one in remarks])
            content = [gallery(remarked(remarks, images, pictures))]
            of = len(explored.odd if name == "odd" else explored.quality)
            said = f"{of:,} images, the most telling first; a hint, no judgement"
        body = content if content else [element("p", "None.")]
        return gallery_page(title, nav, [section(titles[name], *body)], links, said)

    def labels(self, project: int) -> str:
        """The labels, each leading to its boxes."""
        rows = self.source.rows(project)
        pictures = self._pictures(project, "../explore/{0}", "../crops/{0}")
        links = [
            element(
                "li",
                element("a", label or "no label", href=f"{project}{_address(label)}"),
                f" {count:,} {'box' if count == 1 else 'boxes'}",
            )
            for label, count in rows.labels().items()
        ]
        content = element("ul", *links) if links else element("p", "No box is indexed.")
        nav = navigation(pictures, "crops", labels=True)
        title = f"Project {project}: boxes by label"
        return gallery_page(title, nav, [section("Labels", content)], None)

    def crops(self, project: int, label: str, number: int, *, below: bool = False) -> str:
        """Every box of a label as a picture. `below`: the label is part of the page's address."""
        rows, explored = self.source.rows(project), self.source.explored(project)
        regions = rows.regions(label=label)
        if not regions:
            known = ", ".join(one or "no label" for one in list(rows.labels())[:20])
            raise BadRequest(
                f"no box of {label[:60]!r} is indexed; there are boxes of {known or 'none'}"
            )
        oddness = explored.oddness if explored is not None else {}
        regions.sort(key=lambda one: (-oddness.get(one.row, -1.0), one.score or 0.0, one.row))
        up = "../.." if below else ".."
        pictures = self._pictures(project, up + "/explore/{0}", up + "/crops/{0}")
        some, links = _paged(
            regions, number, PAGE, "" if below else f"label={quote(label, safe='')}&"
        )
        images = _by_row(rows, [one.image for one in some])
        figures = [
            pictures.of_region(one, images[one.image], _source(one))
            for one in some
            if one.image in images
        ]
        order = "the oddest first" if oddness else f"`{_command(project)}` puts the oddest first"
        said = f"{len(regions):,} {'box' if len(regions) == 1 else 'boxes'}, {order}"
        nav = navigation(pictures, "crops", labels=True)
        title = f"Project {project}: {label or 'no label'}"
        return gallery_page(title, nav, [section("Boxes", gallery(figures))], links, said)

    def why_none(self, sentence: str) -> str:
        """A page in place of one that cannot be made."""
        content = section("There is nothing to show", element("p", *with_code(sentence)))
        return gallery_page("Firstpass", Markup(""), [content], None)

    def make_tab(self, project: int, tasks: Sequence[int]) -> tuple[str, str]:
        """A tab of these tasks: its title and address."""
        if self.source.make_tab is None:
            raise BadRequest(
                "no tab is made: Firstpass has no API key of Label Studio (FIRSTPASS_LABEL_STUDIO_API_KEY)"
            )
        return self.source.make_tab(project, tasks)

    def _pictures(self, project: int, base: str, crops: str) -> Pictures:
        return Pictures(base.format(project), crops.format(project), self.source.tasks(project))

    def _found(self, project: int, sought: str | int, rows: IndexRows, pictures: Pictures) -> Found:
        """What is found: the box or the image of each hit, the best first."""
        query = sought[:MAX_PHRASE_CHARS] if isinstance(sought, str) else ""
        title = f"Found for \u201c{query}\u201d" if query else "What looks like this"
        try:
            hits, sentence = self.source.search(project, sought)
        except FirstpassError as error:
            return Found(title, query, sentence=in_a_sentence(str(error)))
        figures = []
        if isinstance(sought, int):
            figures = _figures(rows, pictures, [(sought, "this one")])
        told = [(hit.row, f"z {hit.z:.1f}, ahead of {hit.percentile:.0%}") for hit in hits]
        return Found(title, query, [*figures, *_figures(rows, pictures, told)], sentence)


def _figures(rows: IndexRows, pictures: Pictures, told: Sequence[tuple[int, str]]) -> list[Markup]:
    """Rows of images or boxes with what is to be said of each; those that are gone are left out."""
    regions = {one.row: one for one in rows.regions([row for row, _ in told])}
    wanted = [row for row, _ in told if row not in regions]
    images = _by_row(rows, [*wanted, *(one.image for one in regions.values())])
    figures = []
    for row, said in told:
        if row in regions and regions[row].image in images:
            figures.append(pictures.of_region(regions[row], images[regions[row].image], said))
        elif row in images:
            figures.append(pictures.of_image(images[row], said))
    return figures


def _shown_rows(explored: Explored) -> set[int]:
    """The rows of images that the first page may show."""
    found = {row for cluster in explored.clusters for row in cluster.examples}
    found |= {row for group in explored.copies for row in group.rows}
    return found | {one.row for one in (*explored.odd, *explored.quality)}


def _by_row(rows: IndexRows, wanted: Sequence[int]) -> dict[int, ImageRow]:
    return {image.row: image for image in rows.images(wanted)}


def _paged(
    things: Sequence[T], number: int, most: int, query: str = ""
) -> tuple[Sequence[T], Markup | None]:
    """Those of one page, and links to the others; a page beyond the last is the last."""
    pages = max(1, ceil(len(things) / most))
    number = min(number, pages)
    return things[(number - 1) * most : number * most], page_links(number, pages, query)


def _source(region: RegionRow) -> str:
    return {
        "annotation": "drawn by a person",
        "prediction": "predicted",
        "asked": "found while indexing",
    }[region.source]


def _address(label: str) -> str:
    """What follows a project's number in the address of a label's page."""
    return f"?label={quote(label, safe='')}" if label in _BY_QUERY else f"/{quote(label, safe='')}"


def _command(project: int) -> str:
    return f"firstpass explore --project {project}"
