"""Colour transfer by mean and covariance, luminance transfer by mean and deviation, and colour preservation."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from impasto import Postprocessor, Style, param
from impasto.functional import statistics
from impasto.functional.color import fit_gamut, from_space, mix, to_space
from impasto.functional.precision import in_double

from .recoloring import Recolor, Reference

METHODS = ("symmetric", "pca", "cholesky", "mean-std")
SPACES = ("rgb", "lab", "lalphabeta")
LUMINANCE = ("ycbcr", "lab", "lalphabeta")
"""Spaces whose first channel is luminance and whose other two are colour alone."""

Moments = tuple[Tensor, Tensor]
"""The mean (B, 3, 1, 1) and the covariance (B, 3, 3) of a picture's colours."""

LEAST_VARIANCE = 1e-5
"""Variance below which a direction counts as flat: one step of 8 bits; the paper's notebook adds the same."""


def moments(values: Tensor, weights: Tensor | None = None) -> Moments:
    """Return the mean (B, 3, 1, 1) and the covariance (B, 3, 3) of colours.

    Args:
        values: (B, 3, H, W) in any colour space.
        weights: (1 or B, 1, H, W), how much each position counts; a picture in which none counts is
            taken whole.
    """
    if weights is not None:
        weights = torch.where(weights.sum((-2, -1), keepdim=True) > 0, weights, 1.0)
    return statistics.covariance(values, weights)


def transfer_matrix(source: Tensor, reference: Tensor, method: str = "symmetric") -> Tensor:
    """Return A with A·source·Aᵀ = reference, the linear part of a colour transfer.

    A direction in which the source hardly varies (variance below 1e-5) is stretched as if it varied that
    much, so grey and flat pictures stay finite and their noise is not blown up without bound.

    Args:
        source: covariances (B, 3, 3) of the colours to change.
        reference: covariances (B or 1, 3, 3) to reach.
        method: "symmetric", "pca", "cholesky", or "mean-std", which reaches only the diagonal.

    Returns:
        (B, 3, 3) float32, on the device of `source`.

    Raises:
        ValueError: another method.

    Example:
        >>> import torch
        >>> transfer_matrix(torch.eye(3)[None], 4 * torch.eye(3)[None]).diagonal(dim1=1, dim2=2)
        tensor([[2., 2., 2.]])
    """
    if method not in METHODS:
        raise ValueError(f"no method {method!r}\n  what would work: {', '.join(METHODS)}")
    # Twice the digits, on the CPU: for 3×3 that is faster than eigenvalues on a GPU.
    target = in_double(reference).cpu()
    scatter = in_double(source).cpu()
    if method == "mean-std":
        have, want = (matrix.diagonal(dim1=-2, dim2=-1) for matrix in (scatter, target))
        matrix = torch.diag_embed((want / have.clamp_min(LEAST_VARIANCE)).sqrt())
    else:
        root = square_root(scatter, LEAST_VARIANCE)
        if method == "symmetric":
            whiten = torch.linalg.inv(root)
            matrix = whiten @ square_root(root @ target @ root) @ whiten
        elif method == "pca":
            matrix = square_root(target) @ torch.linalg.inv(root)
        else:
            # A grey reference has no Cholesky factor; 1e-12 is far below what a picture can show.
            reach = torch.linalg.cholesky(square_root(target, 1e-12) @ square_root(target, 1e-12))
            matrix = reach @ torch.linalg.inv(torch.linalg.cholesky(root @ root))
    return matrix.float().to(source.device)


def square_root(matrix: Tensor, floor: float = 0.0) -> Tensor:
    """Return the symmetric square root of covariances (B, 3, 3), eigenvalues raised to at least `floor`."""
    values, vectors = torch.linalg.eigh(matrix)
    root: Tensor = (vectors * values.clamp_min(floor).sqrt()[..., None, :]) @ vectors.mT
    return root


def transfer_moments(values: Tensor, source: Moments, reference: Moments, method: str) -> Tensor:
    """Return colours (B, 3, H, W) mapped from one mean and covariance to another."""
    matrix = transfer_matrix(source[1], reference[1], method)
    with torch.autocast(values.device.type, enabled=False):
        return mix(matrix, values - source[0]) + reference[0]


def match_moments(
    source: Tensor,
    reference: Tensor,
    method: str = "symmetric",
    *,
    source_weights: Tensor | None = None,
    reference_weights: Tensor | None = None,
) -> Tensor:
    """Recolour `source` so that the mean and covariance of its colours equal those of `reference`.

    Args:
        source: (B, 3, H, W) float32, in any colour space.
        reference: (B or 1, 3, h, w), of any size, in the same space.
        method: "symmetric" moves colours least (optimal transport between Gaussians); "pca" and "cholesky"
            are the two of Gatys et al. 2016; "mean-std" treats each channel alone (Reinhard et al. 2001).
        source_weights: (B or 1, 1, H, W), how much each position counts in the source's statistics.
        reference_weights: (B or 1, 1, h, w), likewise.

    Returns:
        (B, 3, H, W), not clipped.

    Raises:
        ValueError: another method.

    Example:
        >>> import torch
        >>> dark, light = torch.rand(1, 3, 8, 8) / 2, torch.rand(1, 3, 5, 9) / 2 + 0.5
        >>> torch.allclose(match_moments(dark, light).mean((2, 3)), light.mean((2, 3)), atol=1e-5)
        True
    """
    return transfer_moments(source, moments(source, source_weights), moments(reference, reference_weights), method)


def mean_moments(moments: Sequence[Moments], shares: Sequence[float]) -> Moments:
    """Return the average of several means and covariances."""
    centres = [share * centre for (centre, _), share in zip(moments, shares, strict=True)]
    spreads = [share * spread for (_, spread), share in zip(moments, shares, strict=True)]
    return sum(centres[1:], centres[0]), sum(spreads[1:], spreads[0])


# ------------------------------------------------------------------------------------------------- stages


class MatchColor(Recolor, name="match-color"):
    """Give the styles the colours of the image, or the image those of the styles (Gatys et al. 2016)."""

    method: str = param(
        default="symmetric",
        choices=METHODS,
        help="how colours move: the shortest way, by symmetric roots, triangular, or each channel alone",
    )
    space: str = param(default="rgb", choices=SPACES, help="colour space in which mean and covariance are taken")

    def recolor(self, image: Tensor, area: Tensor | None, references: Sequence[Reference]) -> Tensor:
        """Return the picture with the average of the references' means and covariances."""
        values = to_space(image, self.space)
        targets = [moments(to_space(one.image, self.space), one.weights) for one in references]
        target = mean_moments(targets, [one.share for one in references])
        return from_space(transfer_moments(values, moments(values, area), target, self.method), self.space)


class MatchLuminance(Recolor, name="match-luminance"):
    """Give the styles the luminance of the image in mean and contrast, or the other way round (Gatys et al. 2016)."""

    method: str = param(
        default="mean-std",
        choices=("mean-std", "mean"),
        help="what of the luminance is matched: its mean and standard deviation, or its mean alone",
    )
    space: str = param(default="ycbcr", choices=LUMINANCE, help="colour space whose first channel is the luminance")
    grey: bool = param(default=False, help="leave out the colour, so that luminance alone is painted")

    def recolor(self, image: Tensor, area: Tensor | None, references: Sequence[Reference]) -> Tensor:
        """Return the picture with its luminance shifted and scaled."""
        values = to_space(image, self.space)
        targets = [moments(to_space(one.image, self.space), one.weights) for one in references]
        have, target = moments(values, area), mean_moments(targets, [one.share for one in references])
        luminance = values[:, :1] - have[0][:, :1]
        if self.method == "mean-std":
            ratio = target[1][:, 0, 0].clamp_min(0) / have[1][:, 0, 0].clamp_min(LEAST_VARIANCE)
            luminance = ratio.sqrt()[:, None, None, None] * luminance
        luminance = luminance + target[0][:, :1]
        colour = torch.zeros_like(values[:, 1:]) if self.grey else values[:, 1:]
        return fit_gamut(from_space(join_colour(luminance, colour), self.space))


class KeepColor(Postprocessor, name="keep-color"):
    """Keep of the painting its luminance alone, and give it the content's colours (Gatys et al. 2016)."""

    style = "ignored"

    space: str = param(
        default="ycbcr", choices=LUMINANCE, help="colour space that tells luminance, its first channel, from colour"
    )
    strength: float = param(default=1.0, low=0, high=1, help="share of the content's colour; 0 keeps the painting's")

    def restores_content(self) -> bool:
        """Return True: the colours are the content's."""
        return True

    def refine(self, image: Tensor, content: Tensor, styles: Sequence[Style]) -> Tensor:
        """Return the painted luminance with the content's colour, desaturated where no such colour can be shown."""
        painted, given = to_space(image, self.space), to_space(content, self.space)
        colour = painted[:, 1:].lerp(given[:, 1:], self.strength)
        return fit_gamut(from_space(join_colour(painted[:, :1], colour), self.space))


def join_colour(luminance: Tensor, colour: Tensor) -> Tensor:
    """Return (B, 3, H, W) of a luminance (B, 1, H, W) and a colour (B or 1, 2, H, W)."""
    return torch.cat([luminance, colour.expand(len(luminance), -1, -1, -1)], dim=1)
