"""Masks from a box or a few strokes: the user says roughly where, the picture says where exactly."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
import torch.nn.functional as F
from PIL import ImageColor
from torch import Tensor

import impasto
from impasto import Canvas, ParameterError, Preprocessor, StageError, param
from impasto.functional.resizing import size_text

from .findings import check_found
from .grabcut import INSIDE, OUTSIDE, SPECK, UNKNOWN, Flags, Trimap, grabcut, remove_small_pieces
from .label_picture import same_aspect
from .random_walk import random_walk
from .superpixels import one_hot
from .tools import with_mask

__all__ = ["MaskGrabCut", "MaskRandomWalker", "SegmentScribbles"]


# ------------------------------------------------------------------------------------------------------- strokes

CLOSE = 0.15
"""Largest difference in red, green or blue (of 1) at which a pixel is still part of a stroke."""


def read_strokes(stage: Preprocessor, path: str, colours: Mapping[str, str], size: tuple[int, int]) -> Flags:
    """Return where the strokes of each colour are in a picture drawn over the content, (K, H, W).

    Args:
        stage: for messages.
        path: the picture; what has another colour, or is transparent, is no stroke.
        colours: by what they mean, for messages.
        size: of the content.

    Raises:
        StageError: the picture has another shape than the content, or no stroke of any colour.
    """
    drawn = impasto.read(path)
    found = drawn.size
    if not same_aspect(found, size):
        raise StageError(
            f"{stage.name}: the strokes {path} are {size_text(found)} pixels and the content is {size_text(size)}"
            "\n  what would work: strokes drawn over the content itself, at any scale"
        )
    wanted = torch.stack([parse_colour(colour) for colour in colours.values()])
    away = (drawn.tensor - wanted[:, :, None, None]).abs().amax(1)
    near = (away <= CLOSE) & (away == away.amin(0))
    if drawn.alpha is not None:
        near &= drawn.alpha[0] >= 0.5
    if not near.any():
        meant = ", ".join(f"{colour} for {meaning!r}" for meaning, colour in colours.items())
        raise StageError(
            f"{stage.name}: {path} has no stroke in any of the colours asked for: {meant}\n"
            "  what would work: strokes in these colours, or the colours that the strokes have, such as '#00ff00'"
        )
    # Strokes are thin: at a smaller size a pixel touched by one stays marked.
    strokes: Flags = F.adaptive_max_pool2d(near.float(), size).numpy() > 0
    return strokes


def parse_colour(colour: str) -> Tensor:
    """Return red, green and blue in [0, 1] of a colour as HTML writes it."""
    return torch.tensor(ImageColor.getrgb(colour)[:3], dtype=torch.float32, device="cpu") / 255


def check_colour(stage: Preprocessor, colour: str) -> None:
    """Raise a `ParameterError` unless a colour is one of HTML's."""
    try:
        parse_colour(colour)
    except ValueError:
        raise ParameterError(
            f"{stage.name}: {colour!r} is not a colour\n  what would work: '#ff0000', or a name such as 'red'"
        ) from None


# ------------------------------------------------------------------------------------------------------- stages


class InteractiveMask(Preprocessor):
    """A stage that finds one object that the user points at."""

    prepares = ("mask",)

    box: tuple[float, ...] | None = param(
        default=None,
        low=0,
        high=1,
        help="left, top, right and bottom of a box around the object, in shares of the picture's width and height",
    )
    scribbles: str = param(
        reads=True, default="", help="a picture drawn over the content, with strokes inside and outside the object"
    )
    foreground: str = param(default="white", help="colour of the strokes inside the object, such as '#00ff00'")
    background: str = param(default="black", help="colour of the strokes outside the object")

    def check(self) -> None:
        """Refuse what does not go together."""
        super().check()
        check_colour(self, self.foreground)
        check_colour(self, self.background)
        if (parse_colour(self.foreground) - parse_colour(self.background)).abs().max() <= 2 * CLOSE:
            raise ParameterError(
                f"{self.name}: foreground {self.foreground!r} and background {self.background!r} look alike\n"
                "  what would work: two colours as different as white and black"
            )
        box = self.box
        if box is not None and (len(box) != 4 or box[0] >= box[2] or box[1] >= box[3]):
            raise ParameterError(
                f"{self.name}: box = {box!r} is not a box\n"
                "  what would work: left, top, right and bottom in shares of the picture, counted from its upper left"
                " corner, such as box=(0.2, 0.1, 0.8, 0.9)"
            )

    def trimap(self, size: tuple[int, int]) -> Trimap:
        """Return what box and strokes say for certain of a picture (H, W)."""
        height, width = size
        trimap = np.full(size, UNKNOWN, dtype=np.int8)
        if self.box is not None:
            left, top, right, bottom = self.box
            trimap[:] = OUTSIDE
            trimap[round(top * height) : round(bottom * height), round(left * width) : round(right * width)] = UNKNOWN
            if not (trimap == UNKNOWN).any():
                raise StageError(
                    f"{self.name}: the box {self.box} holds no pixel of {width}×{height}\n"
                    "  what would work: a larger box, or a larger picture"
                )
        if self.scribbles:
            colours = {"foreground": self.foreground, "background": self.background}
            inside, outside = read_strokes(self, self.scribbles, colours, size)
            trimap[outside] = OUTSIDE
            trimap[inside] = INSIDE
            for side, meaning in ((OUTSIDE, "background"), (INSIDE, "foreground")):
                if self.box is None and not (trimap == side).any():
                    raise StageError(
                        f"{self.name}: {self.scribbles} has no {meaning} stroke, in {colours[meaning]!r}\n"
                        "  what would work: strokes both inside and outside the object, or a box"
                    )
        return trimap

    def stack_masks(self, canvas: Canvas, masks: Sequence[Flags]) -> Tensor:
        """Return masks of the canvas's pictures (B, 1, H, W); raise if all are empty, warn of some."""
        advice = (
            "a stroke inside the object (scribbles=...), a tighter box, or, where object and surroundings have"
            " the same colours, a mask drawn by hand (mask-file)"
        )
        check_found(self, masks, "found no object", advice)
        return torch.from_numpy(np.stack(masks)).float()[:, None].to(canvas.content)


class MaskGrabCut(InteractiveMask, name="mask-grabcut"):
    """Cut out an object by its colours and edges, from a box around it, strokes on it, or a rough mask."""

    rounds: int = param(default=5, low=1, high=50, help="of learning the colours and cutting; ends early when settled")

    def prepare(self, canvas: Canvas) -> Canvas:
        """Return the canvas with the object as its mask."""
        pictures = canvas.content
        trimap = self.trimap((pictures.shape[-2], pictures.shape[-1]))
        if self.box is not None or self.scribbles:
            guess = None if self.box is None else trimap != OUTSIDE
            masks = [self._cut(picture, trimap, guess) for picture in pictures]
            return with_mask(self, canvas, self.stack_masks(canvas, masks))
        if canvas.mask is None:
            raise StageError(
                f"{self.name}: nothing says where the object is\n"
                "  what would work: a box around it, left, top, right and bottom in shares of the picture, such as"
                " box=(0.2, 0.1, 0.8, 0.9); strokes,"
                " scribbles='strokes.png'; or a stage before it that sets a rough mask, such as saliency"
            )
        guesses = canvas.mask[:, 0].expand(len(pictures), -1, -1).cpu().numpy() >= 0.5
        masks = [self._cut(picture, trimap, guess) for picture, guess in zip(pictures, guesses, strict=True)]
        return canvas.replace(mask=self.stack_masks(canvas, masks))

    def _cut(self, picture: Tensor, trimap: Trimap, guess: Flags | None) -> Flags:
        try:
            return grabcut(picture, trimap, guess, self.rounds)
        except ValueError as error:
            raise StageError(
                f"{self.name}: {error}\n"
                "  what would work: a box or mask that is neither empty nor the whole picture, or strokes of both kinds"
            ) from error


class MaskRandomWalker(InteractiveMask, name="mask-random-walker"):
    """Cut out one object by its edges, from strokes on it and around it."""

    scribbles: str = param(
        reads=True, help="a picture drawn over the content, with strokes inside and outside the object"
    )
    beta: float = param(default=2000.0, low=0, high=1e6, help="how firmly edges stop the walker; too much makes crumbs")

    def prepare(self, canvas: Canvas) -> Canvas:
        """Return the canvas with the object as its mask."""
        trimap = self.trimap((canvas.content.shape[-2], canvas.content.shape[-1]))
        for side, meaning in ((INSIDE, "inside"), (OUTSIDE, "outside")):
            if not (trimap == side).any():
                raise StageError(
                    f"{self.name}: no stroke {meaning} the object\n"
                    f"  what would work: one in {self.scribbles}, drawn in"
                    f" {(self.foreground if side == INSIDE else self.background)!r}"
                )
        seeds = np.where(trimap == INSIDE, 1, np.where(trimap == OUTSIDE, 2, 0))
        masks = [
            remove_small_pieces(
                random_walk(picture, seeds, self.beta)[0].cpu().numpy() >= 0.5, trimap, SPECK * trimap.size
            )
            for picture in canvas.content
        ]
        return with_mask(self, canvas, self.stack_masks(canvas, masks))


class SegmentScribbles(Preprocessor, name="segment-scribbles"):
    """Divide the content into regions from a few strokes, one colour of stroke for each region."""

    prepares = ("guides",)

    scribbles: str = param(
        reads=True, help="a picture drawn over the content, with strokes in the colour of their region"
    )
    labels: tuple[str, ...] = param(help="the regions and their colours, such as 'sky=#0000ff' or 'sea=green'")
    beta: float = param(default=2000.0, low=0, high=1e6, help="how firmly edges stop the walker; too much makes crumbs")

    def check(self) -> None:
        """Refuse what does not go together."""
        super().check()
        for colour in self._colours().values():
            check_colour(self, colour)

    def _colours(self) -> dict[str, str]:
        named = dict(entry.rpartition("=")[::2] for entry in self.labels)
        if len(named) < 2 or len(named) < len(self.labels) or not all(named):
            raise ParameterError(
                f"{self.name}: labels = {self.labels!r} does not name two regions or more with a colour each\n"
                "  what would work: labels=('sky=#0000ff', 'sea=green')"
            )
        return named

    def prepare(self, canvas: Canvas) -> Canvas:
        """Return the canvas with a region for each colour of stroke."""
        colours = self._colours()
        strokes = read_strokes(self, self.scribbles, colours, (canvas.content.shape[-2], canvas.content.shape[-1]))
        missing = [label for label, stroke in zip(colours, strokes, strict=True) if not stroke.any()]
        if missing:
            said = ", ".join(f"{label!r} ({colours[label]})" for label in missing)
            raise StageError(
                f"{self.name}: {self.scribbles} has no stroke for {said}\n"
                "  what would work: a stroke in that colour, or labels without it"
            )
        seeds = np.where(strokes.any(0), strokes.argmax(0) + 1, 0)
        nearest = torch.stack([random_walk(picture, seeds, self.beta).argmax(0) for picture in canvas.content])
        return canvas.replace(guides=one_hot(nearest, len(colours)), labels=tuple(colours))
