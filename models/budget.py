"""How many tokens a query's answers about one image may have: the worst answer has a bound. Pure.

An answer that never ends costs thousands of times one that ends at once, and what is cut short is asked
again of smaller tiles. So all answers about one image share a budget over all rounds. Whoever asks more
than it has room for gets a little for each: a hundred labels are a hundred times the work anyway.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from models.florence2.parsing import Answer

__all__ = ["LEAST_TOKENS", "WHOLE_ANSWERS", "TokenBudget"]

#: The budget, in answers of full length: 8,192 tokens are 2,000 boxes.
WHOLE_ANSWERS = 8
#: An answer is allowed at least so many, which is some thirty boxes; with fewer left nothing more is asked.
LEAST_TOKENS = 128


@dataclass(slots=True)
class TokenBudget:
    """What is left for the answers of one query about one image."""

    #: Most tokens of one answer.
    most: int
    left: int

    @classmethod
    def of(cls, max_new_tokens: int) -> TokenBudget:
        """Gives a full budget where an answer may have so many tokens.

        >>> TokenBudget.of(1024).left
        8192
        """
        return cls(max_new_tokens, WHOLE_ANSWERS * max_new_tokens)

    @property
    def least(self) -> int:
        """The fewest tokens that an answer is worth asking for."""
        return min(LEAST_TOKENS, self.most)

    def limit(self, answers: int) -> int:
        """Gives the most tokens of each of so many answers that are asked together.

        >>> budget = TokenBudget.of(1024)
        >>> budget.limit(7), budget.limit(20), budget.limit(500)
        (1024, 409, 128)
        """
        return min(self.most, max(self.least, self.left // max(1, answers)))

    @property
    def affordable(self) -> int:
        """How many further answers there is room for.

        >>> TokenBudget(1024, left=300).affordable
        2
        """
        return self.left // self.least

    def spend(self, answers: Sequence[Answer]) -> None:
        """Takes off what was written."""
        self.left = max(0, self.left - sum(len(answer.tokens) for answer in answers))
