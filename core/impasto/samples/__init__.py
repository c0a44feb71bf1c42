"""Sample pictures: photographs that come with scikit-image, and styles drawn by our own code.

Nothing is downloaded and nothing has a licence question: the photographs are CC0 or in the public domain,
and every style is drawn from numbers, at any size. Plugins may offer more (`impasto_samples`).
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from ..errors import UnknownNameError, suggestion
from ..host import get_host
from .plugin_samples import middle, plugin_sample

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
    """List the names that `content` knows, those of plugins among them.

    >>> "astronaut" in contents()
    True
    """
    return sorted({*_photographs(), *_offered()})


def _offered() -> list[str]:
    """Return the names that plugins offer and none of our own pictures has."""
    return [name for name in get_host().samples if name not in PHOTOGRAPHS and name not in DRAWINGS]


def _photographs() -> list[str]:
    return [name for name, file in PHOTOGRAPHS.items() if (BUNDLED / file).is_file()]


def content(name: str, size: int | None = None) -> Tensor:
    """Read a sample photograph.

    Args:
        name: one of `contents()`.
        size: the longer side in pixels, resized with antialiasing; None leaves the picture as bundled, and draws a
            plugin's with 512.

    Returns:
        The picture (1, 3, H, W), float32 sRGB in [0, 1].

    Raises:
        UnknownNameError: there is no such photograph.
        ValueError: the size is not at least 1.
        PluginError: the picture is a plugin's, and not what it promises.

    >>> content("cat", 96).shape
    torch.Size([1, 3, 64, 96])
    """
    if size is not None and size < 1:
        raise ValueError(f"content({name!r}): size is the longer side in pixels, at least 1; got {size}")
    if name not in _photographs():
        _check_name(name, contents(), "content")
        return plugin_sample(name, size or 512)
    with Image.open(BUNDLED / PHOTOGRAPHS[name]) as file:
        pixels = np.asarray(file.convert("RGB"), np.float32) / 255
    picture = torch.from_numpy(pixels).permute(2, 0, 1)[None].contiguous()
    if size is None:
        return picture
    height, width = picture.shape[-2:]
    scale = size / max(height, width)
    shape = max(1, round(height * scale)), max(1, round(width * scale))
    return F.interpolate(picture, size=shape, mode="bicubic", antialias=True).clamp(0, 1)


def styles() -> list[str]:
    """List the names that `style` knows, those of plugins among them.

    >>> len(styles()) >= 12
    True
    """
    return sorted({*DRAWINGS, *_offered()})


def style(name: str, size: int | tuple[int, int] = 512) -> Tensor:
    """Draw a sample style picture: the same name and size give the same bits.

    Args:
        name: one of `styles()`.
        size: the side in pixels, or (H, W), which is cut from the middle of a square. The composition
            does not depend on it: strokes scale with the picture. Of a plugin's picture, the longer side.

    Returns:
        The picture (1, 3, H, W), float32 sRGB in [0, 1].

    Raises:
        UnknownNameError: there is no such style.
        ValueError: a side is shorter than 8 pixels.
        PluginError: the picture is a plugin's, and not what it promises.

    >>> style("impasto", 96).shape
    torch.Size([1, 3, 96, 96])
    """
    height, width = (size, size) if isinstance(size, int) else size
    if min(height, width) < 8:
        raise ValueError(f"style({name!r}): size is the side in pixels or (H, W), at least 8; got {size}")
    if name not in DRAWINGS:
        _check_name(name, styles(), "style")
        return plugin_sample(name, size)
    side = max(height, width)
    # drawn larger, then averaged, against jagged edges; small ones larger still: a stroke needs pixels
    finer = max(2, -(-256 // side))
    draw: Drawing = getattr(import_module(f".{DRAWINGS[name]}", __name__), name.replace("-", "_"))
    drawn = draw(side * finer, np.random.default_rng(zlib.crc32(name.encode())))
    pixels = np.clip(drawn, 0, 1).astype(np.float32).reshape(side, finer, side, finer, 3).mean((1, 3))
    return middle(torch.from_numpy(pixels).permute(2, 0, 1)[None], height, width)


def _check_name(name: str, known: Sequence[str], kind: str) -> None:
    if name not in known and "/" not in str(name):  # a qualified name is looked up by the host
        message = f"{kind}: there is no sample called {name!r}\n  available: {', '.join(known)}"
        raise UnknownNameError(message + suggestion(str(name), known))
