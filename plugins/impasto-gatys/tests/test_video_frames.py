"""Clips by optimisation: frames hold to those before, only as far as the motion is trusted."""

import itertools

import pytest
import torch

import impasto
from impasto.testing import parametrize_checks
from impasto_gatys import Gatys, GatysVideo
from impasto_gatys.video import consistency_loss, long_term

QUICK = {"encoder": "slim19", "steps": 4, "coarsest": 64}
STYLE = impasto.samples.style("wave", 64)


@parametrize_checks(GatysVideo(**QUICK, steps_after=2))
def test_gatys_video(stage, check):
    check(stage)


def pan(count, side=64):
    photo = impasto.samples.content("coffee", 120)
    return [photo[..., :side, shift : shift + side] for shift in range(0, 2 * count, 2)]


def painted(stage):
    return [picture.tensor for picture in impasto.Pipeline(stage).stream(pan(3), STYLE, precision="float32")]


def test_frames_hold_to_the_strokes_of_those_before():
    inner = slice(8, -8)

    def apart(frames):
        return sum(
            (new[..., inner, 8:-10] - old[..., inner, 10:-8]).square().mean().item()
            for old, new in itertools.pairwise(frames)
        )

    assert apart(painted(GatysVideo(**QUICK, steps_after=4))) < 0.2 * apart(painted(Gatys(**QUICK, init="noise")))
    stiff, loose = (painted(GatysVideo(**QUICK, steps_after=4, consistency_weight=weight)) for weight in (500.0, 1.0))
    assert apart(stiff) < apart(loose)


def test_a_picture_alone_and_a_first_frame_are_those_of_gatys():
    frame = pan(1)[0]
    alone, plain = (impasto.Pipeline(stage(**QUICK))(frame, STYLE).tensor for stage in (GatysVideo, Gatys))
    assert torch.equal(alone, plain)


def test_a_place_takes_the_latest_frame_that_shows_it():
    frame = impasto.samples.content("astronaut", 96)
    hidden = frame.clone()
    hidden[..., 30:60, 30:60] = torch.rand(1, 3, 30, 30, generator=torch.Generator().manual_seed(0))
    red, blue = (torch.zeros_like(frame) for _ in range(2))
    red[:, 0], blue[:, 2] = 1, 1
    carried = long_term(frame, [(hidden, red), (frame, blue)])
    assert carried[:, 0, :20].mean() > 0.95  # the last frame's
    assert carried[:, 2, 40:50, 40:50].mean() > 0.9  # it did not show this; the one before did
    assert carried[:, 3].max() <= 1
    nothing_known = long_term(frame, [(hidden, red)])
    assert nothing_known[:, 3, 40:50, 40:50].mean() < 0.1


def test_what_is_not_trusted_costs_nothing():
    carried = torch.zeros(1, 4, 8, 8)
    assert consistency_loss(torch.ones(1, 3, 8, 8), carried) == 0
    carried[:, 3, :4] = 1
    assert consistency_loss(torch.ones(1, 3, 8, 8), carried).item() == pytest.approx(0.5)


def test_checkpoints_of_a_clip_are_removed_frame_by_frame(tmp_path):
    stage = GatysVideo(**QUICK, checkpoint=str(tmp_path / "run.pt"))
    assert len(list(impasto.Pipeline(stage).stream(pan(3), STYLE))) == 3
    assert not (tmp_path / "run.pt").exists()
