"""Score thresholds of labels put into a label config, as `model_score_threshold` of their start tags. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from backend.label_config.label_attributes import LabelAttributes, with_label_attributes

__all__ = ["THRESHOLD", "LabelThreshold", "with_thresholds"]

THRESHOLD = "model_score_threshold"


@dataclass(frozen=True, slots=True)
class LabelThreshold:
    """Least score, 0..1, of a label or choice of a control tag."""

    control: str
    label: str
    least: float


def with_thresholds(xml: str, thresholds: Iterable[LabelThreshold]) -> str:
    """The label config in which labels have these thresholds.

    Raises as `with_label_attributes` does.

    >>> xml = '<View><Labels name="b" toName="i"><Label value="Car" hotkey="c"/></Labels></View>'
    >>> with_thresholds(xml, [LabelThreshold("b", "car", 0.35)])
    '<View><Labels name="b" toName="i"><Label value="Car" model_score_threshold="0.35" hotkey="c"/></Labels></View>'
    """
    return with_label_attributes(
        xml,
        (
            LabelAttributes(one.control, one.label, {THRESHOLD: f"{one.least:g}"})
            for one in thresholds
        ),
    )
