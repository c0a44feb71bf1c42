"""What is said where nothing was found in pictures."""

from __future__ import annotations

import warnings
from collections.abc import Iterable

import numpy as np
from torch import Tensor

from impasto import Stage, StageError


def check_found(stage: Stage, masks: Iterable[Tensor | np.ndarray], what: str, advice: str) -> None:
    """Raise a `StageError` where the masks of all pictures are empty, and warn where those of some are.

    Args:
        stage: which found them.
        masks: one of each picture.
        what: says that there is nothing, such as "no foreground found".
        advice: what would find something.
    """
    found = [bool(mask.any()) for mask in masks]
    if not any(found):
        raise StageError(f"{stage.name}: {what}\n  what would work: {advice}")
    if not all(found):
        empty = ", ".join(str(number) for number, one in enumerate(found, 1) if not one)
        warnings.warn(
            f"{stage.name}: {what} in picture {empty} of {len(found)}, which gets an empty mask\n"
            f"  what would work: {advice}",
            stacklevel=3,
        )
