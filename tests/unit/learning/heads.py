"""A head as `firstpass learn` makes it, of planted examples."""

from __future__ import annotations

from dataclasses import replace

from backend.learning.head_file import head_bytes
from backend.learning.learned_tag import learned_tag
from backend.prediction.engine import engine_for
from backend.prediction.learned import classifier_of
from tests.unit.learning.examples import evidence, observed

__all__ = ["CLASSIFIER", "CONFIG", "a_head"]

CLASSIFIER = classifier_of(engine_for("tiny")) or ""
CONFIG = (
    '<View><Image name="image" value="$image"/><RectangleLabels name="box" toName="image">'
    '<Label value="car"/><Label value="dog"/><Label value="cat"/></RectangleLabels></View>'
)


def a_head(
    *, tag: str = "box", classifier: str = CLASSIFIER, looser: float = 0.2
) -> tuple[str, bytes]:
    """Calls cars of one look dogs, leaves those of another out, and draws dogs wider."""
    some = evidence(
        observed("car", "dog", 30, looks=5),
        observed("car", "car", 30, looks=0),
        observed("car", None, 30, looks=6),
        observed("dog", "dog", 30, looks=1, looser=looser),
    )
    made = head_bytes(classifier, [learned_tag(replace(some, tag=tag), 4000)])
    assert made is not None
    return made
