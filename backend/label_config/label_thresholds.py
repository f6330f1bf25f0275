"""Score thresholds of labels put into a label config, as `model_score_threshold` of their start tags. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from backend.errors import BadRequest
from backend.label_config.label_tags import LabelTag, label_tags, with_attribute

__all__ = ["LabelThreshold", "with_thresholds"]

ATTRIBUTE = "model_score_threshold"


@dataclass(frozen=True, slots=True)
class LabelThreshold:
    """Least score, 0..1, of a label or choice of a control tag."""

    control: str
    label: str
    least: float


def with_thresholds(xml: str, thresholds: Iterable[LabelThreshold]) -> str:
    """The label config in which labels have these thresholds.

    Raises `BadRequest` for a label that is not there, `LabelConfigError` for XML that cannot be read.

    >>> xml = '<View><Labels name="b" toName="i"><Label value="Car" hotkey="c"/></Labels></View>'
    >>> with_thresholds(xml, [LabelThreshold("b", "car", 0.35)])
    '<View><Labels name="b" toName="i"><Label value="Car" model_score_threshold="0.35" hotkey="c"/></Labels></View>'
    """
    tags = label_tags(xml)
    wanted: dict[int, tuple[LabelTag, float]] = {}
    for one in thresholds:
        own = [tag for tag in tags if tag.control == one.control]
        exactly = [tag for tag in own if tag.attributes.get("value") == one.label]
        found = exactly or [tag for tag in own if tag.is_called(one.label.casefold())]
        if not found:
            raise BadRequest(
                f"the label config has no label {one.label!r} in {one.control!r} any more"
            )
        wanted |= {tag.at: (tag, one.least) for tag in found}
    text = xml.encode()
    for at in sorted(wanted, reverse=True):
        tag, least = wanted[at]
        text = with_attribute(text, tag, ATTRIBUTE, f"{least:g}")
    return text.decode()
