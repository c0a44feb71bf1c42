"""Checkpoints of long runs: written whole, opened safely, and only for the run they belong to."""

from __future__ import annotations

import hashlib
import pickle
from typing import Any

import torch
from torch import Tensor

from impasto import StageError
from impasto.files import local_path, write_atomically

EVERY = 50
"""Steps between checkpoints: the most that a kill can cost."""


def fingerprint(recipe: str, *pictures: Tensor | None) -> str:
    """Return a digest of what determines a run: its recipe with the seed, and its pictures."""
    digest = hashlib.sha256(recipe.encode())
    for picture in pictures:
        if picture is not None:
            digest.update(str(tuple(picture.shape)).encode())
            digest.update(picture.detach().contiguous().cpu().numpy().tobytes())
    return digest.hexdigest()


class Checkpoint:
    """A file that one run writes, goes on from after a kill, and deletes when it is done.

    Args:
        path: the file; an empty one keeps no checkpoints.
        recipe: the run in words, for messages.
        run_id: the run's `fingerprint`.
    """

    def __init__(self, path: str, recipe: str, run_id: str) -> None:
        self.path = local_path(path) if path else None
        self.recipe, self.run_id = recipe, run_id
        if self.path is not None and not self.path.parent.is_dir():
            raise StageError(
                f"checkpoint: there is no folder {self.path.parent}\n  what would work: a file in a folder that exists"
            )

    def load(self) -> dict[str, Any] | None:
        """Return the state to go on from, or None to start.

        Raises:
            StageError: the file is no checkpoint, or another run's.
        """
        if self.path is None or not self.path.exists():
            return None
        try:
            saved = torch.load(self.path, map_location="cpu", weights_only=True)
            run_id, recipe, state = saved["run_id"], saved["recipe"], saved["state"]
        except (pickle.UnpicklingError, RuntimeError, EOFError, KeyError, TypeError) as error:
            raise StageError(
                f"checkpoint: {self.path} cannot be read as a checkpoint of this stage\n"
                "  what would work: another file name, or deleting it to start again"
            ) from error
        if run_id != self.run_id:
            why = "with other pictures or another seed" if recipe == self.recipe else f"of {recipe}"
            raise StageError(
                f"checkpoint: {self.path} belongs to another run, {why}\n"
                f"  this run: {self.recipe}\n"
                "  what would work: the same recipe, pictures and seed; another file name; or deleting it"
            )
        return dict(state)

    def save(self, state: dict[str, Any]) -> None:
        """Write the state; a kill while writing leaves the one before."""
        if self.path is not None:
            whole = {"run_id": self.run_id, "recipe": self.recipe, "state": state}
            write_atomically(self.path, lambda temporary: torch.save(whole, temporary))

    def delete(self) -> None:
        """Delete the file: the picture is finished."""
        if self.path is not None:
            self.path.unlink(missing_ok=True)
