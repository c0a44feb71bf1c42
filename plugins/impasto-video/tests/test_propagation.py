"""Key frames: strokes stay on their objects, what was hidden is painted, and nothing crosses a cut."""

import pytest
import torch

import impasto
from impasto.__main__ import main
from impasto_video import between, optical_flow, propagate, warp_error


def pan(count, step=3, side=96):
    photo = impasto.samples.content("coffee", 160)
    return [photo[..., :side, shift : shift + side] for shift in range(0, count * step, step)]


def negative(frame):
    return 1 - frame.visible


def test_only_key_frames_are_painted():
    seen = []

    def paint(frame):
        seen.append(frame.meta.frame)
        return negative(frame)

    painted = list(propagate(pan(10), paint, every=4))
    assert len(painted) == 10
    assert len(seen) == 3
    for picture, frame in zip(painted, pan(10), strict=True):
        assert (picture.tensor - (1 - frame)).abs()[..., 8:-8].mean() < 0.03


def test_strokes_flicker_far_less_than_frames_painted_one_by_one():
    film = pan(9)
    noise = torch.Generator().manual_seed(0)

    def paint(frame):
        strokes = torch.rand(1, 3, 24, 24, generator=noise).repeat_interleave(4, 2).repeat_interleave(4, 3)
        return (0.5 * frame.visible + 0.5 * strokes).clamp(0, 1)

    def error(frames):
        total = 0.0
        for place in range(len(film) - 1):
            flows = optical_flow(film[place + 1], film[place]), optical_flow(film[place], film[place + 1])
            total += warp_error(frames[place], frames[place + 1], *flows).item()
        return total

    plain = [paint(impasto.read(frame)) for frame in film]
    carried = [picture.tensor for picture in propagate(film, paint, every=8)]
    assert error(carried) < 0.1 * error(plain)


def test_what_comes_into_view_is_made_of_the_key_frames_patches():
    film = pan(5, step=6)
    painted = list(between(film, 1 - film[0]))
    # Patches of what is like it: not the border drawn out.
    assert (painted[-1] - (1 - film[-1])).abs().mean() < 0.1


def test_a_stretch_may_be_painted_at_its_end_alone():
    film = pan(4)
    painted = list(between(film, None, 1 - film[-1]))
    torch.testing.assert_close(painted[-1], 1 - film[-1])
    assert (painted[0] - (1 - film[0])).abs()[..., 10:].mean() < 0.03
    with pytest.raises(ValueError, match="neither end is painted"):
        next(between(film, None))


def test_a_cut_begins_with_a_key_frame_of_its_own():
    film = [*pan(3), *(impasto.samples.content("astronaut", 96) for _ in range(3))]
    painted = list(propagate(film, negative, every=100))
    assert (painted[3].tensor - (1 - film[3])).abs().max() < 1e-4
    assert (painted[5].tensor - (1 - film[5])).abs().mean() < 0.01


def test_key_frames_can_be_painted_elsewhere(tmp_path):
    film = pan(5)
    impasto.read(1 - film[2]).save(tmp_path / "by-hand-003.png")
    painted = list(propagate(film, keys={3: tmp_path / "by-hand-003.png"}))
    assert (painted[2].tensor - (1 - film[2])).abs().max() < 0.01
    for place in (0, 4):
        assert (painted[place].tensor - (1 - film[place])).abs()[..., 10:-10].mean() < 0.03
    with pytest.raises(ValueError, match=r"frame 3 is 64×64 pixels, and the film 96×96"):
        list(propagate(film, keys={3: film[0][..., :64, :64]}))
    cut = [*film, impasto.samples.content("astronaut", 96)]
    with pytest.raises(ValueError, match=r"none of the frames 6 to 6(.|\n)*such as the first"):
        list(propagate(cut, keys={3: 1 - film[2]}))


@pytest.mark.parametrize("given", [{}, {"paint": negative, "every": 0}])
def test_nothing_to_paint_with_is_said(given):
    with pytest.raises(ValueError, match="a key frame every 12, and a function that paints it"):
        propagate(pan(2), **given)


def test_the_command_reads_key_frames_from_a_folder(tmp_path, capsys):
    film = tmp_path / "film"
    keys = tmp_path / "keys"
    film.mkdir()
    for place, frame in enumerate(pan(3, side=64), 1):
        impasto.read(frame).save(film / f"{place}.png")
    keys.mkdir()
    assert main(["propagate", str(film), "-o", str(tmp_path / "out"), "--keys", str(keys)]) != 0
    assert "there are no painted frames" in capsys.readouterr().err
    impasto.read(1 - pan(1, side=64)[0]).save(keys / "frame-001.png")
    assert main(["propagate", str(film), "-o", str(tmp_path / "out"), "--keys", str(keys)]) == 0
    assert len(list((tmp_path / "out").iterdir())) == 3


def test_the_command_needs_a_painting_or_painted_frames(tmp_path, capsys):
    assert main(["propagate", "clip.mp4", "-o", str(tmp_path / "out.mp4")]) == 2
    assert "what to type: impasto propagate clip.mp4 painting.jpg" in capsys.readouterr().err
