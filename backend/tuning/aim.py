"""What a threshold is to be best at: F1, a precision, or the fewest edits. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from backend.errors import BadRequest

__all__ = ["Aim", "aim_of"]


@dataclass(frozen=True, slots=True)
class Aim:
    """`precision` that is to be reached; or what it costs people to `add` a box and to `delete` one."""

    precision: float | None = None
    add: float | None = None
    delete: float | None = None

    @property
    def words(self) -> str:
        """For people: what is best.

        >>> Aim(precision=0.9).words, Aim(add=1, delete=0.3).words
        ('the least threshold of a precision of 0.9', 'fewest edits, adding a box at 1 and deleting one at 0.3')
        """
        if self.precision is not None:
            return f"the least threshold of a precision of {self.precision:g}"
        if self.add is not None and self.delete is not None:
            return f"fewest edits, adding a box at {self.add:g} and deleting one at {self.delete:g}"
        return "best F1"


def aim_of(precision: str | None, cost: str | None) -> Aim:
    """What the options say. Raises `BadRequest`.

    >>> aim_of(None, "add=1,delete=0.3")
    Aim(precision=None, add=1.0, delete=0.3)
    """
    if precision is not None and cost is not None:
        raise BadRequest("expected --precision or --cost, got both: each says what is best")
    if precision is not None:
        least = _number(precision)
        if least is None or not 0 < least <= 1:
            raise BadRequest(
                f"expected --precision as a share above 0 and up to 1, such as 0.9, got {precision!r:.60}"
            )
        return Aim(precision=least)
    return Aim() if cost is None else _costs(cost)


def _costs(text: str) -> Aim:
    named = dict(part.partition("=")[::2] for part in text.replace(" ", "").split(","))
    costs = {name: _number(value) for name, value in named.items()}
    add, delete = costs.get("add"), costs.get("delete")
    if costs.keys() != {"add", "delete"} or add is None or delete is None:
        raise BadRequest(f"expected --cost add=1,delete=0.3, both numbers, got {text!r:.60}")
    if min(add, delete) < 0 or max(add, delete) == 0:
        raise BadRequest(f"expected --cost with numbers of 0 or more, not both 0, got {text!r:.60}")
    return Aim(add=add, delete=delete)


def _number(text: str) -> float | None:
    try:
        found = float(text)
    except ValueError:
        return None
    return found if abs(found) < float("inf") else None
