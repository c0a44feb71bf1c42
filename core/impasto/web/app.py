"""The application: what each address answers.  Nothing of a request is opened, fetched or run; workers paint."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import lru_cache, partial
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from .. import __version__, samples
from ..errors import ImpastoError, UnknownNameError
from ..host import get_host
from ..picture import Picture
from ..pipeline import Pipeline
from ..stage import plain_value
from .description import description
from .jobs import Job, Jobs, TooManyJobsError
from .openapi import openapi
from .page import Page, pages
from .painter import picture_file
from .protection import Protected, RefusedError
from .recipes import png_recipe, read_pipeline, recipe_run
from .settings import Settings
from .snippets import job_code
from .uploads import order, read_form
from .workers import Workers

ALIVE = 10.0
"""Seconds after which a stream of events says that it is there."""
SAMPLE_SIDES = (128, 256, 512, 1024)
"""Longer sides that samples can be had in."""


def create_app(settings: Settings | None = None) -> Protected:
    """Return the server as an ASGI application, which any ASGI server runs; one process of it, which has the queue.

    Args:
        settings: what it takes; None: those of `impasto serve`.

    Example:
        >>> type(create_app()).__name__
        'Protected'
    """
    settings = settings or Settings()
    return Protected(Server(settings).app, settings)


class Server:
    """Everything that a server keeps.

    Args:
        settings: what it takes.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.jobs = Jobs(settings)
        self.workers = Workers(self.jobs, settings)
        self.pages = pages()
        self.offers = _json(description(settings))
        self.api = _json(openapi(settings))
        routes = [
            Route("/stages", partial(self._prepared, self.offers)),
            Route("/openapi.json", partial(self._prepared, self.api)),
            Route("/health", self.health),
            Route("/jobs", self.add, methods=["POST"]),
            Route("/jobs/{id}", self.job, methods=["GET"]),
            Route("/jobs/{id}", self.stop, methods=["DELETE"]),
            Route("/jobs/{id}/events", self.events),
            Route("/jobs/{id}/picture", self.picture),
            Route("/recipes", self.recipe, methods=["POST"]),
            Route("/samples/{kind}/{name}", self.sample),
            *(Route(path, partial(self._page, page)) for path, page in self.pages.items()),
        ]
        handlers: Any = {
            RefusedError: _refused,
            HTTPException: _no_such_place,
            ImpastoError: _misfit,
            LookupError: _misfit,
            ValueError: _misfit,
            TooManyJobsError: _too_many,
        }
        self.app = Starlette(routes=routes, exception_handlers=handlers, lifespan=self._lifespan)
        self.app.state.server = self

    @asynccontextmanager
    async def _lifespan(self, _: Starlette) -> AsyncIterator[None]:
        self.workers.start()
        try:
            yield
        finally:
            await self.workers.stop()

    # ------------------------------------------------------------------------------------------ what is prepared

    async def _prepared(self, body: bytes, _: Request) -> Response:
        return Response(body, media_type="application/json")

    async def _page(self, page: Page, request: Request) -> Response:
        headers = {"etag": page.etag, "cache-control": "no-cache"}
        if request.headers.get("if-none-match") == page.etag:
            return Response(status_code=304, headers=headers)
        return Response(page.body, media_type=page.kind, headers=headers)

    async def health(self, _: Request) -> Response:
        """Say whether pictures are painted, to whoever watches over the server."""
        ready = sum(worker.is_ready for worker in self.workers.each)
        return JSONResponse({"version": __version__, "workers": ready}, 200 if ready else 503)

    async def sample(self, request: Request) -> Response:
        """Give a sample picture, at one of a few sizes."""
        kind, name, side = (
            request.path_params["kind"],
            request.path_params["name"],
            request.query_params.get("size", ""),
        )
        if kind not in ("content", "style") or side not in map(str, SAMPLE_SIDES):
            raise RefusedError(404, f"samples are /samples/content/NAME and /samples/style/NAME, ?size={SAMPLE_SIDES}")
        body = await asyncio.to_thread(_sample, kind, name, int(side))
        return Response(body, media_type="image/png", headers={"cache-control": "private, max-age=86400"})

    # ---------------------------------------------------------------------------------------------------- jobs

    async def add(self, request: Request) -> Response:
        """Take a job; with `?wait` the picture is the answer."""
        form = await read_form(request, self.settings)
        message = await asyncio.to_thread(order, form, self.settings)
        job = Job(_client(request), message, draft=form.texts.get("draft") == "true")
        job.facts["code"] = await asyncio.to_thread(job_code, message.header)
        self.jobs.add(job)
        if "wait" not in request.query_params:
            return JSONResponse(job.told(), 202, headers={"location": f"/jobs/{job.id}"})
        job.watchers += 1
        try:
            while not job.ended:
                await job.change(0.5)
                if not job.ended and await request.is_disconnected():
                    job.stop()
                    break
        finally:
            job.watchers -= 1
        if job.ended:
            self.jobs.forget(job)  # whoever waits has it with the answer
        return _picture(job, request)

    def _job(self, request: Request) -> Job:
        job = self.jobs.get(request.path_params["id"])
        if job is None:
            raise RefusedError(
                404,
                "there is no such job, or it is forgotten: finished pictures are kept for"
                f" {self.settings.kept_seconds / 60:.0f} minutes\n  what would work: to paint it again",
            )
        return job

    async def job(self, request: Request) -> Response:
        """Say what has become of a job."""
        return JSONResponse(self._job(request).told())

    async def stop(self, request: Request) -> Response:
        """Stop a job; what there is of it is kept."""
        job = self._job(request)
        job.stop()
        return JSONResponse(job.told(), 202)

    async def picture(self, request: Request) -> Response:
        """Give a finished picture, or what there is of one that was stopped."""
        return _picture(self._job(request), request)

    async def events(self, request: Request) -> Response:
        """Tell of a job as it goes, as a stream of events."""
        headers = {"cache-control": "no-store", "x-accel-buffering": "no"}
        return StreamingResponse(_events(self._job(request)), media_type="text/event-stream", headers=headers)

    async def recipe(self, request: Request) -> Response:
        """Give the pipeline of a finished picture, or of TOML or a line, as the page has it; nothing is painted."""
        form = await read_form(request, self.settings, ("picture", "pipeline"))
        data = form.files.get("picture", [b""])[0]
        text = form.texts.get("pipeline") or await asyncio.to_thread(png_recipe, data)
        if not text:
            raise RefusedError(
                422, "the picture carries no recipe\n  what would work: a PNG as Impasto wrote it; others drop recipes"
            )
        pipeline = await asyncio.to_thread(read_pipeline, text, self.settings)
        return JSONResponse({"stages": _tables(pipeline), **recipe_run(text)})


def _json(value: Any) -> bytes:
    return json.dumps(value, allow_nan=False, separators=(",", ":")).encode()


def _tables(pipeline: Pipeline) -> list[dict[str, Any]]:
    return [
        {
            "stage": get_host().name(type(stage)),
            "values": {key: plain_value(value) for key, value in stage.values().items()},
        }
        for stage in pipeline.stages
    ]


@lru_cache(128)
def _sample(kind: str, name: str, side: int) -> bytes:
    if name not in getattr(samples, f"{kind}s")():  # no name that leads somewhere else
        raise UnknownNameError(
            f"there is no sample called so\n  available: {', '.join(getattr(samples, f'{kind}s')())}"
        )
    return picture_file(Picture(getattr(samples, kind)(name, side)), "PNG")


def _client(request: Request) -> str:
    """Return by what name the queue goes: an address, and a word that tells browsers of one address apart."""
    address = request.client.host if request.client else ""
    return f"{address} {request.headers.get('impasto-client', '')[:40]}"


def _picture(job: Job, request: Request) -> Response:
    if not job.ended:
        raise RefusedError(
            409, "the picture is not painted yet\n  what would work: GET /jobs/ID/events, which says when"
        )
    if not job.picture:
        status = {"refused": 422, "failed": 500}.get(job.state, 409)
        raise RefusedError(status, job.facts.get("error") or "there is no picture")
    kind = "image/png" if job.picture.startswith(b"\x89PNG") else "image/jpeg"
    name = f"painted.{kind.partition('/')[2].replace('jpeg', 'jpg')}"
    how = "attachment" if "download" in request.query_params else "inline"
    return Response(job.picture, media_type=kind, headers={"content-disposition": f'{how}; filename="{name}"'})


async def _events(job: Job) -> AsyncIterator[str]:
    """Yield what becomes of a job: its state whenever it changes, and previews as pictures in base64."""
    shown = 0
    job.watchers += 1
    try:
        while True:
            yield f"event: state\ndata: {json.dumps(job.told())}\n\n"
            if job.previews != shown and job.preview:
                shown = job.previews
                picture = base64.b64encode(job.preview).decode()
                yield f"event: preview\ndata: data:image/jpeg;base64,{picture}\n\n"
            if job.ended:
                return
            before = job.told()
            while job.told() == before and job.previews == shown:
                await job.change(ALIVE)
                yield ": alive\n\n"
    finally:
        job.watchers -= 1


def _error(status: int, text: str) -> Response:
    return JSONResponse({"error": text}, status)


async def _refused(_: Request, error: RefusedError) -> Response:
    return _error(error.status, error.message)


async def _misfit(_: Request, error: Exception) -> Response:
    return _error(422, str(error.args[0] if error.args else error))


async def _too_many(_: Request, error: TooManyJobsError) -> Response:
    return JSONResponse({"error": str(error)}, 429, headers={"retry-after": "5"})


async def _no_such_place(_: Request, error: HTTPException) -> Response:
    text = {
        404: "there is nothing at this address\n  what would work: / is the page, /api says what else there is",
        405: "this address takes no such request\n  what would work: /api says which",
    }
    return JSONResponse({"error": text.get(error.status_code, error.detail)}, error.status_code, headers=error.headers)
