"""A worker: a process that paints one picture after another for the server, and may die without harm."""

from __future__ import annotations

import queue
import signal
import sys
import threading
import time
import traceback
import warnings
from collections.abc import Mapping, Sequence
from contextlib import suppress
from multiprocessing.connection import Connection
from typing import Any

import torch

from ..device import pick_device
from ..errors import ImpastoError, ParameterError
from ..functional.resizing import resize, size_of, size_text, size_within
from ..host import get_host, hookimpl
from ..picture import Picture, read
from ..picture.arrays import integer_pixels
from ..picture.encoding import file_bytes
from ..picture.metadata import Metadata
from ..pipeline import Pipeline, own_canvas_size
from ..pipeline.work_size import work_size
from ..stage import Canvas, Stage, Style
from ..weights import without_downloads
from .confinement import confine
from .messages import Message, receive, send

PREVIEW = 448
"""Longer side of a picture that grows, in pixels."""
EVERY = 0.35
"""Seconds between two such pictures."""


def work(connection: Connection, threads: int, device: str, workers: int, quick: Sequence[str]) -> None:
    """Paint what comes in over a connection until it closes.

    Args:
        connection: to the server.
        threads: of the processor that it may use.
        device: to paint on.
        workers: that share the machine.
        quick: stylizers that are tried on a small picture while there is nothing to do, so that their networks are
            loaded when somebody wants them.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C in the terminal ends the server, which ends its workers
    sys.stdin = None
    torch.set_num_threads(threads)
    get_host()
    _warm_up()
    confine(workers, pick_device(device).type == "cpu")
    worker = _Worker(connection, device)
    threading.Thread(target=worker.listen, daemon=True).start()
    threading.Thread(target=worker.talk, daemon=True).start()
    worker.said.put(Message({"kind": "ready"}))
    with without_downloads():
        untried = list(quick)
        while True:
            if untried and worker.jobs.empty():
                worker.try_out(untried.pop(0))
            elif (message := worker.jobs.get()) is not None:
                worker.paint(message)
            else:
                return


def _warm_up() -> None:
    """Read a picture and paint it with nothing, so that libraries are loaded before files and programs are refused."""
    grey = Picture(torch.full((1, 3, 32, 32), 0.5))
    read(picture_file(grey, "JPEG"))
    read(picture_file(Pipeline()(grey), "PNG"))


class _Worker:
    def __init__(self, connection: Connection, device: str) -> None:
        self.connection, self.device = connection, device
        self.jobs: queue.SimpleQueue[Message | None] = queue.SimpleQueue()
        self.said: queue.SimpleQueue[Message] = queue.SimpleQueue()
        self.stopped: set[str] = set()

    def listen(self) -> None:
        """Take what the server says: jobs, and which of them are to stop."""
        while True:
            try:
                message = receive(self.connection)
            except (EOFError, OSError):  # the server is no more
                self.jobs.put(None)
                return
            if message.header["kind"] == "stop":
                self.stopped.add(message.header["job"])
            else:
                self.jobs.put(message)

    def talk(self) -> None:
        """Tell the server what there is, from a thread of its own: painting waits for nobody."""
        while True:
            try:
                send(self.connection, self.said.get())
            except OSError:
                self.jobs.put(None)
                return

    def try_out(self, name: str) -> None:
        """Paint something small with a stylizer; what is wrong with it is said to whoever wants it."""
        grey = torch.full((1, 3, 64, 64), 0.5)
        with suppress(Exception), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            kind = get_host().stylizers[name]
            Pipeline(kind(**kind.demo))(grey, None if kind.style == "ignored" else grey.clone(), device=self.device)

    def paint(self, message: Message) -> None:
        """Paint one job and say what became of it."""
        job = message.header["job"]
        try:
            with warnings.catch_warnings(record=True) as noted:
                warnings.simplefilter("always")
                header, picture = self._painted(message)
            notes = [str(one.message) for one in noted if not issubclass(one.category, DeprecationWarning)]
            header |= {"kind": "done", "notes": list(dict.fromkeys(notes))}
            self.said.put(Message({**header, "job": job}, [picture]))
        except KeyboardInterrupt:
            self.said.put(Message({"kind": "stopped", "job": job}))
        except (ImpastoError, ValueError, TypeError, FloatingPointError) as error:
            self.said.put(Message({"kind": "refused", "job": job, "error": str(error)}))
        except Exception as error:
            traceback.print_exception(error)
            text = (
                "this is a fault in Impasto or a plugin, not of yours\n  what to do: the server's output has the trace"
            )
            self.said.put(Message({"kind": "failed", "job": job, "error": text}))
        finally:
            self.stopped.discard(job)

    def _painted(self, message: Message) -> tuple[dict[str, Any], bytes]:
        header = message.header
        given = dict(zip(header["names"], message.pictures, strict=True))
        limit = header["max_pixels"]
        began = time.perf_counter()

        def picture(name: str) -> Picture:
            try:
                return read(given.pop(name), max_pixels=limit)
            except ImpastoError as error:
                raise type(error)(str(error).replace("the data given", name.replace(".", " "), 1)) from error

        pipeline = Pipeline.from_toml(header["pipeline"])
        content = picture("content") if "content" in given else None
        styles = [
            Style(picture(name), weight, region=region)  # type: ignore[arg-type]
            for name, weight, region in header["styles"]
        ]
        mask = picture("mask") if "mask" in given else None
        guides = {label: picture(f"region.{label}") for label in header["regions"]}
        run = {"seed": header["seed"], "size": header["size"], "precision": header["precision"]}
        _check_work(pipeline.stages, content, header)
        follow = _Follow(self, header["job"])
        painted = pipeline(
            content,
            styles,
            mask=_fitted(mask, content),
            guides={label: _fitted(one, content) for label, one in guides.items()} or None,
            device=self.device,
            plugins=[follow],
            **run,
        )
        made = {
            "size": [painted.size[1], painted.size[0]],
            "seconds": round(time.perf_counter() - began, 3),
            "recipe": painted.meta.recipe,
            "interrupted": None if painted.interrupted is None else str(painted.interrupted),
        }
        return made, picture_file(painted, header["format"])


class _Follow:
    """Tells the server how far a run has come, and stops it when it is to stop.

    Args:
        worker: which paints.
        job: whose picture it is.
    """

    def __init__(self, worker: _Worker, job: str) -> None:
        self.worker, self.job = worker, job
        self._shown = self._told = self._began = 0.0

    @hookimpl
    def impasto_run_stage(self, stage: Stage) -> Canvas | None:
        """Say which stage begins, and leave it to whoever runs it."""
        if self.job in self.worker.stopped:
            raise KeyboardInterrupt
        self._began = time.perf_counter()
        self.worker.said.put(Message({"kind": "stage", "job": self.job, "stage": stage.name}))
        return None

    @hookimpl
    def impasto_step(self, stage: Stage, step: int, steps: int, image: torch.Tensor) -> None:
        """Say which step is done, and now and then what the picture looks like."""
        now = time.perf_counter()
        pictures = []
        if now - self._shown > EVERY or step == steps:
            small = resize(image[:1].float().cpu().clamp(0, 1), size_within(size_of(image), PREVIEW))
            pictures = [picture_file(Picture(small.clamp(0, 1)), "JPEG", 82)]
            self._shown = now
        if pictures or now - self._told > EVERY / 3:
            self._told = now
            header = {"kind": "step", "job": self.job, "stage": stage.name, "step": step, "steps": steps}
            header["elapsed"] = now - self._began
            self.worker.said.put(Message(header, pictures))
        if self.job in self.worker.stopped:
            raise KeyboardInterrupt


def picture_file(picture: Picture, form: str, quality: int = 90) -> bytes:
    """Return the bytes of a file; a PNG carries its recipe, a JPEG nothing.

    Args:
        picture: one.
        form: "PNG" or "JPEG".
        quality: of a JPEG.
    """
    if form == "PNG":
        return file_bytes(integer_pixels(picture.tensor, picture.alpha), form, 95, picture.meta, picture.meta.recipe)
    return file_bytes(integer_pixels(picture.tensor, None), form, quality, Metadata(), None)


def _fitted(mask: Picture | None, content: Picture | None) -> Picture | None:
    """Return a mask of the content's size: it is drawn on what a page shows."""
    if mask is None or content is None or mask.size == content.size:
        return mask
    height, width = content.size
    if abs(mask.size[0] * width - mask.size[1] * height) > 2 * max(height, width, *mask.size):
        raise ParameterError(
            f"the mask is {size_text(mask.size)} and the photograph {size_text(content.size)}: another shape\n"
            "  what would work: a mask drawn over the photograph"
        )
    return Picture(resize(mask.tensor, content.size).clamp(0, 1))


def _check_work(stages: Sequence[Stage], content: Picture | None, header: Mapping[str, Any]) -> None:
    """Raise where a job would take longer than a server that others wait for has time."""
    height, width = own_canvas_size(stages) or (content.size if content is not None else (1024, 1024))
    if height * width > header["max_pixels"]:
        raise ParameterError(
            f"{size_text((height, width))} pixels are more than this server paints\n"
            f"  what would work: at most {header['max_pixels']:,}"
        )
    side = work_size(stages, header["size"], None, None)
    share = 1.0 if side is None else min(1.0, side / max(height, width))
    pixels = height * width * share * share
    work = sum(pixels * max(1, getattr(stage, "steps", 1)) for stage in stages)
    if work > header["work"]:
        raise ParameterError(
            f"{pixels / 1e6:.1f} megapixels at so many steps are more work than this server takes for one picture\n"
            "  what would work: a smaller size, or fewer steps"
        )
