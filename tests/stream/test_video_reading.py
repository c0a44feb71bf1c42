"""Videos read: upright, with times and sound, and what is none is explained."""

import os
import sys
import warnings
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
def test_a_video_whose_sound_is_longer_is_not_called_cut(tmp_path):
    for suffix in ("mp4", "mkv", "webm"):
        clip("pictures.mp4", COLOURS)  # half a second
        with av.open("pictures.mp4") as source, av.open(f"in.{suffix}", "w") as out:
            voice = out.add_stream("libopus", rate=48000, layout="mono")
            stream = out.add_stream("libvpx-vp9" if suffix == "webm" else "mpeg4", rate=10)
            stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
            for frame in source.decode(video=0):
                out.mux(stream.encode(frame))
            out.mux(stream.encode(None))
            for index in range(48000 * 4 // 960):
                part = av.AudioFrame.from_ndarray(np.zeros((1, 960), np.float32), "fltp", "mono")
                part.sample_rate, part.pts, part.time_base = 48000, 960 * index, Fraction(1, 48000)
                out.mux(voice.encode(part))
            out.mux(voice.encode(None))
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            assert len(list(Video(f"in.{suffix}"))) == 5


@needs_av
@pytest.mark.parametrize(
    ("suffix", "codec", "layout"),
    [
        ("webm", "libvpx-vp9", "yuva420p"),
        ("mov", "prores_ks", "yuva444p10le"),
        ("mov", "qtrle", "argb"),
        ("mkv", "ffv1", "yuva420p"),
    ],
)
def test_a_video_with_transparency_gives_it(suffix, codec, layout, monkeypatch):
    if codec not in av.codecs_available:
        pytest.skip(f"this PyAV has no {codec}")
    with av.open(f"in.{suffix}", "w") as out:
        stream = out.add_stream(codec, rate=10)
        stream.width, stream.height, stream.pix_fmt = 64, 48, layout
        for index in range(3):
            array = np.full((48, 64, 4), (200, 80, 20 * index, 255), np.uint8)
            array[:, :32, 3] = 60
            frame = av.VideoFrame.from_ndarray(array, "rgba").reformat(format=layout)
            frame.pts, frame.time_base = index, Fraction(1, 10)
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    frames = list(impasto.Pipeline().stream(f"in.{suffix}", **QUICK))
    for frame in frames:
        assert abs(frame.alpha[..., 24, 8].item() * 255 - 60) < 3
        assert frame.alpha[..., 24, 56].item() == 1
    write(frames, "out.webm")
    assert all(abs(frame.alpha[..., 24, 8].item() * 255 - 60) < 3 for frame in Video("out.webm"))
    with pytest.warns(UserWarning, match="blended over white") as caught:
        write(frames, "out.mp4")
    assert sum("blended" in str(each.message) for each in caught) == 1
    if codec == "libvpx-vp9":
        monkeypatch.setattr("impasto.stream.video_reading.ALPHA_DECODERS", {})
        with pytest.warns(UserWarning, match="its transparency is left out"):
            assert all(frame.alpha is None for frame in Video("in.webm"))


@needs_av
@pytest.mark.parametrize("curve", [16, 18])
def test_a_high_dynamic_range_is_pointed_out_once(curve, recwarn):
    with av.open("in.mp4", "w") as out:
        stream = out.add_stream("mpeg4" if "libx264" not in av.codecs_available else "libx264", rate=10)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        stream.codec_context.color_trc, stream.codec_context.color_primaries = curve, 9
        for index in range(3):
            frame = av.VideoFrame.from_ndarray(np.full((48, 64, 3), 50 * index, np.uint8), "rgb24")
            frame.pts, frame.time_base, frame.color_trc = index, Fraction(1, 10), curve
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    warnings.simplefilter("always")
    assert len(list(Video("in.mp4"))) == 3
    assert sum("high dynamic range" in str(each.message) for each in recwarn) == 1


@needs_av
def test_what_is_no_file_is_not_opened_and_names_lead_nowhere_else(tmp_path):
    clip("in.mp4")
    odd = tmp_path / "concat:in.mp4|in.mp4.mp4"
    if sys.platform != "win32":
        odd.write_bytes((tmp_path / "in.mp4").read_bytes())
        assert len(list(Video(odd.name))) == 10
        os.mkfifo("pipe.mp4")
        for name in ("pipe.mp4", "/dev/zero"):
            with pytest.raises(impasto.PictureError, match="no regular file"):
                Video(name)
            with pytest.raises((impasto.PictureError, impasto.errors.FrameError), match="no regular file"):
                list(impasto.Pipeline().stream(name, **QUICK))


@needs_av
def test_a_video_that_is_cut_in_its_frames_gives_those_it_has_and_says_so(tmp_path):
    clip("in.mkv", COLOURS * 10, grain=40)
    whole = (tmp_path / "in.mkv").read_bytes()
    (tmp_path / "cut.mkv").write_bytes(whole[: len(whole) // 2])
    with pytest.warns(
        UserWarning, match=r"is cut short; it says it lasts 5\.0 s and ends after [1-4]\.\d s, \d+ frames"
    ):
        found = len(list(Video("cut.mkv")))
    assert 5 < found < 45


def test_without_pyav_a_video_says_what_to_type(monkeypatch):
    monkeypatch.setitem(sys.modules, "av", None)
    for use in (lambda: impasto.Pipeline().stream("clip.mp4"), lambda: write([], "out.mp4")):
        with pytest.raises(ImportError, match=r"pip install 'impasto\[video\]'"):
            use()
