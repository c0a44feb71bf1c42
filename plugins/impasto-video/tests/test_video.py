"""Flow against known motion, and painted clips that hold still without smearing."""

import math

import pytest
import torch
import torch.nn.functional as F

import impasto
from impasto.testing import parametrize_checks
from impasto_video import Steady, flow_picture, optical_flow, trusted, warp, warp_error
from impasto_video.steady import with_detail_of


@parametrize_checks(Steady(), Steady(consistency=0.5, flow_size=128))
def test_steady(stage, check):
    check(stage)


def grid(height, width):
    down, across = torch.meshgrid(torch.arange(height).float(), torch.arange(width).float(), indexing="ij")
    return across, down


def known_flow(kind, height, width):
    """A motion whose flow is known, as `optical_flow` gives it, (1, 2, H, W)."""
    across, down = grid(height, width)
    across, down = across - width / 2, down - height / 2
    if kind == "pan":
        return torch.tensor([5.3, -3.7]).view(1, 2, 1, 1).expand(1, 2, height, width)
    if kind == "zoom":
        return torch.stack([across * 0.03, down * 0.03])[None]
    turn = 0.03
    cos, sin = math.cos(turn) - 1, math.sin(turn)
    return torch.stack([across * cos - down * sin, across * sin + down * cos])[None]


@pytest.mark.parametrize("kind", ["pan", "zoom", "turn"])
def test_flow_is_that_of_a_known_motion(kind):
    photo = impasto.samples.content("coffee", 384)
    flow = known_flow(kind, *photo.shape[-2:])
    found = optical_flow(warp(photo, flow).clamp(0, 1), photo)
    apart = (found - flow).norm(dim=1)[..., 10:-10, 10:-10]
    assert apart.median() < 0.5
    assert apart.mean() < 0.8


@pytest.mark.parametrize("size", [(1, 1), (8, 40), (50, 17)])
def test_frames_of_any_size_have_a_flow(size):
    frame = torch.rand(2, 3, *size, generator=torch.Generator().manual_seed(1))
    assert optical_flow(frame, frame).shape == (2, 2, *size)
    assert optical_flow(frame, frame).abs().max() < 1e-3


def test_warping_by_whole_pixels_moves_and_by_none_changes_nothing():
    image = torch.rand(1, 3, 12, 16, generator=torch.Generator().manual_seed(2))
    still = torch.zeros(1, 2, 12, 16)
    torch.testing.assert_close(warp(image, still), image, atol=1e-5, rtol=0)
    moved = warp(image, still + torch.tensor([2.0, 1.0]).view(1, 2, 1, 1))
    torch.testing.assert_close(moved[..., :-1, :-2], image[..., 1:, 2:], atol=1e-5, rtol=0)


def test_a_flow_is_trusted_where_the_way_back_leads_home_inside_the_frame():
    forward = torch.zeros(1, 2, 8, 20)
    forward[:, 0] = 4
    assert trusted(forward, -forward)[..., :15].min() == 1
    assert trusted(forward, -forward)[..., 17:].max() == 0  # beyond the right border
    assert trusted(forward, forward).max() == 0


def test_directions_have_colours_of_their_own_and_rest_is_white():
    flow = torch.tensor([[1.0, 0.0, -1.0, 0.0, 0.0], [0.0, 1.0, 0.0, -1.0, 0.0]]).view(1, 2, 1, 5)
    right, down, left, up, rest = flow_picture(flow)[0, :, 0].mT
    torch.testing.assert_close(right, torch.tensor([1.0, 0.0, 0.0]))
    torch.testing.assert_close(left, torch.tensor([0.0, 1.0, 1.0]))
    torch.testing.assert_close(rest, torch.ones(3))
    assert down[1] == 1
    assert up[2] == 1
    faint = flow_picture(flow, most=4.0)
    assert (faint >= flow_picture(flow)).all()


class Flicker(impasto.Stylizer, name="flicker-for-tests"):
    """Paint dabs that fall elsewhere in every frame, as networks do."""

    style = "ignored"

    def stylize(self, content, styles, guides):
        height, width = content.shape[-2:]
        number = impasto.stage.current_run().frame.number
        dabs = torch.rand(1, 3, height // 3, width // 3, generator=torch.Generator().manual_seed(number))
        return (content + 0.4 * (F.interpolate(dabs, (height, width), mode="bicubic") - 0.5)).clamp(0, 1)


Flicker.stateful = True


def film(count=12, side=96, step=2.0):
    """A pan over a photograph, of so many pixels a frame."""
    photo = impasto.samples.content("astronaut", 192)
    start, direction = torch.tensor([30.0, 60.0]), torch.tensor([0.8, -0.6])
    moves = ((start + number * step * direction).view(1, 2, 1, 1).expand(1, 2, 192, 192) for number in range(count))
    return [warp(photo, move)[..., :side, :side].clamp(0, 1) for move in moves]


def painted(frames, *stages):
    return [picture.tensor for picture in impasto.Pipeline(*stages).stream(frames, device="cpu")]


def flicker_of(pictures, frames):
    errors = [
        warp_error(old, new, optical_flow(now, then), optical_flow(then, now))
        for old, new, then, now in zip(pictures[:-1], pictures[1:], frames[:-1], frames[1:], strict=True)
    ]
    return torch.cat(errors).mean()


def detail(image):
    laplacian = torch.tensor([[0.0, 1.0, 0.0], [1.0, -4.0, 1.0], [0.0, 1.0, 0.0]]).view(1, 1, 3, 3)
    return F.conv2d(image.mean(1, keepdim=True), laplacian).abs().mean()


def test_strokes_stay_on_what_moves_and_stay_sharp():
    frames = film()
    plain, steady = painted(frames, Flicker()), painted(frames, Flicker(), Steady())
    assert flicker_of(steady, frames) < 0.2 * flicker_of(plain, frames)
    assert detail(steady[-1]) > 0.85 * detail(plain[-1])
    assert detail(steady[-1]) > 0.9 * detail(steady[4])


def test_the_slider_goes_from_as_painted_to_stiller():
    frames = film(6)
    plain = painted(frames, Flicker())
    assert all(torch.equal(a, b) for a, b in zip(painted(frames, Flicker(), Steady(consistency=0)), plain, strict=True))
    errors = [flicker_of(painted(frames, Flicker(), Steady(consistency=share)), frames) for share in (0, 0.5, 0.9)]
    assert errors[0] > 2 * errors[1] > 4 * errors[2]


def test_an_unpainted_clip_stays_as_it_is_light_and_all():
    frames = [(frame * (1 + 0.02 * (number % 3))).clamp(0, 1) for number, frame in enumerate(film(8))]
    for found, frame in zip(painted(frames, Steady()), frames, strict=True):
        assert (found - frame).abs().mean() < 0.2 / 255


def test_nothing_is_carried_over_a_cut_or_behind_what_moves_away():
    frames = [*film(4), *[frame.flip(-1).roll(40, -1) for frame in film(4)]]
    plain, steady = painted(frames, Flicker()), painted(frames, Flicker(), Steady())
    assert torch.equal(steady[4], plain[4])  # the first of the second shot
    bar = [frame.clone() for frame in film(6, step=0.0)]
    for number, frame in enumerate(bar):
        frame[..., 10 + 12 * number : 22 + 12 * number] = 0.9
    after = painted(bar, Steady())[-1]
    assert (after - bar[-1])[..., 10 + 12 * 4 : 22 + 12 * 4].abs().mean() < 1 / 255  # where the bar was before


def test_no_pixel_grows_into_a_speck():
    image = impasto.samples.content("coffee", 64)
    speck = image.clone()
    speck[..., 20, 20] = 1.0
    found = with_detail_of(image, speck)
    assert (found - image)[..., 20, 20].abs().max() < 0.5 * (speck - image)[..., 20, 20].abs().max()
    torch.testing.assert_close(with_detail_of(image, image), image, atol=1e-5, rtol=0)


def test_two_streams_at_once_do_not_mix():
    frames, others = film(4), [1 - frame for frame in film(4)]
    pipe = impasto.Pipeline(Flicker(), Steady())
    together = list(zip(pipe.stream(frames, device="cpu"), pipe.stream(others, device="cpu"), strict=True))
    for ours, alone in zip((pair[0].tensor for pair in together), painted(frames, Flicker(), Steady()), strict=True):
        assert torch.equal(ours, alone)
