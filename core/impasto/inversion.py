"""How decoders begin: each convolution fitted by least squares to what the encoder had there."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .decoders import Decoder
from .distillation import least_squares
from .encoders import Encoder


@torch.no_grad()
def inverted(
    encoder: Encoder, layer: str, images: Tensor, positions: int = 60_000, tail: Decoder | None = None
) -> Decoder:
    """Return a decoder that undoes an encoder as well as layer by layer least squares can.

    Each convolution, deep to shallow, learns to give the sums that the encoder had at the same place, from what
    the convolutions before it give.  For relu1_1 that is the best there is; for deeper layers, a start.

    Args:
        encoder: whose features are to be decoded.
        layer: `relu1_1` to `relu5_1`.
        images: (B, 3, H, W), sRGB in [0, 1], to learn from; sides that are multiples of 16.
        positions: how many at most are drawn for each fit.
        tail: a decoder of a shallower layer that goes on where the fit has come to that.

    Example:
        >>> import impasto
        >>> cat = impasto.samples.content("cat", 96)
        >>> slim = impasto.encoder("slim19")
        >>> decoder = inverted(slim, "relu1_1", cat)
        >>> painted = decoder(slim.features(cat, ["relu1_1"])["relu1_1"])
        >>> bool((painted - cat).square().mean() < 1e-3)
        True
    """
    decoder = Decoder.mirroring(encoder, layer)
    sums = [f"conv{name}" for name in decoder.convolutions[1:]]
    found = encoder.features(images, [*sums, layer])
    rng = torch.Generator().manual_seed(0)
    x = found[layer].float()
    for name, before in zip(decoder.convolutions, (*sums, None), strict=True):
        if tail is not None and f"relu{name}" == tail.layer:
            decoder.load_state_dict(tail.state_dict(), strict=False)
            break
        wanted = images if before is None else found[before].float()
        if name.endswith("_1") and before is not None:
            wanted = F.max_pool2d(wanted, 2)
        inputs, outputs = [], []
        for padded, goal in zip(F.pad(x, (1, 1, 1, 1), mode="reflect"), wanted, strict=True):
            patches, values = F.unfold(padded[None], 3)[0].mT, goal.flatten(1).mT
            some = torch.randperm(len(patches), generator=rng)[: positions // len(x)].to(patches.device)
            inputs.append(patches[some])
            outputs.append(values[some])
        solution = least_squares(F.pad(torch.cat(inputs), (0, 1), value=1.0), torch.cat(outputs), 1e-6)
        convolution: nn.Conv2d = getattr(decoder, f"conv{name}")
        convolution.weight.copy_(solution[:-1].mT.reshape(convolution.weight.shape))
        convolution.bias = nn.Parameter(solution[-1])
        x = convolution(F.pad(x, (1, 1, 1, 1), mode="reflect"))
        if before is not None:
            x = F.relu(x)
            if name.endswith("_1"):
                x = F.interpolate(x, scale_factor=2.0)
    return decoder
