"""A picture's opacity comes out with it, whatever stages do to its size."""

import pytest
import torch

import impasto

ALPHA = (torch.arange(16) < 8).float().expand(1, 1, 12, 16)
PICTURE = impasto.Picture(torch.rand(1, 3, 12, 16), ALPHA)


class Halve(impasto.Preprocessor, name="halve"):
    """Halve the picture, and know nothing of opacity."""

    rows_only: bool = impasto.param(default=False, help="leave the width")

    def prepare(self, canvas):
        step = (..., slice(None, None, 2), slice(None, None, 1 if self.rows_only else 2))
        return canvas.replace(content=canvas.content[step], image=canvas.image[step])


def test_a_stage_that_knows_nothing_of_opacity_does_not_lose_it():
    painted = impasto.Pipeline(Halve())(PICTURE)
    assert float((painted.alpha - ALPHA[..., ::2, ::2]).abs().mean()) < 0.05


def test_opacity_that_a_stage_left_behind_is_stretched_and_said():
    with pytest.warns(UserWarning, match=r"made 16×6 pixels of 16×12 and left the opacity"):
        painted = impasto.Pipeline(Halve(rows_only=True))(PICTURE)
    assert painted.alpha.shape[-2:] == painted.size


def test_opacity_that_does_not_lie_over_the_picture_is_refused():
    with pytest.raises(ValueError, match="alpha: expected"):
        impasto.Canvas(PICTURE.tensor, PICTURE.tensor, alpha=ALPHA[..., :8])
    with pytest.raises(ValueError, match="alpha: expected one channel"):
        impasto.Canvas(PICTURE.tensor, PICTURE.tensor, alpha=ALPHA.repeat(1, 2, 1, 1))
