"""What the host itself offers, through the same hooks as every plugin."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from torch import nn

from .functional.losses import STATISTICS, StatisticOf
from .functional.metrics import METRICS, Metric
from .host import hookimpl
from .networks import Slim19, load_slim19, load_slim19_half, load_vgg19
from .training import Trainer


@hookimpl
def impasto_encoders() -> Mapping[str, Callable[[], nn.Module]]:
    """Offer the encoders that come with Impasto."""
    return {"slim19": load_slim19, "slim19-half": load_slim19_half, "vgg19": load_vgg19}


@hookimpl
def impasto_statistics() -> Mapping[str, StatisticOf]:
    """Offer the style statistics that come with Impasto."""
    return STATISTICS


@hookimpl
def impasto_metrics() -> Mapping[str, Metric]:
    """Offer the metrics that come with Impasto."""
    return METRICS


@hookimpl
def impasto_trainers() -> list[type[Trainer]]:
    """Offer the training of the shipped encoders."""
    return [Slim19]
