"""Workers: processes that paint, one picture at a time each, replaced when they die."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import multiprocessing
import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Any, TypeVar

import torch

from ..stage import Stylizer
from .jobs import MOST_DEATHS, Job, Jobs
from .messages import Message, receive, send
from .painter import work
from .recipes import allowed_stages
from .settings import Settings

T = TypeVar("T")

log = logging.getLogger("impasto.web")

GRACE = 10.0
"""Seconds in which a worker stops by itself."""
PAUSE = 1.0
"""Seconds before a worker that died while it started is started again."""


def devices(settings: Settings) -> list[str]:
    """Return the device of each worker: every GPU once, else the processor."""
    gpus = [f"cuda:{index}" for index in range(torch.cuda.device_count())]
    every = gpus or ["auto"]
    return [every[index % len(every)] for index in range(settings.workers or len(every))]


def quick(settings: Settings) -> list[str]:
    """Return the stylizers of one pass, those that a page begins with first."""
    kinds = allowed_stages(settings).items()
    names = [name for name, kind in kinds if issubclass(kind, Stylizer) and "steps" not in kind.parameters()]
    return sorted(names, key=lambda name: (name != "adain", name))


class Worker:
    """One worker, as the server sees it.

    Args:
        jobs: that it takes from.
        device: that it paints on.
        workers: of the server.
        settings: of the server.
    """

    def __init__(self, jobs: Jobs, device: str, workers: int, settings: Settings) -> None:
        self.jobs, self.device, self.workers, self.settings = jobs, device, workers, settings
        self.process: BaseProcess | None = None
        self._ready = False
        self._connection: Connection | None = None
        self._threads = ThreadPoolExecutor(2, "worker")  # one that listens and one that talks

    @property
    def is_ready(self) -> bool:
        """Whether it paints, or waits for something to paint."""
        return self._ready and self.process is not None and self.process.is_alive()

    async def run(self) -> None:
        """Paint job after job, for good."""
        while True:
            try:
                await self._start()
            except (EOFError, OSError):
                log.warning("a worker died while it started")
                self.end()
                await asyncio.sleep(PAUSE)
                continue
            job = await self.jobs.next()
            if self.process is None or not self.process.is_alive():
                self.jobs.put_back(job)
                self.end()
                continue
            try:
                await self._paint(job)
            except (EOFError, OSError):
                self.end()
                self._mourn(job)
            except asyncio.CancelledError:
                self.end()
                raise

    async def _start(self) -> None:
        if self.process is not None and self.process.is_alive():
            return
        self.end()
        context = multiprocessing.get_context("spawn")  # a fork would hold the server's sockets and threads
        self._connection, theirs = context.Pipe()
        # Pictures come in many sizes: oneDNN would keep what it prepared for each of a thousand.
        os.environ.setdefault("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "16")
        threads = max(1, (os.cpu_count() or 1) // self.workers)
        arguments = (theirs, min(threads, torch.get_num_threads()), self.device, self.workers, quick(self.settings))
        self.process = context.Process(target=work, args=arguments, name="impasto-worker", daemon=True)
        await self._call(self.process.start)
        theirs.close()
        await self._call(receive, self._connection)
        self._ready = True

    async def _call(self, function: Callable[..., T], *arguments: Any) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, function, *arguments)

    async def _paint(self, job: Job) -> None:
        began = time.monotonic()
        job.update("painting", error=None)
        connection, order = self._connection, job.order
        assert connection is not None
        assert order is not None
        await self._call(send, connection, Message({**order.header, "kind": "paint", "job": job.id}, order.pictures))
        stopping = asyncio.create_task(self._stop(job))
        try:
            while not job.ended:
                self._note(job, await self._call(receive, connection))
        finally:
            stopping.cancel()
        log.info("%s: %s, %s, %.2f s", job.id, job.state, job.facts.get("size"), time.monotonic() - began)

    def _note(self, job: Job, message: Message) -> None:
        """Take up what the worker says of a job."""
        header = dict(message.header)
        kind = header.pop("kind")
        if header.pop("job", None) != job.id:
            return
        if kind == "stage":
            job.update(stage=header["stage"], step=0, steps=0)
        elif kind == "step":
            if message.pictures:
                job.preview, job.previews = message.pictures[0], job.previews + 1
            job.update(**header)
        elif kind == "done":
            job.picture = message.pictures[0]
            job.update("stopped" if header["interrupted"] else "done", **header)
        elif kind == "stopped":
            job.update("stopped", error="stopped before anything was painted")
        elif kind in ("refused", "failed"):
            job.update(kind, error=header["error"])

    async def _stop(self, job: Job) -> None:
        """Stop a job when somebody wants that, or when it takes too long; a worker that does not listen is killed."""
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(job.stopping.wait(), self.settings.seconds)
        job.stop()
        with contextlib.suppress(OSError):
            assert self._connection is not None
            await self._call(send, self._connection, Message({"kind": "stop", "job": job.id}))
        await asyncio.sleep(GRACE)
        if self.process is not None:
            self.process.kill()

    def _mourn(self, job: Job) -> None:
        """Have a job painted once more whose worker died."""
        if job.ended:
            return
        job.deaths += 1
        log.warning("%s: its worker died", job.id)
        if job.stopping.is_set():
            job.update("stopped", error="stopped before anything was painted")
        elif job.deaths < MOST_DEATHS:
            self.jobs.put_back(job)
        else:
            text = "two workers died over this picture\n  what would work: a smaller picture, another method"
            job.update("failed", error=text)

    def end(self) -> None:
        """End the process."""
        self._ready = False
        if self._connection is not None:
            self._connection.close()
        if self.process is not None:
            self.process.kill()
            self.process.join(5)
        self.process = self._connection = None


class Workers:
    """All workers of a server.

    Args:
        jobs: that they take from.
        settings: of the server.
    """

    def __init__(self, jobs: Jobs, settings: Settings) -> None:
        places = devices(settings)
        self.jobs = jobs
        self.each = [Worker(jobs, device, len(places), settings) for device in places]
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Start them; the loop has to run."""
        self._tasks = [asyncio.create_task(worker.run()) for worker in self.each]
        self._tasks.append(asyncio.create_task(self._tidy()))

    async def _tidy(self) -> None:
        while True:
            await asyncio.sleep(1)
            self.jobs.tidy()

    async def stop(self) -> None:
        """End them, whatever they paint."""
        for task in self._tasks:
            task.cancel()
        for worker in self.each:
            worker.end()
        await asyncio.gather(*self._tasks, return_exceptions=True)
