"""The FastAPI application: Label Studio's ML-backend routes over `PredictionService`.

`/health` alone is answered on the event loop, without I/O and from what is known, so nothing can delay it.
What a caller can make large is done in threads: `/predict`, which waits, in those of its own pool,
`/setup` and `/webhook`, which do not, in a few others, and what reads Redis for `/status` in a third.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from uuid import uuid4

import anyio
import structlog
from anyio import to_thread
from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse

from backend import __version__
from backend.errors import FirstpassError
from backend.label_studio.bodies import PredictRequest, SetupRequest, WebhookEvent, parse_body
from backend.service import PredictionService, RunningService
from backend.settings import Settings
from backend.web.auth import Gate
from backend.web.body import Bodies, CallerGone
from backend.web.ending import AnswersAtTheEnd, Ending
from backend.web.explore_pages import ExplorePages
from backend.web.explore_routes import add_explore_routes
from backend.web.explore_source import ExploreSource, MakeTab
from backend.web.metrics import Metrics
from backend.web.monitor import QueueMonitor
from backend.web.operator_routes import STATUS_THREADS, add_operator_routes
from backend.web.replies import AsciiReply, error_reply, predict_reply, status_of
from backend.web.review_routes import add_review_routes

__all__ = ["create_app"]

log = structlog.get_logger()

#: Requests to `/predict` that may wait at the same time, each in a thread.
PREDICT_THREADS = 256
#: Requests that are worked on at once and wait for nothing; Python runs one of them at a time.
SHORT_THREADS = 4


def create_app(
    settings: Settings,
    running: RunningService,
    monitor: QueueMonitor,
    make_tab: MakeTab | None = None,
) -> FastAPI:
    """The application. Nothing is opened before it starts. `make_tab` is for the pages of `/explore`."""
    metrics = Metrics()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        app.state.predict_limiter = anyio.CapacityLimiter(PREDICT_THREADS)
        app.state.short_limiter = anyio.CapacityLimiter(SHORT_THREADS)
        app.state.status_limiter = anyio.CapacityLimiter(STATUS_THREADS)
        running.start()
        monitor.start()
        yield
        monitor.close()
        running.close()

    app = FastAPI(title="Firstpass", version=__version__, lifespan=lifespan, openapi_url=None)
    app.state.ending = Ending(running.release)
    _add_guards(app, Gate(settings), metrics)
    app.add_middleware(AnswersAtTheEnd, ending=app.state.ending)
    bodies = Bodies(settings)
    _add_label_studio_routes(app, bodies, running.service, metrics)
    add_operator_routes(app, monitor, metrics)
    add_review_routes(app, monitor.reports, monitor.loop)
    source = ExploreSource(settings, running.service.engine, running.service.queue, make_tab)
    add_explore_routes(app, ExplorePages(source), bodies)
    return app


def _add_guards(app: FastAPI, gate: Gate, metrics: Metrics) -> None:
    @app.middleware("http")
    async def guard(
        request: Request, call_next: Callable[[Request], Awaitable[Response]]
    ) -> Response:
        started = time.monotonic()
        response = gate.refuse(request) or await call_next(request)
        route = request.scope.get("route")
        path = route.path if route is not None else "(other)"
        metrics.count_request(path, response.status_code, time.monotonic() - started)
        return response

    @app.exception_handler(FirstpassError)
    async def ours(request: Request, error: FirstpassError) -> JSONResponse:
        say = log.debug if isinstance(error, CallerGone) else log.warning
        say("refused", path=request.scope["path"], kind=error.kind, reason=str(error))
        return error_reply(status_of(error), error.kind, str(error))

    @app.exception_handler(Exception)
    async def bug(request: Request, error: Exception) -> JSONResponse:
        number = uuid4().hex[:8]
        log.error("bug", path=request.scope["path"], number=number, exc_info=error)
        return error_reply(500, "InternalError", f"Firstpass failed; its log has number {number}")


def _add_label_studio_routes(
    app: FastAPI, bodies: Bodies, service: PredictionService, metrics: Metrics
) -> None:
    @app.post("/setup")
    async def setup(request: Request) -> dict[str, str]:
        """Label Studio announces a label config and gets the version that answers it."""
        async with bodies.of(request) as raw:
            version = await to_thread.run_sync(
                lambda: service.setup(parse_body(SetupRequest, raw)),
                limiter=app.state.short_limiter,
            )
        return {"model_version": version}

    @app.post("/predict")
    async def predict(request: Request) -> JSONResponse:
        """Predictions for tasks: one entry each, in order; `[]` where there is none (yet)."""
        async with bodies.of(request) as raw:

            def answer() -> JSONResponse:
                slots = service.predict(parse_body(PredictRequest, raw))
                metrics.count_slots(slots)
                return AsciiReply(predict_reply(slots))

            return await to_thread.run_sync(answer, limiter=app.state.predict_limiter)

    @app.post("/webhook")
    async def webhook(request: Request) -> dict[str, str]:
        """Label Studio tells what happened; answered at once, since the annotator waits."""
        async with bodies.of(request) as raw:
            await to_thread.run_sync(
                lambda: service.event(parse_body(WebhookEvent, raw)),
                limiter=app.state.short_limiter,
            )
        return {"status": "ok"}

    @app.get("/versions")
    async def versions() -> dict[str, list[str]]:
        """The versions that Label Studio may choose from."""
        return {"versions": service.versions()}
