"""Stylizers that bring a canvas of their own."""

import pytest
import torch

import impasto
from impasto import ParameterError, StageError
from impasto.stage import TextureSynthesis

STYLE = torch.rand(1, 3, 8, 8)


class Flat(TextureSynthesis, name="flat-for-tests"):
    """Paint a canvas in the mean colour of the style."""

    smallest = 4

    def stylize(self, content, styles, guides):
        return styles[0].image.mean((2, 3), keepdim=True).expand_as(content)


def test_a_canvas_of_its_own_needs_no_content():
    painted = impasto.Pipeline(Flat(size="24 × 16"))(None, STYLE, device="cpu")
    assert painted.size == (16, 24)
    assert "content_sha256" not in painted.meta.recipe
    content = torch.rand(1, 3, 16, 24)
    assert torch.equal(impasto.Pipeline(Flat(size="24x16"))(content, STYLE, device="cpu").tensor, painted.tensor)


@pytest.mark.parametrize("size", ["1024", "0x5", "3x40", "99999x10", "wide"])
def test_what_is_no_size_is_refused(size):
    with pytest.raises(ParameterError, match=r"flat-for-tests: size = .*\n  what would work: "):
        Flat(size=size)


def test_no_content_and_no_canvas_a_content_of_another_size_and_mixtures_with_nothing_are_refused():
    with pytest.raises(TypeError, match=r"no content was given"):
        impasto.Pipeline(Flat())(None, STYLE)
    with pytest.raises(StageError, match="brings a canvas of 24×16 pixels, and was given one of 9×9"):
        impasto.Pipeline(Flat(size="24x16"))(torch.rand(1, 3, 9, 9), STYLE)
    with pytest.raises(StageError, match=r"strength = 0.5 mixes its picture with the content, and there is none"):
        impasto.Pipeline(Flat(size="24x16", strength=0.5))(None, STYLE)
    with pytest.raises(StageError, match=r"a mask keeps the content where it is black, and there is none"):
        impasto.Pipeline(Flat(size="24x16"))(None, STYLE, mask=torch.ones(1, 1, 16, 24))
