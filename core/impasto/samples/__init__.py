"""Sample pictures: photographs that come with scikit-image, and styles drawn by our own code.

Nothing is downloaded and nothing has a licence question: the photographs are CC0 or in the public domain,
and every style is drawn from numbers, at any size.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from difflib import get_close_matches
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

if TYPE_CHECKING:
    from .easel import Drawing

__all__ = ["content", "contents", "style", "styles"]

_skimage = find_spec("skimage")  # where it lies, without loading it
assert _skimage is not None
assert _skimage.origin is not None
BUNDLED = Path(_skimage.origin).parent / "data"

PHOTOGRAPHS = {
    "astronaut": "astronaut.png",  # NASA, public domain
    "camera": "camera.png",  # Lav Varshney, CC0
    "cat": "chelsea.png",  # Stéfan van der Walt, CC0
    "coffee": "coffee.png",  # Rachel Michetti, CC0
    "hubble": "hubble_deep_field.jpg",  # NASA, public domain
    "retina": "retina.jpg",  # Mikael Häggström, CC0
    "rocket": "rocket.jpg",  # SpaceX, public domain
}
"""Photographs by name. Read from scikit-image's own folder: `skimage.data` would download."""

DRAWINGS = {
    **dict.fromkeys(("batik", "embroidery", "marbling", "mosaic", "stained-glass"), "craft"),
    **dict.fromkeys(("chalk", "ink-wash", "watercolour", "woodcut"), "ink"),
    **dict.fromkeys(("gilding", "wave"), "ornament"),
    **dict.fromkeys(("cubism", "fauvism", "impasto", "orphism", "pointillism"), "painting"),
}
"""Styles by name, each with the module in which a function of that name draws it; loaded when it is drawn."""


def contents() -> list[str]:
    """List the names that `content` knows.

    >>> "astronaut" in contents()
    True
    """
    return sorted(name for name, file in PHOTOGRAPHS.items() if (BUNDLED / file).is_file())


def content(name: str, size: int | None = None) -> Tensor:
    """Read a sample photograph.

    Args:
        name: one of `contents()`.
        size: the longer side in pixels, resized with antialiasing; None leaves the picture as bundled.

    Returns:
        The picture (1, 3, H, W), float32 sRGB in [0, 1].

    Raises:
        LookupError: there is no such photograph.
        ValueError: the size is not at least 1.

    >>> content("cat", 96).shape
    torch.Size([1, 3, 64, 96])
    """
    _look_up(name, contents(), "content")
    with Image.open(BUNDLED / PHOTOGRAPHS[name]) as file:
        pixels = np.asarray(file.convert("RGB"), np.float32) / 255
    picture = torch.from_numpy(pixels).permute(2, 0, 1)[None].contiguous()
    if size is None:
        return picture
    if size < 1:
        raise ValueError(f"content({name!r}): size is the longer side in pixels, at least 1; got {size}")
    height, width = picture.shape[-2:]
    scale = size / max(height, width)
    shape = max(1, round(height * scale)), max(1, round(width * scale))
    return F.interpolate(picture, size=shape, mode="bicubic", antialias=True).clamp(0, 1)


def styles() -> list[str]:
    """List the names that `style` knows.

    >>> len(styles()) >= 12
    True
    """
    return sorted(DRAWINGS)


def style(name: str, size: int | tuple[int, int] = 512) -> Tensor:
    """Draw a sample style picture: the same name and size give the same bits.

    Args:
        name: one of `styles()`.
        size: the side in pixels, or (H, W), which is cut from the middle of a square. The composition
            does not depend on it: strokes scale with the picture.

    Returns:
        The picture (1, 3, H, W), float32 sRGB in [0, 1].

    Raises:
        LookupError: there is no such style.
        ValueError: a side is shorter than 8 pixels.

    >>> style("impasto", 96).shape
    torch.Size([1, 3, 96, 96])
    """
    _look_up(name, styles(), "style")
    height, width = (size, size) if isinstance(size, int) else size
    if min(height, width) < 8:
        raise ValueError(f"style({name!r}): size is the side in pixels or (H, W), at least 8; got {size}")
    side = max(height, width)
    # drawn larger, then averaged, against jagged edges; small ones larger still: a stroke needs pixels
    finer = max(2, -(-256 // side))
    draw: Drawing = getattr(import_module(f".{DRAWINGS[name]}", __name__), name.replace("-", "_"))
    drawn = draw(side * finer, np.random.default_rng(zlib.crc32(name.encode())))
    pixels = np.clip(drawn, 0, 1).astype(np.float32).reshape(side, finer, side, finer, 3).mean((1, 3))
    top, left = (side - height) // 2, (side - width) // 2
    cut = pixels[top : top + height, left : left + width]
    return torch.from_numpy(cut).permute(2, 0, 1)[None].contiguous()


def _look_up(name: str, known: Sequence[str], kind: str) -> None:
    if name not in known:
        message = f"{kind}: there is no sample called {name!r}\n  available: {', '.join(known)}"
        close = get_close_matches(str(name), known, 1)
        raise LookupError(message + (f"\n  did you mean {close[0]!r}?" if close else ""))
