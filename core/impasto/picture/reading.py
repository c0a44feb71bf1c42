"""Pictures read: from files, bytes, arrays, tensors and Pillow's images, all as float32 sRGB."""

from __future__ import annotations

import os
import warnings
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image, ImageFile
from torch import Tensor

from ..errors import PictureError
from ..files import existing_file
from .arrays import color_and_alpha, image_tensor, planes
from .damage import check_rows, missing_blocks, missing_parts
from .decoding import (
    check_heif,
    check_size,
    decoding_errors,
    file_content,
    image_file,
    load,
    source_file,
    stream_content,
)
from .embedded_recipe import recipe_of
from .exif import density, exif_and_orientation, upright
from .frame_table import frame_table
from .icc import deep_srgb, srgb_profile, srgb_transform
from .metadata import Metadata
from .netpbm import netpbm_pixels
from .picture import Picture
from .plugin_readers import plugin_picture, plugin_reader
from .sixteen_bits import sixteen_bit_pixels, uint16
from .stated_color import stated_profile
from .tiff import tiff_pixels


def read(source: Any, *, max_pixels: int | None = None) -> Picture:
    """Read a picture from wherever it is, as float32 sRGB in [0, 1].

    Files: JPEG, PNG, WebP, TIFF, BMP, GIF, PPM, AVIF and HEIC; grey, palette, CMYK, 1, 8 or 16 bits, floats in
    TIFF, any maximum in PPM, with or without alpha; of several frames or pages the first, with a warning. Every
    value is exact: k / 255, k / 65535, or k / maximum. EXIF orientation is applied. A colour profile is converted
    to sRGB; a picture already in sRGB keeps its bits. 16-bit pictures are converted through a lattice of 86³
    colours, which leaves gradients smooth and colours within one 8-bit step; 16-bit CMYK, premultiplied 16 bits,
    and AVIF and HEIC of 10 or 12 bits are read at 8 bits. Files with other suffixes are read by the plugin that
    offers a reader of theirs (`impasto_readers`), if one is installed.

    Args:
        source: a path, the bytes of a file, an open binary file, a PIL image, or a `Picture` (returned as it
            is); a NumPy array `(H, W)`, `(H, W, C)`, `(C, H, W)` or a batch of the latter two; a tensor
            `(H, W)`, `(C, H, W)` or `(B, C, H, W)`. C is 1, 3 or 4 (the fourth is alpha); values are bool,
            uint8, uint16, or floats in [0, 1].
        max_pixels: refuse larger pictures before decoding them, and files longer than such a picture may be.
            Reading takes 20 to 30 bytes of memory a pixel, 12 of them for the result. None: 178,956,970, and
            beyond 35,000,000 not more than 1,000 pixels for each byte of the file, which keeps out small files
            that fill the memory. A server that reads strangers' pictures should give a number.

    Raises:
        PictureError: not a picture, damaged, too large, no regular file, or values and shapes that have no one
            meaning.
        MissingFileError: no such file; the message suggests the nearest name.
        IsADirectoryError: a folder.
        TypeError: something else than a picture.

    Example:
        >>> read(np.zeros((2, 3, 3), np.uint8))
        Picture(3×2, mean 0.00 0.00 0.00)
    """
    if isinstance(source, Picture):
        return source
    if isinstance(source, Image.Image):
        return _pil_picture(source, max_pixels)
    if isinstance(source, Tensor):
        return _tensor_picture(source, "tensor")
    if isinstance(source, np.ndarray):
        return _tensor_picture(image_tensor(source), "array")
    if isinstance(source, (bytes, bytearray, memoryview)):
        return _file_picture(bytes(source), "the data given", max_pixels)
    if isinstance(source, (str, os.PathLike)):
        path = existing_file(source)
        picture = _file_picture(file_content(path, max_pixels), str(path), max_pixels, str(path))
        return picture.replace(meta=picture.meta.replace(file=str(path)))
    if hasattr(source, "read"):
        file = source_file(source)
        name = file or "the open file"
        picture = _file_picture(stream_content(source, name, max_pixels), name, max_pixels, file)
        return picture.replace(meta=picture.meta.replace(file=file))
    raise TypeError(
        f"read: cannot make a picture of a {type(source).__name__}\n  what would work: a path, bytes, an open binary"
        " file, a PIL image, a NumPy array, a tensor, or a Picture"
    )


def _tensor_picture(tensor: Tensor, what: str) -> Picture:
    bits = {torch.uint8: 8, torch.uint16: 16}.get(tensor.dtype)
    return Picture(*color_and_alpha(tensor, what), Metadata(bits=bits))


def _pil_picture(image: Image.Image, max_pixels: int | None) -> Picture:
    file = source_file(image)
    with decoding_errors("the PIL image"):
        check_size(image.size, "the PIL image", max_pixels)
        load(image)
        if not getattr(image, "tell", int)():
            _warn_of_more(image, b"", "the PIL image")
        picture = _image_picture(image, "the PIL image")
    return picture.replace(meta=picture.meta.replace(file=file))


def _file_picture(data: bytes, name: str, max_pixels: int | None, file: str | None = None) -> Picture:
    if file is not None and (reader := plugin_reader(file)):
        return plugin_picture(reader, data, name, max_pixels)
    with decoding_errors(name):
        image = image_file(data)
        check_size(image.size, name, max_pixels, len(data))
        if image.format == "HEIF":
            check_heif(data)
        lacking = missing_parts(image)
        deep, bits = _deep_pixels(image, data, name)
        check_rows(image, data)
        if lacking := lacking or missing_blocks(image, data):
            warnings.warn(f"{name}: is damaged, {lacking}\n  what would work: a fresh copy", stacklevel=2)
        _warn_of_more(image, data, name)
        return _image_picture(image, name, deep, bits)


def _warn_of_more(image: Image.Image, data: bytes, name: str) -> None:
    """Warn where a file holds several pictures, of which one is read."""
    count = len(frame_table(image, data))
    if count > 1:
        kind = "pages" if image.format == "TIFF" else "frames"
        warnings.warn(
            f"{name}: holds {count} {kind}, of which the first is read\n"
            "  what would work: a file of the one that is meant, or all of them, painted by Pipeline.stream",
            stacklevel=4,  # whoever calls `read`
        )


def _deep_pixels(image: ImageFile.ImageFile, data: bytes, name: str) -> tuple[npt.NDArray[Any] | None, int]:
    """Return the pixels `(H, W, C)` that Pillow would not give exactly, else None, and it is loaded; and their bits."""
    if image.format == "PPM" and (found := netpbm_pixels(image, data)):
        return found
    if image.format == "TIFF" and (pixels := tiff_pixels(image, data, name)) is not None:
        return pixels, image.tag_v2[258][0]  # type: ignore[attr-defined]
    deep = sixteen_bit_pixels(image, data)
    return deep, 8 if deep is None else 16


def _image_picture(image: Image.Image, name: str, deep: npt.NDArray[Any] | None = None, bits: int = 8) -> Picture:
    """Return the picture of a decoded image; `deep` has its pixels where Pillow's are not those of the file."""
    exif, orientation = exif_and_orientation(image)
    profile = stated_profile(image, name)
    if deep is None and image.mode == "F":
        deep, bits = np.asarray(image)[..., None], 32
    elif deep is None and image.mode.startswith("I"):
        if image.mode == "I" and image.format != "PNG":  # Pillow 10 opens 16-bit PNG as "I"
            raise PictureError(
                f"{name}: 32-bit integers, which do not say where white is\n"
                "  what would work: an array of floats in [0, 1], divided by its white"
            )
        deep, bits = uint16(image)[..., None], 16
    if deep is None:
        color, alpha = _eight_bit_color(image, profile, orientation)
    else:
        color, alpha = _deep_color(upright(deep, orientation), name, profile, image.info.get("transparency"))
    dots = density(image)
    meta = Metadata(
        bits=bits,
        format=image.format,
        icc=srgb_profile() if profile else None,
        exif=exif,
        density=dots and (dots[::-1] if orientation >= 5 else dots),
        recipe=recipe_of(image),
    )
    return Picture(color.expand(3, -1, -1)[None].contiguous(), None if alpha is None else alpha[None], meta)


def _eight_bit_color(image: Image.Image, profile: bytes | None, orientation: int) -> tuple[Tensor, Tensor | None]:
    def floats(image: Image.Image) -> Tensor:
        pixels = np.asarray(image)
        return planes(upright(pixels if pixels.ndim == 3 else pixels[..., None], orientation))

    mode = {"1": "L", "L": "L", "LA": "L", "La": "L", "CMYK": "CMYK"}.get(image.mode, "RGB")
    alpha = None
    if image.has_transparency_data:
        image = _converted(image, "LA" if mode == "L" else "RGBA")
        alpha = floats(image.getchannel("A"))
    image = _converted(image, mode)
    if transform := srgb_transform(profile, mode):
        image = transform.apply(image.convert(str(transform.input_mode)))
    return floats(image if image.mode == "L" else _converted(image, "RGB")), alpha


def _converted(image: Image.Image, mode: str) -> Image.Image:
    return image if image.mode == mode else image.convert(mode)  # which copies also what has the mode


def _deep_color(
    pixels: npt.NDArray[Any], name: str, profile: bytes | None, transparent: Any
) -> tuple[Tensor, Tensor | None]:
    channels = 1 if pixels.shape[-1] < 3 else 3
    color, alpha = pixels[..., :channels], pixels[..., channels:]
    if not alpha.shape[-1] and transparent is not None:
        alpha = (color != np.asarray(transparent)).any(-1, keepdims=True)
    tensor = planes(color, name)
    if profile and (transform := srgb_transform(profile, "L" if channels == 1 else "RGB")):
        tensor = deep_srgb(tensor, transform, profile)
    return tensor, planes(alpha) if alpha.shape[-1] else None
