"""Label pictures: files whose colours or numbers stand for regions."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch.nn.functional as F
from PIL import Image, ImageColor
from scipy import ndimage  # type: ignore[import-untyped]
from torch import Tensor

import impasto
from impasto.functional.precision import in_double
from impasto.picture import Picture, is_grey, is_jpeg

FEW_LABELS = 64
"""A picture with more flat colours than this, none of them named, is hardly a label picture."""
REACH = 8
"""Pixels, or a hundredth of the picture: where colours of two labels mix, by antialiasing or JPEG, the nearest pixel
of a clear colour decides."""
NOISY = 1024
"""A picture with more colours than this is noisy, and a colour is a label's if it fills NOISE_SHARE of it."""
NOISE_SHARE = 1e-3
REST = "*"
VOID, UNKNOWN = -1, -2

Colour = tuple[int, int, int]
LabelValue = Colour | int | str
"""How a label is given: by a colour, a number, or REST."""
Numbers = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class LabelFile:
    """A picture file, read for its labels: colours as whole numbers, and what the file says about them."""

    path: str
    picture: Picture
    palette: Sequence[Colour]
    """Colours by number, of a file that has a palette."""
    single: bool
    """Whether its pixels are numbers: places in a palette, or grey levels."""

    @property
    def lossy(self) -> bool:
        """Whether its values are near to what was meant."""
        return is_jpeg(self.picture)

    @property
    def alpha(self) -> Tensor | None:
        """(1, 1, h, w), its opacity, if it has one."""
        return self.picture.alpha

    @property
    def colours(self) -> Numbers:
        """(h, w), each pixel's red, green and blue as one number; deep greys as they are."""
        values = in_double(self.picture.tensor[0]).cpu().numpy() * (65535 if self.is_16_bit else 255)
        values = values.round().astype(np.int64)
        return values[0] if self.is_16_bit else np.asarray(values[0] << 16 | values[1] << 8 | values[2])

    @property
    def is_16_bit(self) -> bool:
        """Whether its numbers go beyond 255."""
        return self.single and self.picture.meta.bits == 16

    @property
    def is_grey(self) -> bool:
        """Whether the picture has no colour."""
        return is_grey(self.picture)

    @property
    def has_transparency(self) -> bool:
        """Whether the picture has an alpha channel that says something."""
        return self.alpha is not None and bool((self.alpha < 1).any())

    def colour_of(self, place: int) -> Colour | None:
        """Return the colour that a number stands for, if any."""
        if self.palette:
            return self.palette[place] if place < len(self.palette) else None
        if self.is_16_bit:
            return unpack(place)
        return (place, place, place) if self.single and place < 256 else None

    def name_of(self, colour: Colour) -> str:
        """Return the plain name of a colour: its number in a palette or among greys, or `#rrggbb`."""
        if self.palette:
            return str(self.palette.index(colour)) if colour in self.palette else hex_code(colour)
        if self.single:
            return str(pack(colour) if self.is_16_bit else colour[0])
        return hex_code(colour)


def open_labels(path: str) -> LabelFile:
    """Read a picture with what the file says of its palette.

    Raises:
        PictureError: it cannot be read.
        OSError: it is not there.
    """
    picture = impasto.read(path)
    file = picture.meta.file
    assert file is not None  # it was read from one
    with Image.open(file) as image:  # read() has decoded it, so it is one and is not too large
        single = image.mode in ("1", "L", "P", "I") or image.mode.startswith("I;16")
        flat = image.getpalette("RGB") if image.mode == "P" else None
    palette = [] if flat is None else [(flat[i], flat[i + 1], flat[i + 2]) for i in range(0, len(flat) - 2, 3)]
    return LabelFile(path, picture, palette, single)


def resize_maps(values: Tensor, canvas_size: tuple[int, int], mode: str) -> Tensor:
    """Return maps (1, C, h, w) resized to (H, W); labels by the nearest pixel, soft masks smoothly."""
    if values.shape[-2:] == canvas_size:
        return values
    if mode == "nearest":
        return F.interpolate(values, canvas_size, mode="nearest-exact")
    return F.interpolate(values, canvas_size, mode="bilinear", antialias=True).clamp(0, 1)


def same_aspect(first: tuple[int, int], second: tuple[int, int]) -> bool:
    """Return whether one size is the other scaled, up to a pixel of the smaller one: programs round differently."""
    small, large = sorted((first, second))
    scale = max(small) / max(large)
    return all(abs(one - other * scale) <= 1 for one, other in zip(small, large, strict=True))


def parse_label_value(text: str) -> LabelValue | None:
    """Return the colour, number or REST that a text says; None if it says none."""
    if text == REST or text.isdecimal():
        return REST if text == REST else int(text)
    with contextlib.suppress(ValueError):
        red, green, blue = ImageColor.getrgb(text)[:3]
        return red, green, blue
    return None


def unpack(colour: int) -> Colour:
    """Return red, green and blue of a colour that is one number."""
    return colour >> 16 & 255, colour >> 8 & 255, colour & 255


def pack(colour: Colour) -> int:
    """Return a colour as one number."""
    return colour[0] << 16 | colour[1] << 8 | colour[2]


def hex_code(colour: Colour) -> str:
    """Return a colour as `#rrggbb`."""
    return f"#{pack(colour):06x}"


def describe_colours(file: LabelFile, colours: Numbers, most: int = 6) -> str:
    """Say which colours an array holds and how much of it: `#00ff00 12.5 %, #ffff00 3.1 %`."""
    values, counts = np.unique(colours, return_counts=True)
    order = np.argsort(-counts, kind="stable")
    said = [f"{file.name_of(unpack(int(values[i])))} ({100 * counts[i] / colours.size:.1f} %)" for i in order[:most]]
    return ", ".join(said) + (f" and {len(order) - most} more" if len(order) > most else "")


def channel_difference(one: Colour, other: Colour) -> int:
    """Return the largest difference of two colours' channels."""
    return max(abs(a - b) for a, b in zip(one, other, strict=True))


def block_mask(values: Numbers) -> Flags:
    """Return which pixels lie in a block of 2×2 with one value: an area has such, a mixture at an edge does not."""
    rows = values[1:] == values[:-1]
    corner = rows[:, 1:] & rows[:, :-1] & (values[:-1, 1:] == values[:-1, :-1])
    inside = np.zeros(values.shape, bool)
    for down in (slice(1, None), slice(None, -1)):
        for across in (slice(1, None), slice(None, -1)):
            inside[down, across] |= corner
    return inside


def flat_colours(colours: Numbers, where: Flags, tolerance: float) -> list[Colour]:
    """Return the colours that fill areas, the commonest first; those within `tolerance` of one count as that one."""
    every = np.unique(colours[where])
    values, counts = np.unique(colours[where & block_mask(colours)], return_counts=True)
    if not len(values):
        return []
    enough = NOISE_SHARE * colours.size if len(every) > NOISY else 0
    order = np.argsort(-counts, kind="stable")
    counts, channels = counts[order], rgb_of(values[order])
    kept: list[Colour] = []
    for _ in range(8 * FEW_LABELS):  # a photograph has no end of them
        if not len(counts) or len(kept) > FEW_LABELS:
            break
        red, green, blue = channels[0].tolist()
        near = np.abs(channels - channels[0]).max(1) <= 255 * tolerance
        if counts[near].sum() >= enough:
            kept.append((red, green, blue))
        counts, channels = counts[~near], channels[~near]
    return kept


def rgb_of(values: Numbers) -> Numbers:
    """Return red, green and blue, (N, 3), of colours that are one number each."""
    return np.stack([values >> 16, values >> 8 & 255, values & 255], 1)


def nearest_colour(values: Numbers, palette: Sequence[Colour]) -> tuple[Numbers, Numbers]:
    """Return for each colour the place of the nearest one in a palette, and the largest difference of a channel."""
    channels = rgb_of(values)
    nearest, distance = np.zeros(len(values), np.int64), np.full(len(values), 256)
    for place, colour in enumerate(palette):
        here = np.abs(channels - np.asarray(colour)).max(1)
        nearest = np.where(here < distance, place, nearest)
        distance = np.minimum(distance, here)
    return nearest, distance


def classify(colours: Numbers, opaque: Flags, palette: Sequence[Colour], tolerance: float) -> Numbers:
    """Return for each pixel the place of its colour in the palette, or UNKNOWN, or VOID where it is transparent.

    A colour within `tolerance` of one in the palette is that one.  What is left is unknown where it fills an area;
    otherwise it is a mixture at an edge, and takes the label of the nearest pixel that is clear.
    """
    values, inverse = np.unique(colours, return_inverse=True)
    inverse = inverse.reshape(colours.shape)
    nearest, distance = nearest_colour(values, palette)
    labels = np.where(distance <= 255 * tolerance, nearest, UNKNOWN)[inverse]
    # Near a label's colour by chance, a mixture of two others would make a thin false line.
    clear = opaque & (labels >= 0) & ((distance == 0)[inverse] | block_mask(labels))
    if clear.any() and not clear.all():
        away, (rows, columns) = ndimage.distance_transform_edt(~clear, return_indices=True)
        others = flat_colours(colours, opaque & (labels < 0), tolerance)
        strange = (nearest_colour(values, others)[1] <= 255 * tolerance)[inverse] & (labels < 0)
        strange |= away > max(REACH, max(colours.shape) // 100)
        labels = np.where(strange & ~clear, UNKNOWN, labels[rows, columns])
    return np.where(opaque, labels, VOID)
