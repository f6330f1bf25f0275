"""What CLIP reads for a candidate: the candidate put into templates. Pure functions."""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["filled"]


def filled(candidate: str, templates: Sequence[str]) -> tuple[str, ...]:
    """Gives one text for each template, the candidate in place of `{}`.

    The candidate is taken as it stands, braces and all.

    >>> filled("red car", ("{}", "a photo of a {}."))
    ('red car', 'a photo of a red car.')
    """
    return tuple(template.replace("{}", candidate.strip()) for template in templates)
