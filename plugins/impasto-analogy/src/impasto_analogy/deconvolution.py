"""Features of the next finer layer, found such that the encoder makes given coarser ones of them."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from impasto.functional.statistics import in_float32
from impasto.networks import CONVOLUTIONS, VGG


def deeper_features(network: VGG, features: Tensor, layer: str, deeper: str) -> Tensor:
    """Return the features of a deeper layer that follow from those (B, C, H, W) of a layer; `relu3_1` to `relu4_1`."""
    first, last = (CONVOLUTIONS.index(name.removeprefix("relu")) for name in (layer, deeper))
    for name in CONVOLUTIONS[first + 1 : last + 1]:
        if name.endswith("_1"):
            features = F.max_pool2d(features, 2)
        features = F.relu(network.get_submodule(f"conv{name}")(features))
    return features


@in_float32
def deconvolution(target: Tensor, start: Tensor, network: VGG, layer: str, deeper: str, steps: int) -> Tensor:
    """Return features of `layer` of which the network makes the target at `deeper`, as nearly as `steps` allow.

    Args:
        target: (1, C, h, w), features of the deeper layer.
        start: (1, c, H, W), features of the layer to begin from.
        network: whose convolutions lie between the two.
        layer: the finer layer, such as `relu3_1`.
        deeper: the coarser one, such as `relu4_1`.
        steps: of L-BFGS.

    Returns:
        (1, c, H, W), 0 or more.
    """
    size = target.square().mean().clamp_min(torch.finfo(target.dtype).tiny)
    # The optimiser views the gradient as one row of numbers.
    features = start.detach().clone(memory_format=torch.contiguous_format).requires_grad_()
    optimiser = torch.optim.LBFGS([features], max_iter=steps, history_size=4, line_search_fn="strong_wolfe")

    def loss() -> Tensor:
        optimiser.zero_grad()
        error = (deeper_features(network, features, layer, deeper) - target).square().mean() / size
        error.backward()  # type: ignore[no-untyped-call]
        return error

    with torch.enable_grad():
        if steps:
            optimiser.step(loss)  # type: ignore[no-untyped-call]
    return F.relu(features.detach())
