"""Colour that a file states otherwise than by a profile: PNG's chunks, AVIF's and HEIC's box, EXIF's, as a profile."""

from __future__ import annotations

import struct
import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
from PIL import Image

_D65, _DCI, _D50 = (0.3127, 0.3290), (0.314, 0.351), (0.3457, 0.3585)
_SRGB = (0.64, 0.33, 0.30, 0.60, 0.15, 0.06)
_ADOBE_RGB = (0.64, 0.33, 0.21, 0.71, 0.15, 0.06)
_P3 = (0.680, 0.320, 0.265, 0.690, 0.150, 0.060)
_PRIMARIES = {  # by their codes in H.273: x and y of red, green and blue, and of white
    1: (_SRGB, _D65),
    4: ((0.67, 0.33, 0.21, 0.71, 0.14, 0.08), (0.310, 0.316)),
    5: ((0.64, 0.33, 0.29, 0.60, 0.15, 0.06), _D65),
    6: ((0.630, 0.340, 0.310, 0.595, 0.155, 0.070), _D65),
    7: ((0.630, 0.340, 0.310, 0.595, 0.155, 0.070), _D65),
    9: ((0.708, 0.292, 0.170, 0.797, 0.131, 0.046), _D65),
    11: (_P3, _DCI),
    12: (_P3, _D65),
}
_GAMMAS = {4: 2.2, 5: 2.8, 8: 1.0, 17: 2.6}  # of transfer curves; those of video are shown by sRGB's, like sRGB's own
HIGH_DYNAMIC_RANGE = {16: "PQ", 18: "HLG"}
"""Transfer curves, by their codes in H.273, that reach beyond white."""

_COLOR_SPACE, _EXIF_FOLDER, _INTEROPERABILITY = 0xA001, 0x8769, 0xA005  # tags of EXIF
_WHITE, _RED_GREEN_BLUE = 318, 319


def stated_profile(image: Image.Image, name: str) -> bytes | None:
    """Return the colour profile (ICC) of an opened image, or one that says what else it states; None for sRGB.

    Warns where the file has a high dynamic range, which is read as if it had none.

    Args:
        image: whose `info` also has `cicp` or `nclx`, where its file has one of them.
        name: what stands for it in messages.
    """
    info = image.info
    profile = info.get("icc_profile")
    profile = profile if isinstance(profile, bytes) else None
    codes = info.get("cicp", info.get("nclx"))
    if isinstance(codes, tuple):
        primaries, transfer = codes[:2]
        if transfer in HIGH_DYNAMIC_RANGE:
            warnings.warn(
                f"{name}: has a high dynamic range ({HIGH_DYNAMIC_RANGE[transfer]}), which is read as if it had none:"
                " pale\n  what would work: the picture converted to sRGB",
                stacklevel=2,
            )
            return profile
        if "cicp" in info or not profile:  # in a PNG they come first, in AVIF and HEIC the profile
            return made_profile(*_PRIMARIES.get(primaries, _PRIMARIES[1]), _GAMMAS.get(transfer))
    if profile or "srgb" in info or image.mode == "CMYK":
        return profile
    if image.format == "PNG" and {"gamma", "chromaticity"} & info.keys():
        gamma = info.get("gamma", 1 / 2.2)
        white_and_primaries = info.get("chromaticity", (*_D65, *_SRGB))
        near = gamma > 0 and abs(gamma * 2.2 - 1) < 0.05  # as libpng: nobody means another curve than sRGB's
        return _possible(white_and_primaries[2:], white_and_primaries[:2], None if near else 1 / max(gamma, 1e-9), name)
    return _exif_profile(image, name)


def _exif_profile(image: Image.Image, name: str) -> bytes | None:
    try:
        exif = image.getexif()
        inner = exif.get_ifd(_EXIF_FOLDER)
        index = exif.get_ifd(_INTEROPERABILITY).get(1) if _INTEROPERABILITY in inner else None
        # Cameras say Adobe RGB so (DCF 2.0); some write 2, which is no standard.
        if inner.get(_COLOR_SPACE) == 2 or str(index).strip("\0 ") == "R03":
            return made_profile(_ADOBE_RGB, _D65, 563 / 256)
        if image.format == "TIFF" and _RED_GREEN_BLUE in exif:
            return _possible([*map(float, exif[_RED_GREEN_BLUE])], [*map(float, exif.get(_WHITE, _D65))], None, name)
    except Exception:
        pass  # EXIF that cannot be read: said where it would be kept
    return None


def _possible(primaries: Sequence[float], white: Sequence[float], gamma: float | None, name: str) -> bytes | None:
    with np.errstate(all="ignore"):
        try:
            return made_profile(primaries, white, gamma)
        except (ArithmeticError, ValueError, np.linalg.LinAlgError, struct.error):
            warnings.warn(f"{name}: states colours that cannot be, taken as sRGB", stacklevel=3)
    return None


def made_profile(primaries: Sequence[float], white: Sequence[float], gamma: float | None) -> bytes | None:
    """Return a colour profile (ICC.1:2010), or None for sRGB.

    Args:
        primaries: x and y of red, green and blue.
        white: its x and y.
        gamma: of the curve from values to light; None for sRGB's.

    Raises:
        ValueError: there is no such space.
    """
    if gamma is None and np.allclose([*primaries, *white], [*_SRGB, *_D65], atol=0.002):
        return None
    adapted = colorants(primaries, white)
    if not np.isfinite(adapted).all() or abs(adapted).max() > 8 or not 0.05 < (gamma or 1) < 20:
        raise ValueError("no colours")
    curve = [2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045] if gamma is None else [gamma]
    curve_tag = b"para\0\0\0\0" + struct.pack(">HH", 0 if gamma else 3, 0) + _fixed(curve)
    tags = {b"wtpt": b"XYZ \0\0\0\0" + _fixed(_xyz(np.array([_D50]))[0])}
    for letter, column in zip((b"r", b"g", b"b"), adapted.T, strict=True):
        tags[letter + b"XYZ"] = b"XYZ \0\0\0\0" + _fixed(column)
        tags[letter + b"TRC"] = curve_tag
    table, body, start = b"", b"", 128 + 4 + 12 * len(tags)
    for kind, data in tags.items():
        table += kind + struct.pack(">II", start + len(body), len(data))
        body += data + bytes(-len(data) % 4)
    head = struct.pack(">I4sI4s4s4s", start + len(body), b"\0" * 4, 0x04300000, b"mntr", b"RGB ", b"XYZ ")
    head += struct.pack(">6H4s", 2000, 1, 1, 0, 0, 0, b"acsp") + bytes(28) + _fixed([0.9642, 1, 0.8249])
    return head.ljust(128, b"\0") + struct.pack(">I", len(tags)) + table + body


def colorants(primaries: Sequence[float] = _SRGB, white: Sequence[float] = _D65) -> Any:
    """Return the XYZ of primaries, (3, 3), a column each, adapted from their white to that of profiles, D50."""
    columns, bright = _xyz(np.array(primaries, float).reshape(3, 2)).T, _xyz(np.array([white], float))[0]
    scaled = columns * np.linalg.solve(columns, bright)
    cones = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])  # Bradford's
    gains = cones @ _xyz(np.array([_D50]))[0] / (cones @ bright)
    return np.linalg.solve(cones, gains[:, None] * cones) @ scaled


def _xyz(chromaticities: Any) -> Any:
    """Return the XYZ (N, 3) of chromaticities (N, 2), with Y = 1."""
    x, y = chromaticities.T
    return np.stack([x / y, np.ones_like(x), (1 - x - y) / y], -1)


def _fixed(values: Sequence[float]) -> bytes:
    return b"".join(struct.pack(">i", round(value * 65536)) for value in values)


def nclx(data: bytes) -> tuple[int, int] | None:
    """Return the codes of H.273 for primaries and transfer in an AVIF's or HEIC's bytes, or None."""
    # The picture's own is the first of the properties; further ones are of its gain map.
    place = data.find(b"colrnclx", 0, 1 << 20)
    if place < 0 or place + 14 > len(data):
        return None
    primaries, transfer = struct.unpack_from(">HH", data, place + 8)
    return primaries, transfer
