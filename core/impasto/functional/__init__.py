"""Plain functions of tensors: statistics, colour, filters, losses, matting, and patches."""

from . import color, filters, losses, matting, patches, statistics
from .color import from_space, luma, to_space
from .filters import box_mean, guided_filter
from .losses import content_loss, total_variation
from .matting import MattingLaplacian, closed_form_matting
from .patches import NNF, nearest
from .statistics import Moments, covariance, gram, mean_std

__all__ = [
    "NNF",
    "MattingLaplacian",
    "Moments",
    "box_mean",
    "closed_form_matting",
    "color",
    "content_loss",
    "covariance",
    "filters",
    "from_space",
    "gram",
    "guided_filter",
    "losses",
    "luma",
    "matting",
    "mean_std",
    "nearest",
    "patches",
    "statistics",
    "to_space",
    "total_variation",
]
