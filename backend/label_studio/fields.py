"""How the fields of Label Studio's JSON are read, so that an odd one takes nothing else down.

Texts and objects are not looked into: half an emoji, which Label Studio stores, is no text to pydantic.
"""

from __future__ import annotations

from typing import Annotated, Any, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, SkipValidation, ValidationError

__all__ = [
    "MOST_ID",
    "Body",
    "Flag",
    "Id",
    "KnownId",
    "Number",
    "Object",
    "Text",
    "known_id",
    "problems",
]

#: The largest id that any database of Label Studio's can hold.
MOST_ID = 2**63 - 1


class Body(BaseModel):
    """Keys that Firstpass does not use are ignored, so that other Label Studio versions work too."""

    model_config = ConfigDict(frozen=True, extra="ignore", protected_namespaces=())

    @classmethod
    def or_none(cls, value: object) -> Self | None:
        """The body of a JSON value; `None` for what is none."""
        try:
            return cls.model_validate(value)
        except ValidationError:
            return None


def problems(error: ValidationError) -> str:
    """What is wrong with a body, field by field, without what it holds."""
    return "; ".join(
        f"{'.'.join(map(str, problem['loc'])) or 'body'}: {problem['msg']}"
        for problem in error.errors(include_input=False, include_url=False)[:5]
    )


def _object(value: object) -> object:
    if not isinstance(value, dict):
        raise ValueError(f"expected an object, got {type(value).__name__}")
    return value


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def known_id(value: object) -> int | None:
    """The id that a value is; `None` for what is none."""
    return value if type(value) is int and 0 <= value <= MOST_ID else None


def _number(value: object) -> float | None:
    return float(value) if type(value) in (int, float) else None  # type: ignore[arg-type]


Object = Annotated[SkipValidation[dict[str, Any]], BeforeValidator(_object)]
#: What is no text is an empty one.
Text = Annotated[SkipValidation[str], BeforeValidator(_text)]
Id = Annotated[int, Field(ge=0, le=MOST_ID)]
#: `None` for what is no id, or no number.
KnownId = Annotated[int | None, BeforeValidator(known_id)]
Number = Annotated[float | None, BeforeValidator(_number)]
Flag = Annotated[bool, BeforeValidator(bool)]
