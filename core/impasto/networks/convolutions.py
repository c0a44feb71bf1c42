"""Convolutions made of fewer operations: with their ReLU, where sizes double, and where few channels go out.

All give what plain convolutions would, to rounding.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def padded(x: Tensor, padding: int, mode: Literal["reflect", "replicate"] = "reflect") -> Tensor:
    """Return features with more positions on each side, in the precision that autocast lets convolutions compute in.

    Left to itself autocast pads in float32, which can take longer than the convolution.

    Args:
        x: (B, C, H, W).
        padding: how many positions.
        mode: what they hold; features too small to be reflected have their border repeated.

    Example:
        >>> padded(torch.tensor([[[[1.0, 2], [3, 4]]]]), 1).flatten().tolist()
        [4.0, 3.0, 4.0, 3.0, 2.0, 1.0, 2.0, 1.0, 4.0, 3.0, 4.0, 3.0, 2.0, 1.0, 2.0, 1.0]
    """
    device = x.device.type
    if torch.is_autocast_enabled(device):
        x = x.to(torch.get_autocast_dtype(device))
    with torch.autocast(device, enabled=False):
        return F.pad(x, (padding,) * 4, mode=mode if min(x.shape[-2:]) > padding else "replicate")


def _fused() -> Callable[..., Tensor] | None:
    """Return oneDNN's convolution that rectifies what it sums, which torch has for its compiler; else None."""
    operators = torch.ops.mkldnn
    if not hasattr(operators, "_convolution_pointwise") or not hasattr(operators, "_is_mkldnn_bf16_supported"):
        return None
    fused: Callable[..., Tensor] = operators._convolution_pointwise
    return fused if operators._is_mkldnn_bf16_supported() else None


_FUSED = _fused()

Frame = Callable[[Tensor], Tensor]
"""Copies features within themselves, as `framed` does, and returns them."""


def rectified(x: Tensor, weight: Tensor, bias: Tensor | None, padding: int = 0, frame: Frame | None = None) -> Tensor:
    """Return the ReLU of a convolution.

    In bfloat16 on the CPU, where no gradient is asked for, it is one operation: a ReLU by itself reads and writes all
    again, which for a thin layer takes up to a third of the convolution's time.

    Args:
        x: (B, C, H, W).
        weight: (C', C, K, K).
        bias: (C',) or None.
        padding: how many zeros on each side.
        frame: is done to the result, in place, before the ReLU or after it.

    Example:
        >>> rectified(torch.tensor([[[[-2.0, 3.0]]]]), torch.ones(1, 1, 1, 1), None).flatten().tolist()
        [0.0, 3.0]
    """
    device = x.device.type
    if torch.is_autocast_enabled(device):
        low = torch.get_autocast_dtype(device)
        x, weight, bias = x.to(low), weight.to(low), None if bias is None else bias.to(low)
    learns = torch.is_grad_enabled() and any(it is not None and it.requires_grad for it in (x, weight, bias))
    if _FUSED is not None and device == "cpu" and x.dtype == torch.bfloat16 and not learns:
        result = _FUSED(x, weight, bias, [padding, padding], [1, 1], [1, 1], 1, "relu", [], "")
        return result if frame is None else frame(result)
    sums = F.conv2d(x, weight, bias, padding=padding)
    # Framed first: the gradient of the ReLU needs its result as it was.
    return F.relu(sums if frame is None else frame(sums), inplace=True)


def upsampled(x: Tensor) -> Tensor:
    """Return features (B, C, H, W) doubled in size by repeating them; autocast itself would do so in float32."""
    with torch.autocast(x.device.type, enabled=False):
        return F.interpolate(x, scale_factor=2.0)


def framed(x: Tensor, repeat: bool = False) -> Tensor:
    """Fill the frame of one position around features by what it reflects, in place; return them.

    A frame that stays around the features from one convolution to the next spares a padded copy of them for each,
    which on the CPU costs a third of the convolution.

    Args:
        x: (B, C, H + 2, W + 2), of (B, C, H, W) with a frame of any values.
        repeat: repeat the border instead of reflecting; as where there is but one position to reflect.
    """
    for side in (-2, -1):
        inwards = 1 if repeat or x.shape[side] == 3 else 2
        for edge, inside in ((0, inwards), (-1, -1 - inwards)):
            x.select(side, edge).copy_(x.select(side, inside))
    return x


# A cell p of doubled features holds the positions 2p - 1 and 2p, which see the positions p - 1 and p before.
_MEETING = torch.tensor([[[1.0, 1, 0], [0, 0, 1]], [[1, 0, 0], [0, 1, 1]]])
"""Which rows of a kernel meet which position: (row of the cell, position before, row of the kernel)."""


def doubled(convolution: nn.Conv2d, x: Tensor, rectify: bool = False) -> Tensor:
    """Return a 3×3 convolution of features doubled in size by repeating them, in cells of 2×2 positions.

    Each position sees 2×2 of the features before they were doubled, with summed weights: 4/9 of the operations.

    Args:
        convolution: 3×3, from C to C' channels.
        x: (B, C, H + 2, W + 2), of features (B, C, H, W) with a frame that repeats their border, see `framed`.
        rectify: whether the ReLU follows.

    Returns:
        (B, 4C', H + 1, W + 1), what `spread` makes (B, C', 2H + 2, 2W + 2) of, with a frame that reflects.

    Example:
        >>> convolution, x = nn.Conv2d(2, 3, 3), torch.rand(1, 2, 4, 5)
        >>> plain = convolution(F.pad(F.interpolate(x, scale_factor=2), (1, 1, 1, 1), mode="reflect"))
        >>> cells = doubled(convolution, F.pad(x, (1, 1, 1, 1), mode="replicate"))
        >>> torch.allclose(spread(cells)[..., 1:-1, 1:-1], plain, atol=1e-6)
        True
    """
    kernel = convolution.weight
    with torch.autocast(kernel.device.type, enabled=False):
        meeting = _MEETING.to(kernel)
        weight = torch.einsum("atk,bsl,oikl->aboits", meeting, meeting, kernel).flatten(0, 2)
    bias = None if convolution.bias is None else convolution.bias.repeat(4)
    return rectified(x, weight, bias, frame=_framed_cells) if rectify else _framed_cells(F.conv2d(x, weight, bias))


def _framed_cells(cells: Tensor) -> Tensor:
    phases = cells.view(len(cells), 2, 2, -1, *cells.shape[-2:])
    for phase, edge, inside in ((0, 0, 1), (1, -1, -2)):
        phases[:, phase, ..., edge, :].copy_(phases[:, phase, ..., inside, :])
        phases[:, :, phase, ..., edge].copy_(phases[:, :, phase, ..., inside])
    return cells


def spread(cells: Tensor) -> Tensor:
    """Return features (B, C, 2h, 2w) of their cells (B, 4C, h, w), whose channels are row, column and channel."""
    batch, channels, height, width = cells.shape
    # Channels last, so that the two positions of a row that lie in one cell are copied together.
    rows = cells.permute(0, 2, 3, 1).reshape(batch, height, width, 2, channels // 2).transpose(2, 3)
    return rows.reshape(batch, 2 * height, 2 * width, channels // 4).permute(0, 3, 1, 2)


def quartered(convolution: nn.Conv2d, cells: Tensor) -> Tensor:
    """Return a 3×3 convolution of features in cells, as `FewChannels` computes it.

    Args:
        convolution: 3×3, from C to C' channels.
        cells: (B, 4C, H + 1, W + 1), of features with a frame, see `doubled`.

    Returns:
        (B, C', 2H, 2W).

    Example:
        >>> convolution, cells = nn.Conv2d(2, 3, 3), torch.rand(1, 8, 4, 5)
        >>> torch.allclose(quartered(convolution, cells), convolution(spread(cells)), atol=1e-6)
        True
    """
    weight, bias = _four(convolution)
    # A kernel of 4×4 positions is one of 2×2 cells.
    weight = weight.reshape(*weight.shape[:2], 2, 2, 2, 2).permute(0, 3, 5, 1, 2, 4).flatten(1, 3)
    return F.pixel_shuffle(F.conv2d(cells, weight, bias), 2)


class FewChannels(nn.Conv2d):
    """A convolution, unpadded and without strides, that gives few channels, such as the three of a picture.

    Processors compute sixteen channels or so at once, and would leave most of them empty.  This one computes 2×2
    positions as four times the channels: on a CPU, of a kernel of 7×7 or 9×9, three times as fast.

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
        return F.pixel_shuffle(F.conv2d(x, *_four(self), stride=2), 2)[..., :height, :width]


def _four(convolution: nn.Conv2d) -> tuple[Tensor, Tensor | None]:
    """Return kernels (4C', C, K + 1, K + 1) and biases that give 2×2 positions as `F.pixel_shuffle` takes them."""
    weight, bias = convolution.weight, convolution.bias
    shifted = [F.pad(weight, (column, 1 - column, row, 1 - row)) for row in (0, 1) for column in (0, 1)]
    return torch.stack(shifted, 1).flatten(0, 1), None if bias is None else bias.repeat_interleave(4)
