"""Plain functions of tensors: statistics, colour, filters, sizes, losses, solvers, matting, and patches."""

from . import (
    batches,
    color,
    filters,
    flat_areas,
    flow,
    losses,
    lut,
    matting,
    metrics,
    patches,
    precision,
    random,
    resizing,
    solvers,
    statistics,
)
from .batches import batch_item
from .color import fit_gamut, from_space, luma, to_space
from .filters import block_mean, box_mean, guided_filter
from .flat_areas import add_noise_to_flat_areas, flatness
from .losses import content_loss, relative_error, total_variation
from .matting import MattingLaplacian, closed_form_matting, screened
from .patches import NNF, extract, nearest
from .precision import in_double
from .random import random_seed, seeded_layers
from .resizing import (
    fit_within,
    parse_size,
    resample,
    resample_maps,
    resize,
    size_of,
    size_text,
    size_within,
    upsample_guided,
)
from .solvers import conjugate_gradients, solve_symmetric
from .statistics import Moments, covariance, gram, mean_std

__all__ = [
    "NNF",
    "MattingLaplacian",
    "Moments",
    "add_noise_to_flat_areas",
    "batch_item",
    "batches",
    "block_mean",
    "box_mean",
    "closed_form_matting",
    "color",
    "conjugate_gradients",
    "content_loss",
    "covariance",
    "extract",
    "filters",
    "fit_gamut",
    "fit_within",
    "flat_areas",
    "flatness",
    "flow",
    "from_space",
    "gram",
    "guided_filter",
    "in_double",
    "losses",
    "luma",
    "lut",
    "matting",
    "mean_std",
    "metrics",
    "nearest",
    "parse_size",
    "patches",
    "precision",
    "random",
    "random_seed",
    "relative_error",
    "resample",
    "resample_maps",
    "resize",
    "resizing",
    "screened",
    "seeded_layers",
    "size_of",
    "size_text",
    "size_within",
    "solve_symmetric",
    "solvers",
    "statistics",
    "to_space",
    "total_variation",
    "upsample_guided",
]
