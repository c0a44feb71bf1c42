"""The strength of every stylizer: a mixture by the host, or in a method's own terms."""

from dataclasses import replace
from typing import ClassVar

import pytest
import torch

import impasto
from impasto import testing


class Red(impasto.Stylizer, name="red-by-strength"):
    """Paint in red."""

    style = "ignored"

    def stylize(self, content, styles, guides):
        return content.new_tensor([1.0, 0.0, 0.0]).view(1, 3, 1, 1).expand_as(content)


class Lossy(Red, name="lossy-in-its-own-terms"):
    """Darken the picture, and lose a fifth of it on the way, whatever the strength."""

    darkness: float = impasto.param(default=0.5, low=0, high=1, help="how much darker")

    def at_strength(self, strength):
        return replace(self, darkness=self.darkness * strength, strength=1.0)

    def stylize(self, content, styles, guides):
        return content * 0.8 * (1 - self.darkness)


class Deaf(Red, name="red-at-any-strength"):
    """Paint in red, whatever the strength."""

    def apply(self, canvas):
        return canvas.replace(image=self.stylize(canvas.image, (), None))


class Backwards(Lossy, name="the-other-way-round"):
    """Go the further, the less is asked for."""

    def at_strength(self, strength):
        return replace(self, darkness=0.9 if strength else 0.0, strength=1.0)


CONTENT = torch.rand(2, 3, 12, 16, generator=torch.Generator().manual_seed(3))


def paint(stage, **run):
    return impasto.Pipeline(stage)(CONTENT, device="cpu", **run).tensor


def test_a_strength_is_a_mask_of_that_value_everywhere():
    assert torch.equal(paint(Red(strength=0)), CONTENT)
    assert torch.equal(paint(Red(strength=0.3)), paint(Red(), mask=torch.full((1, 1, 12, 16), 0.3)))


def test_it_goes_with_masks_regions_batches_and_streams():
    mask = torch.zeros(1, 1, 12, 16)
    mask[..., 8:] = 1
    expected = paint(Red(strength=0.5))
    inside = paint(Red(strength=0.5), mask=mask)
    assert torch.equal(inside[..., :8], CONTENT[..., :8])
    assert torch.equal(inside[..., 8:], expected[..., 8:])
    assert torch.equal(paint(Red(strength=0.5), guides={"right": mask})[..., 8:], expected[..., 8:])
    each = torch.cat([mask, torch.zeros_like(mask)])
    with pytest.warns(UserWarning, match="nothing in picture 2"):
        some = paint(Red(strength=0.5), mask=each)
    assert torch.equal(some, torch.cat([inside[:1], CONTENT[1:]]))
    frames = impasto.Pipeline(Red(strength=0.5)).stream(list(CONTENT.split(1)), device="cpu")
    assert torch.equal(torch.cat([frame.tensor for frame in frames]), expected)


def test_in_a_methods_own_terms_what_it_loses_comes_back_as_the_strength_falls():
    assert torch.equal(paint(Lossy(strength=0)), CONTENT)
    assert torch.allclose(paint(Lossy()), CONTENT * 0.4)
    # 0.8 · 0.75 painted, and half of the lost fifth.
    assert torch.allclose(paint(Lossy(strength=0.5)), CONTENT * (0.6 + 0.1))
    testing.goes_as_far_as_its_strength(Lossy())


@pytest.mark.parametrize(("stage", "advice"), [(Deaf(), "leave `apply`"), (Backwards(), "the higher the strength")])
def test_the_kit_finds_a_strength_that_does_something_else(stage, advice):
    with pytest.raises(AssertionError, match=advice):
        testing.goes_as_far_as_its_strength(stage)


def test_a_strength_that_needs_a_style_says_so_even_where_nothing_is_painted():
    with pytest.raises(impasto.StageError, match="needs a style picture"):
        impasto.Pipeline.parse("adain:strength=0")(CONTENT)


def test_a_constant_called_so_is_the_authors_and_a_method_is_refused():
    class Constant(Red):
        strength: ClassVar[float] = 0.5

    assert (paint(Constant())[:, 1:] == 0).all()
    assert "strength" not in Constant.parameters()
    with pytest.raises(TypeError, match="strength is a parameter of every stylizer"):

        class Method(Red):
            def strength(self):
                return 1
