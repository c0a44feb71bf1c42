"""Videos written: what came in comes back, and what was painted survives what goes wrong."""

import numpy as np
import pytest
import torch

import impasto
from impasto import cli
from impasto.errors import FrameError
from impasto.stream import Video, VideoFile, interrupted_path, write
from impasto.stream.video_writing import ENCODERS

from .example_animations import animated, still
from .example_frames import COLOURS, QUICK, STYLE, Fragile, Tint, av, clip, frames, means, near, needs_av


@needs_av
@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv", ".webm"])
def test_a_video_comes_back_with_its_frames_size_colours_and_times(suffix):
    clip("in.mp4")
    assert write(impasto.Pipeline().stream("in.mp4", **QUICK), f"out{suffix}") == 10
    made = Video(f"out{suffix}")
    pictures = list(made)
    assert [picture.size for picture in pictures] == [(48, 64)] * 10
    assert made.fps == 10
    assert [round(float(picture.meta.time), 2) for picture in pictures] == [i / 10 for i in range(10)]
    assert near(means(f"out{suffix}"), COLOURS * 2, 6)


@needs_av
def test_colours_are_written_as_players_read_them():
    with VideoFile("out.mp4", fps=5) as out:
        for colour in COLOURS:
            out.write(impasto.read(np.full((32, 32, 3), colour, np.uint8)))
    with av.open("out.mp4") as made:
        frame = next(made.decode(video=0))
        assert (frame.colorspace, frame.color_primaries, frame.color_trc) == (1, 1, 1)  # BT.709
    assert near(means("out.mp4"), COLOURS, 3)


@needs_av
def test_times_that_are_not_even_are_kept():
    clip("in.mp4", COLOURS, pts=[0, 1, 5, 6, 20])
    write(impasto.Pipeline().stream("in.mp4", **QUICK), "out.mp4")
    assert [round(float(picture.meta.time), 2) for picture in Video("out.mp4")] == [0, 0.1, 0.5, 0.6, 2.0]
    write(impasto.Pipeline().stream("in.mp4", **QUICK), "even.mp4", fps=24)
    assert [round(float(picture.meta.time) * 24, 1) for picture in Video("even.mp4")] == [0, 1, 2, 3, 4]


@needs_av
def test_the_sound_is_copied_to_the_bit():
    clip("in.mp4", sound=True)
    write(impasto.Pipeline().stream("in.mp4", **QUICK), "out.mp4")

    def heard(path):
        return [bytes(packet) for packet in Video(path).packets()]

    before, after = heard("in.mp4"), heard("out.mp4")
    assert len(after) >= 40
    assert [part for part in before if part in after] == after


@needs_av
def test_odd_sizes_get_one_more_row_and_say_so():
    with pytest.warns(UserWarning, match="out.mp4: is 10 × 14"):
        write(impasto.Pipeline().stream(frames(3, (13, 9)), **QUICK), "out.mp4")
    assert [picture.size for picture in Video("out.mp4")] == [(14, 10)] * 3


@needs_av
def test_frames_of_another_size_are_fitted_into_the_video_and_it_says_so():
    given = [*frames(2, (16, 32)), *frames(1, (32, 64))]
    with pytest.warns(UserWarning, match="frames of 64×32 are resized to 32×16"):
        write(impasto.Pipeline().stream(given, **QUICK), "out.mp4")
    assert [picture.size for picture in Video("out.mp4")] == [(16, 32)] * 3


@needs_av
@pytest.mark.parametrize("how", ["break", "press"])
def test_what_was_painted_before_an_error_plays_under_a_name_that_says_so(how, tmp_path):
    given = [*frames(7, (32, 32)), torch.zeros(1, 3, 32, 32), *frames(2, (32, 32))]
    (tmp_path / "out.mp4").write_bytes(b"of before")
    with pytest.raises((FrameError, KeyboardInterrupt)):
        write(impasto.Pipeline(Fragile(how=how)).stream(given, **QUICK), "out.mp4")
    assert len(list(Video(interrupted_path(tmp_path / "out.mp4")))) == 7
    assert (tmp_path / "out.mp4").read_bytes() == b"of before"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out.interrupted.mp4", "out.mp4"]


@needs_av
def test_a_video_is_never_written_over_itself(tmp_path):
    clip("in.mp4")
    before = (tmp_path / "in.mp4").read_bytes()
    with pytest.raises(FrameError, match="made from"):
        write(impasto.Pipeline().stream("in.mp4", **QUICK), "in.mp4")
    assert (tmp_path / "in.mp4").read_bytes() == before


@needs_av
def test_an_encoder_that_is_missing_is_replaced_and_says_so(monkeypatch):
    monkeypatch.setitem(ENCODERS, "", (("no-such", {}), *ENCODERS[""][1:]))
    with pytest.warns(UserWarning, match="encoded by mpeg4, since no-such is not there"):
        write(impasto.Pipeline().stream(frames(3, (32, 32)), **QUICK), "out.mp4")
    assert len(list(Video("out.mp4"))) == 3
    monkeypatch.setitem(ENCODERS, "", (("no-such", {}),))
    with pytest.raises(FrameError, match="this PyAV has no encoder no-such"):
        write(impasto.Pipeline().stream(frames(1, (32, 32)), **QUICK), "out.mp4")


@needs_av
@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv", ".webm"])
def test_a_recipe_goes_along_and_is_read_as_a_strangers(suffix, tmp_path, capsys):
    pipe = impasto.Pipeline(Tint(grain=0.25))
    write(pipe.stream(frames(2, (32, 32)), STYLE, seed=7, **QUICK), f"out{suffix}")
    assert impasto.Pipeline.load(f"out{suffix}") == pipe
    assert "seed = 7" in Video(f"out{suffix}").recipe
    write(pipe.stream(frames(2, (32, 32)), STYLE, **QUICK), f"secret{suffix}", recipe=False)
    with pytest.raises(impasto.PictureError, match="carries no recipe"):
        impasto.Pipeline.load(f"secret{suffix}")
    evil = '[[stages]]\nstage = "keeper"\nkept = "/tmp/planted"\n'
    given = [impasto.read(frame) for frame in frames(2, (32, 32))]
    write([each.replace(meta=each.meta.replace(recipe=evil)) for each in given], f"evil{suffix}")
    with pytest.raises(impasto.errors.RecipeError, match="to write the file '/tmp/planted'"):
        impasto.Pipeline.load(f"evil{suffix}")
    impasto.read(frames(1)[0]).save("photo.png")
    assert cli.main(["run", f"evil{suffix}", "--content", "photo.png", "--out", "out.png"]) != 0
    assert "to write the file" in capsys.readouterr().err


@needs_av
@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv", ".webm"])
def test_the_last_frame_of_an_animation_lasts_as_long_in_a_video(suffix):
    data = animated("PNG", [still(number) for number in range(3)], [100, 20, 3000])
    write(impasto.Pipeline().stream(data, **QUICK), f"out{suffix}")
    with av.open(f"out{suffix}") as made:
        assert abs(made.duration / 1e6 - 3.12) < 0.03
