"""Pictures in and out: everything a person's folder holds becomes float32 sRGB, and goes back unharmed."""

from __future__ import annotations

import contextlib
import difflib
import io
import math
import os
import struct
import sys
import threading
import uuid
import warnings
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from dataclasses import replace as _replace
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image, ImageCms, ImageFile, PngImagePlugin, TiffImagePlugin, UnidentifiedImageError
from torch.nn import functional as F

from ..errors import PictureError
from ..files import check_target
from ..validation import is_finite
from .formats import HOLDS_ALPHA, INSTALLATION, MAX_PIXELS, READABLE, check_format, register_heif
from .metadata import Interrupted, Metadata

__all__ = ["MAX_PIXELS", "Picture", "PictureError", "read", "read_recipe", "write"]

_MAX_RECIPE = 1 << 20
_SHOWN = 1024  # longest side of the notebook's preview

_ORIENTATION = 0x0112
_EXIF_FOLDERS = {0x8769, 0x8825}  # how the picture was taken, and where
# Tags that tell how one file stores its pixels: true of the file read, wrong for the file written.
_STORAGE_TAGS = {*range(254, 267), 273, *range(277, 282), 284, *range(288, 294), 301, *range(317, 348)}
_STORAGE_TAGS |= {*range(512, 533), 700, 33723, 34377, 34675, 50341}
_STORAGE_TAGS_INSIDE = {0xA001, 0xA002, 0xA003, 0xA005}  # colour space, width, height, interoperability

_pillow_lock = threading.RLock()


@dataclass(frozen=True, eq=False, repr=False)
class Picture:
    """One picture, or a batch of pictures of one size, with what its file said about it.

    Args:
        tensor: `(B, 3, H, W)`, float32 sRGB in [0, 1].
        alpha: opacity `(B, 1, H, W)`, float32 in [0, 1]; None when the picture has none.
        meta: what its file said, and what is written with it.
        interrupted: where its painting was stopped before its end; None where it was not.

    Its text form gives height × width, as tensors do, and the mean of red, green and blue.

    Raises:
        PictureError: for other shapes or dtypes; `read` accepts and converts them.

    Example:
        >>> Picture(torch.full((1, 3, 256, 384), 0.5))
        Picture(256×384, mean 0.50 0.50 0.50)
    """

    tensor: torch.Tensor
    alpha: torch.Tensor | None = None
    meta: Metadata = field(default_factory=Metadata)
    interrupted: Interrupted | None = None

    def __post_init__(self) -> None:
        for what, value, channels in (("tensor", self.tensor, 3), ("alpha", self.alpha, 1)):
            if value is None and what == "alpha":
                continue
            if not isinstance(value, torch.Tensor):
                raise TypeError(
                    f"Picture: {what} must be a float32 tensor (B, {channels}, H, W), not a "
                    f"{type(value).__name__}; impasto.picture.read(...) converts files, arrays and PIL images"
                )
            if value.dtype != torch.float32 or value.ndim != 4 or value.shape[1] != channels or not value.numel():
                raise PictureError(
                    f"Picture: {what} must be float32 (B, {channels}, H, W), found {value.dtype} "
                    f"{tuple(value.shape)}; impasto.picture.read(...) converts other forms"
                )
        if self.alpha is not None and self._extent(self.alpha) != self._extent(self.tensor):
            raise PictureError(
                f"Picture: alpha is {tuple(self.alpha.shape)} but the picture is {tuple(self.tensor.shape)}; "
                "give both the same B, H and W, or replace(alpha=None)"
            )

    @staticmethod
    def _extent(tensor: torch.Tensor) -> tuple[int, ...]:
        return (tensor.shape[0], *tensor.shape[2:])

    @property
    def size(self) -> tuple[int, int]:
        """Height and width in pixels."""
        return self.tensor.shape[2], self.tensor.shape[3]

    @property
    def batch(self) -> int:
        """Number of pictures."""
        return self.tensor.shape[0]

    def __len__(self) -> int:
        return self.batch

    def __iter__(self) -> Iterator[Picture]:
        for i in range(self.batch):
            alpha = None if self.alpha is None else self.alpha[i : i + 1]
            yield self.replace(tensor=self.tensor[i : i + 1], alpha=alpha)

    def replace(self, **changes: Any) -> Picture:
        """Return a copy with some of `tensor`, `alpha`, `meta` and `interrupted` changed."""
        return _replace(self, **changes)

    def numpy(self) -> npt.NDArray[np.float32]:
        """Return the colours as float32 `(H, W, 3)`, or `(B, H, W, 3)` for a batch."""
        array: npt.NDArray[np.float32] = self.tensor.detach().cpu().permute(0, 2, 3, 1).contiguous().numpy()
        return array[0] if self.batch == 1 else array

    def __array__(self, dtype: npt.DTypeLike | None = None, copy: bool | None = None) -> npt.NDArray[Any]:
        return np.array(self.numpy(), dtype=dtype)

    def pil(self) -> Image.Image:
        """Return a Pillow image, RGB or RGBA, 8 bits."""
        return Image.fromarray(_quantise(self, 8, keep_alpha=True))

    def save(
        self,
        path: str | os.PathLike[str],
        *,
        bits: int = 8,
        quality: int = 95,
        overwrite: bool = True,
        recipe: bool | None = None,
        keep: Iterable[str | os.PathLike[str]] = (),
    ) -> Path:
        """Write this picture to a file: see `write`."""
        return write(self, path, bits=bits, quality=quality, overwrite=overwrite, recipe=recipe, keep=keep)

    def __repr__(self) -> str:
        height, width = self.size
        count = f"{self.batch} of " if self.batch > 1 else ""
        # Adding 0.0 turns -0.0 into 0.0.
        mean = " ".join(f"{round(m, 2) + 0.0:.2f}" for m in self.tensor.mean((0, 2, 3)).tolist())
        where = self.interrupted
        stopped = "" if where is None else f", interrupted at step {where.step} of {where.steps}"
        return f"Picture({count}{height}×{width}, mean {mean}{stopped})"

    def _repr_png_(self) -> bytes:
        row = self.replace(
            tensor=torch.cat(tuple(self.tensor[:, None]), dim=3),
            alpha=None if self.alpha is None else torch.cat(tuple(self.alpha[:, None]), dim=3),
            meta=Metadata(),
        )
        image = row.pil()
        image.thumbnail((_SHOWN, _SHOWN), Image.Resampling.LANCZOS)
        out = io.BytesIO()
        image.save(out, "PNG")
        return out.getvalue()


def read(source: Any, *, max_pixels: int = MAX_PIXELS) -> Picture:
    """Read a picture from wherever it is, as float32 sRGB in [0, 1].

    Files: JPEG, PNG, WebP, TIFF, BMP, GIF (first frame), PPM, AVIF and HEIC; grey, palette, CMYK, 1, 8 or
    16 bits, with or without alpha. Every value is exact: k / 255 or k / 65535. EXIF orientation is applied.
    A colour profile is converted to sRGB; a picture already in sRGB keeps its bits. 16-bit pictures
    are converted through a lattice of 86³ colours, which leaves gradients smooth and colours within one 8-bit
    step; 16-bit CMYK and premultiplied alpha are read at 8 bits.

    Args:
        source: a path, the bytes of a file, an open binary file, a PIL image, or a `Picture` (returned as it
            is); a NumPy array `(H, W)`, `(H, W, C)`, `(C, H, W)` or a batch of the latter two; a tensor
            `(H, W)`, `(C, H, W)` or `(B, C, H, W)`. C is 1, 3 or 4 (the fourth is alpha); values are bool,
            uint8, uint16, or floats in [0, 1].
        max_pixels: refuse larger pictures before decoding them.

    Raises:
        PictureError: not a picture, damaged, too large, or values and shapes that have no one meaning.
        FileNotFoundError: no such file; the message suggests the nearest name.
        IsADirectoryError: a folder.
        TypeError: something else than a picture.

    Example:
        >>> read(np.zeros((2, 3, 3), np.uint8))
        Picture(2×3, mean 0.00 0.00 0.00)
    """
    if isinstance(source, Picture):
        return source
    if isinstance(source, Image.Image):
        with _decoding("the PIL image"):
            _check_size(*source.size, "the PIL image", max_pixels)
            source.load()
            return _from_image(source)
    if isinstance(source, torch.Tensor):
        return _from_tensor(source, "tensor")
    if isinstance(source, np.ndarray):
        return _from_array(source)
    if isinstance(source, (bytes, bytearray, memoryview)):
        return _decode(bytes(source), "the data given", max_pixels)
    if isinstance(source, (str, os.PathLike)):
        path = _existing(source)
        picture = _decode(path.read_bytes(), f"'{path}'", max_pixels)
        return picture.replace(meta=picture.meta.replace(file=str(path)))
    if hasattr(source, "read"):
        return _from_stream(source, max_pixels)
    raise TypeError(
        f"read: cannot make a picture of a {type(source).__name__}; give a path, bytes, an open binary file, "
        "a PIL image, a NumPy array, a tensor, or a Picture"
    )


def read_recipe(path: str | os.PathLike[str]) -> str:
    """Read the recipe (TOML text) that a painted picture carries.

    Args:
        path: a PNG that holds one, a picture with `<its whole name>.toml` beside it, or a `.toml` file.

    Raises:
        PictureError: there is none, or it is longer than a mebibyte.
        FileNotFoundError: no such file.
    """
    file = _existing(path)
    beside = file if file.suffix.lower() == ".toml" else file.with_name(file.name + ".toml")
    text = None if file == beside else _embedded_recipe(file)
    if text is None:
        if not beside.is_file():
            raise PictureError(
                f"read_recipe: '{file}' carries no recipe, and there is no '{beside.name}' beside it; "
                "a painted picture keeps its recipe when saved as PNG, or with save(..., recipe=True)"
            )
        try:
            with beside.open(encoding="utf-8") as lines:
                text = lines.read(_MAX_RECIPE + 1)
        except UnicodeDecodeError as error:
            raise PictureError(f"read_recipe: '{beside}' is not UTF-8 ({error}); save it as UTF-8") from error
    if len(text) > _MAX_RECIPE:
        raise PictureError(f"read_recipe: the text with '{file}' is over {_MAX_RECIPE:,} characters: no recipe")
    return text


def write(
    picture: Picture,
    path: str | os.PathLike[str],
    *,
    bits: int = 8,
    quality: int = 95,
    overwrite: bool = True,
    recipe: bool | None = None,
    keep: Iterable[str | os.PathLike[str]] = (),
) -> Path:
    """Write one picture: the whole file or nothing, and never over the picture it was made from.

    Values outside [0, 1] are clipped. EXIF and an sRGB profile go along when the picture came with some, in
    every format but BMP. Alpha is kept, but JPEG and BMP blend it over white, with a warning.

    Args:
        picture: a single picture; go through a batch with `for i, p in enumerate(picture)`.
        path: the file; its suffix says the format, its folder must exist.
        bits: 8, or 16 for PNG and TIFF.
        quality: 1 to 100, for JPEG, WebP, AVIF and HEIC.
        overwrite: whether an existing file may be replaced.
        recipe: None embeds `meta.recipe` in a PNG and leaves other formats alone; True writes it to
            `<name>.<suffix>.toml` beside those; False leaves it out.
        keep: files that must survive, such as content and style; `meta.file` always does.

    Returns:
        The path written.

    Raises:
        PictureError: the format, depth or batch cannot be written, the file is one to keep, or values are
            not finite.
        FileNotFoundError: the folder is missing.
        FileExistsError: the file exists and `overwrite` is False.
    """
    if not isinstance(picture, Picture):
        raise TypeError(f"write: {type(picture).__name__} is no Picture; write(read(...), '{path}') makes one")
    path = Path(path).expanduser()
    form = check_format(path, bits, quality)
    text = picture.meta.recipe if recipe is not False else None
    if recipe and not text:
        raise PictureError("save: recipe=True, but meta.recipe is None; leave recipe out")
    if picture.batch > 1:
        stem = path.with_suffix("").name
        raise PictureError(
            f"save: {picture.batch} pictures do not fit into the one file '{path}'; write them one by one:\n"
            f'  for i, p in enumerate(picture): p.save(f"{stem}-{{i}}{path.suffix}")'
        )
    beside = path.with_name(path.name + ".toml") if recipe and form != "PNG" else None
    for target in filter(None, (path, beside)):
        check_target(target, [*keep, *filter(None, [picture.meta.file])])
        if target.exists() and not overwrite:
            raise FileExistsError(f"{target}: exists\n  what would work: another name, or overwrite=True")
    _place(_encode(picture, form, bits, quality, text), path)
    if beside:
        _place(str(text).encode(), beside)
    return path


# Reading


def _existing(source: str | os.PathLike[str]) -> Path:
    if isinstance(source, str) and "://" in source:
        raise PictureError(f"'{source}' is an address; download the picture first and give its path")
    path = Path(source).expanduser()
    if path.is_dir():
        raise IsADirectoryError(f"'{path}' is a folder; give a picture in it, such as '{path / 'photo.jpg'}'")
    if path.exists():
        return path
    if not path.parent.is_dir():
        raise FileNotFoundError(f"no file '{path}': there is no folder '{path.parent}'; check the spelling")
    near = difflib.get_close_matches(path.name, [p.name for p in path.parent.iterdir() if p.is_file()], 1)
    hint = f"did you mean '{path.with_name(near[0])}'?" if near else "check the folder and the spelling"
    raise FileNotFoundError(f"no file '{path}'; {hint}")


def _from_stream(stream: BinaryIO, max_pixels: int) -> Picture:
    data = stream.read()
    if not isinstance(data, bytes):
        raise TypeError("read: the file is open as text; open it with open(path, 'rb')")
    name = getattr(stream, "name", None)
    if isinstance(name, str) and os.path.isfile(name):
        picture = _decode(data, f"'{name}'", max_pixels)
        return picture.replace(meta=picture.meta.replace(file=picture.meta.file or name))
    return _decode(data, "the open file", max_pixels)


@contextlib.contextmanager
def _decoding(name: str) -> Iterator[None]:
    """Make Pillow strict about cut files, leave the limit of size to us, and explain what it raises."""
    with _pillow_lock:
        before = ImageFile.LOAD_TRUNCATED_IMAGES, Image.MAX_IMAGE_PIXELS
        ImageFile.LOAD_TRUNCATED_IMAGES, Image.MAX_IMAGE_PIXELS = False, None
        try:
            yield
        except (PictureError, MemoryError):
            raise
        except Exception as error:  # damaged files make decoders raise nearly everything
            raise PictureError(
                f"{name} could not be decoded: {error}; it is damaged, cut short or of a rare kind. "
                "Get a fresh copy, or save it again as PNG or as 8-bit or 16-bit TIFF"
            ) from error
        finally:
            ImageFile.LOAD_TRUNCATED_IMAGES, Image.MAX_IMAGE_PIXELS = before


def _decode(data: bytes, name: str, max_pixels: int) -> Picture:
    with _decoding(name):
        try:
            image = _open(data)
        except UnidentifiedImageError as error:
            raise PictureError(f"{name} {_what_instead(data)}") from error
        _check_size(*image.size, name, max_pixels)
        return _from_image(image, _sixteen_bits(image, data))


def _open(data: bytes) -> ImageFile.ImageFile:
    Image.init()
    if data[4:8] == b"ftyp":
        register_heif()
    return Image.open(io.BytesIO(data), formats=[form for form in READABLE if form in Image.OPEN])


def _what_instead(data: bytes) -> str:
    if not data:
        return "is empty; get a fresh copy of the file"
    brand = data[8:12] if data[4:8] == b"ftyp" else b""
    if brand in (b"avif", b"avis") and "AVIF" not in Image.OPEN:
        return f"is AVIF, which this Pillow cannot read; {INSTALLATION['AVIF']}"
    if brand in (b"heic", b"heix", b"hevc", b"mif1", b"msf1") and "HEIF" not in Image.OPEN:
        return f"is HEIC, which Pillow alone cannot read; {INSTALLATION['HEIF']}"
    return (
        "is not a picture that can be read, or it is damaged; "
        "give JPEG, PNG, WebP, BMP, GIF, PPM, AVIF, HEIC, or TIFF of 8 or 16 bits"
    )


def _check_size(width: int, height: int, name: str, max_pixels: int) -> None:
    if not width or not height:
        raise PictureError(f"{name} is {height}×{width}, a picture without pixels; give one that has some")
    if width * height > max_pixels:
        raise PictureError(
            f"{name} is {height}×{width}, {width * height:,} pixels, over the limit of {max_pixels:,}; "
            f"if you trust the file: read(..., max_pixels={width * height})"
        )


def _sixteen_bits(image: ImageFile.ImageFile, data: bytes) -> npt.NDArray[np.uint16] | None:
    """Load a file; return `(H, W, C)` where it has 16 bits, of which Pillow keeps only the high byte."""
    tags = getattr(image, "tag_v2", {})
    depth = tags.get(258, (8,))[0]
    if tags.get(284) == 2 and depth == 16 and len(image.getbands()) > 1:
        # Colours stored plane by plane: Pillow mixes up their bytes.
        if image.mode == "CMYK":
            raise PictureError("16-bit CMYK stored plane by plane cannot be read; save the picture as RGB")
        import tifffile

        return _u16(np.moveaxis(tifffile.imread(io.BytesIO(data), key=0), 0, -1))
    raw = _raw_mode(image.tile[0]) if image.tile else ""
    image.load()
    if raw == "LA;16B":  # two 16-bit channels lie in a PNG exactly as four 8-bit ones do
        head = data[12:24] + b"\x08\x06" + data[26:29]
        twin = Image.open(io.BytesIO(data[:12] + head + struct.pack(">I", zlib.crc32(head)) + data[33:]))
        return _u16(np.asarray(twin).view(">u2"))
    if raw[:-1] in ("RGB;16", "RGBA;16"):
        # Pillow skips the low byte of every sample; told the other byte order, it skips the high one.
        twin = _open(data)
        twin.tile = [_swapped(tile) for tile in twin.tile]
        return np.left_shift(_u16(image), 8, dtype=np.uint16) | _u16(twin)
    if image.mode.startswith("I;16"):  # a TIFF may have 12 bits, and may count from white down to black
        grey = np.asarray(image).astype(np.float64)[..., None] / (2 ** (depth if tags else 16) - 1)
        return _u16((65535 * (1 - grey if tags.get(262) == 0 else grey)).round())
    return None


def _u16(pixels: npt.ArrayLike | Image.Image) -> npt.NDArray[np.uint16]:
    return np.asarray(pixels).astype(np.uint16)


def _raw_mode(tile: Any) -> str:
    return str(tile[3] if isinstance(tile[3], str) else tile[3][0])


def _swapped(tile: Any) -> Any:
    native_swapped = "B" if sys.byteorder == "little" else "L"
    raw = _raw_mode(tile)
    raw = raw[:-1] + {"B": "L", "L": "B", "N": native_swapped}[raw[-1]]
    args = raw if isinstance(tile[3], str) else (raw, *tile[3][1:])
    return tile._replace(args=args) if hasattr(tile, "_replace") else (*tile[:3], args)


def _from_image(image: Image.Image, deep: npt.NDArray[Any] | None = None) -> Picture:
    exif, orientation = _exif(image)
    profile = image.info.get("icc_profile")
    bits = 8 if deep is None else 16
    if deep is None and image.mode == "F":
        deep, bits = np.asarray(image)[..., None], 32
    elif deep is None and image.mode.startswith("I"):
        if image.mode == "I" and image.format != "PNG":  # Pillow 10 opens 16-bit PNG as "I"
            raise PictureError(
                "a picture of 32-bit integers does not say where white is; "
                "divide it by its white and give a float array in [0, 1]"
            )
        deep, bits = _u16(image)[..., None], 16
    if deep is None:
        colour, alpha = _eight_bits(image, profile)
    else:
        colour, alpha = _deep(deep, profile, image.info.get("transparency"))
    recipe = image.info.get("impasto")
    meta = Metadata(
        icc=_srgb_bytes() if profile else None,
        exif=exif or None,
        bits=bits,
        recipe=str(recipe) if isinstance(recipe, str) else None,
    )
    return Picture(_upright(colour, orientation), None if alpha is None else _upright(alpha, orientation), meta)


def _eight_bits(image: Image.Image, profile: bytes | None) -> tuple[torch.Tensor, torch.Tensor | None]:
    mode = {"1": "L", "L": "L", "LA": "L", "La": "L", "CMYK": "CMYK"}.get(image.mode, "RGB")
    alpha = None
    if image.has_transparency_data:
        image = image.convert("LA" if mode == "L" else "RGBA")
        alpha = _planes(np.asarray(image.getchannel("A"))[..., None])
    image = image.convert(mode)
    if transform := _to_srgb(profile, mode):
        image = transform.apply(image.convert(str(transform.input_mode)))
    return _planes(np.asarray(image.convert("RGB"))), alpha


def _deep(
    pixels: npt.NDArray[Any], profile: bytes | None, transparent: Any
) -> tuple[torch.Tensor, torch.Tensor | None]:
    channels = 1 if pixels.shape[-1] < 3 else 3
    colour, alpha = pixels[..., :channels], pixels[..., channels:]
    if not alpha.shape[-1] and transparent is not None:
        alpha = (colour != np.asarray(transparent)).any(-1, keepdims=True)
    tensor = _planes(colour)
    if transform := _to_srgb(profile, "L" if channels == 1 else "RGB"):
        tensor = _through_lattice(tensor, transform)
    return tensor.expand(3, -1, -1), _planes(alpha) if alpha.shape[-1] else None


def _planes(pixels: npt.NDArray[Any]) -> torch.Tensor:
    """`(H, W, C)` of any accepted dtype to float `(C, H, W)`."""
    return _as_float(_copied(pixels.transpose(2, 0, 1)), "picture")


def _copied(array: npt.NDArray[Any]) -> torch.Tensor:
    """A tensor that shares nothing with the array, in this machine's byte order."""
    return torch.from_numpy(array.astype(array.dtype.newbyteorder("="), order="C"))


def _as_float(tensor: torch.Tensor, what: str) -> torch.Tensor:
    if tensor.dtype in (torch.uint8, torch.uint16):
        return tensor.to(torch.float32).div_(255 if tensor.dtype == torch.uint8 else 65535)
    if tensor.dtype != torch.bool and not tensor.dtype.is_floating_point:
        raise PictureError(
            f"read: the {what} is {tensor.dtype}, which does not say where white is; "
            "convert it to uint8 (0 to 255), uint16 (0 to 65535) or floats in [0, 1]"
        )
    tensor = tensor.detach().to(torch.float32, copy=True)
    low, high = (bound.item() for bound in tensor.aminmax())  # NaN, if there is one
    if not (math.isfinite(low) and math.isfinite(high)):
        raise PictureError(f"read: the {what} holds NaN or infinity; look where they arise")
    if low < -1e-4 or high > 1 + 1e-4:  # rounding of an earlier resize or colour conversion is forgiven
        advice = "divide it by 255" if low >= 0 and 2 < high <= 255 else "undo its normalisation, or clip it"
        raise PictureError(f"read: the {what} runs from {low:.4g} to {high:.4g}, not within [0, 1]; {advice}")
    return tensor if low >= 0 and high <= 1 else tensor.clamp_(0, 1)


def _from_array(array: npt.NDArray[Any]) -> Picture:
    shape = array.shape
    if array.dtype.kind not in "buif" or array.dtype.itemsize > 8:
        raise PictureError(f"read: an array of {array.dtype} is no picture; give uint8, uint16 or floats")
    first, last = (len(shape) > 2 and shape[i] in (1, 3, 4) for i in (-3, -1))
    if first and last:
        raise PictureError(
            f"read: an array {shape} may be (H, W, C) or (C, H, W); give a tensor, whose colours come first: "
            "torch.from_numpy(array), or torch.from_numpy(array).movedim(-1, -3)"
        )
    if last:
        array = np.moveaxis(array, -1, -3)
    return _from_tensor(_copied(array), "array")


def _from_tensor(tensor: torch.Tensor, what: str) -> Picture:
    shape = tuple(tensor.shape)
    if tensor.ndim in (2, 3):
        tensor = tensor[(None,) * (4 - tensor.ndim)]
    if tensor.ndim != 4 or tensor.shape[1] not in (1, 3, 4):
        hint = "; if its colours come last: tensor.movedim(-1, -3)" if shape[-1:] and shape[-1] in (1, 3, 4) else ""
        raise PictureError(
            f"read: the {what} has the shape {shape}; a picture is (H, W), (C, H, W) or (B, C, H, W), "
            f"C being 1 (grey), 3 (RGB) or 4 (RGB and alpha){hint}"
        )
    if not tensor.numel():
        raise PictureError(f"read: the {what} {shape} has no pixels; give a picture of at least 1×1")
    meta = Metadata(bits={torch.uint8: 8, torch.uint16: 16}.get(tensor.dtype))
    tensor = _as_float(tensor, what)
    if tensor.shape[1] == 4:
        return Picture(tensor[:, :3].contiguous(), tensor[:, 3:].contiguous(), meta)
    return Picture(tensor.expand(-1, 3, -1, -1).contiguous(), None, meta)


def _upright(tensor: torch.Tensor, orientation: int) -> torch.Tensor:
    """Turn `(C, H, W)` as its EXIF orientation, 1 to 8, asks; returns `(1, C, H, W)`."""
    tensor = tensor[None]
    if orientation >= 5:
        tensor = tensor.mT
    flips = {2: [3], 3: [2, 3], 4: [2], 6: [3], 7: [2, 3], 8: [2]}.get(orientation, [])
    return tensor.flip(flips) if flips else tensor.contiguous()


def _exif(image: Image.Image) -> tuple[bytes | None, int]:
    """What a file says of its making, without what it says of its storage; and its orientation."""
    orientation = 1
    try:
        given, exif = image.getexif(), Image.Exif()
        orientation = int(given.get(_ORIENTATION, 1))
        for tag in given.keys() - _STORAGE_TAGS - _EXIF_FOLDERS:
            exif[tag] = given[tag]
        for tag in given.keys() & _EXIF_FOLDERS:
            inner = given.get_ifd(tag)
            if kept := inner.keys() - _STORAGE_TAGS_INSIDE:
                exif[tag] = {key: inner[key] for key in kept}
        if not exif:
            return None, orientation
        exif[_ORIENTATION] = 1
        return exif.tobytes(), orientation
    except Exception as error:  # cameras and old programs write broken EXIF; the pixels are still good
        warnings.warn(f"the EXIF data is unreadable and left out: {error}", stacklevel=2)
        return None, orientation


# Colour profiles


def _srgb_bytes() -> bytes:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    # Its date of birth would make equal pictures unequal files.
    return profile[:24] + struct.pack(">6H", 2000, 1, 1, 0, 0, 0) + profile[36:]


def _to_srgb(profile: bytes | None, mode: str) -> ImageCms.ImageCmsTransform | None:
    """Return the way from a profile to sRGB; None where there is nothing to do."""
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


def _lattice(steps: int, mode: str) -> npt.NDArray[np.uint8]:
    """All greys `(1, 256)`, or `steps`³ evenly spaced colours `(steps, steps², 3)`."""
    if mode == "L":
        return np.arange(256, dtype=np.uint8)[None]
    axis = np.linspace(0, 255, steps).round().astype(np.uint8)
    return np.stack(np.meshgrid(axis, axis, axis, indexing="ij"), -1).reshape(steps, steps * steps, 3)


def _through_lattice(pixels: torch.Tensor, transform: ImageCms.ImageCmsTransform) -> torch.Tensor:
    """Convert `(C, H, W)` by interpolating between 8-bit colours, the only ones Pillow converts."""
    mode, steps = str(transform.input_mode), 86  # 86 steps fall on whole 8-bit values
    table = _planes(np.asarray(transform.apply(Image.fromarray(_lattice(steps, mode)))))
    if mode == "L":
        x = pixels[0] * 255
        low = x.floor().long().clamp(max=254)
        return torch.lerp(table[:, 0, low], table[:, 0, low + 1], (x - low)[None])
    grid = pixels.expand(3, -1, -1).permute(1, 2, 0).flip(-1)[None, None] * 2 - 1
    cube = table.reshape(1, 3, steps, steps, steps)
    return F.grid_sample(cube, grid, align_corners=True, padding_mode="border")[0, :, 0]


# Writing


def _embedded_recipe(file: Path) -> str | None:
    with _decoding(f"'{file}'"):
        try:
            image = _open(file.read_bytes())
        except UnidentifiedImageError:
            return None
        if image.format == "PNG" and "impasto" not in image.info:
            image.load()  # other programs may move the text behind the pixels
        text = image.info.get("impasto")
    return str(text) if isinstance(text, str) else None


def _place(data: bytes, path: Path) -> None:
    """Write the whole file or nothing."""
    target = path.resolve()  # a link stays a link
    part = target.with_name(f".{uuid.uuid4().hex}.part")
    try:
        with part.open("xb") as out:
            out.write(data)
            out.flush()
            os.fsync(out.fileno())
        os.replace(part, target)
    except OSError as error:
        reason = error.strerror or str(error)
        raise type(error)(
            f"save: could not write '{path}' ({reason}); nothing there was changed. "
            "Check the folder's permissions and the space left, or give another folder"
        ) from error
    finally:
        part.unlink(missing_ok=True)


def _quantise(picture: Picture, bits: int, *, keep_alpha: bool) -> npt.NDArray[Any]:
    """One picture as unsigned integers `(H, W, 3)`, or `(H, W, 4)` with its alpha."""
    if picture.batch > 1:
        raise PictureError(f"one picture is wanted, found {picture.batch}; use: for p in picture: ...")
    parts = [picture.tensor] if picture.alpha is None else [picture.tensor, picture.alpha]
    pixels = torch.cat(parts, 1)[0].detach().cpu()
    if not is_finite(pixels):
        raise PictureError("save: the picture holds NaN or infinity; look for the stage that made them")
    if picture.alpha is not None and not keep_alpha:
        pixels = pixels[:3] * pixels[3:] + 1 - pixels[3:]
    # In place, for large pictures: torch.cat made a copy.
    whole = pixels.clamp_(0, 1).mul_(2**bits - 1).round_().permute(1, 2, 0).numpy()
    return whole.astype(np.uint8 if bits == 8 else np.uint16, order="C")


def _encode(picture: Picture, form: str, bits: int, quality: int, recipe: str | None) -> bytes:
    keep_alpha = form in HOLDS_ALPHA
    if picture.alpha is not None and not keep_alpha and picture.alpha.amin() < 1:
        warnings.warn(f"{form} cannot hold transparency: blended over white; PNG would keep it", stacklevel=4)
    pixels = _quantise(picture, bits, keep_alpha=keep_alpha)
    exif, icc = picture.meta.exif, picture.meta.icc
    if form == "TIFF":
        return _tiff(pixels, exif, icc)
    if bits == 16:
        return _png16(pixels, exif, icc, recipe)
    options: dict[str, Any] = {"quality": quality}
    if form == "PNG":
        options = {"pnginfo": PngImagePlugin.PngInfo()}
        if recipe:
            options["pnginfo"].add_itxt("impasto", recipe)
    elif form == "JPEG":
        options["subsampling"] = 0  # halved colour resolution smears saturated strokes
    elif form == "WEBP":
        options["exact"] = True  # colours under transparent pixels stay
    if exif and form != "BMP":
        options["exif"] = exif
    if icc and form != "BMP":
        options["icc_profile"] = icc
    out = io.BytesIO()
    try:
        Image.fromarray(pixels).save(out, form, **options)
    except (OSError, ValueError) as error:  # such as WebP beyond 16383 pixels
        raise PictureError(f"save: {form} cannot hold this picture: {error}; PNG and TIFF can") from error
    return out.getvalue()


def _png16(pixels: npt.NDArray[np.uint16], exif: bytes | None, icc: bytes | None, recipe: str | None) -> bytes:
    """Encode 16-bit RGB or RGBA, which Pillow cannot, by the PNG specification (W3C, third edition)."""
    height, width, channels = pixels.shape
    rows = pixels.astype(">u2").view(np.uint8).reshape(height, -1)
    step = 2 * channels
    filtered = np.ones((height, 1 + rows.shape[1]), np.uint8)  # each row begins with its filter: 1, "Sub"
    filtered[:, 1 : 1 + step] = rows[:, :step]
    filtered[:, 1 + step :] = rows[:, step:] - rows[:, :-step]
    chunks = [(b"IHDR", struct.pack(">IIBBBBB", width, height, 16, 2 if channels == 3 else 6, 0, 0, 0))]
    if icc:
        chunks.append((b"iCCP", b"ICC Profile\0\0" + zlib.compress(icc)))
    if exif:
        chunks.append((b"eXIf", exif.removeprefix(b"Exif\0\0")))
    if recipe:
        chunks.append((b"iTXt", b"impasto\0\0\0\0\0" + recipe.encode()))
    chunks += [(b"IDAT", zlib.compress(filtered.tobytes())), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body)) for kind, body in chunks
    )


def _tiff(pixels: npt.NDArray[Any], exif: bytes | None, icc: bytes | None) -> bytes:
    """Encode RGB or RGBA of 8 or 16 bits with the whole EXIF, which Pillow's compressed TIFF cannot carry.

    One deflated strip, by the TIFF 6.0 specification; Pillow lays out the tags.
    """
    height, width, channels = pixels.shape
    strip = zlib.compress(pixels.astype(pixels.dtype.newbyteorder("<")).tobytes())
    made = Image.Exif()
    made.load(exif or b"")
    tags = TiffImagePlugin.ImageFileDirectory_v2()
    for tag in made:
        tags[tag] = made.get_ifd(tag) if tag in _EXIF_FOLDERS else made[tag]
    tags[256], tags[257], tags[258] = width, height, (8 * pixels.itemsize,) * channels
    tags[259], tags[262], tags[277], tags[278] = 8, 2, channels, height  # deflate, RGB
    tags[273], tags[279] = 0, len(strip)  # Pillow adds the length of the tags to the strip's offset
    if channels == 4:
        tags[338] = 2  # alpha, not premultiplied
    if icc:
        tags.tagtype[34675] = 7
        tags[34675] = icc
    out = io.BytesIO()
    tags.save(out)
    return out.getvalue() + strip
