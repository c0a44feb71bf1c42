"""Convolutions in fewer operations: fused with their ReLU, after upsampling, and to few output channels.

All give what plain convolutions would, to rounding.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def pad2d(x: Tensor, padding: int, mode: Literal["reflect", "replicate"] = "reflect") -> Tensor:
    """Return features padded on each side, in the precision that autocast lets convolutions compute in.

    Left to itself autocast pads in float32, which can take longer than the convolution.

    Args:
        x: (B, C, H, W).
        padding: how many positions on each side.
        mode: how they are filled; features too small to be reflected have their border replicated.

    Returns:
        (B, C, H + 2 padding, W + 2 padding), of the autocast type under autocast, else of the type of `x`.

    Example:
        >>> pad2d(torch.tensor([[[[1.0, 2], [3, 4]]]]), 1).flatten().tolist()
        [4.0, 3.0, 4.0, 3.0, 2.0, 1.0, 2.0, 1.0, 4.0, 3.0, 4.0, 3.0, 2.0, 1.0, 2.0, 1.0]
    """
    device = x.device.type
    if torch.is_autocast_enabled(device):
        x = x.to(torch.get_autocast_dtype(device))
    with torch.autocast(device, enabled=False):
        return F.pad(x, (padding,) * 4, mode=mode if min(x.shape[-2:]) > padding else "replicate")


def _fused() -> Callable[..., Tensor] | None:
    """Return oneDNN's convolution fused with a ReLU, if this torch and this CPU have it; else None.

    torch has it for its compiler and promises nobody else that it stays: `tests/networks/test_convolutions.py`
    compares it with a plain convolution.
    """
    operators = torch.ops.mkldnn
    if not hasattr(operators, "_convolution_pointwise") or not hasattr(operators, "_is_mkldnn_bf16_supported"):
        return None
    fused: Callable[..., Tensor] = operators._convolution_pointwise
    return fused if operators._is_mkldnn_bf16_supported() else None


_FUSED = _fused()

FillHalo = Callable[[Tensor], Tensor]
"""Fills the halo of features in place, as `fill_halo` does, and returns them."""


def conv2d_relu(
    x: Tensor, weight: Tensor, bias: Tensor | None, padding: int = 0, fill: FillHalo | None = None
) -> Tensor:
    """Return the ReLU of a convolution: `F.relu(F.conv2d(x, weight, bias, padding=padding))`.

    In bfloat16 on the CPU, where no gradient is needed, it is one operation: a ReLU by itself reads and writes all
    again, which for a thin layer takes up to a third of the convolution's time.

    Args:
        x: (B, C, H, W).
        weight: (C', C, K, K).
        bias: (C',) or None.
        padding: how many zeros on each side.
        fill: fills the halo of the result, in place, before the ReLU or after it.

    Returns:
        (B, C', H', W'), of the autocast type under autocast, else of the type of `x`.

    Example:
        >>> conv2d_relu(torch.tensor([[[[-2.0, 3.0]]]]), torch.ones(1, 1, 1, 1), None).flatten().tolist()
        [0.0, 3.0]
    """
    device = x.device.type
    if torch.is_autocast_enabled(device):
        low = torch.get_autocast_dtype(device)
        x, weight, bias = x.to(low), weight.to(low), None if bias is None else bias.to(low)
    needs_gradient = torch.is_grad_enabled() and any(
        each is not None and each.requires_grad for each in (x, weight, bias)
    )
    if _FUSED is not None and device == "cpu" and x.dtype == torch.bfloat16 and not needs_gradient:
        result = _FUSED(x, weight, bias, [padding, padding], [1, 1], [1, 1], 1, "relu", [], "")
        return result if fill is None else fill(result)
    sums = F.conv2d(x, weight, bias, padding=padding)
    # The halo first: the gradient of the ReLU needs its result as it was.
    return F.relu(sums if fill is None else fill(sums), inplace=True)


def upsample2d(x: Tensor) -> Tensor:
    """Return features (B, C, H, W) upsampled twofold by nearest neighbours, in their own precision.

    Autocast by itself would do so in float32.
    """
    with torch.autocast(x.device.type, enabled=False):
        return F.interpolate(x, scale_factor=2.0)


def fill_halo(x: Tensor, replicate: bool = False) -> Tensor:
    """Fill the halo of features, one position on each side, by reflection, in place; return them.

    A halo that stays around the features from one convolution to the next spares a padded copy of them for each,
    which on the CPU costs a third of the convolution.

    Args:
        x: (B, C, H + 2, W + 2): features (B, C, H, W) in a halo of any values.
        replicate: replicate the border instead of reflecting; so is a side of one position, which cannot reflect.

    Example:
        >>> fill_halo(torch.tensor([[[[0.0, 0, 0, 0], [0, 1, 2, 0], [0, 3, 4, 0], [0, 0, 0, 0]]]])).flatten().tolist()
        [4.0, 3.0, 4.0, 3.0, 2.0, 1.0, 2.0, 1.0, 4.0, 3.0, 4.0, 3.0, 2.0, 1.0, 2.0, 1.0]
    """
    for side in (-2, -1):
        inwards = 1 if replicate or x.shape[side] == 3 else 2
        for edge, inside in ((0, inwards), (-1, -1 - inwards)):
            x.select(side, edge).copy_(x.select(side, inside))
    return x


# A block p of upsampled features holds the positions 2p - 1 and 2p, which see the positions p - 1 and p before.
_OVERLAP = torch.tensor([[[1.0, 1, 0], [0, 0, 1]], [[1, 0, 0], [0, 1, 1]]], dtype=torch.float32, device="cpu")
"""Which rows of a kernel fall on which position: (row of the block, position before, row of the kernel)."""


def upsample_conv2d(convolution: nn.Conv2d, x: Tensor, rectify: bool = False) -> Tensor:
    """Return a 3×3 convolution of features upsampled twofold by nearest neighbours, in blocks of 2×2 positions.

    Each position sees 2×2 of the features before upsampling, with summed weights: 4/9 of the operations.

    Args:
        convolution: 3×3, from C to C' channels.
        x: (B, C, H + 2, W + 2): features (B, C, H, W) in a halo that replicates their border, see `fill_halo`.
        rectify: whether a ReLU follows.

    Returns:
        (B, 4C', H + 1, W + 1), of which `depth_to_space` makes (B, C', 2H + 2, 2W + 2): twice as large, in a halo that
        reflects.

    Example:
        >>> convolution, x = nn.Conv2d(2, 3, 3), torch.rand(1, 2, 4, 5)
        >>> plain = convolution(F.pad(F.interpolate(x, scale_factor=2), (1, 1, 1, 1), mode="reflect"))
        >>> blocks = upsample_conv2d(convolution, F.pad(x, (1, 1, 1, 1), mode="replicate"))
        >>> torch.allclose(depth_to_space(blocks)[..., 1:-1, 1:-1], plain, atol=1e-6)
        True
    """
    kernel = convolution.weight
    with torch.autocast(kernel.device.type, enabled=False):
        overlap = _OVERLAP.to(kernel)
        weight = torch.einsum("atk,bsl,oikl->aboits", overlap, overlap, kernel).flatten(0, 2)
    bias = None if convolution.bias is None else convolution.bias.repeat(4)
    return (
        conv2d_relu(x, weight, bias, fill=_fill_block_halo) if rectify else _fill_block_halo(F.conv2d(x, weight, bias))
    )


def _fill_block_halo(blocks: Tensor) -> Tensor:
    phases = blocks.view(len(blocks), 2, 2, -1, *blocks.shape[-2:])
    for phase, edge, inside in ((0, 0, 1), (1, -1, -2)):
        phases[:, phase, ..., edge, :].copy_(phases[:, phase, ..., inside, :])
        phases[:, :, phase, ..., edge].copy_(phases[:, :, phase, ..., inside])
    return blocks


def depth_to_space(blocks: Tensor) -> Tensor:
    """Return features (B, C, 2h, 2w) of blocks (B, 4C, h, w): channel (2 row + column) C + c goes to (row, column, c).

    `F.pixel_shuffle` takes the channels in another order, c first.

    Example:
        >>> depth_to_space(torch.tensor([1.0, 2, 3, 4]).view(1, 4, 1, 1)).flatten().tolist()
        [1.0, 2.0, 3.0, 4.0]
    """
    batch, channels, height, width = blocks.shape
    # Channels last, so that the two positions of a row of a block are copied together.
    rows = blocks.permute(0, 2, 3, 1).reshape(batch, height, width, 2, channels // 2).transpose(2, 3)
    return rows.reshape(batch, 2 * height, 2 * width, channels // 4).permute(0, 3, 1, 2)


def block_conv2d(convolution: nn.Conv2d, blocks: Tensor) -> Tensor:
    """Return a 3×3 convolution of features in blocks of 2×2 positions, as `FewChannels` computes it.

    Args:
        convolution: 3×3, from C to C' channels.
        blocks: (B, 4C, H + 1, W + 1), of features in a halo, see `upsample_conv2d`.

    Returns:
        (B, C', 2H, 2W), the halo consumed.

    Example:
        >>> convolution, blocks = nn.Conv2d(2, 3, 3), torch.rand(1, 8, 4, 5)
        >>> torch.allclose(block_conv2d(convolution, blocks), convolution(depth_to_space(blocks)), atol=1e-6)
        True
    """
    weight, bias = _four_positions(convolution)
    # A kernel of 4×4 positions is a kernel of 2×2 blocks.
    weight = weight.reshape(*weight.shape[:2], 2, 2, 2, 2).permute(0, 3, 5, 1, 2, 4).flatten(1, 3)
    return F.pixel_shuffle(F.conv2d(blocks, weight, bias), 2)


class FewChannels(nn.Conv2d):
    """A convolution, unpadded and without strides, to few output channels, such as the three of a picture.

    CPUs compute sixteen channels or so at once and would leave most of them empty.  This one computes 2×2
    positions as four times the channels: with a kernel of 7×7 or 9×9 that is three times as fast.

    Args:
        inner: input channels.
        outer: output channels.
        kernel: side of the kernel.
        bias: whether it has one.

    Example:
        >>> convolution, x = FewChannels(8, 3, 7), torch.rand(1, 8, 21, 30)
        >>> torch.allclose(convolution(x), nn.Conv2d.forward(convolution, x), atol=1e-6)
        True
    """

    def __init__(self, inner: int, outer: int, kernel: int, bias: bool = True) -> None:
        super().__init__(inner, outer, kernel, bias=bias)

    def forward(self, x: Tensor) -> Tensor:
        """Return (B, C', H - K + 1, W - K + 1) of `x` (B, C, H, W), K being the side of the kernel."""
        side = self.kernel_size[0]
        height, width = x.shape[-2] - side + 1, x.shape[-1] - side + 1
        if height % 2 or width % 2:
            x = F.pad(x, (0, width % 2, 0, height % 2))
        return F.pixel_shuffle(F.conv2d(x, *_four_positions(self), stride=2), 2)[..., :height, :width]


def _four_positions(convolution: nn.Conv2d) -> tuple[Tensor, Tensor | None]:
    """Return kernels (4C', C, K + 1, K + 1) and biases that give 2×2 positions as `F.pixel_shuffle` takes them."""
    weight, bias = convolution.weight, convolution.bias
    shifted = [F.pad(weight, (column, 1 - column, row, 1 - row)) for row in (0, 1) for column in (0, 1)]
    return torch.stack(shifted, 1).flatten(0, 1), None if bias is None else bias.repeat_interleave(4)


def binomial_blur(x: Tensor) -> Tensor:
    """Return `x` (B, C, h, w) filtered by 1, 2, 1 along both axes.

    The shortest filter that takes away what alternates from position to position, of which networks make weaves, and
    nothing of what is even: before a doubling by interpolation.

    Example:
        >>> import torch
        >>> stripes = torch.tensor([0.0, 1.0]).repeat(4).expand(1, 1, 8, 8)
        >>> bool((binomial_blur(stripes)[..., 1:-1] == 0.5).all())
        True
    """
    return F.avg_pool2d(F.avg_pool2d(F.pad(x, (1, 1, 1, 1), mode="replicate"), 2, 1), 2, 1)
