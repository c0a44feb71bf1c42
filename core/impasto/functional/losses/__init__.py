"""The losses of the optimisation family, as plain functions of tensors.

A style statistic is three functions: `measure` reduces features (1, C, H, W) to a few small tensors,
`target` prepares the (weighted mean of the) measurements of the styles once, and `distance` compares.
Every loss is relative, 1 meaning "as far off as a black picture", so that weights mean the same on every
encoder, layer and size.  All arithmetic is float32; run these outside of autocast.
"""

from .distributions import (
    gaussian_frequencies,
    measure_gaussian,
    measure_histogram,
    measure_sliced,
    position_sample,
    sliced_directions,
)
from .moments import (
    covariance_distance,
    measure_covariance,
    measure_gram,
    measure_mean,
    measure_mean_std,
    measure_polynomial,
    polynomial_distance,
)
from .relative import Measurement, content_loss, relative_distance, relative_error, total_variation
from .statistic import Statistic, StatisticOf, mean_measurement
from .style import CONTENT_LAYER, STATISTICS, STYLE_LAYERS, StyleGoal, histogram
from .wasserstein import wasserstein2_distance, wasserstein2_target

__all__ = [
    "CONTENT_LAYER",
    "STATISTICS",
    "STYLE_LAYERS",
    "Measurement",
    "Statistic",
    "StatisticOf",
    "StyleGoal",
    "content_loss",
    "covariance_distance",
    "gaussian_frequencies",
    "histogram",
    "mean_measurement",
    "measure_covariance",
    "measure_gaussian",
    "measure_gram",
    "measure_histogram",
    "measure_mean",
    "measure_mean_std",
    "measure_polynomial",
    "measure_sliced",
    "polynomial_distance",
    "position_sample",
    "relative_distance",
    "relative_error",
    "sliced_directions",
    "total_variation",
    "wasserstein2_distance",
    "wasserstein2_target",
]
