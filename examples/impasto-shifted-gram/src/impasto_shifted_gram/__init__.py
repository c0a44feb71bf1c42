"""Gram matrices of features and the same features so far beside them, as a style loss (Berger and Memisevic 2017)."""

import torch

import impasto
from impasto.functional.losses import Statistic

SHARES = (1 / 16, 1 / 8, 1 / 4)


def shifted_gram(style, generator=None):
    """Return the statistic for the features (1, C, H, W) of a style: shifts are shares of its height and width."""
    height, width = style.shape[-2:]
    down = [(max(1, round(share * height)), 0) for share in SHARES]
    right = [(0, max(1, round(share * width))) for share in SHARES]

    def measure(features, weights):
        features = features.float()
        weights = torch.ones_like(features[:, :1]) if weights is None else weights.float()
        return tuple(gram_beside(features, weights, *shift) for shift in [(0, 0), *down, *right])

    return Statistic(measure)


def gram_beside(features, weights, down, right):
    """Return the mean product of each channel with each channel so many positions below and to the right, (1, C, C)."""
    height, width = features.shape[-2:]
    down, right = min(down, height - 1), min(right, width - 1)
    here = (..., slice(height - down), slice(width - right))
    there = (..., slice(down, height), slice(right, width))
    counted = weights[here] * weights[there]
    products = torch.einsum("bchw,bdhw->bcd", counted * features[here], features[there])
    return products / counted.sum().clamp_min(1e-6)


@impasto.hookimpl
def impasto_statistics():
    return {"shifted-gram": shifted_gram}
