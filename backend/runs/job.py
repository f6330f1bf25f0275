"""One start of a long run: what a source finds out goes into a sink, and the ledger knows how far it is.

The job knows neither what is asked nor where it is stored. Of an item's figures, which are text of the
run's own making, it knows how many things they count, for the progress.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeAlias, TypeVar

from backend.errors import Failure
from backend.runs.ledger import Ledger, Result, TaskKey
from backend.runs.progress import Progress

__all__ = ["Found", "Job", "KeptInLedger", "Settled", "Sink", "Take"]

T = TypeVar("T")

#: Gives up to that many further keys; none at the end.
Take: TypeAlias = Callable[[int], Sequence[str]]


@dataclass(frozen=True, slots=True)
class Found(Generic[T]):
    """What a source found out about one item: its figures for the ledger, and what is to be stored."""

    figures: str
    what: T


@dataclass(frozen=True, slots=True)
class Settled:
    """What became of items in a sink. Those of `again` are to be asked once more."""

    stored: Collection[TaskKey]
    again: Collection[TaskKey] = ()
    refused: Collection[tuple[TaskKey, Failure]] = ()


class Sink(Protocol[T]):
    """Where things are stored, and noted in the ledger as such; at once, or later."""

    def put(self, found: Mapping[TaskKey, Found[T]]) -> None: ...

    def settled(self, *, all_of_them: bool = False) -> Iterable[Settled]:
        """What is stored since this was last asked; with `all_of_them` it waits for every item."""
        ...


class KeptInLedger(Generic[T]):
    """The ledger itself as the sink: it keeps the text of each thing, or only figures where there is no `text`."""

    def __init__(self, ledger: Ledger, text: Callable[[T], str] | None = None) -> None:
        self._ledger, self._text = ledger, text
        self._stored: list[TaskKey] = []

    def put(self, found: Mapping[TaskKey, Found[T]]) -> None:
        """Keep them."""
        text = self._text
        self._ledger.done(
            [Result(key, one.figures, text and text(one.what)) for key, one in found.items()]
        )
        self._stored += found

    def settled(self, *, all_of_them: bool = False) -> Iterator[Settled]:
        """Everything that was put."""
        stored, self._stored = self._stored, []
        yield Settled(stored)


class Job(Generic[T]):
    """For one thread. `things` tells how many things the figures of an item count."""

    def __init__(
        self, ledger: Ledger, progress: Progress, things: Callable[[str], int] = lambda figures: 0
    ) -> None:
        self._ledger, self._progress, self._things = ledger, progress, things
        self._put: dict[TaskKey, int] = {}
        self._last: TaskKey | None = None

    def begin(self, total: int | None, *, this_start: bool = False) -> None:
        """Tell the progress how much there is, and what of it earlier starts have done."""
        made = failed = things = 0
        for _, outcome in self._ledger.outcomes(this_start=this_start):
            if isinstance(outcome, Failure):
                failed += 1
            else:
                made, things = made + 1, things + self._things(outcome)
        self._progress.begin(total, made=made, failed=failed, things=things)

    def run(self, source: Iterable[Mapping[TaskKey, Found[T] | Failure]], sink: Sink[T]) -> None:
        """Put all that the source finds into the sink, batch by batch; failures are noted."""
        for batch in source:
            found = {key: one for key, one in batch.items() if not isinstance(one, Failure)}
            self._fail([(key, one) for key, one in batch.items() if isinstance(one, Failure)])
            if found:
                self._put |= {key: self._things(one.figures) for key, one in found.items()}
                sink.put(found)
            self._settle(sink.settled())
        self._settle(sink.settled(all_of_them=True))

    def run_waiting(
        self,
        ask: Callable[[Take], Iterable[Mapping[TaskKey, Found[T] | Failure]]],
        sink: Sink[T],
    ) -> None:
        """The same for what the ledger has waiting, which `ask` takes as it needs it."""
        self.begin(self._ledger.count(), this_start=True)
        self.run(ask(self._take), sink)

    def _take(self, most: int) -> list[str]:
        keys = self._ledger.waiting(most, self._last)
        self._last = keys[-1] if keys else self._last
        return [str(key) for key in keys]

    def _fail(self, failures: Collection[tuple[TaskKey, Failure]]) -> None:
        if failures:
            self._ledger.fail(failures)
            self._progress.advance(failed=len(failures))

    def _settle(self, settled: Iterable[Settled]) -> None:
        for one in settled:
            things = sum(self._put[key] for key in one.stored)
            for key in (*one.stored, *one.again, *(key for key, _ in one.refused)):
                del self._put[key]
            if one.stored:
                self._progress.advance(made=len(one.stored), things=things)
            self._fail(one.refused)
