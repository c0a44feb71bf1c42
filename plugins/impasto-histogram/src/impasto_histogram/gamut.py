"""Colours confined to those that another picture has."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from impasto import Postprocessor, Style, param
from impasto.functional.color import from_space, mix, to_space

from .light import fit_srgb
from .matching import pixel_counts
from .regions import Part, map_of_picture, map_regions, references

# Ottosson 2020: linear sRGB to cone responses, and their cube roots to lightness, green–red, blue–yellow.
CONES = torch.tensor(
    [
        [0.4122214708, 0.5363325363, 0.0514459929],
        [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ],
    dtype=torch.float64,
    device="cpu",
)
OKLAB = torch.tensor(
    [
        [0.2104542553, 0.7936177850, -0.0040720468],
        [1.9779984951, -2.4285922050, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.8086757660],
    ],
    dtype=torch.float64,
    device="cpu",
)
# Inverted here, as published inverses are rounded.
LIGHT, ROOTS = torch.linalg.inv(CONES), torch.linalg.inv(OKLAB)

CELLS = 64
"""Levels of each channel that colours are counted in."""
DIRECTIONS = 512
"""Half-spaces that bound a gamut."""
STRETCH = 4.0
"""Lightness reaches to 1 and chroma to about a quarter, so directions are even where chroma counts four times."""
FREE = 1e3
"""A reach beyond every colour, yet finite: between nodes of a table, infinities would make NaN."""
HUES, LIGHTNESSES = 180, 65
"""Nodes of the table of largest chromas."""


def to_oklab(image: Tensor) -> Tensor:
    """Return sRGB pictures (B, 3, H, W) in OKLab, whose hues stay the same to the eye as chroma falls."""
    with torch.autocast(image.device.type, enabled=False):
        cones = mix(CONES, to_space(image, "linear"))
        return mix(OKLAB, cones.clamp_min(0).pow(1 / 3))


def from_oklab(values: Tensor) -> Tensor:
    """Return the sRGB picture, not clipped, of OKLab values (B, 3, H, W)."""
    with torch.autocast(values.device.type, enabled=False):
        return from_space(mix(LIGHT, mix(ROOTS, values) ** 3), "linear")


def directions(device: torch.device) -> Tensor:
    """Return the normals (512, 3) of half-spaces, even on a sphere of stretched chroma: a Fibonacci spiral."""
    step = torch.arange(DIRECTIONS, dtype=torch.float64, device="cpu")
    up = 1 - (2 * step + 1) / DIRECTIONS
    turn = step * (math.pi * (3 - math.sqrt(5)))
    flat = STRETCH * (1 - up.square()).sqrt()
    return torch.stack([up, flat * turn.cos(), flat * turn.sin()], 1).float().to(device)


def gamut_reach(picture: Tensor, part: Tensor | None = None, coverage: float = 0.999) -> Tensor:
    """Return how far the colours of a picture reach in each of 512 directions of OKLab.

    Args:
        picture: (3, h, w) sRGB in [0, 1].
        part: (1, h, w), how much each pixel counts; None: all alike.
        coverage: share of the pixels that lie within the reach of any one direction.

    Returns:
        (512,): with the half-spaces these bound, the gamut is convex; black and white always belong to it.
        Minus infinity where no pixel counts.
    """
    # Colours are counted in cells, so that a few thousand stand for millions of pixels.
    red, green, blue = (picture.clamp(0, 1) * (CELLS - 1)).round().long().flatten(1)
    cells, size = (red * CELLS + green) * CELLS + blue, CELLS**3
    counts = pixel_counts(part)
    if counts is None:
        held = torch.bincount(cells, minlength=size)
    else:
        held = counts.new_zeros(size).scatter_add_(0, cells, counts)
    present = held.nonzero().flatten()
    colours = torch.stack([present // CELLS**2, present // CELLS % CELLS, present % CELLS]).float() / (CELLS - 1)
    normals = directions(picture.device)
    reach = (normals[:, :1]).clamp_min(0).flatten()  # of black (0, 0, 0) and white (1, 0, 0)
    if not len(present):
        return torch.full_like(reach, -torch.inf)
    left_out = math.floor((1 - coverage) * int(held.sum()))
    with torch.autocast(picture.device.type, enabled=False):
        along = normals @ to_oklab(colours[None, :, None])[0, :, 0]
    # Every cell holds one pixel at least, so the furthest cells are enough to find those to leave out.
    furthest, order = along.topk(min(len(present), left_out + 1))
    place = (held[present][order].cumsum(1) <= left_out).sum(1, keepdim=True)
    return torch.maximum(reach, furthest.gather(1, place).flatten())


def largest_chroma(reach: Tensor) -> Tensor:
    """Return the largest chroma inside a gamut (65, 181), by lightness 0 … 1 and hue 0 … 2π.

    Args:
        reach: (512,), from `gamut_reach`.
    """
    normals = directions(reach.device)
    hue = torch.linspace(0, 2 * math.pi, HUES + 1, device=reach.device, dtype=torch.float32)
    lightness = torch.linspace(0, 1, LIGHTNESSES, device=reach.device, dtype=torch.float32)
    room = reach - lightness[:, None] * normals[:, 0]  # (lightnesses, directions)
    outwards = normals[:, 1] * hue.cos()[:, None] + normals[:, 2] * hue.sin()[:, None]  # (hues, directions)
    bounds = room.clamp_min(0)[:, None] / outwards.clamp_min(1e-6)
    return torch.where(outwards > 1e-6, bounds, torch.inf).amin(-1)


def clip_gamut(
    image: Tensor,
    references: Tensor | Sequence[Tensor],
    *,
    knee: float = 0.9,
    coverage: float = 0.999,
    parts: Sequence[Part] | None = None,
) -> Tensor:
    """Lower the chroma of colours that other pictures do not have, keeping hue and lightness.

    The gamut is the convex hull, in OKLab, of the references' colours with black and white.  Chroma up to `knee`
    of the largest that the gamut has at this hue and lightness stays to the bit; what lies above is compressed
    smoothly and never reaches the border.

    Args:
        image: (B, 3, H, W) float32 sRGB in [0, 1].
        references: (B or 1, 3, h, w) in [0, 1]; or several, whose common hull is the gamut.
        knee: share of the largest chroma from which on colours are compressed; 1 cuts hard.
        coverage: share of a reference's pixels within the reach of any direction; less than 1 leaves out strays.
        parts: (1 or B, 1, h, w) for each reference, how much each of its pixels counts.

    Returns:
        (B, 3, H, W) in [0, 1].

    Raises:
        ValueError: no reference.

    Example:
        >>> import torch
        >>> grey = torch.rand(1, 1, 8, 8).expand(1, 3, 8, 8)
        >>> bool(clip_gamut(torch.rand(1, 3, 9, 7), grey).std(1).max() < 0.05)
        True
    """
    pictures = [references] if isinstance(references, Tensor) else list(references)
    areas = [None] * len(pictures) if parts is None else list(parts)
    if not pictures:
        raise ValueError("no reference, so there is no gamut\n  what would work: at least one picture")
    # What a whole batch shares is counted once.
    reaches = [
        torch.stack(
            [
                gamut_reach(picture[index % len(picture)], map_of_picture(part, index), coverage)
                for index in range(max(len(picture), 1 if part is None else len(part)))
            ]
        )
        for picture, part in zip(pictures, areas, strict=True)
    ]
    batch = max(map(len, reaches))
    reach = torch.stack([one.expand(batch, -1) for one in reaches]).amax(0)
    reach = reach.where(reach > -torch.inf, FREE)  # where nothing counts, all colours may stay
    table = torch.stack([largest_chroma(one) for one in reach])[:, None].expand(len(image), -1, -1, -1)

    values = to_oklab(image)
    lightness, colour = values[:, :1], values[:, 1:]
    chroma = colour.square().sum(1).sqrt()
    hue = torch.atan2(values[:, 2], values[:, 1]) % (2 * math.pi)
    place = torch.stack([hue / math.pi - 1, lightness[:, 0] * 2 - 1], -1)
    largest = F.grid_sample(table, place, padding_mode="border", align_corners=True)[:, 0].clamp_min(1e-6)
    above = (chroma / largest - knee) / max(1 - knee, 1e-6)
    compressed = largest * (knee + (1 - knee) * above / (1 + above))
    ratio = (compressed / chroma.clamp_min(1e-6))[:, None]
    confined = fit_srgb(from_oklab(torch.cat([lightness, colour * ratio], 1)))
    return torch.where((above > 0)[:, None], confined, image)


class ClipGamut(Postprocessor, name="clip-gamut"):
    """Confine the painted image to the colours of the styles, or of the content, by lowering chroma."""

    reference: str = param(
        default="style",
        choices=("style", "content"),
        help="whose gamut: that of all styles together, or the content's",
    )
    knee: float = param(
        default=0.9, low=0, high=1, help="share of the largest chroma up to which colours stay; 1 cuts hard"
    )
    coverage: float = param(
        default=0.999, low=0.5, high=1, help="share of the pixels that the gamut holds; less than 1 leaves out strays"
    )

    def refine_regions(self, image: Tensor, content: Tensor, styles: Sequence[Style], guides: Tensor | None) -> Tensor:
        """Return the image with its colours confined, region by region."""
        pictures = references(self, self.reference, content, styles, guides, lambda rgb: rgb)

        def change(inside: Part, own: list[Tensor], weights: list[float], parts: list[Part]) -> Tensor:
            return clip_gamut(image, own, knee=self.knee, coverage=self.coverage, parts=parts)

        return map_regions(self, image, pictures, guides, change)
