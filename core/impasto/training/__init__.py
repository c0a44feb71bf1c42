"""Training: recipes, their tasks, the one loop that runs them, and batches from folders of pictures."""

from .data import SUFFIXES, Crops, held_out, pictures
from .loop import generator, train, trapezoid
from .recipe import Recipe, Task

__all__ = ["SUFFIXES", "Crops", "Recipe", "Task", "generator", "held_out", "pictures", "train", "trapezoid"]
