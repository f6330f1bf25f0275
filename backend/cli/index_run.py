"""`firstpass index`: puts together what asks about the images, and shows what came of it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import typer
from rich.console import Console

from backend.bulk.local import address_of, local_handler
from backend.bulk.offline import one_image
from backend.bulk.workers import check_workers
from backend.cli.index import IndexOptions
from backend.cli.reviewed_project import project_of
from backend.cli.status import open_redis
from backend.cli.which_project import project_id
from backend.delivery.pipeline import WindowLike
from backend.errors import Failure, InternalError
from backend.images.reference import parse_image_ref
from backend.indexing.index_run import IndexRun, PassFigures
from backend.indexing.report import IndexReport, index_summary
from backend.indexing.sources import FolderImages, ImageSource, ProjectImages
from backend.indexing.visiting import LocalWindow
from backend.inference.batch_size import BatchSizer
from backend.inference.local_batches import LocalBatches
from backend.label_config.control_tags import ObjectTag
from backend.label_config.label_config_file import label_config_in
from backend.label_studio.api import LabelStudioApi
from backend.label_studio.bodies import Task
from backend.pages.terminal import say, summary_parts
from backend.prediction.engine import Engine, engine_of
from backend.prediction.plan import ModelRequest
from backend.prediction.predictor import Predictor, PredictorSettings, predictor_settings
from backend.queue.heads import HeadShelf
from backend.queue.job_queue import job_queue
from backend.runs.progress import showing_progress
from backend.settings import Settings
from backend.vectors.file_writer import open_writer
from backend.vectors.places import IndexPlace, folder_place, project_place
from backend.vectors.rows import IndexRows
from models.queries import Embed

__all__ = ["index_images"]

#: A task's image where no label config names one.
_IMAGE = ObjectTag("image", "image")


@dataclass(frozen=True, slots=True)
class _Indexing:
    """All that a pass needs. `asks` gives what answers."""

    title: str
    place: IndexPlace
    source: ImageSource
    predictor: Predictor | None
    engine: Engine
    asks: Callable[[], AbstractContextManager[WindowLike]]
    shown: str = ""


def index_images(options: IndexOptions, settings: Settings) -> int:
    """Index what the options name; how many images failed. Raises errors of ours."""
    console = Console(stderr=True)
    with ExitStack() as stack:
        if options.images is not None:
            found = _of_folder(options.images, options.config, settings)
        else:
            found = _of_project(str(options.project), settings, console, stack)
        with showing_progress(console) as progress:
            run = IndexRun(found.source, found.predictor, found.engine.fingerprint, progress)
            did = _pass(run, found)
        _print(_report(found, did), as_json=options.as_json)
        if options.watch:
            say(console, f"Looking again every {options.every:g} s; Ctrl-C ends it.", "dim")
            with suppress(KeyboardInterrupt):
                _watch(run, found, options)
            return 0
    return did.failed


def _watch(run: IndexRun, found: _Indexing, options: IndexOptions) -> None:
    """Look again and again, and say what has changed, until a signal ends it."""
    while True:
        time.sleep(options.every)
        did = _pass(run, found)
        if did.indexed or did.removed or did.failed:
            _print(_report(found, did), as_json=options.as_json)


def _pass(run: IndexRun, found: _Indexing) -> PassFigures:
    with open_writer(found.place) as writer:
        if isinstance(found.source, FolderImages):
            found.source.contents = writer.contents()
        return run.once(writer, found.asks())


def _of_project(name: str, settings: Settings, console: Console, stack: ExitStack) -> _Indexing:
    api = stack.enter_context(LabelStudioApi.from_settings(settings))
    connection = stack.enter_context(open_redis(settings))
    project = project_of(api, project_id(name, api, settings))
    predictors = predictor_settings(settings, HeadShelf(connection, settings.home).card)
    predictor = predictors.for_label_config(project.label_config)

    @contextmanager
    def asks() -> Iterator[WindowLike]:
        check_workers(
            connection,
            predictors.engine,
            runs_in=settings.runs_in,
            say=lambda line: say(console, line),
        )
        running = job_queue(settings, connection)
        running.start()
        try:
            with running.queue.window(interactive=False, consumes=True) as window:
                yield window
        finally:
            running.close()

    return _Indexing(
        f"project {project.id} ({project.title})",
        project_place(settings, predictors.engine, project.id),
        ProjectImages(api, project, predictor),
        predictor,
        predictors.engine,
        asks,
        project.model_version,
    )


def _of_folder(folder: Path, config: Path | None, settings: Settings) -> _Indexing:
    engine, predictor, image = engine_of(settings), None, _IMAGE
    place = folder_place(settings, engine, folder)
    if config is not None:
        heads = HeadShelf(None, settings.home).card
        predictors = PredictorSettings(engine, settings.score_threshold, None, heads=heads)
        predictor = predictors.for_label_config(label_config_in(config))
        image = one_image(predictor)
    else:
        # Florence-2 has nothing to say of whole images here; to load it would take longest.
        classifier = next(one for one in engine.entries if Embed in one.queries)
        settings = settings.model_copy(update={"model": classifier.name})

    @contextmanager
    def asks() -> Iterator[WindowLike]:
        sizer = BatchSizer(settings.batch_max, settings.batch_latency_s)
        with LocalWindow(LocalBatches(local_handler(settings, folder), sizer)) as window:
            yield window

    def request(path: str) -> ModelRequest:
        if predictor is None:
            ref = parse_image_ref(address_of(path), task_id=None, label_studio_url=None)
            return ModelRequest(ref, ())
        requests = predictor.requests(Task(data=image.data_of(address_of(path)) or {}))
        if isinstance(requests, Failure):
            raise InternalError(requests.message)
        ((_, asked),) = requests.values()
        return asked

    version = predictor.version if predictor is not None else ""
    source = FolderImages(folder, image, request, version)
    return _Indexing(f"folder {folder}", place, source, predictor, engine, asks)


def _report(found: _Indexing, did: PassFigures) -> IndexReport:
    rows = IndexRows(found.place)
    return IndexReport(
        found.title,
        str(found.place.folder),
        rows.counts(),
        did,
        rows.failures(),
        found.predictor.version if found.predictor is not None else "",
        found.shown,
        found.place.other_models,
    )


def _print(report: IndexReport, *, as_json: bool) -> None:
    if as_json:
        typer.echo(report.to_json(), nl=False)
        return
    console = Console()
    for part in summary_parts(index_summary(report)):
        console.print(part)
