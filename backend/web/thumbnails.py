"""Images and boxes of an index as small pictures, each leading to its task. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from backend.pages.markup import Markup, element
from backend.vectors.records import ImageRow, RegionRow

__all__ = ["PICTURES_STYLE", "Pictures", "gallery"]

PICTURES_STYLE = """
.pictures { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(132px, 44%), 1fr)); gap: 12px; }
.pictures figure { margin: 0; min-width: 0; }
.pictures img { width: 100%; aspect-ratio: 1; object-fit: contain; display: block; border-radius: 6px; background: var(--ground); }
.pictures figcaption { font-size: 13px; color: var(--soft); overflow-wrap: anywhere; margin-top: 4px; }
.pictures figcaption p { margin: 0; }
"""


@dataclass(frozen=True, slots=True)
class Pictures:
    """`base` and `crops` are the addresses of `/explore/PROJECT` and `/crops/PROJECT` as the page sees them.

    `tasks` is that of the project's tasks for people, empty where it is not known.
    """

    base: str
    crops: str
    tasks: str

    def of_image(self, image: ImageRow, *lines: str) -> Markup:
        """An image with what is to be said of it."""
        return self._figure(image.row, image, _named(image), lines)

    def of_region(self, region: RegionRow, image: ImageRow, *lines: str) -> Markup:
        """A box of an image with what is to be said of it."""
        score = "" if region.score is None else f" {region.score:.2f}"
        label = f"{region.label or 'no label'}{score}"
        return self._figure(region.row, image, f"{label}, {_named(image)}", lines)

    def _figure(self, row: int, image: ImageRow, name: str, lines: Iterable[str]) -> Markup:
        picture = element(
            "img", src=f"{self.base}/thumbnail/{row}", alt=name, loading="lazy", decoding="async"
        )
        like = element(
            "a",
            "more like this",
            href=f"{self.base}?like={row}",
            aria_label=f"more like this: {name}",
        )
        told = [element("p", line, dir="auto") for line in lines if line] + [element("p", like)]
        if not self.tasks or image.task is None:
            return element("figure", picture, element("figcaption", element("bdi", name), *told))
        address = f"{self.tasks}?task={image.task}"
        return element(
            "figure",
            element("a", picture, href=address, tabindex="-1", aria_hidden="true"),
            element("figcaption", element("a", name, href=address, dir="auto"), *told),
        )


def gallery(figures: Iterable[Markup]) -> Markup:
    """Pictures beside each other."""
    return element("div", *figures, class_="pictures")


def _named(image: ImageRow) -> str:
    """What an image is called: by its task where it has one."""
    if image.task is None:
        return image.path
    more = f", image {image.number + 1}" if image.number else ""
    return f"task {image.task}{more}"
