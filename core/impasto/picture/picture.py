"""A picture: colours, opacity and what is known of them, as a value."""

from __future__ import annotations

import io
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from dataclasses import replace as _replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image

from ..errors import ParameterError, PictureError, quoted
from ..functional.resizing import resample_maps, resize, size_text, size_within
from ..validation import python_number, shape
from .arrays import integer_pixels
from .metadata import Interrupted, Metadata
from .writing import write_file

PREVIEW = 1024
"""Longest side of what a notebook shows."""
FAINT = 1 / 16
"""Opacity below which one hardly sees a colour."""


@dataclass(frozen=True, eq=False, repr=False)
class Picture:
    """One picture, or a batch of pictures of one size, with what its file said about it.

    Args:
        tensor: `(B, 3, H, W)`, float32 sRGB in [0, 1].
        alpha: opacity `(B, 1, H, W)`, float32 in [0, 1]; None when the picture has none.
        meta: what its file said, and what is written with it.
        interrupted: where its painting was stopped before its end; None where it was not.

    Its text form gives width × height, as people do, and the mean of red, green and blue.

    Raises:
        PictureError: for other shapes or dtypes; `read` accepts and converts them.

    Example:
        >>> Picture(torch.full((1, 3, 256, 384), 0.5))
        Picture(384×256, mean 0.50 0.50 0.50)
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
                    f"Picture: {what} should be a float32 tensor (B, {channels}, H, W), found {type(value).__name__}\n"
                    "  what would work: impasto.read(...), which takes files, arrays and PIL images"
                )
            if value.dtype != torch.float32 or value.ndim != 4 or value.shape[1] != channels or not value.numel():
                raise PictureError(
                    f"Picture: {what} should be float32 (B, {channels}, H, W), found {value.dtype} {shape(value)}\n"
                    "  what would work: impasto.read(...), which takes other forms"
                )
        if self.alpha is not None and not _is_opacity(self.alpha):
            raise PictureError(
                "Picture: alpha should be from 0, clear, to 1, opaque, found"
                f" {float(self.alpha.amin()):.3g} to {float(self.alpha.amax()):.3g}\n"
                "  what would work: alpha / 255 for bytes, or alpha.clamp(0, 1)"
            )
        if self.alpha is not None and self._extent(self.alpha) != self._extent(self.tensor):
            raise PictureError(
                f"Picture: alpha is {shape(self.alpha)} and tensor {shape(self.tensor)}\n"
                "  what would work: the same B, H and W, or replace(alpha=None)"
            )

    @staticmethod
    def _extent(tensor: torch.Tensor) -> tuple[int, ...]:
        return (tensor.shape[0], *tensor.shape[2:])

    @property
    def visible(self) -> torch.Tensor:
        """The colours `(B, 3, H, W)`, those that nobody sees replaced by the mean of those that one does.

        What lies under transparent pixels is chance, and must not count: files that look alike paint alike.  Below
        an opacity of `FAINT` a colour fades into the mean.
        """
        if self.alpha is None or self.alpha.min() >= FAINT:
            return self.tensor
        total = self.alpha.sum((2, 3), keepdim=True)
        mean = (self.tensor * self.alpha).sum((2, 3), keepdim=True) / total.clamp_min(torch.finfo(torch.float32).tiny)
        mean = torch.where(total > 0, mean, torch.ones_like(mean))  # white where nothing is seen
        return mean.lerp(self.tensor, (self.alpha / FAINT).clamp(max=1))

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

    def fit_within(self, side: int) -> Picture:
        """Return the picture shrunk until its longer side has `side` pixels at most; never enlarged.

        A density stays that of a print of the same length.

        Args:
            side: pixels, 1 or more.

        Raises:
            ParameterError: no whole number of pixels.

        Example:
            >>> Picture(torch.full((1, 3, 256, 384), 0.5)).fit_within(96)
            Picture(96×64, mean 0.50 0.50 0.50)
        """
        pixels = python_number(side, whole=True)
        if pixels is None or pixels < 1:
            raise ParameterError(f"side = {quoted(side)} does not fit\n  what would work: a whole number of pixels")
        size = size_within(self.size, int(pixels))
        if size == self.size:
            return self
        share, dots = size[1] / self.size[1], self.meta.density
        return self.replace(
            tensor=resize(self.tensor, size),
            alpha=None if self.alpha is None else resample_maps(self.alpha, size),
            meta=self.meta.replace(density=None if dots is None else (dots[0] * share, dots[1] * share)),
        )

    def numpy(self) -> npt.NDArray[np.float32]:
        """Return the colours as float32 `(H, W, 3)`, or `(B, H, W, 3)` for a batch."""
        array: npt.NDArray[np.float32] = self.tensor.detach().cpu().permute(0, 2, 3, 1).contiguous().numpy()
        return array[0] if self.batch == 1 else array

    def __array__(self, dtype: npt.DTypeLike | None = None, copy: bool | None = None) -> npt.NDArray[Any]:
        return np.array(self.numpy(), dtype=dtype)

    def pil(self) -> Image.Image:
        """Return a Pillow image, RGB or RGBA, 8 bits."""
        return Image.fromarray(integer_pixels(self.tensor, self.alpha))

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
        """Write one picture: the whole file or nothing, and never over the picture it was made from.

        Values outside [0, 1] are clipped. Density, by which it is printed, goes along when the picture came with
        it; so do EXIF, with the author and the rights that XMP states, and an sRGB profile, in every format but
        BMP. Alpha is kept, but JPEG and BMP blend it over white, with a warning.

        Args:
            path: the file; its suffix says the format, its folder must exist.
            bits: 8, or 16 for PNG and TIFF.
            quality: 1 to 100, for JPEG, WebP, AVIF and HEIC.
            overwrite: whether an existing file may be replaced.
            recipe: None embeds `meta.recipe` in a PNG and leaves other formats alone; True writes it to
                `<name>.<suffix>.toml` beside those; False leaves it out. A recipe that lies there from an earlier
                picture of this name is replaced or removed.
            keep: files that must survive, such as content and style; `meta.file` always does.

        Returns:
            The path written.

        Raises:
            PictureError: the format, depth or batch cannot be written, the file is one to keep, or values are
                not finite.
            FileNotFoundError: the folder is missing.
            FileExistsError: the file exists and `overwrite` is False.

        Example:
            >>> import tempfile
            >>> with tempfile.TemporaryDirectory() as folder:
            ...     Picture(torch.rand(1, 3, 8, 8)).save(f"{folder}/noise.png", bits=16).name
            'noise.png'
        """
        return write_file(
            self.tensor,
            self.alpha,
            self.meta,
            path,
            bits=bits,
            quality=quality,
            overwrite=overwrite,
            recipe=recipe,
            keep=keep,
        )

    def __repr__(self) -> str:
        count = f"{self.batch} of " if self.batch > 1 else ""
        # Adding 0.0 turns -0.0 into 0.0.
        mean = " ".join(f"{round(m, 2) + 0.0:.2f}" for m in self.tensor.mean((0, 2, 3)).tolist())
        where = self.interrupted
        stopped = "" if where is None else f", interrupted at step {where.step} of {where.steps}"
        return f"Picture({count}{size_text(self.size)}, mean {mean}{stopped})"

    def _repr_png_(self) -> bytes:
        row = self.replace(
            tensor=torch.cat(tuple(self.tensor[:, None]), dim=3),
            alpha=None if self.alpha is None else torch.cat(tuple(self.alpha[:, None]), dim=3),
            meta=Metadata(),
        )
        image = row.pil()
        image.thumbnail((PREVIEW, PREVIEW), Image.Resampling.LANCZOS)
        out = io.BytesIO()
        image.save(out, "PNG")
        return out.getvalue()


def _is_opacity(alpha: torch.Tensor) -> bool:
    """Return whether all values are in [0, 1]."""
    low, high = torch.stack(torch.aminmax(alpha)).tolist()
    return bool(low >= 0 and high <= 1)


def write(picture: Picture, path: str | os.PathLike[str], **options: Any) -> Path:
    """Write one picture to a file, with the options of `Picture.save`.

    Raises:
        TypeError: no picture, such as an array.
    """
    if not isinstance(picture, Picture):
        raise TypeError(
            f"write: {type(picture).__name__} is no Picture\n  what to type: impasto.read(...).save({str(path)!r})"
        )
    return picture.save(path, **options)
