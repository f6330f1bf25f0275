"""Pictures as addresses that hold the picture itself, so that a page is one file."""

from __future__ import annotations

import base64
import io

from PIL import Image

__all__ = ["inline_jpeg", "inline_png"]


def inline_jpeg(picture: Image.Image) -> str:
    """A photograph as a `data:` address."""
    return _inline(picture, "JPEG", quality=82)


def inline_png(picture: Image.Image) -> str:
    """A picture with see-through parts as a `data:` address."""
    return _inline(picture, "PNG", optimize=True)


def _inline(picture: Image.Image, form: str, **how: object) -> str:
    file = io.BytesIO()
    picture.save(file, format=form, **how)
    return f"data:image/{form.lower()};base64,{base64.b64encode(file.getvalue()).decode()}"
