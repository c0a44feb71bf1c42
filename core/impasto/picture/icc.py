"""Colour profiles (ICC): any of them to sRGB."""

from __future__ import annotations

import io
import struct
import warnings

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image, ImageCms
from torch import Tensor
from torch.nn import functional as F

from .arrays import planes
from .matrix_profile import float_srgb


def srgb_profile() -> bytes:
    """Return the sRGB profile that goes with pictures that came with one."""
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    # Its date of birth would make equal pictures unequal files.
    return profile[:24] + struct.pack(">6H", 2000, 1, 1, 0, 0, 0) + profile[36:]


def srgb_transform(profile: bytes | None, mode: str) -> ImageCms.ImageCmsTransform | None:
    """Return the transform from a profile to sRGB, for images of a mode of Pillow's: L, RGB or CMYK.

    None where there is nothing to do: no profile, sRGB itself, or one that does not fit, with a warning.
    """
    if not profile:
        return None
    try:
        given = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        if mode == "L" and given.profile.xcolor_space.strip() == "RGB":
            mode = "RGB"
        transform = ImageCms.buildTransform(
            given,
            ImageCms.createProfile("sRGB"),
            mode,
            "RGB",
            ImageCms.Intent.RELATIVE_COLORIMETRIC,
            # Black point compensation; greys unoptimised, as 33 steps miss the darks of a linear profile.
            flags=0x2000 | (0x0100 if mode == "L" else 0),  # type: ignore[arg-type]
        )
    except (OSError, ImageCms.PyCMSError) as error:
        warnings.warn(f"the colour profile does not fit the picture, taken as sRGB: {error}", stacklevel=2)
        return None
    if mode == "CMYK":
        return transform
    nodes = _lattice(18, mode)
    moved = np.asarray(transform.apply(Image.fromarray(nodes))).astype(int)
    same = nodes[..., None] if mode == "L" else nodes
    return None if abs(moved - same).max() <= 1 else transform


def deep_srgb(pixels: Tensor, transform: ImageCms.ImageCmsTransform, profile: bytes) -> Tensor:
    """Return pixels `(C, H, W)` of more than 8 bits in sRGB, between the 8-bit colours, which alone Pillow converts."""
    mode, steps = str(transform.input_mode), 86  # 86 steps fall on whole 8-bit values
    if mode == "RGB" and (exact := float_srgb(pixels.expand(3, -1, -1).numpy(), profile, steps)) is not None:
        return torch.from_numpy(exact)
    table = planes(np.asarray(transform.apply(Image.fromarray(_lattice(steps, mode)))))
    if mode == "L":
        x = pixels[0] * 255
        low = x.floor().long().clamp(max=254)
        return torch.lerp(table[:, 0, low], table[:, 0, low + 1], (x - low)[None])
    grid = pixels.expand(3, -1, -1).permute(1, 2, 0).flip(-1)[None, None] * 2 - 1
    cube = table.reshape(1, 3, steps, steps, steps)
    return F.grid_sample(cube, grid, align_corners=True, padding_mode="border")[0, :, 0]


def _lattice(steps: int, mode: str) -> npt.NDArray[np.uint8]:
    """All greys `(1, 256)`, or `steps`³ evenly spaced colours `(steps, steps², 3)`."""
    if mode == "L":
        return np.arange(256, dtype=np.uint8)[None]
    axis = np.linspace(0, 255, steps).round().astype(np.uint8)
    return np.stack(np.meshgrid(axis, axis, axis, indexing="ij"), -1).reshape(steps, steps * steps, 3)
