"""The string that names what answered: it changes exactly when answers would.

`/setup`, the prediction rows and the backend's title in Label Studio all carry it.
"""

from __future__ import annotations

import hashlib
import re

from backend.prediction.plan import Plan

__all__ = ["engine_name_in", "is_model_version", "model_version"]

#: Raised by hand when regions are computed otherwise from the same plan and model outputs.
REGION_RULES = 1

_SHAPE = re.compile(r".+-[0-9a-f]{10}")


def model_version(engine_name: str, engine_fingerprint: str, plan: Plan) -> str:
    """`<engine name>-<10 hex digits>`, the digits from engine, plan and rules.

    `engine_name` is for people (`tiny`); the digits alone decide. What was learned from reviews stands in
    the label config, and so in the plan.
    """
    parts = [engine_fingerprint, plan.digest(), str(REGION_RULES)]
    digits = hashlib.sha256("\n".join(parts).encode()).hexdigest()[:10]
    return f"{engine_name}-{digits}"


def is_model_version(text: str | None) -> bool:
    """Whether a text has the shape of a version of ours.

    >>> is_model_version("tiny-0123456789"), is_model_version("yolo-v8")
    (True, False)
    """
    return text is not None and _SHAPE.fullmatch(text) is not None


def engine_name_in(version: str) -> str:
    """The name of what answered, in a version of ours.

    >>> engine_name_in("florence-2-base-0123456789")
    'florence-2-base'
    """
    return version.rpartition("-")[0]
