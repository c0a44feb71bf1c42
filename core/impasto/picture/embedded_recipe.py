"""Recipes (TOML text) that painted pictures carry."""

from __future__ import annotations

import html
import os
import re
from pathlib import Path

from PIL import Image, UnidentifiedImageError

from ..errors import PictureError
from ..files import existing_file
from .decoding import check_size, decoding_errors, file_content, image_file, load

MAX_LENGTH = 1 << 16
"""Longest text, in characters, that is taken for a recipe, which is a page."""


MARK = "# impasto recipe\n"
"""What a recipe begins with where a file has one text for everything: the comment of a GIF or a video."""

XMP_RECIPE = (
    '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
    '<rdf:Description rdf:about="" xmlns:impasto="https://pypi.org/project/impasto/">'
    "<impasto:recipe>{}</impasto:recipe></rdf:Description></rdf:RDF></x:xmpmeta>"
)
"""The metadata of a WebP that holds a recipe."""

_IN_XMP = re.compile(rb"<impasto:recipe>(.*?)</impasto:recipe>", re.DOTALL)


def marked_recipe(recipe: str) -> str:
    """Return a recipe as it stands where any text may stand."""
    return MARK + recipe


def unmarked_recipe(text: str | bytes) -> str | None:
    """Return the recipe of a text that may be any; None where it is none."""
    text = text.decode("utf-8", "replace") if isinstance(text, bytes) else text
    return text.removeprefix(MARK) if text.startswith(MARK) else None


def recipe_of(image: Image.Image) -> str | None:
    """Return the recipe that an image, opened by Pillow, carries: in a PNG, GIF or WebP."""
    text = image.info.get("impasto")
    if isinstance(text, str):
        return str(text)
    if isinstance(comment := image.info.get("comment"), (str, bytes)) and (recipe := unmarked_recipe(comment)):
        return recipe
    xmp = image.info.get("xmp")
    found = _IN_XMP.search(xmp) if isinstance(xmp, bytes) else None
    return html.unescape(found[1].decode("utf-8", "replace")) if found else None


def recipe_file(path: Path) -> Path:
    """Return where a picture's recipe stands when it is beside it: `painted.jpg.toml`."""
    return path.with_name(path.name + ".toml")


def read_recipe(path: str | os.PathLike[str]) -> str:
    """Read the recipe (TOML text) that a painted picture carries.

    Args:
        path: a PNG, or an animated GIF or WebP, that holds one; a picture with `<its whole name>.toml` beside it; or
            a `.toml` file.

    Raises:
        PictureError: there is none, or it is longer than 64 K characters.
        FileNotFoundError: no such file.
    """
    file = existing_file(path, "pipeline.toml")
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
            raise PictureError(
                f"{beside}: is no UTF-8 text, but of another encoding, such as Latin-1\n"
                "  what would work: the same text, saved as UTF-8"
            ) from error
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
        return recipe_of(image)
