"""Videos read: upright, with times and sound, and what is none is explained."""

import sys
from fractions import Fraction

import numpy as np
import pytest

import impasto
from impasto.stream import Video, write

from .example_frames import COLOURS, QUICK, av, clip, needs_av


@needs_av
def test_a_turned_video_is_painted_upright_with_the_shape_of_its_pixels():
    clip("in.mp4", turned=90, aspect=2)
    frame = next(iter(Video("in.mp4")))
    assert frame.size == (64, 48)
    write(impasto.Pipeline().stream("in.mp4", **QUICK), "out.mp4")
    made = Video("out.mp4")
    assert next(iter(made)).size == (64, 48)
    assert made.aspect == Fraction(1, 2)


@needs_av
def test_what_is_no_video_is_explained(tmp_path):
    clip("good.mp4")
    whole = (tmp_path / "good.mp4").read_bytes()
    (tmp_path / "empty.mp4").touch()
    (tmp_path / "text.mp4").write_text("#EXTM3U\n#EXTINF:1,\ngood.mp4\n#EXT-X-ENDLIST\n")
    (tmp_path / "cut.mp4").write_bytes(whole[: len(whole) // 2])
    with av.open("sound.mp4", "w") as out:
        stream = out.add_stream("aac", rate=44100, layout="mono")
        part = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), "fltp", "mono")
        part.sample_rate = 44100
        out.mux(stream.encode(part))
        out.mux(stream.encode(None))
    for name, message in (
        ("empty", "is empty"),
        ("text", "it is no video, damaged, cut short"),
        ("cut", "damaged, cut short|holds no video, only nothing"),
        ("sound", "holds no video, only audio"),
    ):
        with pytest.raises(impasto.PictureError, match=message):
            impasto.Pipeline().stream(f"{name}.mp4", **QUICK)
    with pytest.raises(FileNotFoundError, match=r"did you mean 'good\.mp4'"):
        impasto.Pipeline().stream("god.mp4", **QUICK)
    with pytest.raises(impasto.PictureError, match="over the limit of 1,000"):
        impasto.Pipeline().stream("good.mp4", max_pixels=1000, **QUICK)


@needs_av
def test_a_video_that_is_cut_in_its_frames_gives_those_it_has_and_says_so(tmp_path):
    clip("in.mkv", COLOURS * 10, grain=40)
    whole = (tmp_path / "in.mkv").read_bytes()
    (tmp_path / "cut.mkv").write_bytes(whole[: len(whole) // 2])
    with pytest.warns(UserWarning, match="says it has 50 frames and ends after"):
        found = len(list(Video("cut.mkv")))
    assert 5 < found < 45


def test_without_pyav_a_video_says_what_to_type(monkeypatch):
    monkeypatch.setitem(sys.modules, "av", None)
    for use in (lambda: impasto.Pipeline().stream("clip.mp4"), lambda: write([], "out.mp4")):
        with pytest.raises(ImportError, match=r"pip install 'impasto\[video\]'"):
            use()
