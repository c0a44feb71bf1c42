"""A study: contents and styles, what paints them, and by which metrics the pictures are measured."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from ..device import Precision
from ..errors import ParameterError
from ..functional.metrics import METRICS, Metric
from ..host import get_host, version
from ..pipeline import Pipeline
from .perceptual_distance import lpips_metric

FINISHED = re.compile(r"[\W_]+((stylized|style|by|in|x|with)[\W_]+)?")
"""What may stand between the names of content and style in the name of a finished picture."""


class Cell(NamedTuple):
    """One picture of a study: by what it is painted, of which content, in which style."""

    painter: str
    content: Path
    style: Path | None

    @property
    def stem(self) -> str:
        """The names of content and style, as files are called."""
        return self.content.stem if self.style is None else f"{self.content.stem}--{self.style.stem}"


@dataclass(frozen=True)
class Study:
    """Contents and styles, what paints them, and what is measured.

    Args:
        contents: files of pictures, of different names.
        styles: likewise; none where no pipeline looks at one.
        painters: by the name that tables call them, pipelines, or folders of pictures painted elsewhere, each named
            after its content and style: `cat--wave.png`, `cat_stylized_wave.jpg`.
        paired: whether the first content goes with the first style, the second with the second, and so on, in place of
            each with each.
        size: contents and styles are painted, and measured, with their longer side of so many pixels at most.
        encoder: by whose features losses are measured, a name or a file.
        metrics: names of metrics; none for all that are installed.
        lpips: file of the network by which LPIPS is measured too (see `lpips_metric`); "" for none.
        seed: of each painting.
        precision: of networks that paint.
        device: where they do.
        max_pixels: refuse larger files.

    Raises:
        ParameterError: two files of one name, unlike numbers of pairs, nothing that paints, or a size below 16.
        UnknownNameError: no installed plugin offers such a metric.

    Example:
        >>> study = Study((Path("cat.jpg"),), (Path("wave.jpg"), Path("mosaic.png")), {"nothing": Pipeline()})
        >>> [cell.stem for cell in study.cells()]
        ['cat--wave', 'cat--mosaic']
    """

    contents: tuple[Path, ...]
    styles: tuple[Path, ...]
    painters: Mapping[str, Pipeline | Path]
    paired: bool = False
    size: int = 512
    encoder: str = "slim19-half"
    metrics: tuple[str, ...] = ()
    lpips: str = ""
    seed: int = 0
    precision: Precision = "auto"
    device: str = "auto"
    max_pixels: int | None = None
    measured: Mapping[str, Metric] = field(init=False, repr=False)
    """The metrics by name."""

    def __post_init__(self) -> None:
        for kind, files in (("contents", self.contents), ("styles", self.styles)):
            check_names(kind, files)
        if not self.painters:
            raise ParameterError("a study: nothing paints\n  what would work: a pipeline, or a folder of pictures")
        if self.size < 16:
            raise ParameterError(f"a study: size = {self.size} is too small to measure\n  what would work: 16 or more")
        if self.paired and len(self.contents) != len(self.styles):
            raise ParameterError(
                f"a study: {len(self.contents)} contents and {len(self.styles)} styles are no pairs\n"
                "  what would work: as many of both, or each with each"
            )
        host = get_host()
        names = self.metrics or (*METRICS, *(name for name in host.metrics if name not in METRICS))
        found = {name: host.metric(name) for name in names}
        if not self.styles:
            found = {
                name: metric for name, metric in found.items() if not {"style", "style_features"} & {*metric.needs}
            }
        if self.lpips:
            name, metric = lpips_metric(self.lpips)
            found[name] = metric
        object.__setattr__(self, "measured", found)

    def origin(self, name: str) -> str:
        """Return the distribution that a metric comes from, with its version."""
        metric = self.measured[name]
        offered = metric in get_host().metrics.values()
        return get_host().distribution(metric) if offered else f"lpips {version('lpips')}"

    def pairs(self) -> Iterator[tuple[Path, Path | None]]:
        """Yield contents with their styles."""
        if self.paired:
            yield from zip(self.contents, self.styles, strict=True)
        else:
            yield from ((content, style) for content in self.contents for style in self.styles or (None,))

    def cells(self) -> Iterator[Cell]:
        """Yield every picture of the study, pair by pair, so that a part of it can be compared."""
        for content, style in self.pairs():
            yield from (Cell(name, content, style) for name in self.painters)


def check_names(kind: str, files: Sequence[Path]) -> None:
    """Raise unless there are files, and their names without suffixes differ.

    Args:
        kind: contents or styles, for messages.
        files: of that kind.

    Raises:
        ParameterError: two are called alike; or there are no contents.
    """
    if not files and kind == "contents":
        raise ParameterError("a study: there are no contents\n  what would work: a photograph, or several")
    seen: dict[str, Path] = {}
    for file in files:
        other = seen.setdefault(file.stem, file)
        if other is not file:
            raise ParameterError(
                f"a study: the {kind} {other} and {file} have one name\n"
                "  what would work: other names, since pictures are called by them"
            )


def finished_picture(files: Sequence[Path], cell: Cell) -> Path:
    """Return the picture of a cell among finished ones, by its name.

    Args:
        files: pictures of one folder.
        cell: whose picture is looked for.

    Raises:
        ParameterError: there is none, or more than one.

    Example:
        >>> files = [Path("cat_stylized_wave.jpg"), Path("cat-on-a-wave.jpg")]
        >>> finished_picture(files, Cell("theirs", Path("cat.jpg"), Path("wave.jpg"))).name
        'cat_stylized_wave.jpg'
    """
    content = re.escape(cell.content.stem)
    named = content if cell.style is None else f"{content}{FINISHED.pattern}{re.escape(cell.style.stem)}"
    found = [file for file in files if re.fullmatch(named, file.stem)]
    if len(found) == 1:
        return found[0]
    what = " and ".join(file.name for file in found) or "no picture"
    raise ParameterError(
        f"{cell.painter}: {what} for {cell.stem}\n"
        f"  what would work: one called {cell.stem}.png, or {cell.stem.replace('--', '_stylized_')}.png"
    )
