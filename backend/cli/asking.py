"""A question before something is removed."""

from __future__ import annotations

import sys

import typer

from backend.errors import BadRequest

__all__ = ["ask"]


def ask(question: str, *, yes: bool) -> None:
    """Return when it may be done: `yes`, or a person at the terminal says so.

    Raises `BadRequest` where there is nobody to ask.
    """
    if yes:
        return
    if not sys.stdin.isatty():
        raise BadRequest(
            "expected --yes, since there is no terminal to ask at; nothing was removed"
        )
    typer.confirm(question, abort=True)
