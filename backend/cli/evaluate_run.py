"""`firstpass evaluate`: from the options to the figures."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from backend.bulk.tally import tally_of
from backend.cli.ends import without_all_pictures
from backend.errors import BadRequest, FirstpassError
from backend.evaluation.asking import Asker, WaysHandler
from backend.evaluation.comparison import advice, compared
from backend.evaluation.evaluated import Evaluated, evaluated, seen_in
from backend.evaluation.items import Items, items_of
from backend.evaluation.report import EvaluationFacts, EvaluationReport
from backend.evaluation.run import Run, Selected
from backend.evaluation.sources import Source
from backend.evaluation.thresholds import threshold_changes
from backend.evaluation.ways import AS_PREDICTED, Way, ways_for
from backend.evaluation.worst import WorstImage, worst_images
from backend.images.decode import decode_image
from backend.inference.batch_size import BatchSizer
from backend.inference.checkpoints import check_checkpoints
from backend.inference.load import load_models
from backend.label_config.named_heads import without_heads
from backend.prediction.engine import engine_of
from backend.prediction.predictor import PredictorSettings
from backend.queue.heads import HeadShelf
from backend.runs.ledger import Ledger
from backend.runs.ledger_file import open_ledger
from backend.runs.progress import showing_progress
from backend.runs.reasons import FailureFigures
from backend.settings import Settings
from backend.wording import images as in_words

if TYPE_CHECKING:
    from backend.cli.evaluate import EvaluateOptions
    from models.runtime import LoadedRuntime

__all__ = ["Measured", "evaluate_images", "items_in"]

_WITHOUT_HEADS = (
    "measured without what was learned from annotations (model_head), which would be tried on its own examples; "
    "the model_version here is the one without it"
)


@dataclass(frozen=True, slots=True)
class Measured:
    """The report, and what draws its worst images."""

    report: EvaluationReport
    source: Source
    items: Items

    def pictures(self, say: Callable[[str], object]) -> dict[str, str]:
        """The worst images with their marks, as addresses that hold them; those that can still be read.

        `say` is told why there are no more of them, where the drawing was ended.
        """
        found: dict[str, str] = {}
        with without_all_pictures(say):
            found.update(self._pictures())
        return found

    def _pictures(self) -> Iterator[tuple[str, str]]:
        from backend.evaluation.pictures import drawn
        from backend.pages.inline_picture import inline_jpeg

        by_key = {item.key: item for item in self.items.items}
        with self.source.fetcher() as fetcher:
            for one in self.report.worst:
                request = by_key[one.image].request
                with suppress(FirstpassError):
                    if request is not None:
                        data = fetcher.fetch(request.image).data
                        image = decode_image(data, self.source.settings.image_max_pixels)
                        yield one.image, inline_jpeg(drawn(image, one.marks))


@dataclass(frozen=True, slots=True)
class _OfModel:
    """What came of one model setting: by way, with what failed."""

    items: Items
    ways: tuple[Way, ...]
    results: tuple[Evaluated, ...]
    failures: tuple[FailureFigures, ...]
    seconds: float
    left: int
    ledger: Path


def evaluate_images(
    source: Source, options: EvaluateOptions, settings: Settings, console: Console
) -> Measured:
    """Measures the labelled images. `console` takes the progress. Raises errors of ours."""
    if options.write_thresholds and source.write is None:
        raise BadRequest("--write-thresholds writes into a label config: give --config FILE.xml")
    against = options.against or []
    models = [settings.model, *against]
    for model in against:
        check_checkpoints(model, settings.runs_in)  # before hours are spent on the first one
    several = [
        _measure(source, source.settings.model_copy(update={"model": model}), options, console)
        for model in models
    ]
    first = several[0]
    changes = threshold_changes(first.results[0])
    written = None
    if options.write_thresholds and source.write is not None:
        written = source.write(changes, first.items.predictor.settings)
    rows = [
        (model, way.name, _setting(model, way, models[0]), result)
        for model, of_model in zip(models, several, strict=True)
        for way, result in zip(of_model.ways, of_model.results, strict=True)
    ]
    sweep = compared(rows) if len(rows) > 1 else ()
    report = EvaluationReport.of(
        _facts(source, settings, first),
        first.results[0],
        first.failures,
        thresholds=changes,
        worst=_worst(first),
        sweep=sweep,
        advice=advice(sweep) if sweep else "",
        written=written,
    )
    return Measured(report, source, first.items)


def items_in(source: Source, settings: Settings) -> Items:
    """What is asked of the labelled images: all that the label config asks but for its learned heads.

    Where it names one the notes say so. The settings know it, for the versions of what is written.
    """
    shelf = HeadShelf(None, settings.home)
    predictors = PredictorSettings(
        engine_of(settings), settings.score_threshold, settings.label_studio_url, heads=shelf.card
    )
    config = without_heads(source.label_config)
    predictor = predictors.for_label_config(config)
    items = items_of(source.labelled, predictor, config)
    if config == source.label_config:
        return items
    return replace(items, notes=(_WITHOUT_HEADS, *items.notes))


def _measure(
    source: Source, settings: Settings, options: EvaluateOptions, console: Console
) -> _OfModel:
    items = items_in(source, settings)
    selected = Selected(options.limit, options.sample, options.seed)
    chosen = selected.of(items.items)
    entries = items.predictor.settings.engine.entries
    ways = ways_for(items.predictor.plan, entries) if options.sweep else (AS_PREDICTED,)
    with showing_progress(console, "regions") as progress:
        run = Run(items, chosen, ways, progress, options.retry_failed)
        with open_ledger(settings.home, run.key, "evaluate") as ledger:
            run.note(ledger)
            if ledger.waiting(1):
                _ask(run, ledger, source, settings)
            return _of_model(run, ledger, source.hint)


def _ask(run: Run, ledger: Ledger, source: Source, settings: Settings) -> None:
    runtime = load_models(settings)
    with source.fetcher() as fetcher:
        handler = WaysHandler(
            fetcher,
            [(way, _asked_so(runtime, way)) for way in run.ways],
            settings.image_max_pixels,
        )
        sizer = BatchSizer(settings.batch_max, settings.batch_latency_s)
        run.ask(ledger, Asker(handler, sizer))


def _asked_so(runtime: LoadedRuntime, way: Way) -> LoadedRuntime:
    if way.num_beams is None and way.gated is None:
        return runtime
    return runtime.variant(num_beams=way.num_beams, gated=way.gated)


def _of_model(run: Run, ledger: Ledger, hint: str) -> _OfModel:
    tally = tally_of(ledger, this_start=True)
    seen = seen_in(run.answers(ledger), len(run.ways), tally)
    failures = tuple(tally.failures())
    if not seen[0].images:
        reason = failures[0].examples[0].message if failures else "there is none"
        raise BadRequest(
            f"none of {in_words(len(run.chosen))} of {run.items.labelled.words} could be measured; the first "
            f"reason: {reason}{hint and f'; {hint}'}"
        )
    return _OfModel(
        run.items,
        run.ways,
        tuple(evaluated(each) for each in seen),
        failures,
        ledger.seconds,
        ledger.left(),
        ledger.path,
    )


def _facts(source: Source, settings: Settings, first: _OfModel) -> EvaluationFacts:
    return EvaluationFacts(
        source=source.labelled.words,
        model=settings.model,
        model_version=first.items.predictor.version,
        device=first.results[0].seen.device,
        ended_at=time.time(),
        seconds=first.seconds,
        left=first.left,
        ledger=str(first.ledger),
        notes=first.items.notes,
    )


def _worst(first: _OfModel) -> tuple[WorstImage, ...]:
    return worst_images(first.results[0].seen.every_box)


def _setting(model: str, way: Way, first_model: str) -> str:
    """How a person has it so; empty where no setting does it."""
    if model == first_model or not way.setting:
        return way.setting
    other = f"FIRSTPASS_MODEL={model}"
    return other if way is AS_PREDICTED else f"{other} and {way.setting}"
