"""How decoders begin: each convolution fitted by least squares to the features it should give."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .linear_fit import ridge_regression
from .vgg_decoder import VGGDecoder
from .vgg_encoder import VGGEncoder

POSITIONS = 60_000
"""How many at most are drawn for each fit."""


@torch.no_grad()
def fit_decoder(encoder: VGGEncoder, layer: str, images: Tensor, tail: VGGDecoder | None = None) -> VGGDecoder:
    """Return a decoder that inverts an encoder as well as least squares can, convolution by convolution.

    Each convolution, deep to shallow, is fitted to the sums that the encoder had at the same place, from the output
    of the convolutions before it.  For relu1_1 that is the best there is; for deeper layers, a start.

    Args:
        encoder: whose features are to be decoded.
        layer: `relu1_1` to `relu5_1`.
        images: (B, 3, H, W), sRGB in [0, 1], to learn from; sides that are multiples of 16.
        tail: a decoder of a shallower layer that goes on where the fit has come to that.

    Example:
        >>> import impasto
        >>> cat = impasto.samples.content("cat", 96)
        >>> slim = impasto.encoder("slim19")
        >>> decoder = fit_decoder(slim, "relu1_1", cat)
        >>> painted = decoder(slim.features(cat, ["relu1_1"])["relu1_1"])
        >>> bool((painted - cat).square().mean() < 1e-3)
        True
    """
    decoder = VGGDecoder.for_encoder(encoder, layer).to(images.device)
    sums = [f"conv{name}" for name in decoder.convolutions[1:]]
    features = encoder.features(images, [*sums, layer])
    rng = torch.Generator().manual_seed(0)
    x = features[layer].float()
    for name, before in zip(decoder.convolutions, (*sums, None), strict=True):
        if tail is not None and f"relu{name}" == tail.layer:
            decoder.load_state_dict(tail.state_dict(), strict=False)
            break
        target = images if before is None else features[before].float()
        if name.endswith("_1") and before is not None:
            target = F.max_pool2d(target, 2)
        x = fit_convolution(decoder, name, x, target, rng)
    return decoder


@torch.no_grad()
def fit_convolution(decoder: VGGDecoder, name: str, x: Tensor, target: Tensor, rng: torch.Generator) -> Tensor:
    """Fit a decoder's convolution, in place, by least squares; return what the next one then takes.

    Args:
        decoder: whose convolution it is.
        name: of the convolution, such as `3_1`.
        x: (B, C, h, w), its input.
        target: (B, C', h, w), its output before the ReLU.
        rng: draws the positions that are looked at.

    Returns:
        (B, C', h, w), after the ReLU, and upsampled where the decoder does so; of the last convolution, as it is.

    Example:
        >>> x, target = torch.rand(1, 8, 32, 32), torch.rand(1, 3, 32, 32)
        >>> decoder = VGGDecoder((8,), "relu1_1")
        >>> fit_convolution(decoder, "1_1", x, target, torch.Generator()).shape
        torch.Size([1, 3, 32, 32])
    """
    inputs, outputs = [], []
    for padded, values in zip(F.pad(x, (1, 1, 1, 1), mode="reflect"), target, strict=True):
        patches, pixels = F.unfold(padded[None], 3)[0].mT, values.flatten(1).mT
        drawn = torch.randperm(len(patches), generator=rng, device="cpu")[: POSITIONS // len(x)].to(patches.device)
        inputs.append(patches[drawn])
        outputs.append(pixels[drawn])
    solution = ridge_regression(F.pad(torch.cat(inputs), (0, 1), value=1.0), torch.cat(outputs), 1e-6)
    convolution = decoder.get_submodule(f"conv{name}")
    assert isinstance(convolution, nn.Conv2d)
    assert convolution.bias is not None
    convolution.weight.copy_(solution[:-1].mT.reshape(convolution.weight.shape))
    convolution.bias.copy_(solution[-1])
    x = convolution(F.pad(x, (1, 1, 1, 1), mode="reflect"))
    if name == "1_1":
        return x
    return F.interpolate(F.relu(x), scale_factor=2.0) if name.endswith("_1") else F.relu(x)
