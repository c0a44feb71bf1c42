"""Optical flow between frames: where each pixel was before, how far that can be trusted, and a picture of it."""

from __future__ import annotations

import functools
import math

import torch
import torch.nn.functional as F
from torch import Tensor

from .color import luma
from .filters import box_mean
from .resizing import fit_within, size_of

WORKING_SIDE = 512
"""Pixels of the longer side at which flow is looked for; 384 takes half the time and leaves a quarter more flicker."""
SMALLEST = 16
"""Pixels of the shorter side that the search needs."""
GRAIN = 1
"""Pixels to each side over which films are compared."""
UNLIKE = 0.08
"""Difference of the film along its motion at which strokes that are kept for long are half believed."""


def optical_flow(first: Tensor, second: Tensor, side: int = WORKING_SIDE) -> Tensor:
    """Return where each pixel of one frame lies in another: `second` at x + flow(x) looks like `first` at x.

    By dense inverse search, OpenCV's, on the CPU: it needs no weights (T. Kroeger, R. Timofte, D. Dai, L. Van Gool:
    *Fast Optical Flow using Dense Inverse Search*, ECCV 2016).

    Args:
        first: (B, 3, H, W), sRGB in [0, 1].
        second: (B, 3, H, W), the other frames.
        side: pixels of the longer side at which it is looked for; larger frames are shrunk.

    Returns:
        (B, 2, H, W), pixels to the right and down, on the device of the frames.

    Raises:
        ModuleNotFoundError: OpenCV is not installed.

    Example:
        >>> import impasto
        >>> photo = impasto.samples.content("coffee", 128)
        >>> flow = optical_flow(photo[..., 4:], photo[..., :-4])  # the first shows what the second has 4 to the right
        >>> [round(flow[:, axis, 20:-20, 20:-20].median().item()) for axis in (0, 1)]
        [4, 0]
    """
    try:
        import cv2  # of no use to those who paint no clips
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            "optical_flow: OpenCV, which finds the motion, is not installed\n"
            "  what to type: pip install 'impasto[video]'"
        ) from error
    height, width = size_of(first)
    grey = luma(fit_within(torch.cat([first, second]).detach().float(), side))
    small = size_of(grey)
    short = [max(0, SMALLEST - length) for length in small]
    grey = F.pad(grey, (0, short[1], 0, short[0]), mode="replicate")
    levels = grey.mul(255).round().clamp(0, 255).to("cpu", torch.uint8).numpy()
    search = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    count = len(first)
    found = [
        torch.from_numpy(search.calc(levels[place, 0], levels[count + place, 0], None))  # type: ignore[call-overload]
        for place in range(count)
    ]
    flow = torch.stack(found).movedim(-1, 1)[..., : small[0], : small[1]].to(first.device)
    grown = F.interpolate(flow, (height, width), mode="bilinear") if small != (height, width) else flow
    return grown * grown.new_tensor([width / small[1], height / small[0]]).view(1, 2, 1, 1)


@functools.lru_cache(maxsize=4)
def _positions(height: int, width: int, device: torch.device) -> Tensor:
    """Return the place of each pixel (1, 2, H, W), across and down."""
    down, across = torch.meshgrid(
        torch.arange(height, dtype=torch.float32, device=device),
        torch.arange(width, dtype=torch.float32, device=device),
        indexing="ij",
    )
    return torch.stack([across, down])[None]


def warp(image: Tensor, flow: Tensor, mode: str = "bicubic") -> Tensor:
    """Return an image moved along a flow: at x what it has at x + flow(x).

    Args:
        image: (B, C, H, W).
        flow: (B, 2, H, W), pixels to the right and down.
        mode: `bilinear`, or `bicubic`, which blurs less.

    Returns:
        (B, C, H, W); beyond the border the border goes on.

    Example:
        >>> import torch
        >>> to_the_right = torch.tensor([1.0, 0.0]).view(1, 2, 1, 1).expand(1, 2, 1, 4)
        >>> warp(torch.arange(4.0).view(1, 1, 1, 4), to_the_right, "bilinear")
        tensor([[[[1., 2., 3., 3.]]]])
    """
    height, width = size_of(image)
    place = _positions(height, width, image.device) + flow
    # grid_sample wants -1 to 1 from the first centre to the last.
    last = place.new_tensor([max(width - 1, 1), max(height - 1, 1)]).view(1, 2, 1, 1)
    grid = (place * (2 / last) - 1).movedim(1, -1)
    return F.grid_sample(image, grid, mode=mode, padding_mode="border", align_corners=True)


def inside(flow: Tensor) -> Tensor:
    """Return how safely a flow leads to a place inside the frame, (B, 1, H, W): 0 from a pixel outside on.

    It grows to 1 over three times the motion's length, so that what comes in from a border is faded in; where nothing
    moves it is 1 up to the border.

    Args:
        flow: (B, 2, H, W), pixels.

    Example:
        >>> import torch
        >>> inside(torch.tensor([1.0, 0.0]).view(1, 2, 1, 1).expand(1, 2, 8, 8))[0, 0, 4].tolist()
        [1.0, 1.0, 1.0, 1.0, 0.75, 0.5, 0.25, 0.0]
    """
    height, width = size_of(flow)
    place = _positions(height, width, flow.device) + flow
    last = place.new_tensor([width - 1, height - 1]).view(1, 2, 1, 1)
    ahead = torch.where(flow > 0, last - place, place)  # to the border from which things come in
    return ((1 + ahead) / (1 + 3 * flow.abs())).amin(1, keepdim=True).clamp(0, 1)


def trusted(forward: Tensor, backward: Tensor) -> Tensor:
    """Return how far a flow leads back to where it began: what is hidden in one of the frames does not.

    Args:
        forward: (B, 2, H, W), from the first frames to the second.
        backward: (B, 2, H, W), from the second to the first.

    Returns:
        (B, 1, H, W): 1 where the way back ends within half a pixel, 0 from a pixel and a half on and outside the frame.

    Example:
        >>> import torch
        >>> still = torch.zeros(1, 2, 4, 4)
        >>> trusted(still, still).mean().item(), trusted(still, still + 2).mean().item()
        (1.0, 0.0)
    """
    astray = (forward + warp(backward, forward, "bilinear")).norm(dim=1, keepdim=True)
    share: Tensor = (1.5 - astray).clamp(0, 1) * (inside(forward) > 0)
    return share


def film_alike(now: Tensor, moved: Tensor) -> Tensor:
    """Return where a frame looks as an earlier one that was moved along the motion, (B, 1, H, W) in [0, 1].

    Args:
        now: (B, 3, H, W).
        moved: (B, 3, H, W).

    Example:
        >>> import torch
        >>> round(film_alike(torch.zeros(1, 3, 4, 4), torch.full((1, 3, 4, 4), UNLIKE)).mean().item(), 3)
        0.5
    """
    apart = box_mean((now - moved).abs().mean(1, keepdim=True), GRAIN)
    share: Tensor = (1.5 - apart / UNLIKE).clamp(0, 1)
    return share


def flow_picture(flow: Tensor, most: float | None = None) -> Tensor:
    """Return a flow as a picture: hue is its direction, strength of colour its length, white where nothing moves.

    Args:
        flow: (B, 2, H, W), pixels.
        most: the length that is shown in full colour; None: the longest of each flow.

    Returns:
        (B, 3, H, W), sRGB in [0, 1].  To the right is red, down is yellow-green, to the left cyan, up violet.

    Example:
        >>> import torch
        >>> flow_picture(torch.tensor([1.0, 0.0]).view(1, 2, 1, 1)).flatten().tolist()
        [1.0, 0.0, 0.0]
    """
    length = flow.norm(dim=1, keepdim=True)
    full = length.amax((2, 3), keepdim=True) if most is None else length.new_tensor(most)
    share = (length / full.clamp_min(1e-6)).clamp(0, 1)
    angle = torch.atan2(flow[:, 1:], flow[:, :1]) / (2 * math.pi) % 1
    turns = angle.new_tensor([0.0, 2 / 3, 1 / 3]).view(1, 3, 1, 1)  # red, green, blue around the circle
    hue = (((angle + turns) % 1 * 6 - 3).abs() - 1).clamp(0, 1)
    picture: Tensor = 1 - share * (1 - hue)
    return picture


def warp_error(before: Tensor, after: Tensor, backward: Tensor, forward: Tensor) -> Tensor:
    """Return the mean squared difference of frames along the motion, where nothing is hidden (Lai et al. 2018).

    W. Lai et al.: *Learning Blind Video Temporal Consistency*, ECCV 2018.  What is hidden is found as by M. Ruder,
    A. Dosovitskiy, T. Brox: *Artistic Style Transfer for Videos*, GCPR 2016: where two flows do not cancel.

    Args:
        before: (B, 3, H, W), painted frames.
        after: (B, 3, H, W), the painted frames after them.
        backward: (B, 2, H, W), flow of the film from the later frames to the earlier.
        forward: (B, 2, H, W), the other way round.

    Returns:
        (B,).

    Example:
        >>> import torch
        >>> still = torch.zeros(1, 2, 8, 8)
        >>> warp_error(torch.zeros(1, 3, 8, 8), torch.full((1, 3, 8, 8), 0.5), still, still).item()
        0.25
    """
    back = warp(forward, backward, "bilinear")
    astray = (backward + back).square().sum(1, keepdim=True)
    lengths = (backward.square() + back.square()).sum(1, keepdim=True)
    share = (astray <= 0.01 * lengths + 0.5).float()
    apart = (after - warp(before, backward, "bilinear")).square().mean(1, keepdim=True)
    return (apart * share).sum((1, 2, 3)) / share.sum((1, 2, 3)).clamp_min(1)
