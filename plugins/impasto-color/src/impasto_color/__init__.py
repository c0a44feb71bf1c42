"""Colour for Impasto: give the style the colours of the content, or the image those of the styles."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

import impasto
from impasto import Canvas, Preprocessor, StageError, Style, param, statistics
from impasto.color import from_space, mix, to_space

__all__ = ["MatchColor", "match_moments", "moments", "transfer_matrix"]

METHODS = ("symmetric", "pca", "cholesky", "mean-std")
SPACES = ("rgb", "lab", "lalphabeta")

Moments = tuple[Tensor, Tensor]
"""The mean (B, 3, 1, 1) and the covariance (B, 3, 3) of a picture's colours."""


# ------------------------------------------------------------------------------------------------ moments

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
    # Inside an autocast region the product of centred colours would round to bfloat16.
    with torch.autocast(values.device.type, enabled=False):
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
    # Twice the digits, on the CPU: for 3×3 that is faster than eigenvalues on a GPU, and MPS has no float64.
    target = reference.cpu().double()
    scatter = source.cpu().double()
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


def transfer(values: Tensor, source: Moments, reference: Moments, method: str) -> Tensor:
    """Return colours (B, 3, H, W) moved from one mean and covariance to another."""
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
    return transfer(source, moments(source, source_weights), moments(reference, reference_weights), method)


# -------------------------------------------------------------------------------------------------- stage


class MatchColor(Preprocessor, name="match-color"):
    """Recolour the styles with the content's colours, or the image with the styles' (Gatys et al. 2016)."""

    target: str = param(
        default="style",
        choices=("style", "image"),
        help="what is recoloured: the styles, so that the painting keeps the image's colours; or the image",
    )
    method: str = param(
        default="symmetric",
        choices=METHODS,
        help="how colours move: the shortest way, by symmetric roots, triangular, or each channel alone",
    )
    space: str = param(default="rgb", choices=SPACES, help="colour space in which mean and covariance are taken")

    def prepare(self, canvas: Canvas) -> Canvas:
        """Return the canvas with its styles, or its image, recoloured and clipped to [0, 1]."""
        if not canvas.styles:
            raise StageError(f"{self.name}: needs a style picture\n  what to type: pipe(content, style)")
        regions_here = None if canvas.guides is None else canvas.guides.shape[1]
        for style in canvas.styles:
            if style.guides is not None and regions_here not in (None, style.guides.shape[1]):
                raise StageError(
                    f"{self.name}: the content's guides name {regions_here} regions"
                    f" and a style's {style.guides.shape[1]}\n"
                    "  what would work: guides (1, K, H, W) with the same K for both, or none for one of them"
                )
        if self.target == "style":
            return canvas.replace(styles=tuple(self._recolour_style(style, canvas) for style in canvas.styles))
        return canvas.replace(image=self._recolour_image(canvas))

    def _recolour_style(self, style: Style, canvas: Canvas) -> Style:
        paired = canvas.guides is not None and style.guides is not None
        values = to_space(canvas.image, self.space)
        wanted = [moments(values, within(region, canvas.mask)) for region in regions(canvas.guides if paired else None)]
        image = self._recolour(style.image, regions(style.guides if paired else None), None, wanted)
        return Style(image, style.weight, style.guides)

    def _recolour_image(self, canvas: Canvas) -> Tensor:
        paired = canvas.guides is not None and any(style.guides is not None for style in canvas.styles)
        areas = regions(canvas.guides if paired else None)
        wanted = self._blend_moments(canvas.styles, len(areas))
        image = self._recolour(canvas.image, areas, canvas.mask, wanted)
        if canvas.mask is None:
            return image
        return torch.where(canvas.mask > 0, canvas.image.lerp(image, canvas.mask), canvas.image)

    def _blend_moments(self, styles: Sequence[Style], count: int) -> list[Moments]:
        """Return, for each region, the weighted average of the styles' means and covariances."""
        total = sum(style.weight for style in styles)
        if not total > 0:
            raise StageError(
                f"{self.name}: the styles' weights add up to {total:g}, so there is no average of them\n"
                "  what would work: weights whose sum is above 0"
            )
        blended: list[Moments] = []
        for index in range(count):
            mean = spread = styles[0].image.new_zeros(())
            for style in styles:
                area = None
                if count > 1 and style.guides is not None:
                    area = style.guides[:, index : index + 1]
                one = moments(to_space(style.image, self.space), area)
                mean = mean + style.weight / total * one[0]
                spread = spread + style.weight / total * one[1]
            blended.append((mean, spread))
        return blended

    def _recolour(
        self, image: Tensor, areas: Sequence[Tensor | None], mask: Tensor | None, wanted: Sequence[Moments]
    ) -> Tensor:
        """Return a picture whose regions have the wanted moments, joined by the regions' own soft edges."""
        values = to_space(image, self.space)
        recoloured: Tensor | None = None
        for area, target in zip(areas, wanted, strict=True):
            part = transfer(values, moments(values, within(area, mask)), target, self.method)
            part = part if area is None else part * area
            recoloured = part if recoloured is None else recoloured + part
        assert recoloured is not None
        return from_space(recoloured, self.space).clamp(0, 1)


def regions(guides: Tensor | None) -> tuple[Tensor | None, ...]:
    """Return guides (B, K, H, W) as K maps (B, 1, H, W), or one None for the whole picture."""
    return (None,) if guides is None else guides.chunk(guides.shape[1], dim=1)


def within(region: Tensor | None, mask: Tensor | None) -> Tensor | None:
    """Return what a region and a mask have in common, either of which may be None for everywhere."""
    if region is None or mask is None:
        return mask if region is None else region
    return region * mask


@impasto.hookimpl
def impasto_preprocessors() -> list[type[Preprocessor]]:
    """Offer `match-color`."""
    return [MatchColor]
