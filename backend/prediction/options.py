"""Choices that the task itself brings (`<Choices value="$options">`), put into a step. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from backend.errors import TaskError
from backend.label_config.control_tags import ChoicesTag, ControlTag, Label
from backend.label_config.value_expressions import MISSING, value_of
from backend.prediction.step import Step
from backend.prediction.tag_values import candidates_query
from models.queries import MAX_PHRASE_CHARS, MAX_PHRASES, PerBox, Query

__all__ = ["options_left_out", "resolved"]


def resolved(step: Step, data: Mapping[str, Any]) -> Step | None:
    """The step with the choices of a task; itself where it has its own, `None` where the list is empty.

    A list holds objects with `value` and perhaps `alias` and (with `allowNested`) `children`; for plain
    texts Label Studio's editor shows choices without a name. One that cannot be asked is left out.
    Raises `TaskError` where `data` has no such list, or one without a choice that can be asked.
    """
    control = step.control
    if not isinstance(control, ChoicesTag) or control.options_key is None:
        return step
    key = control.options_key
    options = value_of(f"${key}", data)
    if not isinstance(options, list):
        came = "nothing" if options is MISSING else type(options).__name__
        raise TaskError(
            f"the label config reads choices from {key!r}, expected a list there, got {came}"
        )
    found = list(_labels(options, control, ()))
    labels = tuple(each for each in found if isinstance(each, Label))
    if not labels and found:
        raise TaskError(str(found[0]))
    if len(labels) > MAX_PHRASES:
        raise TaskError(f"expected at most {MAX_PHRASES} choices in {key!r}, got {len(labels)}")
    if not labels:
        return None
    filled = replace(control, labels=labels)
    asked: Query = replace(candidates_query(filled), model=step.query.model)
    if isinstance(step.query, PerBox):
        asked = replace(step.query, ask=candidates_query(filled))
    return replace(step, control=filled, query=asked)


def options_left_out(controls: Iterable[ControlTag], data: Mapping[str, Any]) -> Iterator[str]:
    """A sentence for each choice of the task's own that is not asked, while others are."""
    for control in controls:
        if isinstance(control, ChoicesTag) and control.options_key is not None:
            options = value_of(f"${control.options_key}", data)
            if isinstance(options, list):
                found = _labels(options, control, ())
                yield from (each for each in found if isinstance(each, str))


def _labels(
    options: list[Any], control: ChoicesTag, above: tuple[str, ...]
) -> Iterator[Label | str]:
    """Each choice; a sentence for one that cannot be asked, which takes all below it along."""
    for option in options:
        match option:
            case {"value": str(title)}:
                value, below = option.get("alias") or title, option.get("children")
            case _:
                yield f"expected objects with a value in {control.options_key!r}, got {option!r:.60}"
                continue
        phrase = (control.prompt or "{}").replace("{}", title.strip())
        if any("\ud800" <= letter <= "\udfff" for letter in f"{value}{phrase}"):
            raise TaskError(f"a choice in {control.options_key!r} has half a character in it")
        if not title.strip() or not isinstance(value, str) or len(phrase) > MAX_PHRASE_CHARS:
            yield (
                f"expected choices of 1 to {MAX_PHRASE_CHARS} characters in "
                f"{control.options_key!r}, got {title[:60]!r}"
            )
            continue
        path = (*above, value) if control.nested else ()
        yield Label(value, (phrase,), path=path)
        if control.nested and isinstance(below, list):
            yield from _labels(below, control, path)
