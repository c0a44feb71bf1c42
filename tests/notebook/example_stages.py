"""Stages to test notebooks with, whose parameters are of each kind, and a style."""

import torch

import impasto

STYLE = torch.full((1, 3, 16, 16), 0.5)


class Twice(impasto.Stylizer, name="twice"):
    """Paint in two steps."""

    strength: float = impasto.param(default=0.5, low=0, high=1, help="how much")
    count: int = impasto.param(default=2, low=1, help="how often")
    mode: str = impasto.param(default="up", choices=("up", "down"), help="where to")
    layers: tuple[int, ...] = impasto.param(default=(1, 2), low=1, help="which")

    def stylize(self, content, styles, guides):
        """Brighten."""
        sign = 1 if self.mode == "up" else -1
        for step in range(1, self.count + 1):
            content = content + sign * self.strength * 0.1
            self.report(step, self.count, content, {"content": content.mean(), "style": 1 / content.mean()})
        return content


class Once(impasto.Postprocessor, name="once"):
    """Leave the picture."""

    strength: float = impasto.param(default=0.5, low=0, high=1, help="how much")

    def refine(self, image, content, styles):
        """Return it."""
        return image


def grey(value, height=20, width=30):
    return torch.full((1, 3, height, width), value)
