"""TIFF of floats, of 16-bit colours, and whatever else Pillow has no mode for: its bytes by libtiff, its numbers by us.

Each plane is decoded as a grey picture of 8 bits that is as wide as its rows have bytes, so that every compression that
libtiff knows works and none can take more memory than the picture; predictors, byte order and alpha are undone here.
"""

from __future__ import annotations

import io
import struct
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from PIL import ImageFile, TiffImagePlugin

from ..errors import PictureError, quoted
from .decoding import load

_WIDTH, _HEIGHT, _DEPTH, _COMPRESSION, _PHOTOMETRIC, _FILL_ORDER = 256, 257, 258, 259, 262, 266
_MOST_SAMPLES = 16  # colours, opacity and what else one may have; thousands are damage, and take memory as such
_STRIP_OFFSETS, _SAMPLES, _ROWS, _STRIP_COUNTS, _PLANAR, _PREDICTOR = 273, 277, 278, 279, 284, 317
_TILE_WIDTH, _TILE_HEIGHT, _TILE_OFFSETS, _TILE_COUNTS, _EXTRA, _FORMAT = 322, 323, 324, 325, 338, 339
_UNSIGNED, _SIGNED, _FLOAT = 1, 2, 3  # kinds of numbers
_WHITE_IS_ZERO, _BLACK_IS_ZERO, _RGB = 0, 1, 2  # photometric interpretations
_PREMULTIPLIED, _STRAIGHT = 1, 2  # kinds of alpha
_SEPARATE = 2  # of planes
_DIFFERENCES, _FLOAT_DIFFERENCES = 2, 3  # predictors
_COLORS = {5: "CMYK", 6: "YCbCr", 8: "CIELAB", 3: "palette", 32803: "camera sensors", 32845: "LogLuv"}

Order = Literal["<", ">"]
"""Of bytes, as `struct` and NumPy write it."""


def tiff_pixels(image: ImageFile.ImageFile, data: bytes, name: str) -> npt.NDArray[Any] | None:
    """Return the pixels `(H, W, C)` of a TIFF, alpha last; None where Pillow decodes them as well.

    Args:
        image: as opened, not yet decoded.
        data: the bytes that it was opened from.
        name: what stands for it in messages.

    Raises:
        PictureError: integers without a white, or colours that are neither grey nor RGB.
        OSError: strips or tiles are missing.
    """
    tags: dict[int, Any] = dict(image.tag_v2)  # type: ignore[attr-defined]
    depths, kinds = set(tags.get(_DEPTH, (1,))), set(tags.get(_FORMAT, (_UNSIGNED,)))
    samples, color = tags.get(_SAMPLES, 1), tags.get(_PHOTOMETRIC, _WHITE_IS_ZERO)
    extra = tags.get(_EXTRA, (_STRAIGHT,))
    if _SIGNED in kinds or (_UNSIGNED in kinds and depths & {32, 64}):
        raise PictureError(
            f"{name}: signed or 32-bit integers, which do not say where white is\n"
            "  what would work: an array of floats in [0, 1], divided by its white"
        )
    planes = samples if tags.get(_PLANAR) == _SEPARATE else 1
    _check_chunks(tags, planes)
    deep = depths == {16} and samples > 1 and (planes > 1 or (color == _RGB and extra[0] != _PREMULTIPLIED))
    if getattr(image, "known", True) and not deep and _FLOAT not in kinds:
        return None
    colors = 3 if color == _RGB else 1
    if (
        color not in (_WHITE_IS_ZERO, _BLACK_IS_ZERO, _RGB)
        or (kinds, depths) not in [({_UNSIGNED}, {8}), ({_UNSIGNED}, {16}), *(({_FLOAT}, {n}) for n in (16, 32, 64))]
        or samples < colors
        or samples > 2 > colors  # such as the bands of a satellite
        or samples > _MOST_SAMPLES
    ):
        bits = "/".join(map(str, sorted(depths)))
        what = f"{samples} × {bits} bits, {_COLORS.get(color, 'RGB' if colors == 3 else 'grey')}"
        raise PictureError(
            f"{name}: a TIFF of {quoted(what)} cannot be read\n  what would work: the picture saved as RGB or grey, of"
            " 8 or 16 bits or floats"
        )
    kind = np.dtype(f"{'f' if _FLOAT in kinds else 'u'}{depths.pop() // 8}")
    pixels = _joined([_plane(tags, data, plane, planes, samples // planes, kind) for plane in range(planes)], -1)
    if color == _WHITE_IS_ZERO:
        pixels = pixels.copy()
        pixels[..., 0] = (1 if kind.kind == "f" else np.iinfo(kind).max) - pixels[..., 0]
    if samples == colors or (_EXTRA in tags and extra[0] not in (_PREMULTIPLIED, _STRAIGHT)):
        return pixels[..., :colors]
    pixels = pixels[..., : colors + 1]
    return _straight(pixels) if extra[0] == _PREMULTIPLIED else pixels


def _check_chunks(tags: dict[int, Any], planes: int) -> None:
    """Raise where the strips or tiles of a file are fewer than its size needs, which leaves the rest black."""
    tiled = _TILE_OFFSETS in tags
    rows = tags.get(_TILE_HEIGHT if tiled else _ROWS) or tags[_HEIGHT]
    across = -(-tags[_WIDTH] // tags[_TILE_WIDTH]) if tiled else 1
    expected = planes * across * -(-tags[_HEIGHT] // rows)
    found = len(tags.get(_TILE_OFFSETS if tiled else _STRIP_OFFSETS, ()))
    if found < expected:
        raise OSError(f"it has {found:,} of {expected:,} {'tiles' if tiled else 'strips'}")


def _plane(
    tags: dict[int, Any], data: bytes, plane: int, planes: int, samples: int, kind: np.dtype[Any]
) -> npt.NDArray[Any]:
    """Return one plane's pixels `(H, W, samples)`, in this machine's byte order."""
    order: Order = ">" if data[:1] == b"M" else "<"
    tiled = _TILE_OFFSETS in tags
    width, height = tags[_WIDTH], tags[_HEIGHT]
    # Predictors begin anew in each tile, which have their full width at the edge.
    step = tags[_TILE_WIDTH] if tiled else width
    padded = -(-width // step) * step
    if padded * height > 4 * width * height + (1 << 22):
        raise OSError(f"its tiles are {step:,} pixels wide for a picture of {width:,}")
    size = samples * kind.itemsize
    grey = {_WIDTH: [padded * size], _HEIGHT: [height], _DEPTH: [8], _PHOTOMETRIC: [_BLACK_IS_ZERO], _SAMPLES: [1]}
    grey |= {_COMPRESSION: [tags.get(_COMPRESSION, 1)], _FILL_ORDER: [tags.get(_FILL_ORDER, 1)]}
    chunks = (_TILE_OFFSETS, _TILE_COUNTS) if tiled else (_STRIP_OFFSETS, _STRIP_COUNTS)
    for tag in chunks:
        if tag in tags:
            each = len(tags[tag]) // planes
            grey[tag] = tags[tag][plane * each : (plane + 1) * each]
    grey |= {_TILE_WIDTH: [step * size], _TILE_HEIGHT: [tags[_TILE_HEIGHT]]} if tiled else {}
    grey |= {} if tiled else {_ROWS: [min(tags.get(_ROWS, height), height)]}
    image = TiffImagePlugin.TiffImageFile(io.BytesIO(_with_directory(data, grey, order)), "")
    load(image)
    tiles = np.asarray(image).reshape(height, padded // step, step * size)
    pixels = [_unpredicted(tiles[:, i], tags.get(_PREDICTOR, 1), samples, kind, order) for i in range(padded // step)]
    return _joined(pixels, 1)[:, :width]


def _joined(parts: list[npt.NDArray[Any]], axis: int) -> npt.NDArray[Any]:
    return parts[0] if len(parts) == 1 else np.concatenate(parts, axis)


def _with_directory(data: bytes, tags: dict[int, Any], order: Order) -> bytes:
    """Return a TIFF's bytes with other tags, all of them long integers, behind them."""
    start = len(data) + len(data) % 2
    values, body = b"", struct.pack(order + "H", len(tags))
    for tag, numbers in sorted(tags.items()):
        packed = struct.pack(f"{order}{len(numbers)}L", *numbers)
        if len(numbers) > 1:
            where = start + 2 + 12 * len(tags) + 4 + len(values)
            values, packed = values + packed, struct.pack(order + "L", where)
        body += struct.pack(order + "HHL", tag, 4, len(numbers)) + packed
    head = struct.pack(f"{order}2sHL", b"II" if order == "<" else b"MM", 42, start)
    return b"".join([head, data[8:], bytes(len(data) % 2), body, bytes(4), values])


def _unpredicted(
    rows: npt.NDArray[np.uint8], predictor: int, samples: int, kind: np.dtype[Any], order: Order
) -> npt.NDArray[Any]:
    """Return the pixels `(H, W, samples)` of the bytes `(H, W · samples · itemsize)` of one tile or strip."""
    height = len(rows)
    if predictor == _FLOAT_DIFFERENCES:
        # Of bytes, of a row's numbers the highest first (Adobe's TIFF Technical Note 3).
        rows = np.cumsum(rows.reshape(height, -1, samples), 1, np.uint8)
        rows = rows.reshape(height, kind.itemsize, -1).transpose(0, 2, 1)
        order, predictor = ">", 1
    whole = np.dtype(f"u{kind.itemsize}")
    ordered = np.ascontiguousarray(rows).reshape(height, -1).view(whole.newbyteorder(order))
    numbers = ordered.astype(whole, copy=False).reshape(height, -1, samples)
    if predictor == _DIFFERENCES:
        numbers = np.cumsum(numbers, 1, whole)
    pixels: npt.NDArray[Any] = numbers.view(kind)
    return pixels


def _straight(pixels: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return pixels whose colours were multiplied by their alpha with their own."""
    white = 1 if pixels.dtype.kind == "f" else np.iinfo(pixels.dtype).max
    color, alpha = pixels[..., :-1] / white, pixels[..., -1:] / white
    color = np.divide(color, alpha, out=np.zeros_like(color), where=alpha > 0)
    return np.concatenate([color.clip(0, 1), alpha], -1).astype(np.float32)
