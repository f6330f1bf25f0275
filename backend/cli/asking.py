"""A question before something is removed or written."""

from __future__ import annotations

import sys

import typer

from backend.errors import BadRequest

__all__ = ["ask"]


def ask(question: str, *, yes: bool, undone: str = "removed") -> None:
    """Return when it may be done: `yes`, or a person at the terminal says so. `undone` says what was not done.

    Raises `BadRequest` where there is nobody to ask, or the answer is not yes.
    """
    if yes:
        return
    if not sys.stdin.isatty():
        raise BadRequest(
            f"expected --yes, since there is no terminal to ask at; nothing was {undone}"
        )
    try:
        agreed = typer.confirm(question)
    except typer.Abort:  # Ctrl-C, or the end of input
        agreed = False
    if not agreed:
        raise BadRequest(f"nothing was {undone}, since the answer was not yes")
