"""Posters: few flat colours, taken from the style."""

import torch
import torch.nn.functional as F

import impasto


class Posterize(impasto.Stylizer, name="posterize"):
    """Paint the content in few flat colours, taken from the style from dark to light."""

    levels: int = impasto.param(default=6, low=2, high=64, help="how many flat colours to paint with")

    def stylize(self, content, styles, guides):
        total = sum(style.weight for style in styles)
        palette = sum(style.weight / total * colours(style.image, self.levels) for style in styles)
        tones = brightness(content)
        steps = torch.arange(1, self.levels, device=tones.device) * tones.shape[1] // self.levels
        level = torch.searchsorted(tones.sort().values[:, steps].contiguous(), tones, right=True)
        return palette.expand(len(content), -1, -1).gather(2, level[:, None].expand(-1, 3, -1)).view_as(content)


def brightness(image):
    """Return the brightness of every pixel, (B, H·W)."""
    return image.mean(1).flatten(1)


def colours(image, levels):
    """Return the mean colours of the darkest pixels, the next darkest, … (B, 3, levels)."""
    order = brightness(image).argsort(stable=True)[:, None].expand(-1, 3, -1)
    return F.adaptive_avg_pool1d(image.flatten(2).gather(2, order), levels)


@impasto.hookimpl
def impasto_stylizers():
    return [Posterize]
