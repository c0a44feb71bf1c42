"""Jobs: what is to be painted, how far it is, and what came of it; a fair queue of them, and what is kept."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections import OrderedDict, deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from .messages import Message
from .settings import Settings

State = Literal["waiting", "painting", "done", "stopped", "refused", "failed"]
ENDED = ("done", "stopped", "refused", "failed")
MOST_DEATHS = 2
"""Workers that may die over one job."""


class TooManyJobsError(Exception):
    """A server that has enough to do; the message says what to do."""


@dataclass(eq=False)
class Job:
    """A picture to be painted.

    Args:
        client: whose it is.
        order: for a worker, dropped when the job has ended.
        draft: whether those that are not go before it.
    """

    client: str
    order: Message | None
    draft: bool = False
    id: str = field(default_factory=lambda: secrets.token_urlsafe(12))
    state: State = "waiting"
    facts: dict[str, Any] = field(default_factory=dict)
    """What is known of it, as it is told to whoever asks: stage, step, steps, elapsed, size, recipe, notes, error."""
    picture: bytes = b""
    preview: bytes = b""
    previews: int = 0
    deaths: int = 0
    watchers: int = 0
    seen: float = field(default_factory=time.monotonic)
    ended_at: float = 0.0
    stopping: asyncio.Event = field(default_factory=asyncio.Event)
    _changed: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def ended(self) -> bool:
        """Whether nothing more will become of it."""
        return self.state in ENDED

    def update(self, state: State | None = None, **facts: Any) -> None:
        """Note what has become of it, and wake whoever waits for that."""
        self.facts |= facts
        if state is not None:
            self.state = state
        if self.ended:
            self.order, self.ended_at = None, time.monotonic()
        self._changed.set()
        self._changed = asyncio.Event()

    async def change(self, seconds: float) -> None:
        """Wait until something has become of it, or for so long."""
        try:
            await asyncio.wait_for(self._changed.wait(), seconds)
        except asyncio.TimeoutError:
            return

    def told(self) -> dict[str, Any]:
        """Return what whoever asks is told."""
        return {"id": self.id, "state": self.state, **self.facts}

    def stop(self) -> None:
        """Have it stopped; what there is of it is kept."""
        if not self.ended:
            self.stopping.set()
            if self.state == "waiting":
                self.update("stopped", error="stopped before it began")
            else:
                self.update(stopping=True)


class Jobs:
    """All jobs by their name: those that wait, each client in turn, and those that have ended, for a while.

    Args:
        settings: how many, and how long they are kept.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._all: OrderedDict[str, Job] = OrderedDict()
        self._waiting: OrderedDict[str, deque[Job]] = OrderedDict()
        self._arrived = asyncio.Event()

    def __len__(self) -> int:
        return len(self._all)

    def get(self, name: str) -> Job | None:
        """Return a job that is asked for by its name; None: there is none, or no more."""
        job = self._all.get(name)
        if job is not None:
            job.seen = time.monotonic()
        return job

    def counts(self) -> Mapping[str, int]:
        """Return how many jobs there are in each state."""
        found: dict[str, int] = {}
        for job in self._all.values():
            found[job.state] = found.get(job.state, 0) + 1
        return found

    def add(self, job: Job) -> None:
        """Put a job in the queue.

        Raises:
            TooManyJobsError: the queue is full, or the client's part of it.
        """
        waiting = [one for one in self._all.values() if one.state == "waiting"]
        own = [one for one in self._all.values() if not one.ended and one.client == job.client]
        size = sum(len(picture) for one in [*waiting, job] if one.order for picture in one.order.pictures)
        if len(own) >= self.settings.waiting_each:
            raise TooManyJobsError(
                f"{len(own)} pictures of yours wait already\n  what would work: to wait for one, or to stop it"
            )
        if len(waiting) >= self.settings.waiting or size > 4 * self.settings.max_upload:
            raise TooManyJobsError(
                f"{len(waiting)} pictures wait, as many as this server takes\n  what would work: a minute later"
            )
        self._all[job.id] = job
        self._put(job)

    def put_back(self, job: Job) -> None:
        """Put a job first whose worker died."""
        job.preview = b""
        job.update("waiting", stage=None, step=0, steps=0)
        self._put(job, first=True)

    def _put(self, job: Job, first: bool = False) -> None:
        line = self._waiting.setdefault(job.client, deque())
        line.appendleft(job) if first else line.append(job)
        self._arrived.set()

    async def next(self) -> Job:
        """Wait for a job and return it: of each client in turn, drafts after all that are none."""
        while True:
            if (job := self._next(draft=False) or self._next(draft=True)) is not None:
                return job
            self._arrived.clear()
            await self._arrived.wait()

    def _next(self, draft: bool) -> Job | None:
        for client, line in list(self._waiting.items()):
            for job in list(line):
                if job.state != "waiting":  # stopped meanwhile
                    line.remove(job)
                elif job.draft == draft:
                    line.remove(job)
                    self._waiting.move_to_end(client)
                    return job
            if not line:
                del self._waiting[client]
        return None

    def forget(self, job: Job) -> None:
        """Forget a job that has ended, and its picture."""
        self._all.pop(job.id, None)

    def tidy(self) -> None:
        """Forget what has ended long ago or is too much, and stop what nobody asks for."""
        now = time.monotonic()
        for job in list(self._all.values()):
            if job.watchers:
                job.seen = now
            if job.ended and now - max(job.ended_at, job.seen) > self.settings.kept_seconds:
                del self._all[job.id]
            elif not job.ended and now - job.seen > self.settings.patience:
                job.stop()
        kept = sum(len(job.picture) for job in self._all.values())
        for job in list(self._all.values()):
            if kept <= self.settings.kept_bytes and len(self._all) <= 4096:
                break
            if job.ended:
                kept -= len(job.picture)
                del self._all[job.id]
