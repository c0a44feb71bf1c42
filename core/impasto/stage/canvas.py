"""The canvas that passes through a pipeline, and the styles on it."""

from __future__ import annotations

import colorsys
import dataclasses
import math
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

import torch
from torch import Tensor

from ..errors import ParameterError, quoted, suggestion
from ..picture import Interrupted, Metadata, read
from ..validation import check_extent, check_image, check_labels, check_maps, check_sum, python_number, shape


def style_image(source: Any) -> Tensor:
    """Return the colours (B, 3, H, W) of a style picture that count, with a warning if none of it can be seen.

    Args:
        source: anything that `impasto.read` takes.

    Example:
        >>> import torch
        >>> style_image(torch.full((3, 8, 8), 0.5)).shape
        torch.Size([1, 3, 8, 8])
    """
    picture = read(source)
    if picture.alpha is not None and not picture.alpha.any():
        warnings.warn(
            "the style picture is wholly transparent, and counts as white\n  what would work: one that can be seen",
            stacklevel=3,
        )
    return picture.visible


@dataclass(frozen=True, eq=False, repr=False)
class Style:
    """A style picture, how much it counts, and which part of it belongs to which region.

    Args:
        image: (1, 3, h, w) or (B, 3, h, w), float32 sRGB in [0, 1], of any size; or anything
            `impasto.read` takes, such as a path.
        weight: share among several styles; any real number.
        guides: (1, K, h, w) region maps, K as in the canvas's guides, whose sum over K is less than 1 where a part is
            for no region, and more where one part is for several; or (1, 1, h, w), the part of the picture that counts;
            None: all of it covers every region.
        labels: names of the K regions, matched with the content's by name; () goes by their order.
        region: label of the content's region that this style alone is for; "" is for all of them.
        file: path of the file it was read from, where nothing else is written; found where `image` is read from one.

    Example:
        >>> import impasto
        >>> impasto.Style(impasto.samples.style("mosaic", 64), weight=0.5).image.shape
        torch.Size([1, 3, 64, 64])
    """

    image: Tensor
    weight: float = 1.0
    guides: Tensor | None = None
    labels: tuple[str, ...] = ()
    region: str = ""
    file: str | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.image, Tensor):
            picture = read(self.image)
            object.__setattr__(self, "file", self.file or picture.meta.file)
            object.__setattr__(self, "image", style_image(picture))
        self._check({"image", "guides", "weight"})

    def _check(self, changed: set[str]) -> None:
        """Raise unless what changed fits what did not."""
        if "weight" in changed:
            weight = python_number(self.weight)
            if weight is None or not math.isfinite(weight):
                raise ParameterError(
                    f"a style's weight = {quoted(self.weight)} does not fit\n  what would work: a finite number"
                )
            object.__setattr__(self, "weight", weight)
        if "image" in changed:
            check_image(self.image, "style")
        if self.guides is not None and not isinstance(self.guides, Tensor):
            raise TypeError(
                f"the style's guides: expected a tensor (1, K, h, w), found {type(self.guides).__name__}\n"
                "  what would work: Style(picture, weight, guides=maps), or region='sky'"
            )
        if self.guides is not None and changed & {"image", "guides"}:
            check = check_maps if "guides" in changed else check_extent
            check(self.guides, self.image, "the style's guides")
        object.__setattr__(self, "labels", check_labels(self.labels, self.guides, "the style's guides"))
        if self.region and self.guides is not None and self.guides.shape[1] != 1:
            raise ValueError(
                f"a style for the region {self.region!r} alone has guides for {self.guides.shape[1]} regions\n"
                "  what would work: no guides, or one map (1, 1, h, w) of the part that counts"
            )

    def __repr__(self) -> str:
        given = {"weight": self.weight, "region": self.region, "labels": self.labels}
        usual = {"weight": 1.0, "region": "", "labels": ()}
        told = [f"{name}={value!r}" for name, value in given.items() if value != usual[name]]
        if self.guides is not None:
            told.append(f"guides={shape(self.guides)}")
        return f"Style({', '.join([repr(read(self.image.detach().clamp(0, 1))), *told])})"

    def _repr_png_(self) -> bytes:
        return read(self.image.detach().clamp(0, 1))._repr_png_()

    def replace(self, **changes: Any) -> Style:
        """Return a style with some of its parts replaced; only those are checked."""
        return _replaced(self, changes)

    def to(self, device: torch.device) -> Style:
        """Return the style with its tensors on a device."""
        guides = None if self.guides is None else self.guides.to(device)
        return _copied(self, image=self.image.to(device), guides=guides)


@dataclass(frozen=True, eq=False)
class Canvas:
    """What passes through a pipeline: the content, the image so far, styles, mask and guides.

    Args:
        content: (B, 3, H, W), float32 sRGB in [0, 1], as the user gave it.
        image: like content; what the stages so far have made of it.
        styles: one or several `Style`.
        mask: (1, 1, H, W) or (B, 1, H, W) in [0, 1], where to paint; None paints everywhere.
        guides: (1, K, H, W) or (B, K, H, W), region maps that sum to 1 over K; or None.
        labels: names of the K regions; () where they have none.
        meta: what the content's file said.
        memo: what stages leave for later stages of the same run, by name; the finished picture does not know of it.
        interrupted: where an iterative stage was stopped; None where none was.
        alpha: (1, 1, H, W) or (B, 1, H, W) in [0, 1], the content's opacity, which the finished picture gets; a stage
            that changes the size changes it too.  None: opaque.

    Example:
        >>> import impasto, torch
        >>> content = torch.rand(1, 3, 8, 8)
        >>> canvas = impasto.Canvas(content, content, mask=torch.ones(1, 1, 8, 8))
        >>> canvas.replace(image=1 - content).content is content
        True
    """

    content: Tensor
    image: Tensor
    styles: tuple[Style, ...] = ()
    mask: Tensor | None = None
    guides: Tensor | None = None
    labels: tuple[str, ...] = ()
    meta: Metadata = field(default_factory=Metadata)
    memo: Mapping[str, Any] = field(default_factory=dict)
    interrupted: Interrupted | None = None
    alpha: Tensor | None = None

    def __post_init__(self) -> None:
        self._check({"content", "image", "styles", "mask", "guides", "alpha"})

    def _check(self, changed: set[str]) -> None:
        """Raise unless what changed fits what did not."""
        if "content" in changed:
            check_image(self.content, "content")
        if self.image.shape != self.content.shape:
            raise ValueError(
                f"the image is {shape(self.image)} but the content is {shape(self.content)}\n"
                "  what would work: replace both, canvas.replace(content=..., image=...)"
            )
        for style in self.styles:
            if len(style.image) not in (1, len(self.content)):
                raise ValueError(
                    f"a style holds {len(style.image)} pictures and the content {len(self.content)}\n"
                    "  what would work: one style picture for all contents, or one for each"
                )
        for name, maps in (("mask", self.mask), ("guides", self.guides)):
            if maps is not None and changed & {"content", name}:
                check = check_maps if name in changed else check_extent
                check(maps, self.content, name)
        if self.guides is not None and "guides" in changed:
            check_sum(self.guides, "guides")
        if self.alpha is not None and "alpha" in changed:
            check_maps(self.alpha, self.content, "alpha")
        for name, maps in (("mask", self.mask), ("alpha", self.alpha)):
            if maps is not None and maps.shape[1] != 1:
                raise ValueError(f"{name}: expected one channel, (B, 1, H, W), found {shape(maps)}")
        object.__setattr__(self, "labels", check_labels(self.labels, self.guides, "guides"))

    def replace(self, **changes: Any) -> Canvas:
        """Return a canvas with some of its parts replaced; only those are checked."""
        return _replaced(self, changes)

    def to(self, device: torch.device) -> Canvas:
        """Return the canvas on a device."""
        maps = {"mask": self.mask, "guides": self.guides, "alpha": self.alpha}
        moved = {name: None if one is None else one.to(device) for name, one in maps.items()}
        styles = tuple(style.to(device) for style in self.styles)
        parts = {"content": self.content.to(device), "image": self.image.to(device)}
        return _copied(self, **parts, **moved, styles=styles)

    def picture(self) -> Tensor:
        """Return the image with its regions tinted and what the mask leaves out faded, (B, 3, H, W) in [0, 1].

        The tints are evenly spaced hues from red, in the order of the regions: three are red, green and blue.
        """
        shown = self.image
        if self.guides is not None:
            count = self.guides.shape[1]
            circle = [colorsys.hsv_to_rgb(region / count, 0.9, 0.95) for region in range(count)]
            tints = torch.einsum("bkhw,kc->bchw", self.guides, self.guides.new_tensor(circle))
            shown = shown * (1 - self.guides.sum(1, keepdim=True) / 2) + tints / 2
        if self.mask is not None:
            shown = shown.lerp(torch.ones_like(shown), 0.75 * (1 - self.mask))
        return shown


Part = TypeVar("Part", Style, Canvas)


def _replaced(part: Part, changes: Mapping[str, Any]) -> Part:
    """Return a copy with some fields replaced, of which those are checked that are other objects than before."""
    names = {entry.name for entry in dataclasses.fields(part)}
    for name in changes:
        if name not in names:
            raise TypeError(
                f"a {type(part).__name__.lower()} has no part {name!r}\n"
                f"  it has: {', '.join(sorted(names))}{suggestion(name, names)}"
            )
    copy = _copied(part, **changes)
    copy._check({name for name, value in changes.items() if value is not getattr(part, name)})
    return copy


def _copied(part: Part, **changes: Any) -> Part:
    """Return a copy with some fields replaced, unchecked."""
    copy = object.__new__(type(part))
    copy.__dict__.update(part.__dict__, **changes)
    return copy
