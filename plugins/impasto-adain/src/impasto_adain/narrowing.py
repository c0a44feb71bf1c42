"""A thinner decoder from a wider one, by least squares: how the shipped decoder came to 8 channels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from impasto.networks import VGGDecoder, choose_channels, fit_convolution


@torch.no_grad()
def narrow_decoder(decoder: VGGDecoder, widths: Sequence[int], features: Mapping[str, Tensor]) -> VGGDecoder:
    """Return a thinner decoder that paints what another does as well as least squares can, layer by layer.

    Of each layer's channels it keeps as many as its width allows, those that predict the others best.

    Args:
        decoder: the wider one, where the features are.
        widths: channels of the blocks before its layer.
        features: (B, C, h, w), of its layers by name, to learn from.

    Raises:
        ValueError: widths that are not narrower.

    Example:
        >>> wide = VGGDecoder((4, 8, 16), "relu3_1")
        >>> narrow_decoder(wide, (4, 6), {"relu3_1": torch.rand(1, 16, 24, 24)}).widths
        (4, 6, 16)
    """
    own = decoder.widths[:-1]
    if len(widths) != len(own) or any(not 0 < width <= wide for width, wide in zip(widths, own, strict=True)):
        raise ValueError(
            f"a decoder for {decoder.layer} of {own} channels cannot be narrowed to widths = {tuple(widths)}\n"
            f"  what would work: {len(own)} numbers, none larger than its own"
        )
    skips = {layer: decoder.channels[layer] for layer in decoder.layers[1:]}
    x = wide_x = features[decoder.layer].float()
    thin = VGGDecoder((*widths, decoder.widths[-1]), decoder.layer, skips).to(x.device)
    rng = torch.Generator().manual_seed(0)
    for name, after in zip(decoder.convolutions, (*decoder.convolutions[1:], None), strict=True):
        wide = decoder.get_submodule(f"conv{name}")
        target = wide(F.pad(wide_x, (1, 1, 1, 1), mode="reflect"))
        if after is None:
            fit_convolution(thin, name, x, target, rng)
            break
        wide_x = F.relu(target)
        shallower = f"{after[0]}_1"
        has_skip = name.endswith("_1") and f"relu{shallower}" in skips
        if name.endswith("_1"):
            wide_x = F.interpolate(wide_x, scale_factor=2.0)
        if has_skip:
            skip = decoder.get_parameter(f"skip{shallower}.weight")
            added = F.conv2d(features[f"relu{shallower}"].float(), skip)
            wide_x = wide_x + added
        chosen, _ = choose_channels(wide_x, thin.widths[int(after[0]) - 1])
        x = fit_convolution(thin, name, x, target[:, chosen], rng)
        if has_skip:
            thin.get_parameter(f"skip{shallower}.weight").copy_(skip[chosen])
            x = x + added[:, chosen]
    return thin
