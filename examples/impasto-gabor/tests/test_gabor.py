import pytest
import torch

import impasto
from impasto.networks import PerceptualLoss
from impasto.testing import parametrize_checks


@parametrize_checks("gabor", of="encoder")
def test_gabor(encoder, check):
    check(encoder)


def test_lines_are_found_along_their_direction():
    lines = (torch.arange(40) % 5 < 2).float().expand(1, 3, 40, 40)
    for picture, upright in ((lines, True), (lines.mT, False)):
        found = impasto.encoder("gabor").features(picture, ["gabor1"])["gabor1"][:, 3:].mean((0, 2, 3))
        across, along = found[[0, 1, 8, 9]].sum(), found[[4, 5, 12, 13]].sum()
        assert (across > 5 * along) == upright
        assert (along > 5 * across) != upright


@pytest.mark.parametrize(
    "line",
    [
        "gatys:encoder=gabor:steps=10:coarsest=64",
        "texture:encoder=gabor:steps=10:coarsest=64",
        "mrf:encoder=gabor:steps=5:levels=2",
        "analogy:encoder=gabor:size=64",
        "neural-color:encoder=gabor:size=64",
    ],
)
def test_stages_take_it_by_name(line):
    content, style = impasto.samples.content("astronaut", 64), impasto.samples.style("mosaic", 64)
    painted = impasto.Pipeline.parse(line)(content, style).tensor
    assert painted.isfinite().all()
    assert (painted - content).abs().mean() > 0.01


def test_the_style_comes_nearer():
    seen = []

    class Watch:
        @impasto.hookimpl
        def impasto_step(self, losses):
            seen.append(float(losses["style"]))

    pipe = impasto.Pipeline.parse("gatys:encoder=gabor:steps=20:coarsest=64:init=content")
    pipe(impasto.samples.content("astronaut", 64), impasto.samples.style("mosaic", 64), plugins=[Watch()])
    assert seen[-1] < 0.5 * seen[0]


@pytest.mark.parametrize("line", ["gatys:encoder=gabor:style_layers=relu1_1", "mrf:encoder=gabor:layers=relu3_1"])
def test_layers_of_another_encoder_are_refused_with_those_it_has(line):
    content, style = impasto.samples.content("astronaut", 64), impasto.samples.style("mosaic", 64)
    with pytest.raises(impasto.StageError, match=r"(?s)the encoder gabor has no such layer.*it has: gabor1, gabor2"):
        impasto.Pipeline.parse(line)(content, style)


def test_it_is_a_perceptual_loss():
    picture, other = impasto.samples.content("astronaut", 64), impasto.samples.style("mosaic", 64)
    loss = PerceptualLoss(impasto.encoder("gabor"), torch.cat([picture, other]))
    assert loss.layers == ("gabor1", "gabor2", "gabor4")
    features, target = loss.features(picture), loss.features(other)
    assert loss.style(features, target) > 0.1 > loss.style(features, features)
    assert loss.content(features, target["gabor4"]) > 0.1
