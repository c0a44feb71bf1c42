"""What metrics are given: pictures of one size, and the features of an encoder."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor

from ..functional.metrics import Metric
from ..functional.resizing import resize, size_of
from ..networks import Encoder, loss_layers


@torch.no_grad()
def metric_inputs(
    metrics: Iterable[Metric], encoder: Encoder, result: Tensor, content: Tensor, style: Tensor | None
) -> dict[str, Any]:
    """Return what metrics ask for, by name; features are computed once, in float32.

    Args:
        metrics: that are to be measured.
        encoder: whose features they are given, at its style layers down to its content layer.
        result: what was painted, (B, 3, H, W) in [0, 1].
        content: of any size; it is resized to the result's.
        style: of any size; None where there is none, and then metrics that ask for it cannot be measured.

    Example:
        >>> import impasto
        >>> content, style = impasto.samples.content("cat", 48), impasto.samples.style("mosaic", 48)
        >>> ssim = impasto.functional.metrics.METRICS["ssim"]
        >>> sorted(metric_inputs([ssim], impasto.encoder("slim19"), content, content, style))
        ['content', 'result', 'style']
    """
    if size_of(content) != size_of(result):
        content = resize(content, size_of(result))
    pictures = {"result": result, "content": content, "style": style}
    inputs: dict[str, Any] = {name: image for name, image in pictures.items() if image is not None}
    needed = {name for metric in metrics for name in metric.needs}
    layers = loss_layers(encoder)
    for name, image in [*inputs.items()]:
        if f"{name}_features" in needed:
            inputs[f"{name}_features"] = {
                layer: features.float() for layer, features in encoder.features(image, layers).items()
            }
    return inputs
