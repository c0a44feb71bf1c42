"""What a layer of the encoder likes to see, painted into a picture."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar, Literal
from warnings import warn

import torch
from torch import Tensor

import impasto
from impasto import Encoder, StageError, Style, Weights
from impasto.functional.batches import batch_item
from impasto.functional.random import random_seed
from impasto.functional.resizing import Size, resample, resize, size_of
from impasto.networks import PRETRAINED, check_layers, records, style_layers
from impasto.optim import Average, Descent, descend

SMALLEST = 32
"""Pixels of the shorter side of an octave."""


class Dream(impasto.Stylizer, name="dream"):
    """Paint into the picture what a layer of the encoder likes to see (Mordvintsev, Olah and Tyka 2015)."""

    demo: ClassVar[Mapping[str, Any]] = {"encoder": "slim19"}
    style = "ignored"
    smallest: ClassVar[int] = 16
    known_weights: ClassVar[tuple[Weights, ...]] = tuple(PRETRAINED.values())

    encoder: str = impasto.param(
        reads=True,
        default="slim19-half",
        help="encoder: slim19 (fastest), slim19-half, vgg19 (clearest), another's name, or a checkpoint's path",
    )
    layer: str = impasto.param(
        default="",
        help="layer that is to respond: the first like lines and dots, deep ones eyes and animals; empty: relu5_1",
    )
    channel: int | None = impasto.param(
        default=None, low=0, high=65_535, help="the one channel that is to respond; none: all of the layer"
    )
    octaves: int = impasto.param(
        default=5, low=1, high=32, help="sizes at which it dreams, small to large; more give larger forms"
    )
    octave_scale: float = impasto.param(default=1.4, low=1.1, high=4, help="from one octave to the next")
    steps: int = impasto.param(default=10, low=1, high=100_000, help="steps of gradient ascent at each octave")
    rate: float = impasto.param(
        default=0.006, low=1e-4, high=1, help="mean change of a pixel in a step, as a share of its range"
    )
    jitter: int = impasto.param(
        default=32,
        low=0,
        high=1024,
        help="pixels by which the picture is shifted at random, step by step, against seams",
    )
    init: Literal["content", "noise"] = impasto.param(
        default="content", choices=("content", "noise"), help="start from the picture, or from soft noise"
    )

    def weights(self) -> tuple[Weights, ...]:
        """Return the record of the encoder, unless it is a file or another plugin's."""
        return records(self.encoder)

    def stylize(self, content: Tensor, styles: Sequence[Style], guides: Tensor | None) -> Tensor:
        """Return each picture with what the layer likes to see; styles are ignored."""
        encoder = impasto.encoder(self.encoder, device=content.device)
        layer = self.layer or style_layers(encoder)[-1]
        check_layers(self.name, encoder, [layer], "layer")
        if self.channel is not None and self.channel >= encoder.channels[layer]:
            raise StageError(
                f"{self.name}: channel = {self.channel}, and {layer} of {encoder.name} has {encoder.channels[layer]}\n"
                f"  what would work: 0 to {encoder.channels[layer] - 1}"
            )
        sizes = octaves(size_of(content), self.octaves, self.octave_scale)
        total = len(content) * len(sizes) * self.steps
        seed = random_seed(self.generator("cpu"), below=2**31)
        result = content
        for index in range(len(content)):
            # The same random numbers for every picture of a batch: each dreams as it does alone.
            generator = torch.Generator().manual_seed(seed)
            start = batch_item(content, index)
            if self.init == "noise":
                # Noise of the smallest octave: what is finer would stay as grain wherever the layer dreams of nothing.
                noise = torch.rand((1, 3, *sizes[0]), generator=generator, dtype=torch.float32, device="cpu")
                start = resize(noise.to(content), size_of(content))

            def after(
                run: Descent, losses: dict[str, Tensor], level: int, index: int = index, done: Tensor = result
            ) -> None:
                step = (index * len(sizes) + level) * self.steps + run.step
                self.report(step, total, with_picture(done, index, resize(run.image, size_of(content))), losses)

            result = with_picture(result, index, self.dream(start, sizes, encoder, layer, generator, after))
        return result

    def dream(
        self,
        image: Tensor,
        sizes: Sequence[Size],
        encoder: Encoder,
        layer: str,
        generator: torch.Generator,
        after: Callable[[Descent, dict[str, Tensor], int], None],
    ) -> Tensor:
        """Return one picture (1, 3, H, W), dreamt at several sizes, small to large."""

        def objective(picture: Tensor) -> dict[str, Tensor]:
            shifts = torch.randint(-self.jitter, self.jitter + 1, (2,), generator=generator, device="cpu").tolist()
            seen = encoder.features(picture.roll(shifts, (2, 3)), [layer])[layer]
            seen = seen if self.channel is None else seen[:, self.channel : self.channel + 1]
            return {"response": -seen.float().square().mean()}

        losses: dict[str, Tensor] = {}

        def keep(run: Descent, found: dict[str, Tensor], level: int) -> None:
            losses.update(found)
            after(run, found, level)

        dreamt = torch.zeros_like(image)
        for level, size in enumerate(sizes):
            octave = resize(image, size)
            # What was dreamt before is added to the finer picture, which so keeps its own detail.
            start = (octave + resample(dreamt, size)).clamp(0, 1)
            run = Descent(start, NormalizedGradient(self.rate), Average(0.0, start), generator=generator)
            painted = descend(run, [size], self.steps, lambda _: objective, partial(keep, level=level))
            dreamt = painted - octave
        if not losses["response"].any():
            warn(
                f"{self.name}: {layer}{'' if self.channel is None else f', channel {self.channel},'} of {encoder.name}"
                " responds to nothing in the picture, which stays as it is\n"
                "  what would work: another channel or layer, or init='noise'",
                stacklevel=2,
            )
        return painted


@dataclass
class NormalizedGradient:
    """Descent by the gradient over its mean magnitude, as of deep dreams: how steep the loss is does not matter.

    Args:
        rate: mean change of a pixel in a step.
    """

    rate: float

    def step(self, image: Tensor, gradient: Tensor) -> Tensor:
        """Return the next picture."""
        return image - self.rate * gradient / gradient.abs().mean().clamp_min(torch.finfo(gradient.dtype).tiny)

    def resized(self, size: Size) -> NormalizedGradient:
        """Return itself: there is nothing to resize."""
        return self

    def state(self) -> dict[str, Any]:
        """Return nothing: it remembers nothing."""
        return {}

    def restore(self, state: Mapping[str, Any], device: torch.device) -> None:
        """Take back nothing."""


def octaves(size: Size, count: int, scale: float) -> list[Size]:
    """Return sizes, small to large, each `scale` times the one before; none is too small for a deep layer.

    Example:
        >>> octaves((120, 160), 5, 1.5)
        [(36, 47), (53, 71), (80, 107), (120, 160)]
    """
    shrinks = [scale**-level for level in range(count)]
    kept = [shrink for shrink in shrinks if shrink == 1 or min(size) * shrink >= SMALLEST]
    return [(round(size[0] * shrink), round(size[1] * shrink)) for shrink in reversed(kept)]


def with_picture(pictures: Tensor, index: int, picture: Tensor) -> Tensor:
    """Return a batch in which one picture is another."""
    return torch.cat([pictures[:index], picture, pictures[index + 1 :]])
