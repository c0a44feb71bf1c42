"""A study carried out: each picture painted and measured once, whatever comes between."""

from __future__ import annotations

import hashlib
import json
import os
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ..device import pick_device
from ..errors import PictureError, StageError
from ..files import files_in, local_path, make_folder, sha256
from ..functional.resizing import fit_within
from ..host import get_host
from ..networks import Encoder, encoder
from ..picture import Picture, picture_suffixes, read
from ..pipeline import Pipeline
from ..pipeline.provenance import makers
from .measuring import metric_inputs
from .memory import PeakMemory
from .study import Cell, Study, finished_picture

PROGRESS = "progress.jsonl"
"""File of a study's folder that has a line for each picture that is done."""
HELD = 64
"""Inputs that are held in memory."""


@dataclass
class Row:
    """What is known of one picture of a study."""

    painter: str
    content: str
    style: str
    identity: str = ""
    """Digest of everything that the picture depends on."""
    picture: str = ""
    """Its file, seen from the study's folder; "" where there is none."""
    width: int = 0
    height: int = 0
    seconds: float | None = None
    """Of its painting; None of a picture painted elsewhere."""
    warm: bool = False
    """Whether its painter had painted before, so that no time went into loading networks."""
    mebibytes: float | None = None
    values: dict[str, float] = field(default_factory=dict)
    """By metric."""
    measured_by: dict[str, str] = field(default_factory=dict)
    """By metric, the encoder and the distribution that offers the metric."""
    errors: dict[str, str] = field(default_factory=dict)
    """Why there is no value, by metric; under "" why there is no picture."""

    @property
    def megapixels_per_second(self) -> float | None:
        """How fast it was painted."""
        return self.width * self.height / 1e6 / self.seconds if self.seconds else None


class StudyRun:
    """A study at work in a folder: what is there of an earlier run is not done again.

    The folder has `inputs/` with contents and styles as they are painted and measured, `pictures/`, and a file of
    progress.  Figures are of the pictures as saved, with 8 bits.

    Args:
        study: what is to be done.
        folder: where; made if needed.
    """

    def __init__(self, study: Study, folder: Path) -> None:
        self.study, self.folder = study, folder
        self.device = pick_device(study.device)
        self.network: Encoder = encoder(study.encoder, calibrated=True, device=self.device)
        self.encoder = encoder_name(study.encoder)
        self.digests = {file: sha256(file) for file in {*study.contents, *study.styles}}
        self._picture = lru_cache(HELD)(self._read_input)
        self._finished = lru_cache(None)(lambda folder: sorted(files_in(folder, picture_suffixes())))
        self._kept: set[Path] = set()
        self._warm: set[str] = set()
        make_folder(folder)

    def rows(self, failed: Callable[[Cell, Exception], None] = lambda cell, error: None) -> Iterator[Row]:
        """Yield the row of each picture, painted or measured now where it is not yet.

        Args:
            failed: is told of each picture that could not be painted, and why; the rest goes on.
        """
        done = read_progress(self.folder / PROGRESS)
        for cell in self.study.cells():
            row = Row(cell.painter, cell.content.stem, "" if cell.style is None else cell.style.stem)
            try:
                row = self._painted(cell, row, done)
                if self._measure(cell, row):
                    append_line(self.folder / PROGRESS, json.dumps(asdict(row), ensure_ascii=False))
            except Exception as error:  # a stranger's stage or file; the rest goes on, and the caller is told
                row.errors = {"": str(error)}
                failed(cell, error)
            yield row

    def _painted(self, cell: Cell, row: Row, done: dict[str, Row]) -> Row:
        """Return a row whose picture is there: of an earlier run, or painted now."""
        painter = self.study.painters[cell.painter]
        finished = None if isinstance(painter, Pipeline) else finished_picture(self._finished(painter), cell)
        row.identity = self._identity(cell, finished)
        before = done.get(row.identity)
        if before is not None and (self.folder / before.picture).is_file():
            before.painter = cell.painter
            return before
        name = f"{slug(cell.painter)}/{cell.stem}.png"
        target = self.folder / "pictures" / name
        make_folder(target.parent)
        if isinstance(painter, Pipeline):
            self._paint(painter, cell, row, target)
        else:
            assert finished is not None
            read(finished, max_pixels=self.study.max_pixels).save(target, recipe=False)
        row.picture = target.relative_to(self.folder).as_posix()
        return row

    def _paint(self, pipeline: Pipeline, cell: Cell, row: Row, target: Path) -> None:
        content = self._picture(cell.content, "contents")
        looks = any(stage.style != "ignored" for stage in pipeline.stages)
        style = self._picture(cell.style, "styles") if cell.style is not None and looks else None
        study = self.study
        with PeakMemory(self.device) as peak:
            began = time.perf_counter()
            picture = pipeline(
                Picture(content),
                None if style is None else Picture(style),
                device=study.device,
                precision=study.precision,
                seed=study.seed,
            )
            row.seconds = time.perf_counter() - began
        if picture.interrupted is not None:
            raise KeyboardInterrupt
        row.mebibytes, row.warm = peak.mebibytes, cell.painter in self._warm
        self._warm.add(cell.painter)
        picture.save(target)

    def _measure(self, cell: Cell, row: Row) -> bool:
        """Fill in what a row lacks, and return whether it did."""
        by = {name: f"{self.encoder}, {self.study.origin(name)}" for name in self.study.measured}
        missing = {
            name: metric for name, metric in self.study.measured.items() if row.measured_by.get(name) != by[name]
        }
        row.errors = {name: why for name, why in row.errors.items() if name in missing}
        if not missing:
            return False
        result = read(self.folder / row.picture).tensor
        row.height, row.width = result.shape[-2:]
        content = self._picture(cell.content, "contents").to(self.device)
        style = None if cell.style is None else self._picture(cell.style, "styles").to(self.device)
        with torch.no_grad():
            inputs = metric_inputs(missing.values(), self.network, result.to(self.device), content, style)
            for name, metric in missing.items():
                try:
                    value = metric(inputs).item()
                    if value != value or abs(value) == float("inf"):
                        raise StageError(f"{name} is not finite")
                    row.values[name], row.measured_by[name] = value, by[name]
                except Exception as error:  # of a plugin; the other metrics are measured all the same
                    row.errors[name] = str(error) or type(error).__name__
        return True

    def _read_input(self, file: Path, kind: str) -> Tensor:
        """Return a content or style in the size of the study, which is kept beside the pictures for the page."""
        kept = self.folder / "inputs" / kind / f"{file.stem}.png"
        if kept not in self._kept:
            image = fit_within(read(file, max_pixels=self.study.max_pixels).visible, self.study.size)
            make_folder(kept.parent)
            Picture(image).save(kept)
            self._kept.add(kept)
        return read(kept).tensor

    def _identity(self, cell: Cell, finished: Path | None) -> str:
        """Return a digest of everything that a picture depends on."""
        study, painter = self.study, self.study.painters[cell.painter]
        known: dict[str, Any] = {
            "content": self.digests[cell.content],
            "style": None if cell.style is None else self.digests[cell.style],
            "size": study.size,
        }
        if isinstance(painter, Pipeline):
            known |= {"pipeline": painter.to_toml(), "made": makers(painter.stages)}
            known |= {"seed": study.seed, "precision": study.precision, "device": self.device.type}
        else:
            assert finished is not None
            known["finished"] = sha256(finished)
        return hashlib.sha256(json.dumps(known, sort_keys=True).encode()).hexdigest()[:24]


def encoder_name(name: str) -> str:
    """Return what an encoder is called for good: its name, or its file's with a digest.

    Example:
        >>> encoder_name("slim19")
        'slim19'
    """
    return name if name in get_host().encoders else f"{Path(name).name} {sha256(local_path(name))[:12]}"


def slug(name: str) -> str:
    """Return a painter's name as a folder can be called.

    Example:
        >>> slug("match-color, gatys:steps=20")
        'match-color-gatys-steps-20'
    """
    return re.sub(r"[^\w.]+", "-", name).strip("-.")[:80] or "unnamed"


def read_progress(file: Path) -> dict[str, Row]:
    """Return the rows of a file of progress by identity; a line that a kill cut off is left out."""
    rows: dict[str, Row] = {}
    if file.is_file():
        for line in file.read_text(encoding="utf-8").splitlines():
            try:
                row = Row(**json.loads(line))
            except (ValueError, TypeError):
                continue
            rows[row.identity] = row
    return rows


def append_line(file: Path, line: str) -> None:
    """Add a line to a file of progress, and have the disk take it; half a line before it is closed first.

    Raises:
        PictureError: the file cannot be written.
    """
    try:
        with file.open("ab+") as opened:
            if opened.tell():
                opened.seek(-1, os.SEEK_END)
                if opened.read(1) != b"\n":
                    line = f"\n{line}"
            opened.write(f"{line}\n".encode())
            opened.flush()
            os.fsync(opened.fileno())
    except OSError as error:
        raise PictureError(f"{file}: could not be written\n  {error.strerror}") from error
