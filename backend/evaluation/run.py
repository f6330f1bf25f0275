"""Every image asked in every way once, with a ledger: a run that was stopped goes on and repeats nothing.

The ledger keeps raw answers down to a low score. So other thresholds, other annotations and other figures
ask the models nothing.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice

from backend.bulk.found import regions_in
from backend.bulk.marks import Marks
from backend.dataset.selection import reservoir
from backend.errors import Failure, InternalError
from backend.evaluation.asking import Asker, TimedAnswer
from backend.evaluation.items import Item, Items
from backend.evaluation.ways import Way
from backend.plain import as_plain
from backend.prediction.request import Outcome
from backend.queue.payload import decode_outcome, encode_outcome
from backend.runs.job import Found, Job, KeptInLedger
from backend.runs.ledger import Ledger, Listed, TaskKey
from backend.runs.ledger_file import RunKey
from backend.runs.progress import Progress
from models.queries import Query
from models.types import Detections, ImageSize, ModelOutput

__all__ = ["AnsweredItem", "Run", "Selected"]


@dataclass(frozen=True, slots=True)
class Selected:
    """Which of the labelled images: all, the first `limit`, or `sample` of them, always the same ones."""

    limit: int | None = None
    sample: int | None = None
    seed: int = 0

    def of(self, items: Sequence[Item]) -> list[Item]:
        """The chosen items, in their order."""
        chosen = reservoir(items, self.sample, self.seed) if self.sample is not None else items
        return list(islice(chosen, self.limit))


@dataclass(frozen=True, slots=True)
class AnsweredItem:
    """One image as the models see it: by way the outputs to the plan's queries, tidy but for thresholds."""

    item: Item
    size: ImageSize
    outputs: tuple[Mapping[Query, ModelOutput], ...]
    seconds: tuple[float, ...]
    #: What encoding it cost, where that was measured.
    encoding_s: float | None
    device: str


@dataclass(frozen=True, slots=True)
class Run:
    """One model setting over the chosen items, in some ways."""

    items: Items
    chosen: Sequence[Item]
    ways: tuple[Way, ...]
    progress: Progress
    retry_failed: bool = False
    _by_key: dict[str, Item] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._by_key.update({item.key: item for item in self.chosen})

    @property
    def key(self) -> RunKey:
        """The same images, models and ways are the same run."""
        engine = self.items.predictor.settings.engine
        ways = json.dumps([as_plain(way) for way in self.ways], sort_keys=True)
        return RunKey(self.items.labelled.source, f"{engine.name}-{engine.fingerprint}", ways)

    def note(self, ledger: Ledger) -> None:
        """Lists the chosen images in the ledger."""
        ledger.forget_failures(passing=not self.retry_failed)
        ledger.note(Listed(item.key, item.stamp) for item in self.chosen)
        ledger.fail((item.key, item.failure) for item in self.chosen if item.failure is not None)

    def ask(self, ledger: Ledger, asker: Asker) -> None:
        """Asks what the ledger has waiting, batch by batch."""
        job: Job[TimedAnswer] = Job(ledger, self.progress, regions_in)
        job.run_waiting(
            lambda take: map(
                self._found,
                asker.ask(lambda most: [self._by_key[key] for key in take(most)]),
            ),
            KeptInLedger(ledger, _encoded),
        )

    def answers(self, ledger: Ledger) -> Iterator[AnsweredItem]:
        """What the models said of the chosen images, whichever start asked."""
        for key, row in ledger.texts():
            yield self._answered(self._by_key[str(key)], json.loads(row))

    def _found(
        self, outcomes: Mapping[str, Outcome]
    ) -> dict[TaskKey, Found[TimedAnswer] | Failure]:
        return {
            key: outcome
            if isinstance(outcome, Failure)
            else Found(Marks((), _boxes(outcome, len(self.ways)), 1).to_json(), outcome)
            for key, outcome in outcomes.items()
            if isinstance(outcome, TimedAnswer | Failure)
        }

    def _answered(self, item: Item, row: Mapping[str, object]) -> AnsweredItem:
        answer = decode_outcome(str(row["answer"]))
        request, seconds, again_s = item.request, row["seconds"], row["again_s"]
        if isinstance(answer, Failure) or request is None or not isinstance(seconds, list):
            raise InternalError(f"the ledger's answer for {item.key} does not decode")
        asked = len(request.queries)
        return AnsweredItem(
            item,
            answer.size,
            tuple(
                dict(
                    zip(
                        request.queries,
                        answer.outputs[number * asked : (number + 1) * asked],
                        strict=True,
                    )
                )
                for number in range(len(self.ways))
            ),
            tuple(map(float, seconds)),
            max(0.0, seconds[0] - again_s) if isinstance(again_s, float) else None,
            str(row["device"]),
        )


def _encoded(answer: TimedAnswer) -> str:
    return json.dumps(
        {
            "answer": encode_outcome(answer),
            "seconds": [round(each, 6) for each in answer.seconds],
            "again_s": answer.again_s,
            "device": answer.device,
        }
    )


def _boxes(answer: TimedAnswer, ways: int) -> int:
    """Boxes that the first way found, for the progress line."""
    first = answer.outputs[: len(answer.outputs) // ways]
    return sum(len(output.items) for output in first if isinstance(output, Detections))
