"""Evaluation: pipelines painted side by side, measured, and laid out in a table and on a page."""

from .measuring import metric_inputs
from .page import write_page
from .study import Cell, Study
from .study_run import Row, StudyRun
from .tables import means_of, terminal_table, write_tables

__all__ = [
    "Cell",
    "Row",
    "Study",
    "StudyRun",
    "means_of",
    "metric_inputs",
    "terminal_table",
    "write_page",
    "write_tables",
]
