"""What `firstpass tune` writes into a label config, and how it is taken back. Pure.

Each label that was changed keeps in `model_tuned_from` what it had before: its threshold and its calibration,
as they stood there, `-` for none. So the last change can be taken back from any machine, and byte for byte.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from backend.label_config.calibration import Calibration
from backend.label_config.label_attributes import LabelAttributes, with_label_attributes
from backend.label_config.label_tags import LabelTag, label_tags, with_attribute
from backend.label_config.label_thresholds import THRESHOLD

__all__ = ["CALIBRATION", "TUNED_FROM", "TakenBack", "TunedLabel", "as_before_tuning", "with_tuned"]

CALIBRATION = "model_calibration"
TUNED_FROM = "model_tuned_from"
_NONE = "-"


@dataclass(frozen=True, slots=True)
class TunedLabel:
    """What changes of a label of a control tag: what is `None` stays."""

    control: str
    label: str
    least: float | None = None
    calibration: Calibration | None = None


@dataclass(frozen=True, slots=True)
class TakenBack:
    """A label, and what its threshold and calibration are again; empty: it has none of its own."""

    control: str
    label: str
    threshold_now: str
    threshold: str
    calibration_now: str
    calibration: str


def with_tuned(xml: str, changes: Iterable[TunedLabel]) -> str:
    """The label config with these changes; what one change earlier had noted is forgotten.

    Raises as `with_label_attributes` does.

    >>> xml = '<View><RectangleLabels name="b" toName="i"><Label value="Car"/></RectangleLabels></View>'
    >>> changed = with_tuned(xml, [TunedLabel("b", "Car", 0.4)])
    >>> "model_score_threshold=\\"0.4\\"" in changed, as_before_tuning(changed)[0] == xml
    (True, True)
    """
    plain = _without_notes(xml)
    wanted = []
    for one in changes:
        values: dict[str, str | None] = {}
        if one.least is not None:
            values[THRESHOLD] = f"{one.least:g}"
        if one.calibration is not None:
            values[CALIBRATION] = one.calibration.text
        wanted.append(LabelAttributes(one.control, one.label, values))
    return with_label_attributes(plain, wanted, _noted)


def as_before_tuning(xml: str) -> tuple[str, tuple[TakenBack, ...]]:
    """The label config before the last change, and what that takes back; nothing where none is noted."""
    text, taken = xml.encode(), []
    for tag in reversed(label_tags(xml)):
        noted = tag.attributes.get(TUNED_FROM)
        if noted is None:
            continue
        had = _had(noted)
        for name, value in had.items():
            text = with_attribute(text, tag, name, value)
        text = with_attribute(text, tag, TUNED_FROM, None)
        now = [tag.attributes.get(name, "") for name in (THRESHOLD, CALIBRATION)]
        before = [(value or "").strip() for value in had.values()]
        taken.append(TakenBack(tag.control, tag.shown, now[0], before[0], now[1], before[1]))
    return text.decode(), tuple(reversed(taken))


def _had(noted: str) -> dict[str, str | None]:
    """Threshold and calibration as they stood there, blanks and all; `None`: there was none.

    >>> _had(" 0.3 ; -")
    {'model_score_threshold': ' 0.3 ', 'model_calibration': None}
    """
    threshold, parted, calibration = noted.partition(";")
    values = (threshold, calibration.removeprefix(" ") if parted else _NONE)
    return {
        name: None if value.strip() == _NONE else value
        for name, value in zip((THRESHOLD, CALIBRATION), values, strict=True)
    }


def _without_notes(xml: str) -> str:
    text = xml.encode()
    for tag in reversed(label_tags(xml)):
        if TUNED_FROM in tag.attributes:
            text = with_attribute(text, tag, TUNED_FROM, None)
    return text.decode()


def _noted(tag: LabelTag) -> dict[str, str | None]:
    """What a start tag had: of two of one name each its own."""
    before = "; ".join(tag.attributes.get(name, _NONE) for name in (THRESHOLD, CALIBRATION))
    return {TUNED_FROM: before}
