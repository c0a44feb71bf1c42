"""How painted pictures are measured: each metric a function of tensors that gives one number a picture.

`impasto evaluate` tabulates them.  A plugin adds its own by the hook `impasto_metrics`.
"""

from .border import border_frame
from .colors import color_palette, palette_distance
from .features import content_error, feature_similarity_divergence, gram_error, mean_std_error
from .metric import INPUTS, Metric
from .structure import edge_correlation, structural_similarity

METRICS = {
    "content": Metric(content_error),
    "gram": Metric(gram_error),
    "mean-std": Metric(mean_std_error),
    "cfsd": Metric(feature_similarity_divergence),
    "ssim": Metric(structural_similarity, better="higher"),
    "edges": Metric(edge_correlation, better="higher"),
    "palette": Metric(palette_distance, unit="ΔE"),
    "border": Metric(border_frame, unit="/255"),
}
"""The metrics that come with Impasto, by name."""

__all__ = [
    "INPUTS",
    "METRICS",
    "Metric",
    "border_frame",
    "color_palette",
    "content_error",
    "edge_correlation",
    "feature_similarity_divergence",
    "gram_error",
    "mean_std_error",
    "palette_distance",
    "structural_similarity",
]
