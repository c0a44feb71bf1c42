"""The sliced Wasserstein distance of features as a style loss (Heitz et al. 2021)."""

import torch
import torch.nn.functional as F

import impasto
from impasto.functional.losses import Statistic, position_sample

POSITIONS = 16_384
LEVELS = 256


def sliced_wasserstein(style, generator=None):
    """Return the statistic of features (1, C, H, W) projected to 2 C random directions, and sorted along each."""
    channels, device = style.shape[1], style.device
    directions = torch.randn(2 * channels, channels, generator=generator, dtype=torch.float32, device=device)
    directions = F.normalize(directions, dim=1)

    def measure(features, weights):
        features, weights = position_sample(features, weights, POSITIONS, generator)
        values, order = (directions @ features.float().flatten(2)).sort(dim=2)
        if weights is not None:
            values = repeated(values, weights.float().flatten(2).expand_as(order).gather(2, order))
        return (F.adaptive_avg_pool1d(values, LEVELS),)

    return Statistic(measure)


def repeated(values, weights):
    """Return sorted values (1, D, N), each as often as its weight (1, D, N) says, N in all."""
    reached = weights.cumsum(dim=2) / weights.sum(dim=2, keepdim=True)
    levels = (torch.arange(values.shape[2], device=values.device) + 0.5) / values.shape[2]
    places = torch.searchsorted(reached, levels.expand_as(reached).contiguous())
    return values.gather(2, places.clamp_max(values.shape[2] - 1))


@impasto.hookimpl
def impasto_statistics():
    return {"sliced-wasserstein": sliced_wasserstein}
