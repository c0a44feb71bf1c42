"""Training: trainers, their tasks, the one loop that runs them, batches from folders, and what is written."""

from .data import Crops, held_out, pictures, style_names
from .export import preview_grid, save_half
from .loop import generator, train, trapezoid
from .trainer import Task, Trainer

__all__ = [
    "Crops",
    "Task",
    "Trainer",
    "generator",
    "held_out",
    "pictures",
    "preview_grid",
    "save_half",
    "style_names",
    "train",
    "trapezoid",
]
