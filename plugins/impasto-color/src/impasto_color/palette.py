"""Palettes: the few colours that stand for a picture, and pictures recoloured from one palette to another.

After Chang et al. 2015.  Everything up to the table of colours happens on the CPU, on some thousand colours;
only the table is applied to the picture.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import torch
from torch import Tensor

from impasto import ParameterError, param
from impasto.functional.batches import batch_item
from impasto.functional.color import from_space, to_space
from impasto.functional.lut import Cube, grade
from impasto.functional.precision import in_double

from .recoloring import Recolor, Reference

BINS = 16
"""Levels of red, green and blue into which a picture's colours are counted (Chang et al. 2015)."""
GRID = 33
"""Levels of red, green and blue of the table by which a picture is recoloured."""
ATTRACTION = 0.8
"""Distance in L*a*b*/100 within which a first colour keeps others from being chosen (Chang et al. 2015)."""
ITERATIONS = 100
"""Iterations of k-means at most; it settles in some ten to thirty."""
FAR = 8.0
"""Times that the shift between two colours is looked for in the gamut, at most."""
ALIKE = 0.08
"""Difference of lightness below which colours of a palette count as equally light."""
ORDER = 1000.0
"""How much more the order of lightness counts than likeness when palettes are matched: it is always kept."""


def count_colors(image: Tensor, weights: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """Return the colours of one picture, gathered into 16³ bins.

    Args:
        image: (3, H, W) sRGB in [0, 1].
        weights: (H, W), how much each position counts; all alike if none does.

    Returns:
        Mean colours (4096, 3) in L*a*b*/100 and the share of the picture each stands for (4096,); float64, on the CPU.
    """
    pixels = in_double(image.flatten(1)).cpu()
    shares = (
        torch.ones(pixels.shape[1], dtype=torch.float64, device="cpu")
        if weights is None
        else in_double(weights.flatten()).cpu()
    )
    if not shares.any():
        shares = torch.ones_like(shares)
    red, green, blue = (pixels * BINS).long().clamp_(0, BINS - 1)
    place = (red * BINS + green) * BINS + blue
    counts = torch.bincount(place, shares, BINS**3)
    sums = torch.stack([torch.bincount(place, shares * channel, BINS**3) for channel in pixels])
    colors = (sums / counts.clamp_min(1e-12)).float().view(1, 3, -1, 1)
    return in_double(to_space(colors, "lab")[0, :, :, 0].T), counts / shares.sum()


def k_means_palette(colors: Tensor, shares: Tensor, size: int) -> Tensor:
    """Return the palette of weighted colours by k-means, from first colours that no chance picks.

    Each first colour is the one that stands for most of the picture, after those near to one already chosen
    have been discounted.  Black is a cluster of its own that is left out, so that shadows do not take a place
    in the palette, unless the picture has nothing else.

    Args:
        colors: (N, 3) in L*a*b*/100.
        shares: (N,); colours that stand for nothing, or less, are left out.
        size: how many colours at most; there are fewer where the picture has fewer.

    Returns:
        (K, 3) in L*a*b*/100, from dark to light.
    """
    colors, shares = colors[shares > 0], shares[shares > 0]
    pull = shares
    centres = [torch.zeros(3, dtype=colors.dtype, device="cpu")]
    while len(centres) <= size:
        pull = pull * (1 - torch.exp(-(colors - centres[-1]).square().sum(1) / ATTRACTION**2))
        if not pull.max() > 0:
            break
        centres.append(colors[pull.argmax()])
    palette = torch.stack(centres)
    nearest = torch.cdist(colors, palette).argmin(1)
    for _ in range(ITERATIONS):
        mass = torch.bincount(nearest, shares, len(palette))
        sums = torch.stack([torch.bincount(nearest, shares * channel, len(palette)) for channel in colors.T], 1)
        palette = torch.where(mass[:, None] > 0, sums / mass[:, None].clamp_min(1e-12), palette)
        palette[0] = 0  # black stays
        before, nearest = nearest, torch.cdist(colors, palette).argmin(1)
        if torch.equal(before, nearest):
            break
    found = palette[1:][torch.bincount(nearest, minlength=len(palette))[1:] > 0]
    if not len(found):
        found = palette[:1]
    return found[found[:, 0].argsort(stable=True)]


def extract_palette(image: Tensor, size: int = 5, weights: Tensor | None = None) -> Tensor:
    """Return the colours that stand for a picture, by k-means in L*a*b* (Chang et al. 2015).

    Args:
        image: (1, 3, H, W) sRGB in [0, 1].
        size: how many; there are fewer where the picture has fewer.
        weights: (1, 1, H, W), how much each position counts.

    Returns:
        (K, 3) sRGB, from dark to light, on the CPU.

    Example:
        >>> import torch
        >>> extract_palette(torch.tensor([0.2, 0.6]).repeat(3, 2, 1)[None], size=2)
        tensor([[0.2000, 0.2000, 0.2000],
                [0.6000, 0.6000, 0.6000]])
    """
    palette = k_means_palette(*count_colors(image[0], None if weights is None else weights[0, 0]), size)
    return lab_to_rgb(palette).clamp(0, 1).float()


def lab_to_rgb(colors: Tensor) -> Tensor:
    """Return colours (N, 3) in L*a*b*/100 as sRGB, not clipped."""
    return from_space(colors.T[None, :, :, None], "lab")[0, :, :, 0].T


def rgb_to_lab(colors: Tensor) -> Tensor:
    """Return sRGB colours (N, 3) in L*a*b*/100."""
    return to_space(colors.T[None, :, :, None], "lab")[0, :, :, 0].T


def match_palettes(source: Tensor, reference: Tensor) -> Tensor:
    """Return for each colour (K, 3) of one palette its colour among another's (M, 3), both in L*a*b*/100.

    The assignment has the least sum of squared distances among those that keep light above dark.  A palette
    that is too short gives its colours several times; of one that is too long the closest are taken.
    """
    # Imported when needed: it takes a fifth of a second to load.
    from scipy.optimize import linear_sum_assignment  # type: ignore[import-untyped]

    repeats = -(-len(source) // len(reference))
    choices = reference.repeat(repeats, 1)
    scale = torch.tensor([ORDER**0.5, 1.0, 1.0], dtype=source.dtype, device="cpu")
    rows, columns = linear_sum_assignment(torch.cdist(source * scale, choices * scale).square().numpy())
    return choices[torch.from_numpy(columns)[torch.from_numpy(rows).argsort()]]


def recoloring_table(source: Tensor, reference: Tensor) -> Cube:
    """Return how much each colour changes from one palette to another (Chang et al. 2015).

    Lightness follows a smooth curve that never falls, through black, the palettes' colours and white.  Colour
    is shifted, for each pair of the palettes, as far as the gamut allows it relative to the pair, and the
    shifts are averaged by radial basis functions that are 1 at their own colour and 0 at the others.

    Args:
        source: (K, 3) in L*a*b*/100, from dark to light.
        reference: (K, 3), what each becomes.

    Returns:
        the differences that are added to sRGB colours.
    """
    steps = torch.linspace(0, 1, GRID, dtype=torch.float64, device="cpu")
    blue, green, red = torch.meshgrid(steps, steps, steps, indexing="ij")
    grid = torch.stack([red, green, blue], -1).view(-1, 3)
    colors = rgb_to_lab(grid)
    lightness = lightness_curve(source[:, 0], reference[:, 0].sort().values, colors[:, 0])

    # A colour that its new lightness cannot show is desaturated first, so that there is a way to go from it.
    plain = colors[:, 1:] * multiples_in_gamut(lightness, torch.zeros_like(colors[:, 1:]), colors[:, 1:], 1.0)[:, None]
    moved = plain.clone()
    weights = basis_weights(colors, source)
    for index, (one, other) in enumerate(zip(source, reference, strict=True)):
        shift = other[1:] - one[1:]
        # How far the pair itself could go; its end can be shown, so at least once the shift.
        room = float(multiples_in_gamut(other[:1], one[None, 1:], shift, FAR).clamp_min(1))
        own = multiples_in_gamut(lightness, plain, shift, room)
        moved += weights[:, index, None] * (own / room)[:, None] * shift
    made = torch.cat([lightness[:, None], moved], 1)
    return Cube((lab_to_rgb(made).clamp(0, 1) - grid).view(GRID, GRID, GRID, 3).float())


def lightness_curve(source: Tensor, reference: Tensor, values: Tensor) -> Tensor:
    """Return lightness taken from one palette's to another's by monotone cubic interpolation.

    Colours of a palette that are about as light as each other are taken together: a curve that pulled them
    apart would be so steep that it shows as an edge.
    """
    # Imported when needed: it takes half a second to load.
    from scipy.interpolate import PchipInterpolator  # type: ignore[import-untyped]

    groups: list[list[tuple[float, float]]] = []
    for pair in zip(source.tolist(), reference.tolist(), strict=True):
        if groups and pair[0] - groups[-1][0][0] < ALIKE:
            groups[-1].append(pair)
        else:
            groups.append([pair])
    knots = [tuple(sum(side) / len(group) for side in zip(*group, strict=True)) for group in groups]
    inner = [knot for knot in knots if ALIKE / 2 < knot[0] < 1 - ALIKE / 2]
    curve = PchipInterpolator(*zip((0.0, 0.0), *inner, (1.0, 1.0), strict=True))
    return torch.from_numpy(curve(values.clamp(0, 1).numpy()))


def basis_weights(colors: Tensor, palette: Tensor) -> Tensor:
    """Return weights (N, K) that sum to 1, by Gaussians as wide as the palette's colours are apart on average."""
    distances = torch.cdist(palette, palette)
    count = len(palette)
    width = distances.sum() / max(1, count * (count - 1))
    if count == 1 or not width > 0:
        return torch.full((len(colors), count), 1 / count, dtype=colors.dtype, device="cpu")
    inverse = torch.linalg.pinv(torch.exp(-(distances**2) / (2 * width**2)))
    weights = (torch.exp(-torch.cdist(colors, palette).square() / (2 * width**2)) @ inverse).clamp_min(0)
    shares: Tensor = weights / weights.sum(1, keepdim=True).clamp_min(1e-12)
    return shares


def multiples_in_gamut(lightness: Tensor, colors: Tensor, shift: Tensor, most: float) -> Tensor:
    """Return how many times (N,), up to `most`, a shift of (a*, b*) can be made before it leaves the gamut."""

    def shown(times: Tensor) -> Tensor:
        rgb = lab_to_rgb(torch.cat([lightness[:, None], colors + times[:, None] * shift], 1))
        return ((rgb > -0.002) & (rgb < 1.002)).all(1)

    low, high = torch.zeros_like(lightness), torch.full_like(lightness, most)
    whole = shown(high)
    for _ in range(12):
        middle = (low + high) / 2
        inside = shown(middle)
        low, high = torch.where(inside, middle, low), torch.where(inside, high, middle)
    return torch.where(whole, most, low)


def transfer_palette(image: Tensor, source: Tensor, reference: Tensor) -> Tensor:
    """Recolour a picture so that the colours of one palette become those of another.

    Args:
        image: (1, 3, H, W) sRGB in [0, 1].
        source: (K, 3) sRGB, as from `extract_palette`.
        reference: (K, 3) sRGB, what each colour becomes.

    Returns:
        (1, 3, H, W) sRGB.

    Raises:
        ValueError: palettes of different length.

    Example:
        >>> import torch
        >>> red, blue = torch.tensor([[0.7, 0.3, 0.3]]), torch.tensor([[0.3, 0.4, 0.7]])
        >>> made = transfer_palette(red.view(1, 3, 1, 1), red, blue)
        >>> bool((made.flatten() - blue).abs().max() < 0.02)
        True
    """
    if source.shape != reference.shape:
        raise ValueError(
            f"palettes of {len(source)} and of {len(reference)} colours\n  what would work: one for each, in order"
        )
    pair = [rgb_to_lab(in_double(palette).cpu()) for palette in (source, reference)]
    order = pair[0][:, 0].argsort(stable=True)
    return image + grade(image, recoloring_table(pair[0][order], pair[1][order]))


class TransferPalette(Recolor, name="transfer-palette"):
    """Recolour from one palette of a few colours to another's: the image's, the style's or your own (Chang 2015)."""

    colors: int = param(default=5, low=1, high=16, help="how many colours the palettes have")
    palette: tuple[str, ...] = param(
        default=(), help="colours to reach, such as '#1d3557'; given, they take the place of the reference's"
    )

    def check(self) -> None:
        """Refuse a palette with what is no colour."""
        super().check()
        for color in self.palette:
            if not re.fullmatch(r"#?([0-9a-fA-F]{3}|[0-9a-fA-F]{6})", color):
                raise ParameterError(
                    f"{self.name}: {color!r} in palette is not a colour\n"
                    "  what would work: six hexadecimal digits, red, green and blue: '#e63946'; or three: '#e34'"
                )

    @property
    def needs_reference(self) -> bool:
        """Whether the palette is taken from a picture."""
        return not self.palette

    def recolor(self, image: Tensor, area: Tensor | None, references: Sequence[Reference]) -> Tensor:
        """Return the picture with its palette taken to the given one, or to the references'."""
        pictures = max([len(image), *(len(one.image) for one in references)])
        made = []
        for index in range(pictures):
            given = batch_item(image, index)
            if self.palette:
                target = rgb_to_lab(
                    torch.tensor([parse_color(color) for color in self.palette], dtype=torch.float64, device="cpu")
                )
            else:
                counted = [
                    count_colors(batch_item(one.image, index)[0], weights_of(one.weights, index)) for one in references
                ]
                colors = torch.cat([colors for colors, _ in counted])
                shares = [one.share * counts for one, (_, counts) in zip(references, counted, strict=True)]
                target = k_means_palette(colors, torch.cat(shares), self.colors)
            own = k_means_palette(*count_colors(given[0], weights_of(area, index)), len(self.palette) or self.colors)
            made.append(given + grade(given, recoloring_table(own, match_palettes(own, target))))
        return torch.cat(made)


def weights_of(area: Tensor | None, index: int) -> Tensor | None:
    """Return the weights (H, W) of one picture of a batch."""
    return None if area is None else batch_item(area, index)[0, 0]


def parse_color(color: str) -> tuple[float, ...]:
    """Return red, green and blue in [0, 1] of a colour in hexadecimal digits."""
    digits = color.removeprefix("#")
    if len(digits) == 3:
        digits = "".join(2 * digit for digit in digits)
    return tuple(int(digits[place : place + 2], 16) / 255 for place in (0, 2, 4))
