"""Filters of pictures and maps that several plugins use: box means and the guided filter."""

from __future__ import annotations

from functools import reduce

import torch
import torch.nn.functional as F
from torch import Tensor

from .solvers import solve_symmetric


def window_sums(values: Tensor, radius: int, dim: int) -> Tensor:
    """Return the sums over `2 * radius + 1` neighbours along one of the last two dimensions, zeros outside.

    Sums of 1, 2, 4, 8 … neighbours are built by doubling and put together: few additions, and none of the
    cancellation that differences of running sums suffer in float32.

    Args:
        values: (B, C, H, W).
        radius: of the window.
        dim: -1 sums along rows, -2 along columns.

    Returns:
        (B, C, H, W).

    Example:
        >>> import torch
        >>> window_sums(torch.ones(1, 1, 1, 5), 1, -1).flatten().tolist()
        [2.0, 3.0, 3.0, 3.0, 2.0]
    """
    length, width = values.shape[dim], 2 * radius + 1
    power = F.pad(values, (radius, radius) if dim == -1 else (0, 0, radius, radius))
    total: Tensor | None = None
    start, step = 0, 1
    while True:
        if width & step:
            part = power.narrow(dim, start, length)
            total = part if total is None else total + part
            start += step
        if total is not None and start == width:
            return total
        rest = power.shape[dim] - step
        power = power.narrow(dim, 0, rest) + power.narrow(dim, step, rest)
        step *= 2


def box_mean(values: Tensor, radius: int) -> Tensor:
    """Return the mean over the square window around each pixel, of those pixels that lie in the picture.

    Args:
        values: (B, C, H, W) float32.
        radius: pixels to each side, so the window has `2 * radius + 1`; may exceed the picture.

    Example:
        >>> import torch
        >>> box_mean(torch.arange(4.0).view(1, 1, 1, 4), 1).flatten().tolist()
        [0.5, 1.0, 2.0, 2.5]
    """
    for dim in (-1, -2):
        length = values.shape[dim]
        reach = min(radius, length - 1)  # a window beyond both borders sees the same pixels
        place = torch.arange(length, device=values.device)
        count = (place + reach).clamp_max(length - 1) - (place - reach).clamp_min(0) + 1
        values = window_sums(values, reach, dim) / (count if dim == -1 else count[:, None])
    return values


def block_mean(values: Tensor, size: int) -> Tensor:
    """Return the mean of each block of size × size pixels; blocks cut off by the border are over what they hold.

    Args:
        values: (B, C, H, W).
        size: of a block, in pixels.

    Example:
        >>> import torch
        >>> block_mean(torch.arange(16.0).view(1, 1, 4, 4), 2).flatten().tolist()
        [2.5, 4.5, 10.5, 12.5]
    """
    if values.shape[-2] % size or values.shape[-1] % size:
        return F.avg_pool2d(values, size, ceil_mode=True)
    # Twice as fast on the CPU as torch's pooling.
    rows = reduce(torch.add, (values[..., first::size, :] for first in range(size)))
    return reduce(torch.add, (rows[..., first::size] for first in range(size))) / size**2


def guided_filter(image: Tensor, guide: Tensor, radius: int, eps: float, subsample: int = 1) -> Tensor:
    """Smooth `image` wherever `guide` is smooth, and keep edges where it has them (He, Sun and Tang 2013).

    In each window the image is fitted by a linear function of the guide; a pixel gets the mean of what the
    windows around it predict.  The cost does not depend on the radius.

    Args:
        image: (B, C, H, W) float32.
        guide: (B or 1, G, H, W) float32, of the same size; G is 1 for grey, 3 for colour.
        radius: of the window, in pixels; 1 or more.
        eps: variance of the guide, in squared units of its values, below which a window counts as smooth.
        subsample: fit on a grid this many times coarser (after He and Sun 2015); 1 is exact.

    Returns:
        (B, C, H, W).

    Raises:
        ValueError: image and guide differ in size.

    Example:
        >>> import torch
        >>> guided_filter(torch.rand(1, 3, 9, 7), torch.rand(1, 3, 9, 7), radius=2, eps=1e-3).shape
        torch.Size([1, 3, 9, 7])
    """
    if image.shape[-2:] != guide.shape[-2:]:
        raise ValueError(
            f"guided_filter: the image is {tuple(image.shape)} and its guide {tuple(guide.shape)}\n"
            "  what would work: a guide of the image's height and width"
        )
    height, width = image.shape[-2:]
    reach = max(1, round(radius / subsample))

    def window_mean(values: Tensor) -> Tensor:
        # Products are averaged, not products of averages: the moments stay exact, only windows are rounded.
        if subsample > 1:
            values = block_mean(values, subsample)
        return box_mean(values, reach)

    # One guide channel at a time: three planes stay in the processor's cache, thirty-three do not.
    channels = guide.chunk(guide.shape[1], dim=1)
    centres = [window_mean(channel) for channel in channels]
    mean = window_mean(image)
    spread = [
        [
            window_mean(channels[i] * channels[j]) - centres[i] * centres[j] + (eps if i == j else 0.0)
            for j in range(i + 1)
        ]
        for i in range(len(channels))
    ]
    shared = [window_mean(channel * image) - centre * mean for channel, centre in zip(channels, centres, strict=True)]
    slopes = solve_symmetric(spread, shared)
    offset = mean
    for slope, centre in zip(slopes, centres, strict=True):
        offset = offset - slope * centre

    def predicted(coefficients: Tensor) -> Tensor:
        averaged = box_mean(coefficients, reach)
        if subsample == 1:
            return averaged
        # As pictures of one channel: torch's kernel for few channels at once is several times slower.
        planes = averaged.flatten(0, 1).unsqueeze(1)
        large = F.interpolate(planes, scale_factor=subsample, mode="bilinear", align_corners=False)
        return large.view(*averaged.shape[:2], *large.shape[-2:])[..., :height, :width]

    result = predicted(offset)
    for slope, channel in zip(slopes, channels, strict=True):
        result = result.addcmul_(predicted(slope), channel)
    return result
