"""Pictures written: the whole file or nothing, and never over what they were made from."""

from __future__ import annotations

import os
import re
import warnings
from collections.abc import Iterable
from pathlib import Path

from torch import Tensor

from ..errors import PictureError
from ..files import check_name, check_targets, is_among, local_path, write_atomically
from .arrays import integer_pixels, over_white
from .embedded_recipe import MAX_LENGTH, recipe_file
from .encoding import file_bytes
from .formats import HOLDS_ALPHA, check_format
from .metadata import Metadata


def write_file(
    color: Tensor,
    alpha: Tensor | None,
    meta: Metadata,
    path: str | os.PathLike[str],
    *,
    bits: int = 8,
    quality: int = 95,
    overwrite: bool = True,
    recipe: bool | None = None,
    keep: Iterable[str | os.PathLike[str]] = (),
) -> Path:
    """Write colours (1, 3, H, W) and opacity (1, 1, H, W) to a file: see `Picture.save`."""
    check_name(path)
    path = local_path(path)
    form = check_format(path, bits, quality)
    text = meta.recipe if recipe is not False else None
    sidecar = recipe_file(path)
    if recipe and not text:
        raise PictureError(f"{path}: recipe=True, but the picture has no recipe\n  what would work: leave recipe out")
    if color.shape[0] > 1:
        raise PictureError(
            f"{path}: {color.shape[0]} pictures do not fit into one file\n  what to type:"
            f' for i, p in enumerate(picture): p.save(f"{path.stem}-{{i}}{path.suffix}")'
        )
    inputs = [*keep, *filter(None, [meta.file])]
    # The recipe beside a picture never outlives it: the next picture of this name brings its own, or leaves none.
    outlived = _is_recipe(sidecar) and not is_among(sidecar, inputs)
    recipe = recipe or (recipe is None and outlived and text is not None)
    beside = files_written(path, form, recipe)[1:]
    check_targets([path, *beside], inputs)
    for target in (path, *beside):
        if target.exists() and not overwrite:
            raise FileExistsError(f"{target}: exists\n  what would work: another name, or overwrite=True")
    if alpha is not None and form not in HOLDS_ALPHA:
        if alpha.amin() < 1:
            warnings.warn(
                f"{path}: {form} cannot hold transparency, blended over white; PNG would keep it", stacklevel=3
            )
        color, alpha = over_white(color, alpha), None
    try:
        data = file_bytes(integer_pixels(color, alpha, bits), form, int(quality), meta, text)
    except PictureError as error:
        raise PictureError(f"{path}: {error}") from error
    write_atomically(path, lambda temporary: temporary.write_bytes(data))
    for file in beside:
        write_atomically(file, lambda temporary: temporary.write_text(str(text), encoding="utf-8"))
    if outlived and not beside:
        sidecar.unlink()
    meta.remove_superseded(written=(path, *beside))
    return path


def files_written(path: Path, form: str, recipe: bool | None) -> list[Path]:
    """Return which files a picture of a format is written to: its own, and its recipe's where that goes beside it."""
    return [path, recipe_file(path)] if recipe and form != "PNG" else [path]


_KEPT = re.compile(r"^\[made\]\n(?:[^\[\n].*\n)*?seed = ", re.MULTILINE)
"""What a recipe says that was kept with a picture, in its table of how it was made."""


def _is_recipe(file: Path) -> bool:
    """Return whether a file is a recipe that was written beside a picture, and not somebody's own pipeline."""
    try:
        if not file.is_file() or file.stat().st_size > 4 * MAX_LENGTH:
            return False
        # Saved pipelines, too, say what they were made with, but not with which seed.
        return _KEPT.search(file.read_text(encoding="utf-8", errors="replace")) is not None
    except OSError:  # one that cannot be read is not ours
        return False
