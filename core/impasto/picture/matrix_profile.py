"""Colour profiles (ICC) of three curves and a matrix, computed in floats, for deep pictures in linear light.

Pillow converts 8-bit colours only, and between them a picture in linear light has a dozen of sRGB's steps in its darks.
"""

from __future__ import annotations

import struct
from typing import Any

import numpy as np
import numpy.typing as npt

from .stated_color import colorants

_TOLERANCE = 1 / 255


def float_srgb(pixels: npt.NDArray[np.float32], profile: bytes, steps: int) -> npt.NDArray[np.float32] | None:
    """Return colours in sRGB, or None where a lattice of as many steps is as good, or the profile of another kind.

    Args:
        pixels: `(3, H, W)` in [0, 1].
        profile: their colour profile.
        steps: of the lattice, for each of red, green and blue.
    """
    try:
        tags = _tags(profile)
        if b"A2B0" in tags:
            return None
        curves = [_Curve(tags[letter + b"TRC"]) for letter in (b"r", b"g", b"b")]
        columns = [struct.unpack_from(">3i", tags[letter + b"XYZ"], 8) for letter in (b"r", b"g", b"b")]
    except (KeyError, struct.error, ValueError):
        return None
    fine, coarse = np.linspace(0, 1, 4096), np.linspace(0, 1, steps)
    errors = [np.interp(fine, coarse, _srgb(curve(coarse))) - _srgb(curve(fine)) for curve in curves]
    if abs(np.array(errors)).max() <= _TOLERANCE:
        return None
    matrix = np.linalg.solve(colorants(), np.array(columns).T / 65536).astype(np.float32)
    light = np.stack([curve(channel) for curve, channel in zip(curves, pixels, strict=True)]).astype(np.float32)
    converted: npt.NDArray[np.float32] = _srgb(np.einsum("ij,jhw->ihw", matrix, light)).astype(np.float32)
    return converted


def _tags(profile: bytes) -> dict[bytes, bytes]:
    (count,) = struct.unpack_from(">I", profile, 128)
    entries = [struct.unpack_from(">4sII", profile, 132 + 12 * i) for i in range(min(count, 1000))]
    return {name: profile[start : start + length] for name, start, length in entries}


class _Curve:
    """A curve from values to light (ICC.1:2010, 10.5 and 10.15)."""

    def __init__(self, tag: bytes) -> None:
        self._table: Any = None
        kind = tag[:4]
        if kind == b"curv":
            (count,) = struct.unpack_from(">I", tag, 8)
            table = np.frombuffer(tag, ">u2", count, 12)
            self._numbers = [float(table[0]) / 256 if count == 1 else 1.0]
            self._table = table / 65535 if count > 1 else None
        elif kind == b"para":
            (form,) = struct.unpack_from(">H", tag, 8)
            self._numbers = [n / 65536 for n in struct.unpack_from(f">{[1, 3, 4, 5, 7][min(form, 4)]}i", tag, 12)]
        else:
            raise ValueError(kind)

    def __call__(self, x: Any) -> Any:
        if self._table is not None:
            return np.interp(x, np.linspace(0, 1, len(self._table)), self._table)
        missing = [1.0, 0.0, 0.0, 0.0, 0.0, 0.0][len(self._numbers) - 1 :]
        g, a, b, c, d, e, f = [*self._numbers, *missing]
        if len(self._numbers) in (3, 4):  # below -b / a: a constant, which is `c` where there is one
            d, c, e, f = -b / a if a else 0.0, 0.0, c, c
        return np.where(x >= d, np.maximum(a * x + b, 0) ** g + e, c * x + f).clip(0, 1)


def _srgb(light: Any) -> Any:
    light = light.clip(0, 1)
    return np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)
