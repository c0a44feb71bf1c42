"""Masks made of pictures: one rule for what a mask is, wherever the picture comes from."""

from __future__ import annotations

import re
import warnings
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from ..errors import PictureError
from .formats import JPEGS
from .picture import Picture

MaskUse = Literal["auto", "grey", "alpha"]

LEVELS = 4
"""A picture that has no more values than these, none above half of white, numbers its parts and masks none."""
FAINT = 1 / 8
"""Nor does one whose brightest value is below this share of white, however many values it has."""
FAINT_FLOAT = 1 / 32
"""The same of values that are no whole numbers, and no whole numbers divided by 255: a faint mask is made so."""
GREY_NOISE = 3 / 255
"""Difference of red, green and blue up to which a picture counts as grey, as JPEG leaves it."""
_ONE_WORD = re.compile(r"[\w./~-]+")
JPEG_NOISE = 12 / 255
"""What a JPEG mask has of grey where black or white was meant."""


def is_grey(picture: Picture) -> bool:
    """Return whether a picture has no colour, but for the noise of a JPEG."""
    low, high = picture.tensor.aminmax(dim=1)
    return float((high - low).max()) <= GREY_NOISE


def is_jpeg(picture: Picture) -> bool:
    """Return whether a picture was a JPEG, whose values are near to what was meant."""
    return picture.meta.format in JPEGS


def mask_values(picture: Picture, called: str = "the mask", use: MaskUse = "auto", given: str | None = None) -> Tensor:
    """Return a mask (B, 1, H, W) in [0, 1]: a picture's opacity, if that says anything, else how light it is.

    What a JPEG has of grey where black or white was meant becomes black or white: what a mask leaves out is kept to
    the bit.

    Args:
        picture: grey, or transparent where nothing is painted.
        called: what stands for it in messages.
        use: "grey" and "alpha" take one of the two, whatever the other says.
        given: Python for the array of what was given as the mask, such as "np.asarray(mask)"; None: that was a file.

    Raises:
        PictureError: its values number the parts of a picture, 0 and 1 of 255, and are no degrees of a mask; or it
            has no alpha, which is asked for.

    Example:
        >>> mask_values(Picture(torch.full((1, 3, 2, 2), 0.5))).unique()
        tensor([0.5000])
    """
    if use == "alpha" and picture.alpha is None:
        raise PictureError(
            f"{called} has no alpha channel\n  what would work: a PNG or TIFF with transparency, or use='grey'"
        )
    colors = ""
    opacity = use != "grey" and picture.alpha is not None and (use == "alpha" or float(picture.alpha.min()) < 1)
    if opacity:
        assert picture.alpha is not None
        values = picture.alpha
    elif is_grey(picture):
        low, high = picture.tensor.aminmax(dim=1, keepdim=True)
        values = low if torch.equal(low, high) else picture.tensor.mean(1, keepdim=True)
    else:
        values = picture.tensor.mean(1, keepdim=True)
        colors = _colors(picture)
    file = picture.meta.file if given is None else None
    check_levels(values, called, {8: 255, 16: 65535}.get(picture.meta.bits or 0), file, given or "mask.tensor", colors)
    if colors and use == "auto":
        warnings.warn(
            f"{called} has colours, of which the mean is taken ({colors})\n  what would work: a grey"
            " picture; or the stage mask-file (impasto-segment), which reads a colour as a label",
            stacklevel=2,
        )
    if is_jpeg(picture) and not opacity:
        values = ((values - JPEG_NOISE) / (1 - 2 * JPEG_NOISE)).clamp(0, 1)
    return values


def check_levels(
    values: Tensor,
    called: str,
    white: int | None = None,
    file: str | None = None,
    array: str = "mask",
    colors: str = "",
) -> None:
    """Raise if the values of a mask are hardly degrees of one: numbers of parts, or of another white.

    Args:
        values: in [0, 1]; of no degree where there is nothing above 0.
        called: what stands for the mask in messages.
        white: the whole number that 1 was; None: none.
        file: where it was read from; None: nowhere.
        array: Python for the array of the mask, of which a better one can be made.
        colors: that the picture has, of which the values are means that nobody wrote; "": none.

    Raises:
        PictureError: shows the values found, and what to type.
    """
    top = float(values.max())
    if not top > 0:
        return
    if white is None:
        if top < FAINT_FLOAT or (top < FAINT and _are_bytes(values)):
            said = f"the values {_listed(torch.unique(values).tolist())} of 1"
            raise _hardly_a_mask(called, said, "1", f"{array} > 0", file, colors)
        return
    if top <= 0.5 or white == 255:
        levels = _levels(values, white)
        # Of a segmentation, 255 is often what has no label.
        parts = [level for level in levels.tolist() if 0 < level < white]
        void = top == 1 and 0 < len(parts) < 2 * LEVELS and parts[-1] < FAINT * white
        if top < FAINT or (top <= 0.5 and len(levels) <= LEVELS) or void:
            times = f", or {array} * {white // int(levels[-1])}" if levels[-1] < white else ""
            said = f"the values {_listed(levels.tolist())} of {white}"
            raise _hardly_a_mask(called, said, str(white), f"{array} > 0{times}", file, colors)


def check_integers(mask: Any, called: str) -> None:
    """Raise a `PictureError` that shows the values of an array or tensor of numbers that do not say where white is."""
    kind = str(getattr(mask, "dtype", ""))
    if "int" not in kind or kind.removeprefix("torch.") in ("uint8", "uint16"):
        return
    found = np.unique(np.asarray(mask)).tolist()
    said = f"{called} has the values {_listed(found)} of {kind}, which does not say where white is"
    one = f", or mask == {found[-1]} for one of several parts" if len(found) > 2 else ""
    raise PictureError(
        f"{said}\n  what would work: True and False, uint8, or floats in [0, 1]\n  what to type: mask > 0{one}"
    )


def _hardly_a_mask(called: str, values: str, white: str, advice: str, file: str | None, colors: str) -> PictureError:
    found = f"{called} has {f'the colours {colors}' if colors else values}, which is hardly a mask"
    what = f"{found}\n  what would work: 0 where nothing is painted and {white} where all is"
    if file is not None:
        name = Path(file).as_posix()
        path = name if _ONE_WORD.fullmatch(name) else f'"{name}"'
        line = f"mask-file:path={path}:use=labels, …"
        what += (
            f"\n  what to type: Pipeline.parse({line!r}), where {'a colour' if colors else 'a value'} is a region's"
            " (impasto-segment), in the place of mask=... or guides=..."
        )
    elif not colors:
        what += f"\n  what to type: {advice}"
    return PictureError(what)


def _are_bytes(values: Tensor) -> bool:
    """Return whether values are whole numbers divided by 255, and thus perhaps the numbers of parts."""
    whole = values.mul(255)
    return bool(((whole - whole.round()).abs() < 1e-3).all())


def _levels(values: Tensor, white: int) -> Tensor:
    """Return the whole numbers that values in [0, 1] are of a white, in order."""
    whole = values.mul(white).round().int().flatten()
    return torch.bincount(whole, minlength=white + 1).nonzero().flatten()


def _listed(found: list[float], most: int = 6) -> str:
    shown = [f"{value:.3g}" if isinstance(value, float) else str(value) for value in found]
    return ", ".join(shown) if len(shown) <= most else f"{', '.join(shown[: most - 1])}, … {shown[-1]}"


def _colors(picture: Picture, most: int = 4) -> str:
    """Say which colours a picture has most of: `#000000, #800000`."""
    red, green, blue = picture.tensor.mul(255).round().int().transpose(0, 1).flatten(1)
    values, counts = (red << 16 | green << 8 | blue).unique(return_counts=True)
    commonest = values[counts.argsort(descending=True, stable=True)[:most]].tolist()
    return ", ".join(f"#{value:06x}" for value in commonest) + (", …" if len(values) > most else "")
