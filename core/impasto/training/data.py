"""Batches for training: pictures in folders, and crops of them."""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy
import torch
from PIL import Image
from torch import Tensor

from ..errors import ParameterError
from ..files import files_in, local_path
from ..picture import Picture, picture_suffixes, read


def held_out(path: Path) -> bool:
    """Return whether a picture is kept from every training, so that benchmarks may measure on it.

    One group in ten; the tiles of one large picture (`name_t01.jpg`, `name_t02.jpg`) stay together.

    Example:
        >>> held_out(Path("harbour_t01.jpg")) == held_out(Path("harbour_t02.jpg"))
        True
    """
    group = re.sub(r"_t\d+$", "", path.stem)
    return hashlib.sha256(group.encode()).digest()[0] % 10 == 0


def pictures(folder: str | Path, held_back: bool = True) -> list[Path]:
    """Return the pictures of a folder that training may see, sorted by name.

    Args:
        folder: where they lie.
        held_back: leave out one in ten (`held_out`), as of what networks should learn to do well on all of its
            kind; False gives all of them, as of styles that are learned one by one.

    Raises:
        ParameterError: it is no folder, or has no such pictures.

    Example:
        >>> pictures("nowhere")
        Traceback (most recent call last):
        ...
        impasto.errors.ParameterError: nowhere is no folder of pictures
          what would work: a folder with files whose names end in .jpg, .jpeg, .png, ...
    """
    place, suffixes = local_path(folder), picture_suffixes()
    every = sorted(files_in(place, suffixes)) if place.is_dir() else []
    allowed = [path for path in every if not (held_back and held_out(path))]
    if not allowed:
        why = "has no pictures to train on" if place.is_dir() else "is no folder of pictures"
        raise ParameterError(
            f"{folder or 'the empty path'} {why}\n"
            f"  what would work: a folder with files whose names end in {', '.join(suffixes)}"
            + (f"\n  it has {len(every)}, each held out: one in ten is kept to measure on" if every else "")
        )
    return allowed


def style_names(files: Sequence[Path], name: Callable[[Path], str] = lambda file: file.stem) -> list[str]:
    """Return the name of each style picture, by which a network knows what it has learned of it.

    Args:
        files: the pictures.
        name: gives a file's; the file's own without its suffix, where none is given.

    Raises:
        ParameterError: two have the same.

    Example:
        >>> style_names([Path("mosaic.png"), Path("wave.jpg")])
        ['mosaic', 'wave']
    """
    owners: dict[str, Path] = {}
    for file in files:
        first = owners.setdefault(name(file), file)
        if first is not file:
            raise ParameterError(
                f"{first} and {file.name} would both be the style {name(file)!r}\n"
                "  what would work: one of them, or another name for one of the files"
            )
    return list(owners)


class Crops:
    """Random square crops of a list of pictures, held in memory as bytes.

    A crop shows a window of 4/5 to 4/3 of its size.  Of a picture that is smaller than the window it shows the largest
    that fits, enlarged, which is blurred: pictures whose shorter side is 4/3 of `size` or more are seen as they are.

    Args:
        files: the pictures, of any size.
        size: side of the crops in pixels.
        aspect: how far they are squeezed or stretched at most.
        enlarged: share of them that shows a scene two to eight times larger, as smooth as a part of a picture of many
            megapixels is.
        recoloured: share of them whose red, green and blue are put in any order, so that there are strong colours of
            every hue: few pictures have blue or violet lights.

    Example:
        >>> import tempfile
        >>> import impasto
        >>> file = Path(tempfile.mkdtemp(), "cat.png")
        >>> _ = impasto.read(impasto.samples.content("cat", 96)).save(file)
        >>> Crops([file], 32).draw(4, torch.Generator().manual_seed(0)).shape
        torch.Size([4, 3, 32, 32])
    """

    def __init__(
        self, files: Sequence[Path], size: int, aspect: float = 1.0, enlarged: float = 0.0, recoloured: float = 0.0
    ) -> None:
        self.size, self.aspect, self.enlarged, self.recoloured = size, aspect, enlarged, recoloured
        # What lies under transparent pixels is chance, and no part of what is learned.
        self.pictures = [Picture(read(file).visible).pil() for file in files]

    def draw(self, count: int, rng: torch.Generator) -> Tensor:
        """Return (count, 3, size, size) crops of varied scale, aspect and flip."""

        def uniform(low: float, high: float) -> float:
            return low + (high - low) * torch.rand((), generator=rng, dtype=torch.float32, device="cpu").item()

        crops = []
        for _ in range(count):
            picture = self.pictures[int(torch.randint(len(self.pictures), (), generator=rng, device="cpu"))]
            width, height = picture.size
            aspect = math.exp(uniform(-math.log(self.aspect), math.log(self.aspect)))
            # The window is measured in the source picture and resampled once, to the crop's size.
            side = self.size / uniform(0.75, 1.25)
            if self.enlarged and uniform(0, 1) < self.enlarged:
                side /= uniform(2, 8)
            box_w, box_h = side / math.sqrt(aspect), side * math.sqrt(aspect)
            shrink = min(1.0, width / box_w, height / box_h)
            # Rounding must not leave a window that is wider than its picture.
            box_w, box_h = min(box_w * shrink, width), min(box_h * shrink, height)
            left, top = uniform(0, width - box_w), uniform(0, height - box_h)
            box = (left, top, left + box_w, top + box_h)
            crop = picture.resize((self.size, self.size), Image.Resampling.BICUBIC, box=box)
            array = numpy.asarray(crop)
            if uniform(0, 1) < 0.5:
                array = array[:, ::-1]
            if self.recoloured and uniform(0, 1) < self.recoloured:
                array = array[..., torch.randperm(3, generator=rng, device="cpu").numpy()]
            crops.append(torch.from_numpy(array.copy()).permute(2, 0, 1).float() / 255)
        return torch.stack(crops)
