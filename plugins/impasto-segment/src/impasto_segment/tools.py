"""Tools that change the mask: rectangle, grow, shrink, feather, invert, fill, matting of the edge."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from typing import ClassVar

import numpy as np
import torch
import torch.nn.functional as F
from scipy import ndimage  # type: ignore[import-untyped]
from skimage.morphology import reconstruction
from torch import Tensor

from impasto import Canvas, ParameterError, Preprocessor, Stage, StageError, param
from impasto.functional.matting import closed_form_matting
from impasto.stage import interruptible

__all__ = [
    "FeatherMask",
    "FeatherRegions",
    "FillMask",
    "GrowMask",
    "InvertMask",
    "MaskRectangle",
    "MatteMask",
    "ShrinkMask",
    "blur",
    "dilate",
    "erode",
    "feather",
    "fill_holes",
    "with_mask",
]

SIDES = ("both", "inside", "outside")


# ------------------------------------------------------------------------------------------- functions of masks


def dilate(mask: Tensor, radius: float) -> Tensor:
    """Return the greatest value within `radius` of each pixel: exact Euclidean dilation, of soft masks too.

    Greatest values of 1, 2, 4, 8 … neighbours in a row are built by doubling, and each row of the disc is put
    together from two of them, so the cost is a few operations for each row of the disc.

    Args:
        mask: (B, C, H, W).
        radius: of the disc dx² + dy² ≤ radius², in pixels, 0 or more; what is outside the picture does not count.

    Example:
        >>> import torch
        >>> dilate(torch.eye(5)[None, None, 2:3], 1).flatten().tolist()
        [0.0, 1.0, 1.0, 1.0, 0.0]
    """
    height, width = mask.shape[-2:]
    reach = min(math.floor(radius), height - 1)
    # Half the width of the disc in the row `dy` from its centre; wider than the picture sees no more pixels.
    halves = [min(math.isqrt(math.floor(radius * radius - dy * dy)), width - 1) for dy in range(reach + 1)]
    greatest = [F.pad(mask, (halves[0], halves[0]), value=-torch.inf)]
    while 2 ** len(greatest) <= 2 * halves[0] + 1:
        last, step = greatest[-1], 2 ** (len(greatest) - 1)
        greatest.append(torch.maximum(last[..., :-step], last[..., step:]))
    result = mask
    for dy, half in enumerate(halves):
        span = 2 * half + 1
        level = span.bit_length() - 1
        start = halves[0] - half
        first = greatest[level].narrow(-1, start, width)
        row = torch.maximum(first, greatest[level].narrow(-1, start + span - 2**level, width))
        if dy == 0:
            result = torch.maximum(result, row)
            continue
        result = result.clone() if result is mask else result
        result[..., dy:, :] = torch.maximum(result[..., dy:, :], row[..., :-dy, :])
        result[..., :-dy, :] = torch.maximum(result[..., :-dy, :], row[..., dy:, :])
    return result


def erode(mask: Tensor, radius: float) -> Tensor:
    """Return the least value within `radius` of each pixel; the border of the picture is no edge of the mask."""
    return -dilate(-mask, radius)


def blur(maps: Tensor, reach: float) -> Tensor:
    """Return maps (B, C, H, W) blurred by a Gaussian of σ = reach / 3, cut off at `reach` pixels.

    The border is repeated, so that a map which touches it does not fade there; maps that sum to 1 still do.
    """
    half = math.floor(reach)
    if not half:
        return maps
    place = torch.arange(-half, half + 1, device=maps.device, dtype=maps.dtype)
    kernel = torch.exp(-(place**2) / (2 * (reach / 3) ** 2))
    kernel = (kernel / kernel.sum()).view(1, 1, 1, -1)
    planes = maps.flatten(0, 1).unsqueeze(1)
    planes = F.conv2d(F.pad(planes, (half, half, 0, 0), mode="replicate"), kernel)
    planes = F.conv2d(F.pad(planes, (0, 0, half, half), mode="replicate"), kernel.mT)
    # The weights of the kernel sum to 1 only nearly; what was flat stays as it was, to the bit.
    return (planes.view_as(maps) * 2**20).round().clamp(0, 2**20) / 2**20


def feather(mask: Tensor, radius: float, side: str = "both") -> Tensor:
    """Return a mask whose edge falls off smoothly over `radius` pixels.

    Args:
        mask: (B, 1, H, W) in [0, 1].
        radius: how far from the edge the mask changes, in pixels.
        side: "both" changes `radius` pixels on each side, "inside" leaves the outside at 0, "outside" leaves the
            inside at 1.
    """
    if side == "inside":
        return torch.minimum(mask, blur(erode(mask, radius / 2), radius / 2))
    if side == "outside":
        return torch.maximum(mask, blur(dilate(mask, radius / 2), radius / 2))
    return blur(mask, radius)


def fill_holes(mask: Tensor, largest: int | None = None) -> Tensor:
    """Return masks (B, 1, H, W) without holes: what no path leads to from the border but through higher values.

    Args:
        mask: soft or hard; a hole is raised to the lowest value that must be crossed to leave it (Soille,
            Morphological Image Analysis, 2003: reconstruction by erosion).
        largest: holes of more pixels than this stay; None fills all.
    """

    def filled(values: np.ndarray) -> np.ndarray:
        # A path may leave over the border, so a ring of the lowest value lies around the picture.
        framed = np.pad(values, 1, constant_values=values.min())
        seed = np.full_like(framed, framed.max())
        seed[[0, -1], :], seed[:, [0, -1]] = framed[[0, -1], :], framed[:, [0, -1]]
        around = np.ones((3, 3))
        full = interruptible(lambda: reconstruction(seed, framed, method="erosion", footprint=around))[1:-1, 1:-1]
        if largest is not None:
            holes, _ = ndimage.label(full > values, around)
            large = np.bincount(holes.ravel()) > largest
            full = np.where(large[holes], values, full)
        return np.asarray(full, np.float32)

    return _on_the_cpu(mask, filled)


def _on_the_cpu(mask: Tensor, function: Callable[[np.ndarray], np.ndarray]) -> Tensor:
    """Apply a function of one NumPy mask (H, W) to each mask of a batch."""
    done = [torch.from_numpy(function(one[0])) for one in mask.cpu().float().numpy()]
    return torch.stack(done)[:, None].to(mask)


# ---------------------------------------------------------------------------------------------- masks of canvases


def with_mask(stage: Stage, canvas: Canvas, mask: Tensor, where: str = "") -> Canvas:
    """Return the canvas painted only inside `mask`, and inside the mask that it has.

    Args:
        stage: for the message.
        canvas: its own mask, such as the user's, still holds.
        mask: (1 or B, 1, H, W) in [0, 1].
        where: what the mask was made from, for the message, such as a file.

    Raises:
        StageError: nothing is left to paint.
    """
    of = f" of {where}" if where else ""
    if not mask.any():
        raise StageError(
            f"{stage.name}: the mask{of} selects nothing, so there is nothing to paint\n"
            "  what would work: values above 0 where the picture is to be painted"
        )
    both = mask if canvas.mask is None else mask * canvas.mask
    if not both.any():
        raise StageError(
            f"{stage.name}: the mask{of} and the mask there was before have no pixel in common\n"
            "  what would work: one mask, or two that overlap; a stage that sets a mask keeps to the one before it"
        )
    return canvas.replace(mask=both)


class MaskTool(Preprocessor):
    """A stage that changes the mask of the canvas; a subclass says how."""

    prepares = ("mask",)

    def change(self, mask: Tensor, content: Tensor) -> Tensor:
        """Return the mask (1 or B, 1, H, W) in [0, 1] made of another; `content` is the picture under it."""
        raise NotImplementedError

    def advice(self, mask: Tensor) -> str:
        """Say what would leave something of a mask that this stage empties."""
        return "a mask that selects a part of the picture"

    def prepare(self, canvas: Canvas) -> Canvas:
        """Return the canvas with its mask changed; raise if there is none, or none is left."""
        if canvas.mask is None:
            raise StageError(
                f"{self.name}: there is no mask to change\n"
                f"  what to type: a stage before it that sets one, Pipeline.parse('mask-rectangle, {self.name}, …'),"
                " or pipe(..., mask='mask.png')"
            )
        changed = self.change(canvas.mask, canvas.content)
        before, after = canvas.mask.flatten(1).any(1), changed.flatten(1).any(1).expand(len(changed))
        if not after.any():
            raise StageError(
                f"{self!r}: nothing of the mask is left, so there is nothing to paint\n"
                f"  what would work: {self.advice(canvas.mask)}"
            )
        if len(before) == len(after) and (before & ~after).any():
            emptied = ", ".join(str(index + 1) for index in (before & ~after).nonzero().flatten().tolist())
            warnings.warn(
                f"{self.name}: nothing of the mask is left in picture {emptied} of {len(after)}, which stays as it is\n"
                f"  what would work: {self.advice(canvas.mask)}",
                stacklevel=2,
            )
        strongest = float(changed.max())
        if strongest < 0.5 <= float(canvas.mask.max()):
            warnings.warn(
                f"{self.name}: the mask is thinner than its new edge is soft, and paints {100 * strongest:.0f} % at"
                " most\n"
                "  what would work: a smaller radius, grow-mask before it, or side='outside'",
                stacklevel=2,
            )
        return canvas.replace(mask=changed)


def inner_distance(mask: Tensor) -> float:
    """Return how far the innermost pixel of the masks is from the nearest pixel outside, in pixels."""

    def inside(values: np.ndarray) -> np.ndarray:
        # A mask without an outside has no edge that could come near.
        selected = values > 0
        distance = ndimage.distance_transform_edt(selected) if not selected.all() else np.full(values.shape, np.inf)
        return np.asarray(distance, np.float32)

    return float(_on_the_cpu(mask, inside).max())


# ------------------------------------------------------------------------------------------------------- stages


class MaskRectangle(Preprocessor, name="mask-rectangle"):
    """Paint inside a rectangle only, given in shares of the picture's width and height."""

    prepares = ("mask",)

    left: float = param(default=0.25, low=0, high=1, help="left edge, as a share of the width")
    top: float = param(default=0.25, low=0, high=1, help="upper edge, as a share of the height")
    right: float = param(default=0.75, low=0, high=1, help="right edge, as a share of the width from the left")
    bottom: float = param(default=0.75, low=0, high=1, help="lower edge, as a share of the height from the top")

    def check(self) -> None:
        """Refuse edges in the wrong order."""
        super().check()
        for low, high in (("left", "right"), ("top", "bottom")):
            if getattr(self, low) >= getattr(self, high):
                raise ParameterError(
                    f"{self.name}: {low} = {getattr(self, low):g} is not less than {high} = {getattr(self, high):g}\n"
                    "  what would work: shares of the picture counted from its upper left corner,"
                    " such as left=0.1, right=0.6"
                )

    def prepare(self, canvas: Canvas) -> Canvas:
        """Return the canvas with the rectangle as its mask."""
        height, width = canvas.image.shape[-2:]
        mask = canvas.image.new_zeros(1, 1, height, width)
        rows = slice(round(self.top * height), round(self.bottom * height))
        columns = slice(round(self.left * width), round(self.right * width))
        mask[..., rows, columns] = 1
        return with_mask(self, canvas, mask, f"{self!r} on {width}×{height} pixels")


class GrowMask(MaskTool, name="grow-mask"):
    """Grow the mask outwards by a distance in pixels."""

    radius: float = param(default=5.0, low=0, high=10_000, help="how far the mask grows, in pixels")

    def change(self, mask: Tensor, content: Tensor) -> Tensor:
        """Return the mask grown."""
        return dilate(mask, self.radius)


class ShrinkMask(MaskTool, name="shrink-mask"):
    """Shrink the mask inwards by a distance in pixels; the border of the picture is no edge."""

    radius: float = param(default=5.0, low=0, high=10_000, help="how far the mask shrinks, in pixels")

    def change(self, mask: Tensor, content: Tensor) -> Tensor:
        """Return the mask shrunk."""
        return erode(mask, self.radius)

    def advice(self, mask: Tensor) -> str:
        """Say which radius would leave something."""
        return f"radius below {inner_distance(mask):.3g}: the middle of the mask is that far from its edge"


class FeatherMask(MaskTool, name="feather-mask"):
    """Soften the edge of the mask by a Gaussian, so that what is painted fades into what is not."""

    radius: float = param(default=8.0, low=0, high=10_000, help="how far from the edge the mask fades, in pixels")
    side: str = param(
        default="both",
        choices=SIDES,
        help="side of the edge on which it fades; inside paints nothing outside the mask, outside all inside it",
    )

    def change(self, mask: Tensor, content: Tensor) -> Tensor:
        """Return the mask with a soft edge."""
        return feather(mask, self.radius, self.side)

    def advice(self, mask: Tensor) -> str:
        """Say which radius would leave something."""
        return f"radius below {2 * inner_distance(mask):.3g}, or side='both'"


class InvertMask(MaskTool, name="invert-mask"):
    """Paint what the mask leaves out, and leave out what it paints."""

    def change(self, mask: Tensor, content: Tensor) -> Tensor:
        """Return the opposite mask."""
        return 1 - mask

    def advice(self, mask: Tensor) -> str:
        """Say that all was selected."""
        return "a mask that leaves something out: this one selects the whole picture"


class FillMask(MaskTool, name="fill-mask"):
    """Fill the holes of the mask."""

    largest: int | None = param(
        default=None, low=1, high=1_000_000_000, help="holes of more pixels than this stay; none fills all"
    )

    def change(self, mask: Tensor, content: Tensor) -> Tensor:
        """Return the mask without holes."""
        return fill_holes(mask, self.largest)


class MatteMask(MaskTool, name="matte-mask"):
    """Find the soft edge of the mask in the picture itself: hair, fur, blur (Levin, Lischinski and Weiss 2008)."""

    bytes_per_pixel: ClassVar[int] = 1300

    band: float = param(
        default=6.0,
        low=1,
        high=1000,
        help="distance in pixels to each side of the mask's edge within which the true edge is looked for",
    )

    def change(self, mask: Tensor, content: Tensor) -> Tensor:
        """Return the opacity of what the mask selects."""
        hard = (mask >= 0.5).to(mask)
        inside, outside = erode(hard, self.band), erode(1 - hard, self.band)
        kept = inside.flatten(1).any(1) | ~mask.flatten(1).any(1)
        if not kept.all():
            raise StageError(
                f"{self!r}: the mask is thinner than the band, so no pixel is known to be inside\n"
                f"  what would work: {self.advice(hard)}"
            )
        trimap = 0.5 + 0.5 * inside - 0.5 * outside
        return closed_form_matting(content, trimap)

    def advice(self, mask: Tensor) -> str:
        """Say which band would leave something."""
        return f"band below {inner_distance(mask):.3g}, or grow-mask before it"


class FeatherRegions(Preprocessor, name="feather-regions"):
    """Soften the edges between regions by a Gaussian, so that their styles fade into each other."""

    prepares = ("guides",)

    radius: float = param(default=8.0, low=0, high=10_000, help="how far from the edges regions mix, in pixels")

    def prepare(self, canvas: Canvas) -> Canvas:
        """Return the canvas with soft guides."""
        if canvas.guides is None:
            raise StageError(
                f"{self.name}: the content has no regions\n"
                "  what to type: a stage before it that finds some,"
                f" Pipeline.parse('segment-regions, {self.name}, …'); for the mask, feather-mask"
            )
        return canvas.replace(guides=blur(canvas.guides, self.radius))
