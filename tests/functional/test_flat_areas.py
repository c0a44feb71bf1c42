"""Noise for flat areas: where it comes, how strong it is, and that pictures with detail stay as they are."""

import pytest
import torch

import impasto
from impasto.functional import add_noise_to_flat_areas, flatness
from impasto.functional.flat_areas import SIDE, noise_texture


def test_texture_and_edges_are_not_flat_and_constants_and_ramps_are():
    texture = torch.rand(1, 3, 64, 96, generator=torch.Generator().manual_seed(0))
    assert torch.equal(add_noise_to_flat_areas(texture), texture)
    ramp = torch.linspace(0, 1, 96).expand(2, 3, 64, 96)
    assert flatness(ramp)[..., 16:-16].min() > 0.9
    edge = (torch.arange(96) < 48).float().expand(1, 3, 64, 96)
    assert flatness(edge)[..., 44:52].max() < 0.05


@pytest.mark.parametrize("grey", [0.0, 0.3, 1.0])
def test_flat_areas_get_grey_noise_of_the_deviation_that_nothing_clips(grey):
    flat = torch.full((1, 3, 256, 256), grey)
    noisy = add_noise_to_flat_areas(flat, 0.05)
    assert torch.equal(noisy[:, :1].expand_as(noisy), noisy)
    away = (noisy - flat)[:, 0]
    deviation = away.square().mean().sqrt()
    assert deviation == pytest.approx(0.05, rel=0.15)
    assert 0 <= noisy.min() <= noisy.max() <= 1
    assert (away == 0).float().mean() < 0.01


def test_the_noise_is_the_same_in_every_frame_and_goes_on_where_it_repeats():
    flat = torch.full((1, 3, 8, SIDE + 40), 0.5)
    first, second = add_noise_to_flat_areas(flat), add_noise_to_flat_areas(flat.clone())
    assert torch.equal(first, second)
    torch.testing.assert_close(first[..., SIDE:], first[..., :40])
    seam = (noise_texture()[:, 0] - noise_texture()[:, -1]).abs().mean()
    assert seam < 1.5 * noise_texture().diff(dim=1).abs().mean()


def test_a_photograph_changes_only_where_it_is_flat():
    photo = impasto.samples.content("coffee", 256)
    change = (add_noise_to_flat_areas(photo) - photo).abs().amax(1, keepdim=True)
    assert change[flatness(photo) == 0].max() == 0
