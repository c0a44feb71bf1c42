"""Checkpoints of long stages: written whole, opened safely, and only for the run they belong to."""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from ..errors import PictureError, StageError, WeightsError
from ..files import check_target, local_path, write_atomically
from ..weights import open_torch
from .context import current_run
from .fingerprint import differences, identity

if TYPE_CHECKING:
    from .base import Stage
    from .canvas import Style

CHECKPOINT_EVERY = 50
"""Steps between checkpoints: the most that a kill can cost."""


def digest(*pictures: Tensor | None) -> str:
    """Return a digest of pictures and maps, of their sizes and all their values.

    Args:
        pictures: of any shape; None counts as nothing.

    Example:
        >>> import torch
        >>> digest(torch.zeros(1, 3, 2, 2)) == digest(torch.zeros(1, 3, 2, 2)) != digest(torch.ones(1, 3, 2, 2))
        True
    """
    found = hashlib.sha256()
    for picture in pictures:
        if picture is not None:
            found.update(str(tuple(picture.shape)).encode())
            found.update(picture.detach().contiguous().cpu().numpy().tobytes())
    return found.hexdigest()[:16]


def run_identity(stage: Stage, content: Tensor, styles: Sequence[Style], guides: Tensor | None) -> dict[str, str]:
    """Return what decides the work of a stylizer, in words: its values, the run's seed, and all that it is given.

    Args:
        stage: whose work it is.
        content: (B, 3, H, W).
        styles: with their guides and weights.
        guides: (1 or B, K, H, W) or None.

    Example:
        >>> import impasto, torch
        >>> stage, content = impasto.Pipeline.parse("adain").stages[0], torch.zeros(1, 3, 8, 8)
        >>> sorted(run_identity(stage, content, [], None))[:3]
        ['alpha', 'content', 'decoder']
    """
    generator = stage.generator(content.device)
    seed = torch.initial_seed() if generator is None else generator.initial_seed()
    words = identity(stage) | {"seed": str(seed), "content": digest(content), "regions": digest(guides)}
    for number, style in enumerate(styles, 1):
        words[f"style {number}"] = digest(style.image, style.guides)
        words[f"weight of style {number}"] = str(style.weight)
    return words


class Checkpoint:
    """A file that one run writes and goes on from after a kill; it is removed when the picture is written.

    Args:
        path: the file; an empty one keeps no checkpoints.
        run: returns what decides the run, in words (see `run_identity`); it takes a while for large
            pictures, and is asked only where there is a file to keep.

    Raises:
        StageError: the file cannot be written.

    Example:
        >>> checkpoint = Checkpoint("", dict)
        >>> checkpoint.save({"step": 1})  # nowhere
        >>> checkpoint.load() is None
        True
    """

    def __init__(self, path: str, run: Callable[[], dict[str, str]]) -> None:
        self.path = local_path(path) if path else None
        if self.path is not None:
            try:
                check_target(self.path)
            except (OSError, PictureError) as error:
                raise StageError(f"checkpoint: {error}") from error
        self.run = run() if self.path is not None else {}

    def load(self) -> dict[str, Any] | None:
        """Return the state to go on from, or None to start.

        Raises:
            StageError: the file is no checkpoint, or another run's.
        """
        if self.path is None or not self.path.exists():
            return None
        try:
            saved = open_torch(self.path)
        except WeightsError as error:
            raise self._refusal("cannot be read as a checkpoint of this stage") from error
        kept, state, finished = (
            [saved.get(key) for key in ("run", "state", "finished")] if isinstance(saved, dict) else [None] * 3
        )
        if not (isinstance(kept, dict) and isinstance(state, dict)):
            raise self._refusal("cannot be read as a checkpoint of this stage")
        if others := differences(kept, self.run):
            if finished is True:  # that run has given its picture back
                return None
            raise self._refusal(f"belongs to another run: {'; '.join(others)}")
        return dict(state)

    def save(self, state: dict[str, Any], finished: bool = False) -> None:
        """Write the state; a kill while writing leaves the one before, and so does a full disk, with a warning."""
        if self.path is None:
            return
        whole = {"run": self.run, "state": state, "finished": finished}
        try:
            write_atomically(self.path, lambda temporary: torch.save(whole, temporary))
        except OSError as error:  # no reason to lose the picture
            warnings.warn(f"checkpoint: {error}\n  what happens now: the painting goes on", stacklevel=2)

    def finish(self, state: dict[str, Any]) -> None:
        """Write the last state, and keep it until the picture is written: a later stage or the disk may yet fail."""
        if self.path is not None:
            self.save(state, finished=True)
            current_run().superseded.append(self.path)

    def _refusal(self, what: str) -> StageError:
        return StageError(
            f"checkpoint: {self.path} {what}\n"
            "  what would work: the same values, pictures and seed; another file name; or deleting it to start again"
        )
