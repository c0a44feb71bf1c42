"""How painted pictures are measured: each metric a function of tensors that gives one number a picture.

`impasto evaluate` tabulates them.  A plugin adds its own by the hook `impasto_metrics`.
"""

from .border import border_frame
from .colors import color_palette, palette_distance
from .features import content_loss, feature_similarity_divergence, gram_loss, mean_std_loss
from .metric import INPUTS, Metric
from .structure import edge_correlation, structural_similarity

METRICS = {
    "content-loss": Metric(content_loss),
    "gram-loss": Metric(gram_loss),
    "mean-std-loss": Metric(mean_std_loss),
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
    "content_loss",
    "edge_correlation",
    "feature_similarity_divergence",
    "gram_loss",
    "mean_std_loss",
    "palette_distance",
    "structural_similarity",
]
