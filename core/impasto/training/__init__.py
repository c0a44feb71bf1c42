"""Training: trainers, their tasks, the one loop that runs them, batches from folders, and what is written."""

from .data import SUFFIXES, Crops, held_out, pictures
from .export import preview_grid, save_half
from .loop import generator, train, trapezoid
from .trainer import Task, Trainer

__all__ = [
    "SUFFIXES",
    "Crops",
    "Task",
    "Trainer",
    "generator",
    "held_out",
    "pictures",
    "preview_grid",
    "save_half",
    "train",
    "trapezoid",
]
