"""`/explore/PROJECT`: what there is in a project's images, and the way from each picture to its task. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from backend.pages.markup import Markup, element
from backend.pages.page import content_policy, document, section, table_section, tiles
from backend.pages.summary import Figure
from backend.vectors.records import ImageRow
from backend.vectors.rows import IndexCounts
from backend.web.explore_view import Cluster, Explored
from backend.web.map_script import MAP_SCRIPT, MAP_STYLE
from backend.web.picture_pages import (
    OUTSIDE,
    PICTURE_SOURCES,
    STYLE,
    copies_group,
    navigation,
    remarked,
)
from backend.web.thumbnails import Pictures, gallery
from models.queries import MAX_PHRASE_CHARS

__all__ = ["EXPLORE_POLICY", "ExplorePage", "Found"]

#: On the first page of a project; the page of each question shows all.
MOST_GROUPS, MOST_IMAGES = 4, 12
CLUSTER_EXAMPLES = 6

_MAP = {"style": STYLE + MAP_STYLE, "script": MAP_SCRIPT, "forms": "'self'"}
EXPLORE_POLICY = content_policy(*PICTURE_SOURCES, OUTSIDE, **_MAP)


@dataclass(frozen=True, slots=True)
class Found:
    """What was found, as figures; or why nothing was, in a sentence. `query` is what was typed, if anything was."""

    title: str
    query: str = ""
    figures: Sequence[Markup] = ()
    sentence: str = ""


@dataclass(frozen=True, slots=True)
class ExplorePage:
    """Everything the page is made of. `explored` is `None` before `firstpass explore` was run."""

    project: int
    title: str
    counts: IndexCounts
    state: str
    explored: Explored | None
    images: Mapping[int, ImageRow]
    pictures: Pictures
    labels: Mapping[str, int]
    #: Whether a tab can be made from here: the web process knows Label Studio and may write.
    makes_tabs: bool = False
    found: Found | None = None

    def markup(self) -> str:
        """The whole document."""
        return document(
            self.title,
            element("header", element("h1", self.title), element("p", " · ".join(self._about()))),
            navigation(self.pictures, "", labels=bool(self.labels)),
            tiles(self._figures()),
            self._search(),
            *self._found(),
            *self._of_explored(),
            policy=content_policy(*PICTURE_SOURCES, **_MAP),
            style=STYLE + MAP_STYLE,
            script=MAP_SCRIPT,
        )

    def _about(self) -> Iterator[str]:
        if self.explored is not None:
            yield f"explored {self.explored.made_at}"
            if self.explored.state != self.state:
                yield f"the index has changed since: run firstpass explore --project {self.project} again"

    def _figures(self) -> Iterator[Figure]:
        yield Figure("images", f"{self.counts.images:,}")
        yield Figure(
            "boxes",
            f"{self.counts.regions:,}",
            f"{len(self.labels):,} {'label' if len(self.labels) == 1 else 'labels'}",
        )
        if self.counts.failed:
            yield Figure("not indexed", f"{self.counts.failed:,}", "firstpass index says why")
        if self.explored is not None:
            yield Figure("clusters", f"{len(self.explored.clusters):,}")
            conflicts = sum(group.conflict for group in self.explored.copies)
            yield Figure(
                "groups of copies",
                f"{len(self.explored.copies):,}",
                f"{conflicts:,} labelled differently",
            )

    def _search(self) -> Markup:
        typed = "" if self.found is None else self.found.query
        return section(
            "Search",
            element(
                "form",
                element(
                    "input",
                    name="q",
                    value=typed,
                    type="search",
                    maxlength=str(MAX_PHRASE_CHARS),
                    aria_label="What to look for",
                    placeholder="red star at night",
                ),
                element("button", "Search", type="submit"),
                class_="search",
                method="get",
                action=f"{self.pictures.base}",
                role="search",
            ),
        )

    def _found(self) -> Iterator[Markup]:
        if self.found is not None:
            sentence = element("p", self.found.sentence) if self.found.sentence else None
            yield section(
                self.found.title,
                sentence,
                gallery(self.found.figures) if self.found.figures else None,
            )

    def _of_explored(self) -> Iterator[Markup]:
        explored = self.explored
        if explored is None:
            command = element("code", f"firstpass explore --project {self.project}")
            yield section(
                "Map, clusters, copies", element("p", "Not explored yet: run ", command, ".")
            )
            return
        if explored.notes:
            yield section("To know", element("ul", *(element("li", one) for one in explored.notes)))
        if explored.points:
            yield self._map(explored)
        if explored.clusters:
            yield section("Clusters", *map(self._cluster, explored.clusters))
        if explored.copies:
            groups = [
                copies_group(one, self.images, self.pictures)
                for one in explored.copies[:MOST_GROUPS]
            ]
            more = self._more("copies", len(explored.copies), MOST_GROUPS, "groups")
            yield section("Copies", *groups, more)
        for title, name, remarks in (
            ("Unlike all others", "odd", explored.odd),
            ("Hints on quality", "quality", explored.quality),
        ):
            if remarks:
                figures = remarked(remarks[:MOST_IMAGES], self.images, self.pictures)
                yield section(
                    title, gallery(figures), self._more(name, len(remarks), MOST_IMAGES, "images")
                )
        yield from map(table_section, explored.tables)

    def _map(self, explored: Explored) -> Markup:
        say = (
            f"Map of {len(explored.points):,} images, alike ones near each other, coloured by cluster. The clusters "
            "below say the same in words, and choose their images by a button."
        )
        buttons = [
            element("button", "Choose nothing", type="button", id="none", hidden=""),
            element("button", "Whole map", type="button", id="whole", hidden=""),
        ]
        if self.makes_tabs:
            buttons.insert(
                0, element("button", "Make a tab of these", type="button", id="tab", hidden="")
            )
        return section(
            "Map",
            element(
                "canvas",
                id="map",
                tabindex="0",
                role="application",
                aria_label=say,
                aria_describedby="said",
                data_base=self.pictures.base,
            ),
            element("div", element("p", "", id="said", role="status"), *buttons, class_="tools"),
            element(
                "div", id="chosen", class_="pictures", role="region", aria_label="Chosen images"
            ),
            element(
                "p",
                "How far islands lie apart, and how large they are, says nothing: only what is near each other is alike.",
                class_="note",
            ),
        )

    def _cluster(self, cluster: Cluster) -> Markup:
        figures = [
            self.pictures.of_image(self.images[row])
            for row in cluster.examples[:CLUSTER_EXAMPLES]
            if row in self.images
        ]
        size = element(
            "span", f" {cluster.size:,} images{', ' if cluster.about else ''}{cluster.about}"
        )
        return element(
            "div",
            element("h3", element("bdi", cluster.name), size),
            gallery(figures),
            element(
                "p",
                element(
                    "button",
                    f"Choose {cluster.name} on the map",
                    type="button",
                    hidden="",
                    data_cluster=str(cluster.number),
                    data_name=cluster.name,
                ),
            ),
            class_="group",
        )

    def _more(self, name: str, of: int, shown: int, what: str) -> Markup | None:
        if of <= shown:
            return None
        link = element("a", f"all {of:,} {what}", href=f"{self.pictures.base}/{name}")
        return element("p", link, class_="advice")
