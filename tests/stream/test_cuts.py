"""Cuts are found, and what the camera does is taken for none."""

import pytest
import torch

import impasto
from impasto.functional import resize
from impasto.stream import CutDetector

NAMES = ("astronaut", "coffee", "cat")
PHOTOS = [resize(impasto.samples.content(name, 128), (96, 128)).clamp(0, 1) for name in NAMES]


def cuts(*frames):
    is_cut = CutDetector()
    return [is_cut(frame) for frame in frames]


def test_another_photograph_is_a_cut_also_in_the_dark():
    assert cuts(*PHOTOS, PHOTOS[2]) == [False, True, True, False]
    assert cuts(*(0.15 * photo for photo in PHOTOS)) == [False, True, True]


@pytest.mark.parametrize("photo", PHOTOS, ids=NAMES)
def test_a_pan_a_zoom_a_flash_of_light_and_noise_are_no_cuts(photo):
    noise = 0.02 * torch.randn(photo.shape, generator=torch.Generator().manual_seed(1))
    pan = photo[..., 10:, 8:], photo[..., :-10, :-8]
    zoom = photo, resize(photo[..., 4:-4, 6:-6], (96, 128)).clamp(0, 1)
    for pair in (
        pan,
        zoom,
        (photo, photo * 0.6),
        (photo, (photo + noise).clamp(0, 1)),
        (noise.clamp(min=0), -noise.clamp(max=0)),
    ):
        assert cuts(*pair) == [False, False]


def test_another_size_is_a_cut():
    assert cuts(PHOTOS[0], PHOTOS[0][..., 1:]) == [False, True]
