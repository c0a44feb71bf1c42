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


def flat(level):
    return torch.full((1, 3, 64, 64), level)


def test_a_flat_frame_is_cut_off_by_another_picture_and_not_by_a_little_light():
    lamp, noise = flat(0.3), 0.002 * torch.randn(1, 3, 64, 64, generator=torch.Generator().manual_seed(1))
    lamp[..., :16, :16] = 0.9
    half = flat(0.4)
    half[..., 32:] = 0.6
    for pair in ((flat(0.3), flat(0.32)), (flat(0.3), flat(0.32) + noise), (flat(0.3), lamp), (flat(0.4), half)):
        assert cuts(*pair) == cuts(*pair[::-1]) == [False, False]
    for photo in PHOTOS:
        black = torch.zeros_like(photo)
        assert cuts(black, photo) == cuts(photo, black) == [False, True]
        assert cuts(black, 0.05 * photo, 0.2 * photo, photo) == [False] * 4  # it is faded in
    assert cuts(flat(0.0), flat(1.0)) == [False, True]


def test_another_size_is_a_cut():
    assert cuts(PHOTOS[0], PHOTOS[0][..., 1:]) == [False, True]
