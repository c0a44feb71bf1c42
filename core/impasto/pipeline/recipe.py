"""Recipes: TOML that says how a picture was made, and loads as the pipeline that made it."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from ..stage import Stage, Style
from .named_files import file_digests
from .options import RunOptions
from .provenance import makers
from .toml import stage_table, write_toml


class Recipe:
    """What a run writes into its pictures: stages with every parameter, versions, seed and digests of the styles.

    Args:
        stages: as they run; what they write beside the picture is left out, since pictures go to strangers.
        styles: as they were given.
        options: of the run.
        device: where it runs.
        size: pixels of the longer side that they work at; None: the picture's own.
    """

    def __init__(
        self,
        stages: Sequence[Stage],
        styles: Sequence[Style],
        options: RunOptions,
        device: torch.device,
        size: int | None,
    ) -> None:
        self._tables = [stage_table(stage) for stage in stages]
        for stage, table in zip(stages, self._tables, strict=True):
            for parameter in stage.parameters().values():
                if parameter.writes:
                    table.pop(parameter.name, None)
        self._made: dict[str, Any] = makers(stages) | {
            "seed": options.seed,
            "precision": options.precision,
            "device": device.type,
            "styles": [
                {"sha256": picture_digest(style.image), "weight": style.weight}
                | ({"region": style.region} if style.region else {})
                for style in styles
            ],
        }
        self._made |= {key: value for key, value in (("size", size), ("print", options.print)) if value is not None}
        if files := file_digests(stages):
            self._made["files"] = [{"name": name, "sha256": digest} for name, digest in files.items()]

    def text(self, content: Tensor | None = None) -> str:
        """Return the TOML; with a content (B, 3, H, W), it says which one by its digest."""
        digest = {} if content is None else {"content_sha256": picture_digest(content)}
        return write_toml(self._tables, self._made | digest)


def picture_digest(picture: Tensor) -> str:
    """Return the sha256 of a picture's values in 16 bits, which tells whether two runs saw the same picture."""
    # Files hold no more.  Of float32, of style and content, it would take a twentieth of the fastest painting.
    levels = picture.mul(65535).add_(0.5).to(torch.uint16)
    return hashlib.sha256(levels.contiguous().cpu().flatten().numpy().data).hexdigest()
