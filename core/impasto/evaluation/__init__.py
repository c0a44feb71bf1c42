"""Evaluation: pipelines painted side by side, measured, and laid out in a table and on a page."""

from .measuring import metric_inputs
from .page import write_page
from .perceptual_distance import lpips_metric
from .ranking import Strength, bradley_terry
from .rating import Rank, ranks_of, read_wins, write_ranks, write_rating_page
from .study import Cell, Study
from .study_run import Row, StudyRun
from .tables import means_of, terminal_table, write_tables

__all__ = [
    "Cell",
    "Rank",
    "Row",
    "Strength",
    "Study",
    "StudyRun",
    "bradley_terry",
    "lpips_metric",
    "means_of",
    "metric_inputs",
    "ranks_of",
    "read_wins",
    "terminal_table",
    "write_page",
    "write_ranks",
    "write_rating_page",
    "write_tables",
]
