"""Stages to test the host with, of each kind, and a picture."""

import torch

import impasto

CONTENT = torch.linspace(0, 1, 12 * 16 * 3).reshape(1, 3, 12, 16)


class Wash(impasto.Preprocessor, name="wash"):
    """Lay a pale wash over the picture."""

    def prepare(self, canvas):
        return canvas.replace(image=0.5 + 0.5 * canvas.image)


class Flat(impasto.Stylizer, name="flat"):
    """Paint everything in the style's mean colour."""

    def stylize(self, content, styles, guides):
        return styles[0].image.mean((2, 3), keepdim=True).expand_as(content)


class Negative(impasto.Postprocessor, name="negative"):
    """Turn the painted picture into its negative."""

    def refine(self, image, content, styles):
        return 1 - image


class Stepwise(impasto.Postprocessor, name="stepwise"):
    """Darken in three steps."""

    def refine(self, image, content, styles):
        for step in (1, 2, 3):
            image = image * 0.9
            self.report(step, 3, image, {"darkness": image.mean()})
        return image
