"""What a network sees beyond the border: the picture as in a mirror, its regions too, and nothing of it stays."""

import numpy as np
import pytest
import torch

import impasto
from impasto.functional.flat_areas import DEVIATION

PHOTO = torch.rand(2, 3, 30, 41, generator=torch.Generator().manual_seed(0))
STYLE = torch.rand(1, 3, 16, 16)


class Mirror(impasto.Stylizer, name="mirror"):
    """Give the picture back, and note what was seen."""

    multiple = 4
    reflection_padding = 6
    regional = True

    def stylize(self, content, styles, guides):
        """Return the content, brighter by a third in the first region."""
        Mirror.seen = content, guides
        return content if guides is None else content + guides[:, :1] / 3


def paint(image, **more):
    return impasto.Pipeline(Mirror())(image, STYLE, device="cpu", precision="float32", **more).tensor


def test_the_picture_goes_on_as_in_a_mirror_and_comes_back_as_it_was():
    torch.testing.assert_close(paint(PHOTO), PHOTO)
    content, guides = Mirror.seen
    assert guides is None
    assert content.shape[-2:] == (44, 56)  # 42 and 53, filled up to multiples of 4 by more of the mirror
    expected = np.pad(PHOTO.numpy(), ((0, 0), (0, 0), (6, 8), (6, 9)), mode="reflect")
    np.testing.assert_array_equal(content.numpy(), expected)


@pytest.mark.parametrize("size", [(5, 40), (1, 1), (6, 7)])
def test_a_picture_smaller_than_its_padding_has_its_border_repeated(size):
    small = PHOTO[:1, :, : size[0], : size[1]]
    torch.testing.assert_close(paint(small), small)
    content = Mirror.seen[0]
    assert all(side >= 12 + length and side % 4 == 0 for side, length in zip(content.shape[-2:], size, strict=True))


def test_regions_and_masks_are_continued_alike():
    left = torch.zeros(1, 30, 41)
    left[..., :15] = 1
    painted = paint(PHOTO[:1] / 2, guides={"left": left, "right": 1 - left})
    torch.testing.assert_close(painted, PHOTO[:1] / 2 + left / 3)
    guides = Mirror.seen[1]
    np.testing.assert_array_equal(guides[0, 0].numpy(), np.pad(left[0].numpy(), ((6, 8), (6, 9)), mode="reflect"))
    masked = paint(PHOTO[:1], mask=left[None])
    assert torch.equal(masked[..., 15:], PHOTO[:1, :, :, 15:])


class Noisy(Mirror, name="noisy"):
    """The same with noise in flat areas."""

    strength: float = impasto.param(default=1.0, low=0, high=1, help="of the noise")

    def noise_strength(self):
        """Return the parameter."""
        return self.strength

    def stylize(self, content, styles, guides):
        """Return the content."""
        return content


def test_noise_comes_before_the_network_only_where_it_is_asked_for():
    flat = torch.full((1, 3, 64, 64), 0.5)
    noisy = impasto.Pipeline(Noisy())(flat, STYLE, device="cpu", precision="float32").tensor
    assert noisy.std() == pytest.approx(DEVIATION, rel=0.3)
    half = impasto.Pipeline(Noisy(strength=0.5))(flat, STYLE, device="cpu", precision="float32").tensor
    torch.testing.assert_close(half - flat, (noisy - flat) / 2)
    none = impasto.Pipeline(Noisy(strength=0))(flat, STYLE, device="cpu", precision="float32").tensor
    assert torch.equal(none, flat)
    mask = torch.zeros(1, 1, 64, 64)
    mask[..., 20:50, 9:60] = 1
    inside = impasto.Pipeline(Noisy())(flat, STYLE, mask=mask, device="cpu", precision="float32").tensor
    assert torch.equal(inside[mask.expand_as(inside) == 0], flat[mask.expand_as(flat) == 0])
    torch.testing.assert_close(inside[mask.expand_as(inside) > 0], noisy[mask.expand_as(noisy) > 0])


def test_noise_stays_where_it_is_from_frame_to_frame_and_in_crops():
    flat = torch.full((1, 3, 64, 64), 0.5)
    frames = [one.tensor for one in impasto.Pipeline(Noisy()).stream([flat, flat, flat], STYLE, device="cpu")]
    assert torch.equal(frames[0], frames[2])
    masks = [torch.zeros(1, 1, 64, 64), torch.zeros(1, 1, 64, 64)]
    masks[0][..., 10:40, 10:40], masks[1][..., 20:60, 20:60] = 1, 1
    first, second = (
        impasto.Pipeline(Noisy())(flat, STYLE, mask=mask, device="cpu", precision="float32").tensor for mask in masks
    )
    torch.testing.assert_close(first[..., 20:40, 20:40], second[..., 20:40, 20:40])
