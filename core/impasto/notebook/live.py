"""The picture and its losses, drawn while a run goes on."""

from __future__ import annotations

import math
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from ..errors import ParameterError
from ..host import hookimpl
from ..picture import Picture, read
from ..stage import Canvas, Stage
from .sheet import HEIGHT, INK, PAPER, TEXT, Sheet

LINES = ("#c4372b", "#2b6cb0", "#2f855a", "#b7791f", "#6b46c1", "#4a5568")


class Live:
    """Show the picture and the losses of iterative stages as they go; pass it to a run in a notebook.

    Args:
        every: steps between two looks.

    Example:
        >>> import impasto
        >>> impasto.Pipeline()(impasto.samples.content("astronaut", 64), plugins=[impasto.Live()]).size
        (64, 64)
    """

    def __init__(self, every: int = 10) -> None:
        if every < 1:
            raise ParameterError(f"Live: every = {every} is no number of steps\n  what would work: 1 or more")
        self.every = every
        self._handle: Any = None
        self._curves: dict[str, list[tuple[int, float]]] = {}

    @hookimpl(wrapper=True)
    def impasto_run_stage(self) -> Generator[None, Canvas, Canvas]:
        """Start a new picture and new curves with every stage."""
        self._handle, self._curves = None, {}
        return (yield)

    @hookimpl
    def impasto_step(self, stage: Stage, step: int, steps: int, image: Tensor, losses: Mapping[str, Tensor]) -> None:
        """Show the picture and the losses after every few steps, the first and the last."""
        if step % self.every and step not in (1, steps):
            return
        for name, value in losses.items():
            self._curves.setdefault(name, []).append((step, float(value)))
        try:
            from IPython.display import display
        except ImportError as error:
            raise ImportError(
                "Live: needs IPython, to show its pictures in a notebook\n"
                "  what to type: pip install 'impasto[notebook]'"
            ) from error
        shown = Progress(
            f"{stage.name}: step {step} of {steps}", Picture(image.float().cpu().clamp(0, 1)), self._curves
        )
        if self._handle is None:
            self._handle = display(shown, display_id=True)  # type: ignore[no-untyped-call]
        else:
            self._handle.update(shown)


@dataclass(frozen=True, eq=False, repr=False)
class Progress:
    """The picture so far, and the losses of the steps done."""

    title: str
    picture: Picture
    curves: Mapping[str, Sequence[tuple[int, float]]]

    def __repr__(self) -> str:
        return self.title

    def _repr_jpeg_(self) -> bytes:
        pictures = [self.picture, read(plot(self.curves))] if self.curves else [self.picture]
        return Sheet((tuple(pictures),), ((self.title, "losses")[: len(pictures)],))._repr_jpeg_()


def plot(
    curves: Mapping[str, Sequence[tuple[int, float]]],
    size: tuple[int, int] = (480, HEIGHT),
    axes: tuple[str, str] = ("step", "loss"),
) -> Image.Image:
    """Return curves on a logarithmic scale, each with its name and its last value.

    Args:
        curves: points (step, value) of each curve, by its name; values that are not above 0 are left out.
        size: width and height of the image in pixels.
        axes: names of the axes; the second says beside its name that it is logarithmic.
    """
    width, height = size
    image = Image.new("RGB", size, PAPER)
    draw, font = ImageDraw.Draw(image), ImageFont.load_default(TEXT - 3)
    drawn = {name: [(step, math.log10(value)) for step, value in curve if value > 0] for name, curve in curves.items()}
    points = [point for curve in drawn.values() for point in curve]
    if not points:
        return image
    first, last = min(step for step, _ in points), max(step for step, _ in points)
    low, high = min(value for _, value in points), max(value for _, value in points)
    left, right, top, bottom = 70, width - 10, 32 + (TEXT + 2) * len(drawn), height - 28

    def at(step: float, value: float) -> tuple[float, float]:
        return (
            left + (right - left) * (step - first) / max(1, last - first),
            bottom - (bottom - top) * (value - low) / max(1e-9, high - low),
        )

    draw.line((left, top, left, bottom, right, bottom), INK)
    for value, y in ((high, top), (low, bottom)):
        draw.text((left - 6, y), f"{10**value:.2g}", INK, font, anchor="rm")
    for step, x, anchor in ((first, left, "la"), (last, right, "ra")):
        draw.text((x, bottom + 6), str(step), INK, font, anchor=anchor)
    draw.text(((left + right) / 2, bottom + 6), axes[0], INK, font, anchor="ma")
    draw.text((left, top - 8), f"{axes[1]} (logarithmic)", INK, font, anchor="ls")
    for index, (name, curve) in enumerate(drawn.items()):
        colour = LINES[index % len(LINES)]
        label = f"{name}  {10 ** curve[-1][1]:.3g}" if curve else name
        draw.text((left, 4 + index * (TEXT + 2)), label, colour, font)
        if len(curve) > 1:
            draw.line([at(step, value) for step, value in curve], colour, 2, joint="curve")
    return image
