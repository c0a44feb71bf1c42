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


HOST = impasto.get_host()
STAGES = {**HOST.preprocessors, **HOST.stylizers, **HOST.postprocessors}
NEED_MORE = {"semantic", "mask-file", "mask-random-walker", "segment-scribbles", "match-regions", "feather-regions"}
NEED_MORE |= {"mask-grabcut", "lut", "curve", "microast"}  # an object; a file
QUICK = {"encoder": "slim19", "steps": 2, "iterations": 2, "box": (0.2, 0.2, 0.8, 0.8)}


def cut_out(name, size, hidden):
    """A picture of which one sees a disc, and under the rest of which lies one colour."""
    y, x = torch.meshgrid(torch.arange(size[0]), torch.arange(size[1]), indexing="ij")
    alpha = ((y - size[0] / 2) ** 2 + (x - size[1] / 2) ** 2 < size[0] ** 2 / 5).float()[None, None]
    colours = torch.rand(1, 3, *size, generator=torch.Generator().manual_seed(len(name)))
    return impasto.Picture(torch.where(alpha > 0, colours, torch.tensor(hidden)), alpha)


@pytest.mark.parametrize("name", sorted(set(STAGES) - NEED_MORE))
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_every_stage_paints_files_alike_that_look_alike_and_keeps_their_opacity(name):
    kind = HOST.stage(name)
    values = {**kind.demo, **{key: QUICK[key] for key in QUICK if key in kind.parameters()}}
    pipe = impasto.Pipeline(kind(**values))
    mask = (torch.arange(64) > 20).float().expand(1, 1, 48, 64)
    painted = [
        pipe(cut_out("content", (48, 64), hidden), cut_out("style", (40, 40), hidden), mask=mask)
        for hidden in (0.0, 1.0)
    ]
    assert torch.equal(painted[0].tensor, painted[1].tensor)
    assert painted[0].alpha.shape[-2:] == painted[0].size
    assert {0.0, 1.0} <= set(painted[0].alpha.unique().tolist())
