"""Evaluation: pipelines painted side by side, measured, and laid out in a table and on a page."""

from .measuring import metric_inputs

__all__ = ["metric_inputs"]
