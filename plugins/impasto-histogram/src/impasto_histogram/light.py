"""Luminance, and pictures brought back into what a screen can show."""

from __future__ import annotations

import torch
from torch import Tensor

from impasto.functional.color import from_space, to_space

LUMINANCE = (0.2126, 0.7152, 0.0722)
"""What red, green and blue light add to luminance (ITU-R BT.709)."""


def luminance(light: Tensor) -> Tensor:
    """Return the luminance (B, 1, H, W) of linear light (B, 3, H, W)."""
    return (light * light.new_tensor(LUMINANCE)[:, None, None]).sum(1, keepdim=True)


def fit_light(light: Tensor) -> Tensor:
    """Return linear light (B, 3, H, W) brought into [0, 1] by desaturation: luminance and dominant wavelength stay.

    Clipping each channel by itself would turn the hue of bright saturated colours.
    """
    grey = luminance(light).clamp(0, 1)
    tiny = torch.finfo(light.dtype).tiny
    colour = light - grey
    over = (1 - grey) / colour.amax(1, keepdim=True).clamp_min(tiny)
    under = grey / (-colour.amin(1, keepdim=True)).clamp_min(tiny)
    return (grey + colour * torch.minimum(over, under).clamp_max(1)).clamp(0, 1)


def fit_srgb(image: Tensor) -> Tensor:
    """Return sRGB values (B, 3, H, W) of any size as a picture in [0, 1], desaturated where they lie outside."""
    outside = ((image < 0) | (image > 1)).any(1)
    if not outside.any():
        return image
    result = image.clone()
    # Those few pixels as a picture of one row: converting all of them would take most of a stage's time.
    loud = image.movedim(1, -1)[outside].T[None, :, None]
    result.movedim(1, -1)[outside] = from_space(fit_light(to_space(loud, "linear")), "linear")[0, :, 0].T
    return result.clamp_(0, 1)
