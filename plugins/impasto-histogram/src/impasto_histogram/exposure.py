"""Exposure and contrast brought to those of another picture."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from impasto import Postprocessor, Style, param
from impasto.functional.color import from_space, to_space

from .light import fit_light, luminance
from .matching import LEVELS, cumulative_counts, pixel_counts, to_levels
from .regions import Part, map_of_picture, map_regions, references

FLARE = 0.05
"""Light added before logarithms, which black would otherwise rule: the viewing flare of sRGB (IEC 61966-2-1)."""
STEEPEST = 2.0
"""Contrast is multiplied or divided by at most this."""
COLOUR = (2.3892, 0.8552)
"""How colourfulness follows contrast: k₁ and k₂ of Mantiuk et al. 2009, for the form that keeps luminance."""
LEAST = 1e-3
"""Contrast, as a standard deviation, below which a picture counts as flat and has none to multiply."""
SHOULDER = 0.5
"""Linear luminance above which highlights are compressed rather than clipped."""
ITERATIONS = 16
"""Corrections for what shadows and shoulder take: the key settles to a thousandth."""


def tones(device: torch.device) -> Tensor:
    """Return the luminances (65536,) that pictures are measured at, finer in the dark."""
    return (torch.arange(LEVELS, device=device, dtype=torch.float32) / (LEVELS - 1)).square()


def tone_shares(picture: Tensor, part: Part = None) -> Tensor:
    """Return the share of pixels (B, 65536) at each of the `tones`; zeros where no pixel counts.

    Args:
        picture: luminance (B, 1, H, W), linear, in [0, 1].
        part: (1 or B, 1, H, W), how much each pixel counts.
    """
    counts = []
    for index in range(max(len(picture), 1 if part is None else len(part))):
        levels = to_levels(picture[index % len(picture)].clamp_min(0).sqrt()).flatten()
        counts.append(cumulative_counts(levels, pixel_counts(map_of_picture(part, index))))
    total = torch.stack(counts)
    zero = total.new_zeros(len(total), 1)
    return torch.diff(total, dim=1, prepend=zero).float() / total[:, -1:].clamp_min(1)


def key(light: Tensor, share: Tensor) -> tuple[Tensor, Tensor]:
    """Return the logarithm of the log-average luminance ("key") and the standard deviation of log-luminance.

    Args:
        light: luminances (B or 1, N), linear.
        share: of the pixels that have each (B, N).

    Returns:
        Both (B, 1), in natural logarithms; one stop is 0.69.
    """
    logarithm = (light + FLARE).log()
    mean = (logarithm * share).sum(1, keepdim=True)
    return mean, ((logarithm - mean).square() * share).sum(1, keepdim=True).sqrt()


def shoulder(light: Tensor, brightest: Tensor) -> Tensor:
    """Return luminances in [0, 1]: what lies above 0.5 is compressed so that the brightest becomes 1.

    The curve is Reinhard's (2002, equation 4), started at the shoulder, where its slope is 1.
    """
    above = (light - SHOULDER).clamp_min(0) / (1 - SHOULDER)
    white = ((brightest - SHOULDER) / (1 - SHOULDER)).clamp_min(1)  # at 1 the curve is straight
    compressed = SHOULDER + (1 - SHOULDER) * above * (1 + above / white.square()) / (1 + above)
    return torch.where(light > SHOULDER, compressed, light).clamp_max(1)


def match_exposure(
    image: Tensor,
    references: Tensor | Sequence[Tensor],
    weights: Sequence[float] | None = None,
    *,
    exposure: float = 1.0,
    contrast: float = 1.0,
    inside: Part = None,
    parts: Sequence[Part] | None = None,
) -> Tensor:
    """Give a picture the exposure and the contrast of another, by a power law of luminance in linear light.

    Exposure is the log-average luminance of Reinhard, Stark, Shirley and Ferwerda (2002), contrast the standard
    deviation of the logarithm.  Highlights are compressed by their global operator, started at a shoulder.  Each
    pixel keeps its hue; colourfulness follows contrast as Mantiuk, Tomaszewska and Heidrich (2009) measured.

    Args:
        image: (B, 3, H, W) float32 sRGB in [0, 1].
        references: (B or 1, 3, h, w) in [0, 1]; or several, whose measures are averaged.
        weights: share of each of several references; None weighs all alike.
        exposure: share of the difference in exposure that is made up, in stops.
        contrast: share of the difference in contrast that is made up.
        inside: (B or 1, 1, H, W), how much each pixel of the image counts; all are changed.
        parts: the same for each reference.

    Returns:
        (B, 3, H, W) in [0, 1].

    Raises:
        ValueError: no reference, or weights that do not add up to more than 0.

    Example:
        >>> import torch
        >>> dark, light = torch.rand(1, 3, 8, 8) / 4, torch.rand(1, 3, 5, 9)
        >>> bool(match_exposure(dark, light).mean() > dark.mean())
        True
    """
    pictures = [references] if isinstance(references, Tensor) else list(references)
    counting = [1.0] * len(pictures) if weights is None else list(weights)
    areas = [None] * len(pictures) if parts is None else list(parts)
    if not sum(counting) > 0:
        raise ValueError(
            f"{len(pictures)} references with weights that add up to {sum(counting):g} have no average\n"
            "  what would work: at least one reference, and weights whose sum is above 0"
        )
    light = to_space(image, "linear")
    given = luminance(light)
    steps, here = tones(image.device), tone_shares(given, inside)
    level, spread = key(steps, here)
    spread = spread.clamp_min(LEAST)
    # Level and spread of the references that have pixels here, for each picture, and their weights.
    targets = torch.zeros(3, len(image), 1, device=image.device, dtype=torch.float32)
    for weight, picture, part in zip(counting, pictures, areas, strict=True):
        there = tone_shares(luminance(to_space(picture, "linear")), part)
        present = weight * (there.sum(1, keepdim=True) > 0)
        targets += torch.stack([*(one * present for one in key(steps, there)), present.expand(len(there), 1)])
    present = targets[2] > 0
    target_level = torch.where(present, targets[0] / targets[2], level)
    target_spread = torch.where(present, targets[1] / targets[2], spread).clamp_min(LEAST)
    target_level = level.lerp(target_level, exposure)
    target_spread = spread * (target_spread / spread) ** contrast

    def curve(tone: Tensor, shift: Tensor, gain: Tensor, start: Tensor) -> Tensor:
        """A power law; black stays black, and shadows are multiplied by no more than flare would be."""
        return tone * (shift + (gain - 1) * ((tone + FLARE).log() - start)).exp()

    # The corrections are found on the histogram, which is small.
    brightest = torch.where(here > 0, steps, 0).amax(1, keepdim=True)
    shift, gain = target_level - level, (target_spread / spread).clamp(1 / STEEPEST, STEEPEST)
    for _ in range(ITERATIONS):
        made = shoulder(curve(steps, shift, gain, level), curve(brightest, shift, gain, level))
        made_level, made_spread = key(made, here)
        shift = shift + target_level - made_level
        gain = (gain * target_spread / made_spread.clamp_min(LEAST)).clamp(1 / STEEPEST, STEEPEST)
    shift, gain, level, brightest = (one[..., None, None] for one in (shift, gain, level, brightest))
    made = shoulder(curve(given, shift, gain, level), curve(brightest, shift, gain, level))
    # Colours look too strong where contrast has fallen, so they are moved towards grey with it.
    strength = COLOUR[0] * gain ** COLOUR[1]
    colour = (strength / COLOUR[0] + strength) / (1 + strength)
    tint = light / given.clamp_min(torch.finfo(given.dtype).tiny) - 1
    return from_space(fit_light(made * (1 + colour * tint)), "linear")


class MatchExposure(Postprocessor, name="match-exposure"):
    """Give the painted image the exposure and contrast of the content, or of the styles; hues stay."""

    reference: str = param(
        default="content",
        choices=("content", "style"),
        help="whose exposure: the content's, or the styles' by their weights",
    )
    exposure: float = param(default=1.0, low=0, high=1, help="share of the difference in exposure to make up")
    contrast: float = param(default=1.0, low=0, high=1, help="share of the difference in contrast to make up")

    def restores_content(self) -> bool:
        """Return whether it is the content's measure that the image takes."""
        return self.reference == "content"

    def refine_regions(self, image: Tensor, content: Tensor, styles: Sequence[Style], guides: Tensor | None) -> Tensor:
        """Return the image with its exposure matched, region by region."""
        pictures = references(self, self.reference, content, styles, guides, lambda rgb: rgb)

        def change(inside: Part, own: list[Tensor], weights: list[float], parts: list[Part]) -> Tensor:
            return match_exposure(
                image, own, weights, exposure=self.exposure, contrast=self.contrast, inside=inside, parts=parts
            )

        return map_regions(self, image, pictures, guides, change)
