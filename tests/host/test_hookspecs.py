"""Every hook by which a plugin offers something."""

import pytest
import torch

import impasto
from impasto.training import Trainer


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


def test_hook_preprocessors(plugin):
    host = impasto.Host(plugin(impasto_preprocessors=lambda: [Wash]))
    assert host.stage("wash") is Wash
    assert list(host.preprocessors) == ["wash"]
    assert not host.stylizers


def test_hook_stylizers(plugin):
    host = impasto.Host(plugin(impasto_stylizers=lambda: (Flat,)))
    assert host.stage("flat") is Flat
    assert list(host.stylizers) == ["flat"]
    assert host.distribution(Flat) == "sketch"


def test_hook_postprocessors(plugin):
    host = impasto.Host(plugin(impasto_postprocessors=lambda: [Negative, Stepwise]))
    assert list(host.postprocessors) == ["negative", "stepwise"]
    assert host.offers("sketch") == {"postprocessor": ["negative", "stepwise"]}


def test_hook_encoders(plugin):
    def load():
        return torch.nn.Identity()

    host = impasto.Host(plugin(impasto_encoders=lambda: {"glance": load}))
    assert host.encoder("glance") is load
    assert list(host.encoders) == sorted(host.encoders)


def test_hook_trainers(plugin):
    class Tiny(Trainer, name="tiny"):
        """Train next to nothing."""

    host = impasto.Host(plugin(impasto_trainers=lambda: [Tiny]))
    assert host.trainer("tiny") is Tiny
    with pytest.raises(LookupError, match="did you mean 'tiny'"):
        host.trainer("tini")
