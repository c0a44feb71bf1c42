"""Histogram matching: plain, exact and smoothed."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from impasto import Postprocessor, Style, param
from impasto.functional.color import from_space, luma, to_space
from impasto.functional.filters import box_mean

from .regions import Part, map_of_picture, map_regions, references

LEVELS = 65536
"""Tones told apart.  Those of 8 and of 16 bits fall exactly on levels, as 255 divides 65535."""

METHODS = ("plain", "exact", "smoothed")

BANDWIDTH = 0.25
"""Width, in standard deviations of each histogram, of the Gaussian that smooths it."""
BINS = 4096
"""Tones of a smoothed histogram; each holds sixteen levels."""
EVEN = 1e-4
"""Share of pixels spread evenly over a smoothed histogram, so that tones it lacks have a place too."""


def to_levels(values: Tensor) -> Tensor:
    """Return values in [0, 1] as whole numbers, 0 to 65535 (int32)."""
    return values.clamp(0, 1).mul_(LEVELS - 1).round_().to(torch.int32)


def pixel_counts(part: Tensor | None) -> Tensor | None:
    """Return how much each pixel counts as whole numbers (N,), whose sum is exact in any order."""
    # Products of two totals must fit into 61 bits.
    return None if part is None else (part.flatten() * min(256, 2**30 // part.numel())).round().long()


def cumulative_counts(levels: Tensor, counts: Tensor | None = None) -> Tensor:
    """Return how many of the levels (N,), each counting as given, are at most 0, 1, … 65535, as int64 (65536,)."""
    if counts is None:
        return torch.bincount(levels, minlength=LEVELS).cumsum(0)
    # Sums of whole numbers do not depend on their order, as those of a weighted bincount would on a GPU.
    return counts.new_zeros(LEVELS).scatter_add_(0, levels.long(), counts).cumsum(0)


def quantiles(counts: Tensor, reference: Tensor) -> Tensor:
    """Return, for each level of one histogram, the tone in [0, 1] of the same quantile in another.

    Args:
        counts: cumulative counts (65536,) of the histogram to change.
        reference: cumulative counts (65536,) of the histogram to reach; of any total.

    Returns:
        (65536,) float32: linear between the tones that the reference has.
    """
    # Shares as whole numbers over the product of both totals: exact, where float32 would lose pixels.
    have, want = counts * reference[-1], reference * counts[-1]
    steps = torch.arange(LEVELS, device=counts.device)
    above = torch.searchsorted(want, have).clamp_max(LEVELS - 1)
    occupied = torch.diff(reference, prepend=reference.new_zeros(1)) > 0
    below_or_at = torch.where(occupied, steps, -1).cummax(0).values
    below = torch.where(above > 0, below_or_at[(above - 1).clamp_min(0)], -1)
    below = torch.where(below < 0, above, below)  # nothing darker in the reference
    gap = (want[above] - want[below]).clamp_min(1)
    part = (have - want[below]).clamp_min(0) / gap
    return torch.lerp(below.float(), above.float(), part.float()) / (LEVELS - 1)


def rank_pixels(channel: Tensor, levels: Tensor) -> Tensor:
    """Return the pixels of a channel (H, W) from dark to bright, (N,); equal ones by what is around them.

    Ties are broken by the means of ever larger neighbourhoods (Coltuc et al. 2006), the last of them wide enough
    to shade flat areas gently; what is still equal is dithered, where the order of rows would show as a ramp.
    """
    height, width = channel.shape
    key = levels.long()
    for radius, bits in ((1, 14), (2, 14), (16, 13)):
        mean = box_mean(channel[None, None], radius).clamp(0, 1).mul_(2**bits - 1).round_().long().flatten()
        key = (key << bits) | mean
    rows = torch.arange(height, device=channel.device)[:, None]
    columns = torch.arange(width, device=channel.device)
    # Roberts's R2 sequence, evenly spread over the plane, in whole numbers: the same on every device.
    spread = ((columns * 49471 + rows * 37345) % 65536) >> 10
    return torch.argsort((key << 6) | spread.flatten(), stable=True)


def ranked_tones(order: Tensor, counts: Tensor | None, reference: Tensor) -> Tensor:
    """Return the tone (N,) in [0, 1] that each pixel gets by its own rank.

    Args:
        order: the pixels (N,) from dark to bright.
        counts: how much each pixel (N,) counts; None: all alike.
        reference: cumulative counts (65536,) of the histogram to reach.
    """
    own = torch.ones_like(order) if counts is None else counts[order]
    total = own.cumsum(0)
    middle = (2 * total - own) * reference[-1]  # of the pixel's share, in units of both totals and a half
    darker = torch.searchsorted(middle, 2 * reference * total[-1])
    darker[-1] = len(order)
    steps = torch.arange(LEVELS, device=order.device, dtype=torch.float32) / (LEVELS - 1)
    tones = torch.empty(len(order), device=order.device, dtype=torch.float32)
    tones[order] = steps.repeat_interleave(torch.diff(darker, prepend=darker.new_zeros(1)))
    return tones


def smoothed_curve(counts: Tensor, reference: Tensor, slope: float) -> Tensor:
    """Return, for each level, the tone that a smooth curve of bounded slope gives it.

    Both histograms are smoothed in proportion to their spread, so that a straight curve stays the same.  Where
    the curve between their quantiles is too steep or too flat its slope is held, and the whole is shifted so
    that the mean tone is what it was.

    Args:
        counts: cumulative counts (65536,) of the histogram to change.
        reference: cumulative counts (65536,) of the histogram to reach.
        slope: how steep the curve may be.  It is nowhere flatter than the inverse of this, times the ratio of
            the standard deviations where that is below 1.

    Returns:
        (65536,) float32.
    """
    edges = np.arange(-BINS, 2 * BINS + 1) / BINS  # with room for what smoothing spreads beyond black and white
    shares, spreads, curves = [], [], []
    for totals in (counts, reference):
        # Tables are small: float64 on the CPU, so that every device has the same curve.
        histogram = np.diff(totals.cpu().numpy(), prepend=0).reshape(BINS, -1).sum(1) / int(totals[-1])
        tones = (np.arange(BINS) + 0.5) / BINS
        spread = max(float(np.sqrt(histogram @ (tones - histogram @ tones) ** 2)), 1 / BINS)
        frequency = np.fft.rfftfreq(3 * BINS)
        blur = np.exp(-2 * (np.pi * BANDWIDTH * spread * BINS * frequency) ** 2)
        density = np.fft.irfft(np.fft.rfft(np.pad(histogram, BINS)) * blur, 3 * BINS)
        density = density.clip(0) + EVEN / (3 * BINS)
        density /= density.sum()
        shares.append(density)
        spreads.append(spread)
        curves.append(np.concatenate([[0.0], density.cumsum()]))
    free = np.interp(curves[0], curves[1], edges)
    flattest = min(1.0, spreads[1] / spreads[0]) / slope
    steps = np.diff(free).clip(flattest / BINS, slope / BINS)
    held = np.concatenate([[0.0], steps.cumsum()])
    middles = [(curve[1:] + curve[:-1]) / 2 for curve in (free, held)]
    held += shares[0] @ (middles[0] - middles[1])
    # Sixteen levels to a bin: level 0 lies half a level inside the first one.
    table = np.interp((np.arange(LEVELS) + 0.5) / LEVELS, edges, held).clip(0, 1)
    # Those positions run from half a level to one less a half; tones run from 0 to 1.
    table = (table - 0.5 / LEVELS) * (LEVELS / (LEVELS - 1))
    return torch.from_numpy(table.clip(0, 1).astype(np.float32)).to(counts.device)


def match_histograms(
    image: Tensor,
    references: Tensor | Sequence[Tensor],
    weights: Sequence[float] | None = None,
    *,
    method: str = "plain",
    slope: float = 4.0,
    inside: Part = None,
    parts: Sequence[Part] | None = None,
) -> Tensor:
    """Change the tones of each channel so that its histogram equals that of the reference's channel.

    For every value the share of pixels at most as bright is looked up among the reference's quantiles,
    which are linear between the tones that occur there.  Values are told apart in 65536 steps, so
    pictures of 8 and 16 bits are matched exactly.

    Args:
        image: (B, C, H, W) float32 in [0, 1].
        references: (B or 1, C, h, w) in [0, 1], of any size; or several.
        weights: share of each of several references; their quantiles are averaged (the barycentre of
            histograms in the sense of optimal transport).  None weighs all alike.
        method: "plain" gives equal tones equal results; "exact" ranks each pixel by itself, so that the
            histogram is the reference's to the pixel (Coltuc, Bolon and Chassery 2006); "smoothed" keeps to
            a smooth curve, which neither posterises nor magnifies grain.
        slope: how steep the curve may be, 1 or more; of "smoothed" alone.
        inside: (B or 1, 1, H, W) in [0, 1], how much each pixel of the image counts; all are changed.
        parts: the same for each reference, over its pixels.  A picture of a batch for which no pixel counts
            stays as it is.

    Returns:
        (B, C, H, W) in [0, 1].

    Raises:
        ValueError: no reference, weights that do not add up to more than 0, an unknown method.

    Example:
        >>> import torch
        >>> dark, light = torch.rand(1, 3, 8, 8) / 2, torch.rand(1, 3, 5, 9) / 2 + 0.5
        >>> bool(match_histograms(dark, light).min() >= 0.5)
        True
    """
    pictures = [references] if isinstance(references, Tensor) else list(references)
    shares = [1.0] * len(pictures) if weights is None else list(weights)
    areas = [None] * len(pictures) if parts is None else list(parts)
    if not sum(shares) > 0:
        raise ValueError(
            f"{len(pictures)} references with weights that add up to {sum(shares):g} have no average\n"
            "  what would work: at least one reference, and weights whose sum is above 0"
        )
    if method not in METHODS:
        raise ValueError(f"no method {method!r} of matching\n  what would work: {', '.join(METHODS)}")

    def histograms(picture: Tensor, part: Part, channel: int) -> list[Tensor]:
        """One for each picture that differs: what a whole batch shares is counted once."""
        count = max(len(picture), 1 if part is None else len(part))
        return [
            cumulative_counts(
                to_levels(picture[index % len(picture), channel]).flatten(), pixel_counts(map_of_picture(part, index))
            )
            for index in range(count)
        ]

    result = torch.empty_like(image)
    for channel in range(image.shape[1]):
        targets = [histograms(*pair, channel) for pair in zip(pictures, areas, strict=True)]
        for index in range(image.shape[0]):
            here, place = image[index, channel], pixel_counts(map_of_picture(inside, index))
            chosen = [(share, own[index % len(own)]) for share, own in zip(shares, targets, strict=True)]
            if parts is not None or inside is not None:
                chosen = [(share, own) for share, own in chosen if own[-1] > 0]
            total = sum(share for share, _ in chosen)
            levels = to_levels(here).flatten()
            counts = cumulative_counts(levels, place)
            if not total > 0 or (place is not None and not counts[-1] > 0):
                result[index, channel] = here
                continue
            # Not a matrix product, which an autocast region would round to bfloat16.
            fractions = here.new_tensor([share / total for share, _ in chosen])[:, None]
            if method == "exact":
                order = rank_pixels(here, levels)
                tones = (fractions * torch.stack([ranked_tones(order, place, own) for _, own in chosen])).sum(0)
            else:
                curves = [
                    quantiles(counts, own) if method == "plain" else smoothed_curve(counts, own, slope)
                    for _, own in chosen
                ]
                tones = (fractions * torch.stack(curves)).sum(0).index_select(0, levels)
            result[index, channel] = tones.view_as(here)
    return result.clamp_(0, 1)


# L*a*b*/100 into [0, 1]: a* and b* run from −128 to 127.
OFFSET, EXTENT = (0.0, 1.28, 1.28), (1.0, 2.55, 2.55)


def lab_to_unit(image: Tensor) -> Tensor:
    """Return sRGB pictures (B, 3, H, W) as CIE L*a*b* (D65), each channel scaled into [0, 1]."""
    lab = to_space(image, "lab")
    return (lab + lab.new_tensor(OFFSET)[:, None, None]) / lab.new_tensor(EXTENT)[:, None, None]


def unit_to_rgb(values: Tensor) -> Tensor:
    """Return the sRGB picture of `lab_to_unit`'s values, not clipped."""
    lab = values * values.new_tensor(EXTENT)[:, None, None]
    return from_space(lab - lab.new_tensor(OFFSET)[:, None, None], "lab")


class MatchHistogram(Postprocessor, name="match-histogram"):
    """Give the painted image the histogram of the styles, or of the content."""

    reference: str = param(
        default="style",
        choices=("style", "content"),
        help="whose histogram: the styles', by their weights, or the content's",
    )
    space: str = param(
        default="rgb",
        choices=("rgb", "lab", "luminance"),
        help="which channels are matched: red, green, blue; CIE L*a*b*; or luminance alone, keeping colour",
    )
    method: str = param(
        default="plain",
        choices=METHODS,
        help="plain: equal tones stay equal; exact: each pixel by its own rank; smoothed: a smooth curve",
    )
    slope: float = param(default=4.0, low=1, high=64, help="how steep the smoothed curve may be")
    strength: float = param(default=1.0, low=0, high=1, help="share of the matched image in the result")

    def restores_content(self) -> bool:
        """Return whether it is the content's measure that the image takes."""
        return self.reference == "content"

    def refine_regions(self, image: Tensor, content: Tensor, styles: Sequence[Style], guides: Tensor | None) -> Tensor:
        """Return the image with its tones matched, region by region."""
        convert = {"rgb": lambda rgb: rgb, "lab": lab_to_unit, "luminance": luma}[self.space]
        values = convert(image)
        pictures = references(self, self.reference, content, styles, guides, convert)

        def change(inside: Part, own: list[Tensor], weights: list[float], parts: list[Part]) -> Tensor:
            matched = match_histograms(
                values, own, weights, method=self.method, slope=self.slope, inside=inside, parts=parts
            )
            if self.space == "lab":
                return unit_to_rgb(matched).clamp(0, 1)
            return (image + (matched - values)).clamp(0, 1) if self.space == "luminance" else matched

        matched = map_regions(self, image, pictures, guides, change)
        return image.lerp(matched, self.strength)
