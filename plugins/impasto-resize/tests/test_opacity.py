"""Opacity goes through every change of size, and comes back with the picture."""

import pytest
import torch

import impasto
from impasto_resize import Pad, Resize, RestoreSize, UpscaleGuided

DISC = ((torch.arange(60)[:, None] - 30) ** 2 + (torch.arange(90) - 40) ** 2 < 400).float()[None, None]
PICTURE = impasto.Picture(impasto.samples.content("cat", 90), DISC)


@pytest.mark.parametrize("stage", [Resize(size=45), Pad(tile=64), Resize(size=180, enlarge=True)], ids=str)
def test_a_changed_size_changes_the_opacity_likewise(stage):
    painted = impasto.Pipeline(stage)(PICTURE)
    drawn = impasto.Pipeline(stage)(impasto.Picture(DISC.expand(-1, 3, -1, -1).contiguous())).tensor[:, :1]
    assert painted.alpha.shape[-2:] == painted.size != PICTURE.size
    assert float((painted.alpha - drawn).abs().mean()) < 0.02


@pytest.mark.parametrize("back", [RestoreSize(), UpscaleGuided()], ids=str)
def test_a_restored_size_has_its_opacity_to_the_bit(back):
    assert torch.equal(impasto.Pipeline(Pad(border=4), Resize(size=45), back)(PICTURE).alpha, DISC)


def test_each_picture_of_a_batch_or_stream_keeps_its_own():
    both = impasto.Picture(PICTURE.tensor.repeat(2, 1, 1, 1), torch.cat([DISC, 1 - DISC]))
    one, other = impasto.Pipeline(Resize(size=45))(both)
    assert float((one.alpha + other.alpha - 1).abs().max()) < 1e-5
    frames = list(impasto.Pipeline(Resize(size=45)).stream(list(both), batch=2))
    for painted, frame in zip((one, other), frames, strict=True):
        assert torch.equal(painted.alpha, frame.alpha)
