"""The version is what it was as long as nothing that decides answers has changed."""

from __future__ import annotations

from backend.prediction.engine import Engine
from backend.prediction.predictor import PredictorSettings
from models.registry import resolve

CONFIG = (
    '<View><Image name="image" value="$image"/><RectangleLabels name="box" toName="image">'
    '<Label value="car"/></RectangleLabels></View>'
)
ENGINE = Engine("tiny", "0123456789ab", resolve("tiny"))


def test_where_nothing_was_learned_the_version_is_what_it_was() -> None:
    """Written down before anything could be learned."""
    settings = PredictorSettings(ENGINE, 0.3, None)

    assert settings.for_label_config(CONFIG).version == "tiny-908357fa46"
