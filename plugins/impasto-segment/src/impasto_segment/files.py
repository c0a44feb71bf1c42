"""Masks and label pictures from files."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NoReturn

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from PIL import Image, ImageColor
from scipy import ndimage  # type: ignore[import-untyped]
from torch import Tensor

import impasto
from impasto import Canvas, ParameterError, PictureError, Preprocessor, StageError, param
from impasto.errors import suggestion

from .tools import with_mask

__all__ = ["MaskFile"]

FEW_LABELS = 64
"""A picture with more flat colours than this, none of them named, is hardly a label picture."""
REACH = 8
"""Pixels, or a hundredth of the picture: where colours of two labels mix, by antialiasing or JPEG, the nearest pixel
of a clear colour decides."""
NOISY = 1024
"""A picture with more colours than this is noisy, and a colour is a label's if it fills NOISE_SHARE of it."""
NOISE_SHARE = 1e-3
REST = "*"
VOID, UNKNOWN = -1, -2
GREY_NOISE = 3 / 255
"""Difference of channels up to which a picture counts as grey, as JPEG leaves it."""

JPEG_NOISE = 12 / 255
"""What a JPEG mask has of grey where black or white was meant."""

Colour = tuple[int, int, int]
Look = Colour | int | str
"""What a label looks like: a colour, a number, or REST."""
Numbers = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class LabelFile:
    """A picture file, read for its labels: colours as whole numbers, and what the file says about them."""

    path: str
    tensor: Tensor
    """(1, 3, h, w), float32 in [0, 1]."""
    alpha: Tensor | None
    bits: int
    palette: Sequence[Colour]
    """Colours by number, of a file that has a palette."""
    single: bool
    """Whether its pixels are numbers: places in a palette, or grey levels."""
    lossy: bool

    @property
    def colours(self) -> Numbers:
        """(h, w), each pixel's red, green and blue as one number; deep greys as they are."""
        values = (self.tensor[0].cpu().double().numpy() * (65535 if self.deep else 255)).round().astype(np.int64)
        return values[0] if self.deep else np.asarray(values[0] << 16 | values[1] << 8 | values[2])

    @property
    def deep(self) -> bool:
        """Whether its numbers go beyond 255."""
        return self.single and self.bits == 16

    @property
    def grey(self) -> bool:
        """Whether the picture has no colour."""
        return bool((self.tensor.amax(1) - self.tensor.amin(1)).max() <= GREY_NOISE)

    @property
    def cut_out(self) -> bool:
        """Whether the picture has an alpha channel that says something."""
        return self.alpha is not None and bool((self.alpha < 1).any())

    def number(self, place: int) -> Colour | None:
        """Return the colour that a number stands for, if any."""
        if self.palette:
            return self.palette[place] if place < len(self.palette) else None
        if self.deep:
            return split(place)
        return (place, place, place) if self.single and place < 256 else None

    def call(self, colour: Colour) -> str:
        """Return the plain name of a colour: its number in a palette or among greys, or `#rrggbb`."""
        if self.palette:
            return str(self.palette.index(colour)) if colour in self.palette else spell(colour)
        if self.single:
            return str(pack(colour) if self.deep else colour[0])
        return spell(colour)


def open_labels(path: str) -> LabelFile:
    """Read a picture with what the file says of its palette.

    Raises:
        PictureError: it cannot be read.
        OSError: it is not there.
    """
    picture = impasto.read(path)
    with Image.open(picture.meta.file) as image:  # read() has decoded it, so it is one and is not too large
        single = image.mode in ("1", "L", "P", "I") or image.mode.startswith("I;16")
        flat = image.getpalette("RGB") if image.mode == "P" else None
        lossy = image.format == "JPEG"
    palette = [] if flat is None else [(flat[i], flat[i + 1], flat[i + 2]) for i in range(0, len(flat) - 2, 3)]
    return LabelFile(path, picture.tensor, picture.alpha, picture.meta.bits, palette, single, lossy)


def lay_over(values: Tensor, canvas_size: tuple[int, int], mode: str) -> Tensor:
    """Return maps (1, C, h, w) resized to (H, W); labels by the nearest pixel, soft masks smoothly."""
    if values.shape[-2:] == canvas_size:
        return values
    if mode == "nearest":
        return F.interpolate(values, canvas_size, mode="nearest-exact")
    return F.interpolate(values, canvas_size, mode="bilinear", antialias=True).clamp(0, 1)


def same_aspect(found: tuple[int, int], wanted: tuple[int, int]) -> bool:
    """Return whether one size is the other scaled, up to a pixel of the smaller one: programs round differently."""
    small, large = sorted((found, wanted))
    scale = max(small) / max(large)
    return all(abs(one - other * scale) <= 1 for one, other in zip(small, large, strict=True))


def parse_look(text: str) -> Look | None:
    """Return the colour, number or REST that a text says; None if it says none."""
    if text == REST or text.isdecimal():
        return REST if text == REST else int(text)
    with contextlib.suppress(ValueError):
        red, green, blue = ImageColor.getrgb(text)[:3]
        return red, green, blue
    return None


def split(colour: int) -> Colour:
    """Return red, green and blue of a colour that is one number."""
    return colour >> 16 & 255, colour >> 8 & 255, colour & 255


def pack(colour: Colour) -> int:
    """Return a colour as one number."""
    return colour[0] << 16 | colour[1] << 8 | colour[2]


def spell(colour: Colour) -> str:
    """Return a colour as `#rrggbb`."""
    return f"#{pack(colour):06x}"


def shares(file: LabelFile, colours: Numbers, most: int = 6) -> str:
    """Say which colours an array holds and how much of it: `#00ff00 12.5 %, #ffff00 3.1 %`."""
    values, counts = np.unique(colours, return_counts=True)
    order = np.argsort(-counts, kind="stable")
    said = [f"{file.call(split(int(values[i])))} ({100 * counts[i] / colours.size:.1f} %)" for i in order[:most]]
    return ", ".join(said) + (f" and {len(order) - most} more" if len(order) > most else "")


def difference(one: Colour, other: Colour) -> int:
    """Return the largest difference of two colours' channels."""
    return max(abs(a - b) for a, b in zip(one, other, strict=True))


def in_blocks(values: Numbers) -> Flags:
    """Return which pixels lie in a block of 2×2 with one value: an area has such, a mixture at an edge does not."""
    rows = values[1:] == values[:-1]
    corner = rows[:, 1:] & rows[:, :-1] & (values[:-1, 1:] == values[:-1, :-1])
    inside = np.zeros(values.shape, bool)
    for down in (slice(1, None), slice(None, -1)):
        for across in (slice(1, None), slice(None, -1)):
            inside[down, across] |= corner
    return inside


def flat_colours(colours: Numbers, where: Flags, tolerance: float) -> list[Colour]:
    """Return the colours that fill areas, the commonest first; those within `tolerance` of one count as that one."""
    every = np.unique(colours[where])
    values, counts = np.unique(colours[where & in_blocks(colours)], return_counts=True)
    if not len(values):
        return []
    enough = NOISE_SHARE * colours.size if len(every) > NOISY else 0
    order = np.argsort(-counts, kind="stable")
    counts, channels = counts[order], channels_of(values[order])
    kept: list[Colour] = []
    for _ in range(8 * FEW_LABELS):  # a photograph has no end of them
        if not len(counts) or len(kept) > FEW_LABELS:
            break
        red, green, blue = channels[0].tolist()
        near = np.abs(channels - channels[0]).max(1) <= 255 * tolerance
        if counts[near].sum() >= enough:
            kept.append((red, green, blue))
        counts, channels = counts[~near], channels[~near]
    return kept


def channels_of(values: Numbers) -> Numbers:
    """Return red, green and blue, (N, 3), of colours that are one number each."""
    return np.stack([values >> 16, values >> 8 & 255, values & 255], 1)


def nearest_colour(values: Numbers, palette: Sequence[Colour]) -> tuple[Numbers, Numbers]:
    """Return for each colour the place of the nearest one in a palette, and the largest difference of a channel."""
    channels = channels_of(values)
    nearest, distance = np.zeros(len(values), np.int64), np.full(len(values), 256)
    for place, colour in enumerate(palette):
        here = np.abs(channels - np.asarray(colour)).max(1)
        nearest = np.where(here < distance, place, nearest)
        distance = np.minimum(distance, here)
    return nearest, distance


def classify(colours: Numbers, opaque: Flags, palette: Sequence[Colour], tolerance: float) -> Numbers:
    """Return for each pixel the place of its colour in the palette, or UNKNOWN, or VOID where it is transparent.

    A colour within `tolerance` of one in the palette is that one.  What is left is unknown where it fills an area;
    otherwise it is a mixture at an edge, and takes the label of the nearest pixel that is clear.
    """
    values, inverse = np.unique(colours, return_inverse=True)
    inverse = inverse.reshape(colours.shape)
    nearest, distance = nearest_colour(values, palette)
    labels = np.where(distance <= 255 * tolerance, nearest, UNKNOWN)[inverse]
    # Near a label's colour by chance, a mixture of two others would make a thin false line.
    clear = opaque & (labels >= 0) & ((distance == 0)[inverse] | in_blocks(labels))
    if clear.any() and not clear.all():
        away, (rows, columns) = ndimage.distance_transform_edt(~clear, return_indices=True)
        others = flat_colours(colours, opaque & (labels < 0), tolerance)
        strange = (nearest_colour(values, others)[1] <= 255 * tolerance)[inverse] & (labels < 0)
        strange |= away > max(REACH, max(colours.shape) // 100)
        labels = np.where(strange & ~clear, UNKNOWN, labels[rows, columns])
    return np.where(opaque, labels, VOID)


class MaskFile(Preprocessor, name="mask-file"):
    """Take the mask, or regions with names, from a picture file: grey, alpha, or a colour for each label."""

    path: str = param(help="the mask or label picture, drawn over the content; any scale of its size")
    styles: tuple[str, ...] = param(
        default=(), help="label pictures of the style pictures, in their order; '' for a style without one"
    )
    labels: tuple[str, ...] = param(
        default=(),
        help="what colours mean: 'sky=#0000ff', 'sun=yellow', 'sea=3' by number in a palette or grey level,"
        " 'rest=*' for all others",
    )
    paint: tuple[str, ...] = param(default=(), help="labels to paint, which become the mask; none given paints all")
    use: str = param(
        default="auto",
        choices=("auto", "grey", "alpha", "labels"),
        help="what to read; auto takes labels if they are asked for, else alpha, else grey, else colours as labels",
    )
    tolerance: float = param(
        default=0.05,
        low=0,
        high=1,
        help="largest difference in red, green or blue (of 1) at which a colour is still a label's, against JPEG noise",
    )
    pair: bool = param(
        default=True,
        help="expect the same labels in content and styles; false leaves the pairing to match-regions",
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        names = self._looks()
        if self.use in ("grey", "alpha") and (self.labels or self.paint or self.styles):
            raise ParameterError(
                f"{self.name}: use = {self.use!r} reads a mask without labels, but labels are asked for\n"
                "  what would work: use='labels', or neither labels, paint nor styles"
            )
        for label in self.paint:
            if names and label not in names:
                raise ParameterError(
                    f"{self.name}: paint names {label!r}, which labels does not"
                    f"\n  labels: {', '.join(names)}{suggestion(label, names)}"
                )

    def _looks(self) -> Mapping[str, Look]:
        """Return what each label looks like, by name."""
        named: dict[str, Look] = {}
        for entry in self.labels:
            label, _, said = (part.strip() for part in entry.rpartition("="))
            look = parse_look(said)
            if not label or look is None:
                raise ParameterError(
                    f"{self.name}: the label {entry!r} does not say what colour it has\n"
                    "  what would work: 'sky=#0000ff' or 'sky=blue', 'sky=3' for number 3 of a palette or grey level 3,"
                    " 'rest=*' for all other colours"
                )
            if label in named or look in named.values():
                raise ParameterError(
                    f"{self.name}: the label {entry!r} has the name or the colour of another one\n"
                    f"  labels: {', '.join(self.labels)}\n  what would work: different names and colours"
                )
            named[label] = look
        return named

    # ------------------------------------------------------------------------------------------------ the canvas

    def prepare(self, canvas: Canvas) -> Canvas:
        """Return the canvas with the file's mask, or with its regions as guides."""
        file = self._open(self.path, canvas.image, "content")
        use = self.use
        if use == "auto":
            asked = self.labels or self.paint or self.styles
            use = "labels" if asked else "alpha" if file.cut_out else "grey" if file.grey else "labels"
        if use == "labels":
            return self._regions(canvas, file)
        if use == "alpha" and file.alpha is None:
            raise StageError(
                f"{self.name}: '{self.path}' has no alpha channel\n"
                "  what would work: a PNG or TIFF with transparency, or use='grey'"
            )
        values = file.alpha if use == "alpha" and file.alpha is not None else file.tensor.mean(1, keepdim=True)
        if file.lossy:  # its black is not quite black, and what a mask leaves out is kept to the bit
            values = ((values - JPEG_NOISE) / (1 - 2 * JPEG_NOISE)).clamp(0, 1)
        mask = lay_over(values.to(canvas.image), (canvas.image.shape[-2], canvas.image.shape[-1]), "smooth")
        return with_mask(self, canvas, mask, f"'{self.path}'")

    def _open(self, path: str, picture: Tensor, what: str) -> LabelFile:
        try:
            file = open_labels(path)
        except (OSError, PictureError) as error:
            raise StageError(f"{self.name}, for the {what}: {error}") from error
        found, wanted = (file.tensor.shape[-2], file.tensor.shape[-1]), (picture.shape[-2], picture.shape[-1])
        if not same_aspect(found, wanted):
            turned = "; turned by 90° it would fit" if same_aspect(found[::-1], wanted) else ""
            raise StageError(
                f"{self.name}: '{path}' is {found[0]}×{found[1]} pixels and the {what} {wanted[0]}×{wanted[1]},"
                f" of another aspect ({found[1] / found[0]:.3g} and {wanted[1] / wanted[0]:.3g}){turned}\n"
                f"  what would work: a picture drawn over the {what} itself, at any scale of {wanted[0]}×{wanted[1]}"
            )
        # Twice as fine as the picture is fine enough, and a scan's millions of pixels take seconds.
        step = max(1, found[0] // (2 * wanted[0]))
        thin = (..., slice(step // 2, None, step), slice(step // 2, None, step))
        return replace(file, tensor=file.tensor[thin], alpha=None if file.alpha is None else file.alpha[thin])

    def _regions(self, canvas: Canvas, file: LabelFile) -> Canvas:
        if self.styles and len(self.styles) != len(canvas.styles):
            raise StageError(
                f"{self.name}: {len(self.styles)} label pictures for styles ({', '.join(map(repr, self.styles))})"
                f" and {len(canvas.styles)} style pictures\n"
                "  what would work: one path for each style, in their order, '' for a style without one"
            )
        looks: dict[str, Colour] = {}
        read = [(file, self._read(file, looks), canvas.image)]
        paths = self.styles or ("",) * len(canvas.styles)
        for path, style in zip(paths, canvas.styles, strict=True):
            if path:
                opened = self._open(path, style.image, "style")
                read.append((opened, self._read(opened, looks), style.image))
        names = tuple(looks)
        self._say_what_is_nowhere(names, [found for _, found, _ in read])
        laid = iter([self._lay(*one, names) for one in read])
        content = next(laid)
        indices = [next(laid) if path else None for path in paths]
        here = present(content, names)
        there = [None if index is None else present(index, names) for index in indices]
        painted = self._painted(here, there)
        guides, mask = partition(content, [names.index(label) for label in painted])
        styles = []
        for style, index, labels in zip(canvas.styles, indices, there, strict=True):
            if index is None or labels is None:
                styles.append(style)
                continue
            kept = painted if self.pair else labels
            one_hot = torch.stack([index == names.index(label) for label in kept])[None]
            styles.append(style.replace(guides=one_hot.to(style.image), labels=kept))
        prepared = canvas.replace(guides=guides.to(canvas.image), labels=painted, styles=tuple(styles))
        if mask.all():
            return prepared
        return with_mask(self, prepared, mask.to(canvas.image), f"'{self.path}' ({', '.join(map(repr, painted))})")

    def _read(self, file: LabelFile, looks: dict[str, Colour]) -> Numbers:
        """Return a file's labels (h, w), as places in `looks`, to which new labels are added."""
        colours, named = file.colours, self._looks()
        opaque = np.ones(colours.shape, bool) if file.alpha is None else (file.alpha[0, 0] >= 0.5).cpu().numpy()
        by_number = file.single and not file.lossy and not any(isinstance(look, tuple) for look in named.values())
        tolerance = 0.0 if by_number else self.tolerance  # neighbouring numbers are different labels
        known = {label: self._colour(file, label, look) for label, look in named.items() if look != REST}
        if not named:
            known = dict(looks)
            # Without areas, in a picture too small or too thin for them, every colour is a label.
            found = flat_colours(colours, opaque, tolerance) or list(map(split, np.unique(colours[opaque]).tolist()))
            for colour in found:
                if all(difference(colour, other) > 255 * tolerance for other in known.values()):
                    name = file.call(colour)
                    known[spell(colour) if name in known else name] = colour
            if len(known) > FEW_LABELS:
                self._refuse(file, f"has more than {FEW_LABELS} flat colours")
        rest = next((label for label, look in named.items() if look == REST), None)
        for label in named or known:
            looks.setdefault(label, known.get(label, (0, 0, 0)))
        places = list(looks)
        labels = classify(colours, opaque, list(known.values()), tolerance)
        strange = labels == UNKNOWN
        if strange.any() and rest is None:
            self._refuse_colours(file, colours[strange], known if named else {})
        # The last two entries answer to UNKNOWN and VOID.
        order = np.asarray([*map(places.index, known), VOID if rest is None else places.index(rest), VOID])
        return np.asarray(order[labels])

    def _lay(self, file: LabelFile, found: Numbers, picture: Tensor, names: Sequence[str]) -> Tensor:
        """Return a file's labels resized to lie over a picture, (H, W)."""
        size = (picture.shape[-2], picture.shape[-1])
        over = lay_over(torch.from_numpy(found)[None, None].float(), size, "nearest")[0, 0].long()
        lost = [label for place, label in enumerate(names) if (found == place).any() and not (over == place).any()]
        if lost:
            warnings.warn(
                f"{self.name}: {', '.join(map(repr, lost))} of '{file.path}' vanishes when it is resized to"
                f" {size[0]}×{size[1]} pixels\n"
                "  what would work: a larger picture, or larger areas of the label",
                stacklevel=2,
            )
        return over

    def _colour(self, file: LabelFile, label: str, look: Look) -> Colour:
        if isinstance(look, tuple):
            return look
        colour = file.number(int(look))
        if colour is None:
            found = f"a palette of {len(file.palette)} colours" if file.palette else "colours, not numbers up to there"
            raise StageError(
                f"{self.name}: the label {label!r} is number {look}, but '{file.path}' has {found}\n"
                f"  found: {shares(file, file.colours)}\n  what would work: a colour, such as {label}=#0000ff"
            )
        return colour

    def _refuse_colours(self, file: LabelFile, strange: Numbers, known: Mapping[str, Colour]) -> None:
        share = f"{100 * strange.size / file.colours.size:.3g} %"
        if not known:
            self._refuse(file, f"has no flat colour in {share} of it")
        values, counts = np.unique(strange, return_counts=True)
        commonest = file.call(split(int(values[counts.argmax()])))
        raise StageError(
            f"{self.name}: {share} of '{file.path}' has colours that no label names\n"
            f"  found there: {shares(file, strange)}\n"
            f"  labels: {', '.join(f'{label}={file.call(colour)}' for label, colour in known.items())}\n"
            f"  what would work: one more label, 'another={commonest}', or 'rest=*' for all other colours,"
            f" or a tolerance above {self.tolerance:g}"
        )

    def _refuse(self, file: LabelFile, found: str) -> NoReturn:
        raise StageError(
            f"{self.name}: '{file.path}' {found}, so it is no label picture ({shares(file, file.colours)})\n"
            "  what would work: one flat colour for each label; for a mask, use='grey' or use='alpha'"
        )

    def _say_what_is_nowhere(self, names: Sequence[str], found: Sequence[Numbers]) -> None:
        places = set().union(*(np.unique(one).tolist() for one in found))
        nowhere = [label for place, label in enumerate(names) if place not in places]
        if nowhere:
            files = ", ".join(f"'{path}'" for path in [self.path, *filter(None, self.styles)])
            warnings.warn(
                f"{self.name}: no pixel of {files} is labelled {', '.join(map(repr, nowhere))}\n"
                f"  found: {', '.join(repr(label) for label in names if label not in nowhere)}",
                stacklevel=2,
            )

    def _painted(self, here: tuple[str, ...], there: Sequence[tuple[str, ...] | None]) -> tuple[str, ...]:
        """Return the content's labels that are painted; say which are not."""
        absent = [label for label in self.paint if label not in here]
        if absent:
            raise StageError(
                f"{self.name}: '{self.path}' has no {', '.join(map(repr, absent))}, which is to be painted\n"
                f"  found: {', '.join(map(repr, here)) or 'nothing opaque'}{suggestion(absent[0], here)}"
            )
        wanted = tuple(label for label in here if not self.paint or label in self.paint)
        if not wanted:
            raise StageError(
                f"{self.name}: '{self.path}' is transparent everywhere, so there is nothing to paint\n"
                "  what would work: a label picture without alpha"
            )
        files = ", ".join(f"'{path}'" for path in self.styles if path)
        if not self.pair or not files:
            return wanted
        labelled = [found for found in there if found is not None]
        offered = {label for found in labelled for label in found}
        shared = tuple(label for label in wanted if len(labelled) < len(there) or label in offered)
        said = f"'{self.path}' has {', '.join(map(repr, wanted))}, and {files} {', '.join(map(repr, sorted(offered)))}"
        if not shared:
            raise StageError(
                f"{self.name}: {said}: no label is on both sides\n"
                "  what would work: the same names and colours in both; or pair=False and then match-regions,"
                " which pairs regions by their looks"
            )
        alone = [label for label in wanted if label not in shared]
        unused = sorted(offered - set(here))
        if alone or unused:
            stays = f"\n  {', '.join(map(repr, alone))} of the content has no style and stays as it is" if alone else ""
            idle = f"\n  {', '.join(map(repr, unused))} of the style is not used" if unused else ""
            warnings.warn(
                f"{self.name}: {said}{stays}{idle}\n  what would work: the same labels on both sides, or pair=False"
                " and then match-regions",
                stacklevel=2,
            )
        return shared


def present(index: Tensor, names: Sequence[str]) -> tuple[str, ...]:
    """Return the labels that have pixels, in the order of their names."""
    found = set(np.unique(index.numpy()).tolist())
    return tuple(label for place, label in enumerate(names) if place in found)


def partition(index: Tensor, painted: Sequence[int]) -> tuple[Tensor, Tensor]:
    """Return guides of the painted labels, which cover the whole picture, and the mask of where they are.

    What is not painted goes to the guide of the nearest region, so that a mask which grows or is feathered finds a
    region wherever it comes.

    Args:
        index: (H, W), the label of each pixel.
        painted: labels to make guides of.

    Returns:
        (1, K, H, W) and (1, 1, H, W), boolean.
    """
    inside = torch.isin(index, index.new_tensor(painted))
    if not inside.all():
        rows, columns = ndimage.distance_transform_edt(~inside.numpy(), return_distances=False, return_indices=True)
        index = index[torch.from_numpy(rows).long(), torch.from_numpy(columns).long()]
    return torch.stack([index == label for label in painted])[None], inside[None, None]
