"""Attributes of control tags and of their labels, read and checked. Pure.

The names follow Label Studio's YOLO example (`predicted_values`, `model_score_threshold`, `model_skip`);
`label_config/README.md` lists them all.
"""

from __future__ import annotations

from collections.abc import Collection
from xml.etree.ElementTree import Element

from backend.label_config.calibration import MOST, Calibration
from backend.label_config.control_tags import PerRegion
from models.queries import MAX_PHRASE_CHARS, MIN_TILE_PX

__all__ = [
    "Unserved",
    "calibration",
    "is_note",
    "is_prompt",
    "is_skipped",
    "is_true",
    "per_region",
    "phrases",
    "prompt",
    "task",
    "threshold",
    "tile_px",
]


class Unserved(Exception):
    """Why this one tag is left to the annotator; the others are served all the same."""


def is_true(element: Element, attribute: str) -> bool:
    """Whether an attribute says `true`; it does not where it is not set."""
    return element.get(attribute, "").lower() in ("true", "1", "yes")


def is_skipped(element: Element) -> bool:
    """Whether a tag or label is left to the annotator by `model_skip`."""
    return is_true(element, "model_skip")


def is_prompt(element: Element) -> bool:
    """Whether people type into a `<TextArea>` what to look for, so that nothing is filled into it.

    It says so by `model_task="prompt"`; without a task by `smart`, or the name `prompt`.
    """
    if element.tag != "TextArea" or is_true(element, "perRegion"):
        return False
    given = element.get("model_task")
    if given is not None:
        return given == "prompt"
    return is_true(element, "smart") or element.get("name") == "prompt"


def is_note(element: Element) -> bool:
    """Whether a `<TextArea>` is where Firstpass answers people in words.

    It says so by `model_task="note"`; without a task, and where nobody asks in it, by the name `note`.
    """
    if element.tag != "TextArea" or is_true(element, "perRegion") or is_prompt(element):
        return False
    given = element.get("model_task")
    return element.get("name") == "note" if given is None else given == "note"


def threshold(element: Element) -> float | None:
    """`model_score_threshold`, 0..1. Raises `Unserved` for anything else."""
    given = element.get("model_score_threshold")
    if given is None:
        return None
    try:
        least = float(given)
    except ValueError:
        least = -1.0
    if not 0 <= least <= 1:
        raise Unserved(f"expected model_score_threshold between 0 and 1, got {given!r}")
    return least


def calibration(element: Element) -> Calibration | None:
    """`model_calibration`: slope and shift. Raises `Unserved` for anything else."""
    given = element.get("model_calibration")
    if given is None:
        return None
    try:
        return Calibration.parse(given)
    except ValueError as error:
        raise Unserved(
            f"expected model_calibration as two numbers, a slope above 0 and a shift, each up to {MOST:g}, "
            f"got {given!r:.60}; `firstpass tune` writes it"
        ) from error


def tile_px(element: Element) -> int | None:
    """`model_tile_px`. Raises `Unserved` for less than the least side of a tile."""
    given = element.get("model_tile_px")
    if given is None:
        return None
    if not (given.isdecimal() and int(given) >= MIN_TILE_PX):
        raise Unserved(f"expected model_tile_px of at least {MIN_TILE_PX} pixels, got {given!r}")
    return int(given)


def task(element: Element, accepted: Collection[str], default: str) -> str:
    """`model_task`. Raises `Unserved` for one that is not accepted; the message lists those that are."""
    given = element.get("model_task", default)
    if given not in accepted:
        raise Unserved(f"expected model_task to be one of {', '.join(accepted)}, got {given!r}")
    return given


def per_region(element: Element) -> PerRegion | None:
    """Which regions a tag with `perRegion="true"` is shown for; `None` for a tag about the image."""
    if not is_true(element, "perRegion"):
        return None
    by_tag = element.get("visibleWhen") == "region-selected"
    when = element.get("whenLabelValue", "").strip()
    # One label may hold commas, and a list of labels does.
    labels = tuple(dict.fromkeys((when, *(part.strip() for part in when.split(",")))))
    return PerRegion(
        tag_name=element.get("whenTagName") if by_tag else None,
        labels=labels if when else (),
    )


def prompt(element: Element) -> str | None:
    """`model_prompt` of a tag: what each phrase is put into. Raises `Unserved` where it has no `{}`."""
    given = element.get("model_prompt")
    if given is not None and "{}" not in given:
        raise Unserved(
            f"expected model_prompt of a tag to hold {{}} where the phrase goes, got {given!r}"
        )
    return given


def phrases(element: Element, template: str | None) -> tuple[str, ...]:
    """What to ask for a label: its `model_prompt` as it stands, its `predicted_values`, or its value.

    The latter two are put into the tag's `template`. Raises `Unserved` for an empty or too long phrase.
    """
    title = element.get("value", "").strip()
    given, whole = element.get("predicted_values"), element.get("model_prompt")
    if given is not None and whole is not None:
        raise Unserved(f"label {title!r} has predicted_values and model_prompt; keep one of them")
    if whole is not None:
        return _checked(title, (whole.strip(),))
    listed = [title] if given is None else given.split(",")
    found = tuple(dict.fromkeys(part.strip() for part in listed if part.strip()))
    if not found:
        raise Unserved(f"label {title!r}: predicted_values is empty")
    return _checked(title, tuple((template or "{}").replace("{}", phrase) for phrase in found))


def _checked(title: str, asked: tuple[str, ...]) -> tuple[str, ...]:
    for phrase in asked:
        if not phrase:
            raise Unserved(f"label {title!r}: model_prompt is empty")
        if len(phrase) > MAX_PHRASE_CHARS:
            raise Unserved(
                f"expected phrases of at most {MAX_PHRASE_CHARS} characters, label {title[:40]!r} "
                f"asks one of {len(phrase)}"
            )
    return asked
