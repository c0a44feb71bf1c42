"""Recipes (TOML text) that painted pictures carry."""

from __future__ import annotations

import os
from pathlib import Path

from PIL import UnidentifiedImageError

from ..errors import PictureError
from ..files import existing_file
from .decoding import check_size, decoding_errors, file_content, image_file, load

MAX_LENGTH = 1 << 16
"""Longest text, in characters, that is taken for a recipe, which is a page."""


def recipe_file(path: Path) -> Path:
    """Return where a picture's recipe stands when it is beside it: `painted.jpg.toml`."""
    return path.with_name(path.name + ".toml")


def read_recipe(path: str | os.PathLike[str]) -> str:
    """Read the recipe (TOML text) that a painted picture carries.

    Args:
        path: a PNG that holds one, a picture with `<its whole name>.toml` beside it, or a `.toml` file.

    Raises:
        PictureError: there is none, or it is longer than 64 K characters.
        FileNotFoundError: no such file.
    """
    file = existing_file(path)
    beside = file if file.suffix.lower() == ".toml" else recipe_file(file)
    text = None if file == beside else _embedded_recipe(file)
    if text is None:
        if not beside.is_file():
            raise PictureError(
                f"{file}: carries no recipe, and there is no {beside.name} beside it\n"
                "  what would work: a painted picture saved as PNG, or with save(..., recipe=True)"
            )
        try:
            with beside.open(encoding="utf-8") as lines:
                text = lines.read(MAX_LENGTH + 1)
        except UnicodeDecodeError as error:
            raise PictureError(f"{beside}: is not UTF-8 ({error})\n  what would work: save it as UTF-8") from error
    if len(text) > MAX_LENGTH:
        raise PictureError(
            f"{file}: its text is over {MAX_LENGTH:,} characters, and no recipe\n"
            "  what would work: the picture as Impasto wrote it"
        )
    return text


def _embedded_recipe(file: Path) -> str | None:
    with decoding_errors(str(file)):
        try:
            data = file_content(file, None)
            image = image_file(data)
        except UnidentifiedImageError:
            return None
        if image.format == "PNG" and "impasto" not in image.info:
            check_size(image.size, str(file), None, len(data))
            load(image)  # other programs may move the text behind the pixels
        text = image.info.get("impasto")
    return str(text) if isinstance(text, str) else None
