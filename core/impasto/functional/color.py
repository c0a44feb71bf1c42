"""Colour spaces that stages work in, and luma.  sRGB pictures in, sRGB pictures out, all in float32."""

from __future__ import annotations

import torch
from torch import Tensor

SPACES = ("rgb", "linear", "lab", "lalphabeta", "ycbcr")
"""What `to_space` takes."""

LUMA = (0.299, 0.587, 0.114)
"""What red, green and blue add to luma (ITU-R BT.601)."""

# Reinhard et al. 2001, equation 4: linear RGB to the responses of long, medium and short cones.
LMS_FROM_RGB = torch.tensor(
    [[0.3811, 0.5783, 0.0402], [0.1967, 0.7244, 0.0782], [0.0241, 0.1288, 0.8444]], dtype=torch.float64, device="cpu"
)
# Ruderman, Cronin and Chiao 1998: the logarithms decorrelated into lightness, yellow–blue, red–green.
LAB_FROM_LOG_LMS = torch.tensor([3.0, 6.0, 2.0], dtype=torch.float64, device="cpu").rsqrt()[:, None] * torch.tensor(
    [[1.0, 1.0, 1.0], [1.0, 1.0, -2.0], [1.0, -1.0, 0.0]], dtype=torch.float64, device="cpu"
)
# ITU-R BT.601: luma, and how far blue and red are from it, scaled to the width of 1.  Not kornia's: its factors are
# rounded, to 3e-4 off, and on 512×512 pixels it takes 4 times as long to YCbCr and 40 times as long back (kornia 0.9).
YCBCR_FROM_RGB = torch.tensor(
    [LUMA, [-0.299 / 1.772, -0.587 / 1.772, 0.5], [0.5, -0.587 / 1.402, -0.114 / 1.402]],
    dtype=torch.float64,
    device="cpu",
)
# Published inverses are rounded to four digits; inverting here makes the round trip exact.
RGB_FROM_LMS = torch.linalg.inv(LMS_FROM_RGB)
LOG_LMS_FROM_LAB = torch.linalg.inv(LAB_FROM_LOG_LMS)
RGB_FROM_YCBCR = torch.linalg.inv(YCBCR_FROM_RGB)

DARK = 1 / 255
"""Added to cone responses before the logarithm, which black would otherwise send to minus infinity."""
GLARE = 2.0
"""Largest logarithm taken back, a hundred times white: beyond, infinities would cancel to NaN."""


def mix(matrix: Tensor, image: Tensor) -> Tensor:
    """Return the channels of `image` (B, 3, H, W) multiplied by `matrix` (3, 3) or (B, 3, 3).

    Args:
        matrix: (3, 3), or one for each picture, (B, 3, 3).
        image: (B, 3, H, W).

    Example:
        >>> import torch
        >>> mix(torch.eye(3).flip(0), torch.tensor([0.1, 0.2, 0.3]).view(1, 3, 1, 1)).flatten()
        tensor([0.3000, 0.2000, 0.1000])
    """
    return (matrix.to(image.device, image.dtype) @ image.flatten(2)).view(-1, *image.shape[1:])


def _check_space(space: str) -> None:
    """Raise unless a colour space is one of `SPACES`."""
    if space not in SPACES:
        raise ValueError(f"color: there is no colour space {space!r}\n  what would work: {', '.join(SPACES)}")


def to_space(image: Tensor, space: str = "rgb") -> Tensor:
    """Return a picture's values in a colour space.

    Args:
        image: (B, 3, H, W), float32 sRGB in [0, 1].
        space: "rgb" changes nothing; "linear" is linear light; "lab" is CIE L*a*b* (D65) divided by 100;
            "lalphabeta" is lαβ (Ruderman 1998) of linear light, in powers of ten; "ycbcr" is luma and two
            colour differences (BT.601).  In the last three the first channel is lightness, and grey is 0 in
            the other two.

    Raises:
        ValueError: another space.

    Example:
        >>> import torch
        >>> to_space(torch.ones(1, 3, 1, 1), "lab").flatten().round(decimals=2).abs().tolist()
        [1.0, 0.0, 0.0]
    """
    _check_space(space)
    if space == "rgb":
        return image
    # Outside autocast, where matrices would round to bfloat16.
    with torch.autocast(image.device.type, enabled=False):
        if space == "ycbcr":
            return mix(YCBCR_FROM_RGB, image)
        # Imported when needed: kornia takes a second or two to load.
        import kornia.color

        if space == "linear":
            return kornia.color.rgb_to_linear_rgb(image)
        if space == "lab":
            return kornia.color.rgb_to_lab(image) / 100
        light = kornia.color.rgb_to_linear_rgb(image)
        return mix(LAB_FROM_LOG_LMS, (mix(LMS_FROM_RGB, light) + DARK).log10())


def from_space(values: Tensor, space: str = "rgb") -> Tensor:
    """Return the sRGB picture, not clipped, of values in a colour space: the inverse of `to_space`.

    Args:
        values: (B, 3, H, W) float32, as from `to_space`.
        space: as in `to_space`.

    Returns:
        (B, 3, H, W).

    Raises:
        ValueError: another space.

    Example:
        >>> import torch
        >>> from_space(torch.tensor([1.0, 0.0, 0.0]).view(1, 3, 1, 1), "ycbcr").flatten().tolist()
        [1.0, 1.0, 1.0]
    """
    _check_space(space)
    if space == "rgb":
        return values
    with torch.autocast(values.device.type, enabled=False):
        if space == "ycbcr":
            return mix(RGB_FROM_YCBCR, values)
        import kornia.color  # as in to_space

        if space == "linear":
            return kornia.color.linear_rgb_to_rgb(values)
        if space == "lab":
            return kornia.color.lab_to_rgb(values * 100, clip=False)
        logarithms = mix(LOG_LMS_FROM_LAB, values).clamp_max(GLARE)
        return kornia.color.linear_rgb_to_rgb(mix(RGB_FROM_LMS, 10**logarithms - DARK))


def luma(image: Tensor) -> Tensor:
    """Return the luma (B, 1, H, W) of sRGB pictures (B, 3, H, W).

    Example:
        >>> import torch
        >>> luma(torch.ones(1, 3, 1, 1)).item()
        1.0
    """
    return (image * image.new_tensor(LUMA)[:, None, None]).sum(1, keepdim=True)


def fit_gamut(image: Tensor) -> Tensor:
    """Return pictures (B, 3, H, W) whose colours outside [0, 1] are desaturated until they fit, hue and luma kept.

    Each such colour is drawn towards the grey of its own luma; clipping its channels would turn its hue.

    Example:
        >>> import torch
        >>> fit_gamut(torch.tensor([1.2, 0.5, 0.5]).view(1, 3, 1, 1)).flatten().round(decimals=2)
        tensor([1.0000, 0.5900, 0.5900])
    """
    grey = luma(image).clamp(0, 1)
    colour = image - grey
    room = torch.where(colour > 0, 1 - grey, grey)
    scale = (room / colour.abs().clamp_min(torch.finfo(image.dtype).tiny)).amin(1, keepdim=True)
    return torch.where(scale < 1, grey + colour * scale, image).clamp(0, 1)
