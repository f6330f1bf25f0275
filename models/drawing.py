"""A picture with its detections drawn in, through supervision's annotators."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import supervision as sv
from PIL import Image

from models.types import Detection

__all__ = ["draw_detections"]


def draw_detections(image: Image.Image, detections: Sequence[Detection]) -> Image.Image:
    """A copy of an upright RGB image with a box, phrase and score for each detection.

    Each phrase has a colour of its own; line and text widths follow the image's size.
    """
    if not detections:
        return image.copy()
    phrases = sorted({detection.phrase for detection in detections})
    boxes = sv.Detections(
        xyxy=np.array(
            [(d.box.x_min, d.box.y_min, d.box.x_max, d.box.y_max) for d in detections],
            dtype=np.float32,
        ),
        class_id=np.array([phrases.index(detection.phrase) for detection in detections]),
    )
    captions = [d.phrase if d.score is None else f"{d.phrase} {d.score:.2f}" for d in detections]
    thickness = sv.calculate_optimal_line_thickness(resolution_wh=image.size)
    text_scale = sv.calculate_optimal_text_scale(resolution_wh=image.size)
    # supervision draws on BGR arrays and on Pillow images; the latter keeps the colours right.
    drawn = sv.BoxAnnotator(thickness=thickness).annotate(image.copy(), boxes)
    annotator = sv.LabelAnnotator(text_scale=text_scale, text_thickness=max(1, thickness // 2))
    labelled: Image.Image = annotator.annotate(drawn, boxes, labels=captions)
    return labelled
