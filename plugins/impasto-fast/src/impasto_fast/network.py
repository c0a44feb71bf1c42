"""The painting network: halvings, residual blocks, doublings, conditional instance normalisation."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from impasto.networks import FewChannels, depth_to_space, pad2d, upsample_conv2d

BLOCKS = 5
Plan = Literal["ours", "examples", "tensorflow"]
NORM_EPS: dict[Plan, float] = {"ours": 1e-5, "examples": 1e-5, "tensorflow": 1e-3}


class Unit(nn.Module):
    """A convolution with conditional instance normalisation (Dumoulin et al. 2017): styles have scales and shifts.

    Args:
        channels: of what comes in.
        out: channels of what goes out.
        kernel: side of the convolution.
        stride: 2 halves the sides; 1/2 doubles them first.
        styles: how many styles have a scale and a shift of their own; 0: no normalisation.
        plan: see `Network`.
    """

    def __init__(self, channels: int, out: int, kernel: int, stride: float, styles: int, plan: Plan) -> None:
        super().__init__()
        self.stride, self.plan = stride, plan
        transposed = stride < 1 and plan == "tensorflow"
        self.convolution: nn.Conv2d | nn.ConvTranspose2d
        if transposed:
            self.convolution = nn.ConvTranspose2d(channels, out, kernel, stride=2)
        elif out == 3 and kernel > 1:
            self.convolution = FewChannels(channels, out, kernel)
        else:
            self.convolution = nn.Conv2d(channels, out, kernel, stride=2 if stride > 1 else 1)
        # A linear map of the styles' shares: convolutions and linear layers are what SOAP trains.
        self.scale = nn.Linear(styles, out, bias=False) if styles else None
        self.shift = nn.Linear(styles, out, bias=False) if styles else None
        if self.scale is not None and self.shift is not None:
            nn.init.ones_(self.scale.weight)
            nn.init.zeros_(self.shift.weight)

    def forward(self, x: Tensor, shares: Tensor) -> Tensor:
        """Return (B, C', H', W') of `x` (B, C, H, W), the styles counting `shares` (B, S)."""
        x = self._convolved(x)
        if self.scale is None or self.shift is None:
            return x
        # As groups of one channel: several times as fast on channels_last, and a single position is no error.
        x = torch.group_norm(x, x.shape[1], None, None, NORM_EPS[self.plan])
        scale, shift = self.scale(shares)[..., None, None], self.shift(shares)[..., None, None]
        return torch.addcmul(shift, x, scale)

    def _convolved(self, x: Tensor) -> Tensor:
        side = self.convolution.kernel_size[0]
        if isinstance(self.convolution, nn.ConvTranspose2d):
            # TensorFlow's SAME: the last row and column are what its convolution would have padded.
            enlarged: Tensor = self.convolution(x)
            return enlarged[..., :-1, :-1]
        if self.stride < 1:
            return depth_to_space(upsample_conv2d(self.convolution, pad2d(x, 1, "replicate")))[..., 1:-1, 1:-1]
        if self.plan == "tensorflow":
            # SAME pads an even side before a stride of 2 at its end alone.
            before, after = (side // 2, side // 2) if self.stride == 1 else (0, 1)
            x = F.pad(x, (before, after, before, after))
        else:
            x = pad2d(x, side // 2)
        result: Tensor = self.convolution(x)
        return result


class Block(nn.Module):
    """Two units, added to what comes in."""

    def __init__(self, width: int, styles: int, plan: Plan) -> None:
        super().__init__()
        self.first = Unit(width, width, 3, 1, styles, plan)
        self.second = Unit(width, width, 3, 1, styles, plan)

    def forward(self, x: Tensor, shares: Tensor) -> Tensor:
        """Return `x` (B, C, H, W) with the block's change."""
        change: Tensor = self.second(F.relu(self.first(x, shares)), shares)
        return x + change


class Network(nn.Module):
    """Paint pictures in one or several styles (Johnson et al. 2016, Dumoulin et al. 2017).

    Args:
        width: channels at full size; four times as many in the blocks.
        styles: names of the styles, in the order of `shares`.
        plan: `ours`: the change of the picture, whose colours are already brought to the style's mean and deviation;
            `examples`: the picture, as pytorch/examples; `tensorflow`: the picture as tanh, transposed convolutions and
            zeros around everything, as lengstrom/fast-style-transfer.

    Example:
        >>> import torch
        >>> network = Network(8, ["wave", "mosaic"])
        >>> network(torch.rand(1, 3, 16, 24), torch.tensor([[0.5, 0.5]])).shape
        torch.Size([1, 3, 16, 24])
    """

    def __init__(self, width: int = 32, styles: Sequence[str] = ("",), plan: Plan = "ours") -> None:
        super().__init__()
        self.width, self.styles, self.plan = width, tuple(styles), plan
        count, inside = len(self.styles), 4 * width

        def unit(channels: int, out: int, kernel: int, stride: float = 1, norm: bool = True) -> Unit:
            return Unit(channels, out, kernel, stride, count if norm else 0, plan)

        self.conv1 = unit(3, width, 9)
        self.conv2 = unit(width, 2 * width, 3, stride=2)
        self.conv3 = unit(2 * width, inside, 3, stride=2)
        self.blocks = nn.ModuleList(Block(inside, count, plan) for _ in range(BLOCKS))
        self.up1 = unit(inside, 2 * width, 3, stride=0.5)
        self.up2 = unit(2 * width, width, 3, stride=0.5)
        self.out = unit(width, 3, 9, norm=plan == "tensorflow")
        self.skip = unit(3, 3, 1) if plan == "ours" else None
        if self.skip is not None:
            for parameter in (*self.out.convolution.parameters(), *self.skip.convolution.parameters()):
                nn.init.zeros_(parameter)
            nn.init.dirac_(self.skip.convolution.weight)

    def units(self) -> Iterator[tuple[str, Unit]]:
        """Yield the units with the names that checkpoints have for them, from first to last."""
        yield from (("conv1", self.conv1), ("conv2", self.conv2), ("conv3", self.conv3))
        for index, block in enumerate(self.blocks, start=1):
            assert isinstance(block, Block)
            yield from ((f"res{index}a", block.first), (f"res{index}b", block.second))
        yield from (("up1", self.up1), ("up2", self.up2), ("out", self.out))
        if self.skip is not None:
            yield "skip", self.skip

    def forward(self, image: Tensor, shares: Tensor) -> Tensor:
        """Return the picture painted.

        Args:
            image: (B, 3, H, W), sRGB in [0, 1], sides that are multiples of 4.
            shares: (1 or B, S), how much each style counts; they sum to 1.

        Returns:
            (B, 3, H, W), sRGB in [0, 1] and a little beyond.
        """
        x = image
        for unit in (self.conv1, self.conv2, self.conv3):
            x = F.relu(unit(x, shares))
        for block in self.blocks:
            x = block(x, shares)
        x = F.relu(self.up2(F.relu(self.up1(x, shares)), shares))
        painted: Tensor = self.out(x, shares).float()
        if self.plan == "tensorflow":
            return 0.5 + 150 / 255 * painted.tanh()
        if self.skip is None:
            return painted
        # A picture has more levels than bfloat16.
        with torch.autocast(image.device.type, enabled=False):
            recolored: Tensor = self.skip(image.float(), shares.float())
        return recolored + painted
