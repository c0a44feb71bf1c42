"""How decoders begin: each convolution fitted by least squares to what an encoder, or a wider decoder, had there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .decoders import Decoder
from .distillation import choose_channels, least_squares
from .encoders import Encoder

POSITIONS = 60_000
"""How many at most are drawn for each fit."""


@torch.no_grad()
def inverted(encoder: Encoder, layer: str, images: Tensor, tail: Decoder | None = None) -> Decoder:
    """Return a decoder that undoes an encoder as well as layer by layer least squares can.

    Each convolution, deep to shallow, learns to give the sums that the encoder had at the same place, from what
    the convolutions before it give.  For relu1_1 that is the best there is; for deeper layers, a start.

    Args:
        encoder: whose features are to be decoded.
        layer: `relu1_1` to `relu5_1`.
        images: (B, 3, H, W), sRGB in [0, 1], to learn from; sides that are multiples of 16.
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
    decoder = Decoder.mirroring(encoder, layer).to(images.device)
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
        x = fit(decoder, name, x, wanted, rng)
    return decoder


@torch.no_grad()
def narrowed(decoder: Decoder, widths: Sequence[int], features: Mapping[str, Tensor]) -> Decoder:
    """Return a thinner decoder that paints what another does as well as layer by layer least squares can.

    Of each of its features it gives as many as its width allows, those from which the others are best told.

    Args:
        decoder: the wider one, where the features are.
        widths: channels of the blocks before its layer.
        features: (B, C, h, w), of its layers by name, to learn from.

    Raises:
        ValueError: widths that are not narrower.

    Example:
        >>> wide = Decoder((4, 8, 16), "relu3_1")
        >>> narrowed(wide, (4, 6), {"relu3_1": torch.rand(1, 16, 24, 24)}).widths
        (4, 6, 16)
    """
    own = decoder.widths[:-1]
    if len(widths) != len(own) or any(not 0 < width <= wide for width, wide in zip(widths, own, strict=True)):
        raise ValueError(
            f"a decoder for {decoder.layer} of {own} channels cannot be narrowed to widths = {tuple(widths)}\n"
            f"  what would work: {len(own)} numbers, none larger than its own"
        )
    beside = {layer: decoder.channels[layer] for layer in decoder.layers[1:]}
    x = goal = features[decoder.layer].float()
    thin = Decoder((*widths, decoder.widths[-1]), decoder.layer, beside).to(x.device)
    rng = torch.Generator().manual_seed(0)
    for name, after in zip(decoder.convolutions, (*decoder.convolutions[1:], None), strict=True):
        wide = decoder.get_submodule(f"conv{name}")
        wanted = wide(F.pad(goal, (1, 1, 1, 1), mode="reflect"))
        if after is None:
            fit(thin, name, x, wanted, rng)
            break
        goal = F.relu(wanted)
        shallower = f"{after[0]}_1"
        entering = name.endswith("_1") and f"relu{shallower}" in beside
        if name.endswith("_1"):
            goal = F.interpolate(goal, scale_factor=2.0)
        if entering:
            skip = decoder.get_parameter(f"skip{shallower}.weight")
            added = F.conv2d(features[f"relu{shallower}"].float(), skip)
            goal = goal + added
        some, _ = choose_channels(goal, thin.widths[int(after[0]) - 1])
        x = fit(thin, name, x, wanted[:, some], rng)
        if entering:
            thin.get_parameter(f"skip{shallower}.weight").copy_(skip[some])
            x = x + added[:, some]
    return thin


def fit(decoder: Decoder, name: str, x: Tensor, wanted: Tensor, rng: torch.Generator) -> Tensor:
    """Fit a decoder's convolution by least squares; return what it then gives to the next.

    Args:
        decoder: whose convolution is filled.
        name: of the convolution, such as `3_1`.
        x: (B, C, h, w), what it takes.
        wanted: (B, C', h, w), what it should give, before the ReLU.
        rng: draws the positions that are looked at.

    Returns:
        (B, C', h, w), rectified, and doubled in size where the decoder does so; of the last one, as it is.
    """
    inputs, outputs = [], []
    for padded, goal in zip(F.pad(x, (1, 1, 1, 1), mode="reflect"), wanted, strict=True):
        patches, values = F.unfold(padded[None], 3)[0].mT, goal.flatten(1).mT
        some = torch.randperm(len(patches), generator=rng)[: POSITIONS // len(x)].to(patches.device)
        inputs.append(patches[some])
        outputs.append(values[some])
    solution = least_squares(F.pad(torch.cat(inputs), (0, 1), value=1.0), torch.cat(outputs), 1e-6)
    convolution = decoder.get_submodule(f"conv{name}")
    assert isinstance(convolution, nn.Conv2d)
    convolution.weight.copy_(solution[:-1].mT.reshape(convolution.weight.shape))
    convolution.bias = nn.Parameter(solution[-1])
    x = convolution(F.pad(x, (1, 1, 1, 1), mode="reflect"))
    if name == "1_1":
        return x
    return F.interpolate(F.relu(x), scale_factor=2.0) if name.endswith("_1") else F.relu(x)
