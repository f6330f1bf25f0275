"""The images that one task brings for the `<Image>` tags of its label config. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from backend.errors import TaskError
from backend.label_config.control_tags import ObjectTag
from backend.label_config.value_expressions import MISSING, reached, value_of

__all__ = ["MOST_PAGES", "Blank", "Page", "blank_images", "pages_of"]

#: Pages of one image (`valueList`): each is a request of its own.
MOST_PAGES = 500
#: Of a task's data as many keys are named, each by so many characters: a task may bring thousands.
MOST_KEYS, KEY_CHARS = 20, 60


@dataclass(frozen=True, slots=True)
class Page:
    """One image and what the data holds for it, which may be anything; `image` says which page."""

    image: ObjectTag
    value: object


@dataclass(frozen=True, slots=True)
class Blank:
    """An image, or a page of one, that the task leaves out; `words` say how."""

    words: str


def pages_of(image: ObjectTag, data: Mapping[str, Any]) -> tuple[Page | Blank, ...]:
    """The image itself; of one with pages each of them, as Label Studio's editor counts them.

    At least one. Raises `TaskError` for more than `MOST_PAGES`, and for what is no address at all.
    """
    value = value_of(image.expression, data)
    if not image.is_list:
        return (_page(image, value, data),)
    if not isinstance(value, list):
        # The editor shows a single address as one page.
        return (_page(replace(image, item_index=0), value, data),)
    if len(value) > MOST_PAGES:
        raise TaskError(
            f"expected at most {MOST_PAGES} pages in {image.data_key!r}, got {len(value)}"
        )
    if not value:
        read = f"the label config reads the image {image.name!r} from {image.place}"
        return (Blank(f"{read}, which has no pages: the list is empty"),)
    numbered = (replace(image, item_index=number) for number in range(len(value)))
    return tuple(_page(*each, data) for each in zip(numbered, value, strict=True))


def blank_images(images: Iterable[ObjectTag], data: Mapping[str, Any]) -> Iterator[str]:
    """A sentence for each image or page that the task leaves out. Raises as `pages_of` does."""
    for image in images:
        for page in pages_of(image, data):
            if isinstance(page, Blank):
                yield page.words


def _page(image: ObjectTag, value: object, data: Mapping[str, Any]) -> Page | Blank:
    read = f"the label config reads the image {image.name!r} from {image.place}"
    if value is MISSING:
        key, held = reached(image.expression, data)
        has = f"{_kind(held)} at {key!r}" if key else _keys(data)
        return Blank(f"{read}, but the task's data has {has}")
    if value is None or (isinstance(value, str) and not value.strip()):
        what = "null" if value is None else "an empty text"
        return Blank(f"{read}, which is blank: the task's data has {what} there")
    if not isinstance(value, str):
        remedy = "" if image.is_list else "; pages of one image are named by valueList, not value"
        raise TaskError(
            f"{read} and expects an address as text there, got {_kind(value)}"
            f"{remedy if isinstance(value, list) else ''}"
        )
    return Page(image, value)


def _kind(value: object) -> str:
    match value:
        case list():
            return f"a list of {len(value)}"
        case Mapping():
            return f"an object with {_keys(value)}"
        case str():
            return "a text"
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
    return "a number"


def _keys(held: Mapping[Any, Any]) -> str:
    """The keys by name; of many the first."""
    names = sorted(str(key)[:KEY_CHARS] for key in held)
    more = [f"{len(names) - MOST_KEYS} more"] if len(names) > MOST_KEYS else []
    return ", ".join(names[:MOST_KEYS] + more) or "no keys"
