"""Frames go through a pipeline in order, each as by itself, and what was painted survives what goes wrong."""

import sys
import threading
import time
from fractions import Fraction
from functools import partial
from itertools import count
from typing import ClassVar

import numpy as np
import pytest
import torch

import impasto
from impasto import cli
from impasto.errors import FrameError
from impasto.stage import RunContext, StreamMemo, remember
from impasto.stream import Video, VideoFile, interrupted_path, prefetched, write, written_behind
from impasto.stream.video_file import ENCODERS

try:
    import av
except ImportError:
    av = None

needs_av = pytest.mark.skipif(av is None, reason="PyAV is not installed: pip install 'impasto[video]'")

STYLE = torch.linspace(1, 0, 3 * 16 * 12).reshape(1, 3, 16, 12)
QUICK = {"device": "cpu", "precision": "float32"}


class Tint(impasto.Stylizer, name="tint"):
    """Mix in the styles' mean colours, studied once, and a grain."""

    studied: ClassVar[list[float]] = []
    grain: float = impasto.param(default=0.1, low=0, help="how strong")

    def study(self, image):
        self.studied.append(float(image.mean()))
        return image.mean((2, 3), keepdim=True)

    def stylize(self, content, styles, guides):
        colours = [remember(style, "mean", partial(self.study, style.image)) for style in styles]
        return content.lerp(sum(colours) / len(colours), 0.5) + self.grain * torch.randn(
            content.shape, generator=self.generator("cpu")
        )


class Fragile(impasto.Stylizer, name="fragile"):
    """Break, or be interrupted, at dark frames."""

    style = "optional"
    how: str = impasto.param(default="break", help="break, press or press-late")

    def stylize(self, content, styles, guides):
        if content.max() < 0.1:
            if self.how == "break":
                raise ValueError("too dark")
            if self.how == "press-late":
                self.report(1, 2, content, {})
            raise KeyboardInterrupt
        return content


@pytest.fixture(autouse=True)
def _fresh(monkeypatch, tmp_path):
    Tint.studied.clear()
    monkeypatch.chdir(tmp_path)
    host = impasto.Host()
    host.register(
        type("Plugin", (), {"impasto_stylizers": impasto.hookimpl(lambda self: [Tint, Fragile])})(), "impasto-test 1.0"
    )
    monkeypatch.setattr("impasto.host.registry._installed", lambda: host)


def frames(number, size=(12, 16)):
    """Frames that are each of another colour."""
    ramp = torch.linspace(0, 1, size[0] * size[1]).reshape(1, 1, *size)
    return [(ramp * 0.5 + (index + 1) * 0.5 / number).expand(1, 3, *size).contiguous() for index in range(number)]


def stop_at(number, error):
    yield from frames(number)
    raise error


# ---------------------------------------------------------------------------------------------------- painting


def test_frames_come_in_order_and_to_the_bit_as_each_by_itself():
    pipe = impasto.Pipeline(Tint())
    given = [*frames(3), *frames(2, (9, 7)), *frames(1, (1, 3))]
    alone = [pipe(frame, STYLE, seed=5, **QUICK) for frame in given]
    streamed = list(pipe.stream(given, STYLE, seed=5, **QUICK))
    assert [picture.size for picture in streamed] == [(12, 16)] * 3 + [(9, 7)] * 2 + [(1, 3)]
    for one, other in zip(alone, streamed, strict=True):
        assert torch.equal(one.tensor, other.tensor)
    assert [picture.meta.frame for picture in streamed] == [1, 2, 3, 4, 5, 6]


def test_batches_join_what_has_one_size_and_agree():
    pipe = impasto.Pipeline(Tint(grain=0))
    given = [*frames(3), *frames(2, (9, 7)), *frames(2)]
    sizes = []

    class Watch:
        @impasto.hookimpl
        def impasto_run_stage(self, stage, canvas):
            sizes.append(tuple(canvas.image.shape[i] for i in (0, 2, 3)))

    streamed = list(pipe.stream(given, STYLE, batch=2, plugins=[Watch()], **QUICK))
    assert sizes == [(2, 12, 16), (1, 12, 16), (2, 9, 7), (2, 12, 16)]
    assert [picture.meta.frame for picture in streamed] == [1, 2, 3, 4, 5, 6, 7]
    for one, other in zip(given, streamed, strict=True):
        torch.testing.assert_close(pipe(one, STYLE, **QUICK).tensor, other.tensor)


def test_the_styles_are_studied_once_for_all_frames_also_inside_regions():
    guides = {"left": torch.zeros(1, 1, 12, 16)}
    guides["left"][..., :8] = 1
    styles = [impasto.Style(STYLE, region="left"), impasto.Style(1 - STYLE, region="rest")]
    pipe = impasto.Pipeline(Tint())
    streamed = list(pipe.stream(frames(4), styles, guides=guides, **QUICK))
    assert len(Tint.studied) == 2
    for one, other in zip(frames(4), streamed, strict=True):
        assert torch.equal(pipe(one, styles, guides=guides, **QUICK).tensor, other.tensor)


def test_a_mask_is_laid_over_every_frame():
    mask = torch.zeros(1, 1, 12, 16)
    mask[..., 8:] = 1
    for before, after in zip(
        frames(3), impasto.Pipeline(Tint()).stream(frames(3), STYLE, mask=mask, **QUICK), strict=True
    ):
        assert torch.equal(before[..., :8], after.tensor[..., :8])
        assert not torch.equal(before[..., 8:], after.tensor[..., 8:])


def test_recipes_load_as_the_pipeline():
    (painted,) = impasto.Pipeline(Tint(grain=0.25)).stream(frames(1), STYLE, seed=7, **QUICK)
    assert impasto.Pipeline.from_toml(painted.meta.recipe) == impasto.Pipeline(Tint(grain=0.25))
    assert "seed = 7" in painted.meta.recipe


def test_the_frames_before_an_error_of_the_source_come_and_the_error_names_the_frame():
    stream = impasto.Pipeline(Tint()).stream(stop_at(4, RuntimeError("the camera fell")), STYLE, **QUICK)
    assert [next(stream).meta.frame for _ in range(4)] == [1, 2, 3, 4]
    with pytest.raises(FrameError, match="frame 5: RuntimeError: the camera fell") as caught:
        next(stream)
    assert isinstance(caught.value.__cause__, RuntimeError)


def test_also_in_batches_the_frames_before_an_error_come():
    stream = impasto.Pipeline(Tint()).stream(stop_at(4, RuntimeError("oh")), STYLE, batch=3, **QUICK)
    assert [next(stream).meta.frame for _ in range(4)] == [1, 2, 3, 4]
    with pytest.raises(FrameError, match="frame 5"):
        next(stream)


def test_an_error_of_a_stage_names_the_frame_and_the_stage():
    given = [*frames(2), torch.zeros(1, 3, 4, 4), *frames(1)]
    stream = impasto.Pipeline(Fragile()).stream(given, **QUICK)
    assert len([next(stream), next(stream)]) == 2
    with pytest.raises(FrameError, match=r"frame 3: stage 1 of 1, 'fragile'.*too dark"):
        next(stream)


@pytest.mark.parametrize("how", ["press", "press-late"])
def test_an_interruption_ends_the_stream_and_gives_no_half_painted_frame(how):
    stream = impasto.Pipeline(Fragile(how=how)).stream([*frames(1), torch.zeros(1, 3, 4, 4)], **QUICK)
    next(stream)
    with pytest.raises(KeyboardInterrupt):
        next(stream)
    assert not any(thread.name == "impasto-reader" for thread in threading.enumerate())


def test_no_more_frames_are_read_than_asked_for():
    read = []

    def camera():
        for index in count():
            read.append(index)
            yield frames(1)[0]

    stream = impasto.Pipeline(Tint()).stream(camera(), STYLE, ahead=2, **QUICK)
    assert not read
    next(stream)
    time.sleep(0.3)
    assert len(read) <= 1 + 2 + 1  # painted, waiting, and in the reader's hand
    stream.close()
    assert not any(thread.name == "impasto-reader" for thread in threading.enumerate())


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (3, "a folder of pictures, a video file"),
        ("nothing", "there are no pictures in nothing"),
        ("*.jpg", "there are no pictures"),
    ],
)
def test_a_source_that_is_none_is_explained(given, message, tmp_path):
    (tmp_path / "nothing").mkdir()
    with pytest.raises((TypeError, ValueError, FrameError), match=message):
        list(impasto.Pipeline().stream(given, **QUICK))


def test_a_frame_over_the_limit_is_refused_before_it_is_decoded():
    impasto.read(frames(1)[0]).save("a.png")
    with pytest.raises(FrameError, match=r"frame 1 \(a.png\).*192 pixels, over the limit of 100"):
        list(impasto.Pipeline().stream(["a.png"], max_pixels=100, **QUICK))


# -------------------------------------------------------------------------------------------------- remember


def test_what_is_remembered_is_computed_once_and_forgotten_when_a_frame_does_not_ask_for_it():
    computed = []

    def total(times):
        computed.append(times)
        return given.sum() * times

    memo, given = StreamMemo(), torch.ones(3)

    def frame(*asked):
        memo.next_frame()
        with RunContext(memo=memo):
            return [remember(given, ("total", times), partial(total, times)).item() for times in asked]

    assert frame(2) == frame(2) == [6]
    assert computed == [2]
    assert frame(2, 3) == [6, 9]
    assert frame(3) == frame(3) == [9]
    assert computed == [2, 3]
    assert frame(2) == [6]
    assert computed == [2, 3, 2]
    assert remember(given, ("total", 2), partial(total, 2)) == 6
    assert computed == [2, 3, 2, 2]


def test_what_is_remembered_of_one_tensor_is_not_taken_for_another():
    memo = StreamMemo()
    for value in range(20):
        memo.next_frame()
        tensor = torch.full((3,), float(value))
        with RunContext(memo=memo):
            assert remember((tensor, None), "mean", tensor.mean) == value


# ---------------------------------------------------------------------------------------------------- threads


def test_prefetching_keeps_the_order_and_passes_any_error_on():
    assert list(prefetched(range(50), 3)) == list(range(50))
    with pytest.raises(ZeroDivisionError):
        list(prefetched((1 // (2 - index) for index in range(4)), 1))


def test_writing_behind_keeps_the_order_and_finishes_what_was_handed_over():
    written = []

    def slowly(item):
        time.sleep(0.01)
        written.append(item)

    with pytest.raises(KeyboardInterrupt), written_behind(slowly, 3) as put:  # noqa: PT012
        for index in range(10):
            put(index)
        raise KeyboardInterrupt
    assert written == list(range(10))


def test_an_error_in_writing_stops_the_painting():
    handed = []

    def full(item):
        raise OSError("no space left")

    with pytest.raises(OSError, match="no space left"), written_behind(full, 1) as put:  # noqa: PT012
        for index in range(1000):
            put(index)
            handed.append(index)
            time.sleep(0.01)
    assert len(handed) < 1000


# ---------------------------------------------------------------------------------------------------- folders


def test_a_folder_is_painted_into_a_folder_under_the_same_names_in_natural_order(tmp_path, capfd):
    (tmp_path / "in").mkdir()
    for index in (1, 2, 10):
        impasto.read(frames(10)[index - 1]).save(f"in/shot-{index}.png")
    stream = impasto.Pipeline(Tint()).stream("in", STYLE, **QUICK)
    assert write(stream, "out", shown=True, total=3) == 3
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "shot-1.png",
        "shot-10.png",
        "shot-2.png",
    ]
    order = [impasto.read(frame).meta.file for frame in impasto.Pipeline().stream("in", **QUICK)]
    assert order == ["in/shot-1.png", "in/shot-2.png", "in/shot-10.png"]
    alone = impasto.Pipeline(Tint())("in/shot-10.png", STYLE, **QUICK)
    alone.save("alone.png")
    assert torch.equal(impasto.read("out/shot-10.png").tensor, impasto.read("alone.png").tensor)
    assert " frames/s" in capfd.readouterr().err


def test_frames_without_files_are_numbered_and_those_before_an_error_stay(tmp_path):
    stream = impasto.Pipeline(Tint()).stream(stop_at(2, RuntimeError("oh")), STYLE, **QUICK)
    with pytest.raises(FrameError, match="frame 3"):
        write(stream, "out")
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["frame-000001.png", "frame-000002.png"]


def test_an_error_of_the_writer_names_the_frame_and_keeps_the_inputs(tmp_path):
    impasto.read(frames(1)[0]).save("a.png")
    before = (tmp_path / "a.png").read_bytes()
    with pytest.raises(FrameError, match=r"frame 1 \(a.png\): .*made from"):
        write(impasto.Pipeline(Tint()).stream(["a.png"], STYLE, **QUICK), ".")
    assert (tmp_path / "a.png").read_bytes() == before


# ---------------------------------------------------------------------------------------------------- videos

COLOURS = [(200, 30, 30), (30, 200, 30), (30, 30, 200), (120, 120, 120), (220, 220, 40)]


def clip(path, colours=COLOURS * 2, size=(48, 64), fps=10, turned=0, sound=False, aspect=1, pts=None, grain=0):
    """Write a video of plain frames by PyAV alone."""
    with av.open(str(path), "w") as out:
        stream = out.add_stream("mpeg4", rate=fps, options={"flags": "+qscale", "global_quality": "236"})
        stream.height, stream.width, stream.pix_fmt = *size, "yuv420p"
        stream.codec_context.sample_aspect_ratio = aspect
        if turned:
            stream.set_display_rotation(turned)
        if sound:
            voice = out.add_stream("aac", rate=44100, layout="mono")
        for index, colour in enumerate(colours):
            noise = np.random.default_rng(index).normal(0, grain, (*size, 3))
            array = (np.array(colour) + noise).clip(0, 255).astype(np.uint8)
            frame = av.VideoFrame.from_ndarray(array, "rgb24")
            frame.pts, frame.time_base = (pts[index] if pts else index), Fraction(1, fps)
            out.mux(stream.encode(frame))
        if sound:
            tone = np.sin(np.arange(44100 * len(colours) // fps) * 0.05, dtype=np.float32)[None]
            for index, begin in enumerate(range(0, tone.shape[1] - 1023, 1024)):
                part = av.AudioFrame.from_ndarray(tone[:, begin : begin + 1024], "fltp", "mono")
                part.sample_rate, part.pts, part.time_base = 44100, 1024 * index, Fraction(1, 44100)
                out.mux(voice.encode(part))
            out.mux(voice.encode(None))
        out.mux(stream.encode(None))


def means(path):
    return [(picture.tensor.mean((0, 2, 3)) * 255).round().tolist() for picture in Video(path)]


def near(found, wanted, tolerance):
    return np.abs(np.array(found) - np.array(wanted)).max() <= tolerance


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
def test_a_turned_video_is_painted_upright_with_the_shape_of_its_pixels():
    clip("in.mp4", turned=90, aspect=2)
    frame = next(iter(Video("in.mp4")))
    assert frame.size == (64, 48)
    write(impasto.Pipeline().stream("in.mp4", **QUICK), "out.mp4")
    made = Video("out.mp4")
    assert next(iter(made)).size == (64, 48)
    assert made.aspect == Fraction(1, 2)


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
    with pytest.warns(UserWarning, match="frames of 64 × 32 are resized to 32 × 16"):
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


def test_without_pyav_a_video_says_what_to_type(monkeypatch):
    monkeypatch.setitem(sys.modules, "av", None)
    for use in (lambda: impasto.Pipeline().stream("clip.mp4"), lambda: write([], "out.mp4")):
        with pytest.raises(ImportError, match=r"pip install 'impasto\[video\]'"):
            use()


# ---------------------------------------------------------------------------------------------- command line


@needs_av
def test_the_command_line_paints_a_video(tmp_path, capsys):
    clip("in.mp4", sound=True)
    impasto.Pipeline().save("pipe.toml")
    assert cli.main(["run", "pipe.toml", "--content", "in.mp4", "--out", "out.mp4"]) == 0
    said = capsys.readouterr().out
    assert "out.mp4: 10 frames, no stages" in said
    assert "frames per second" in said
    assert near(means("out.mp4"), COLOURS * 2, 6)
    assert Video("out.mp4").sound
    assert cli.main(["run", "pipe.toml", "--content", "in.mp4", "--out", "stills"]) == 0
    assert len(list((tmp_path / "stills").glob("frame-0000*.png"))) == 10
    assert cli.main(["run", "pipe.toml", "--content", "stills", "--out", "again.mp4"]) == 0
    assert near(means("again.mp4"), COLOURS * 2, 8)


@needs_av
def test_the_command_line_says_what_is_wrong_with_a_video(capsys, tmp_path):
    clip("in.mp4")
    impasto.Pipeline().save("pipe.toml")
    (tmp_path / "bad.mp4").write_bytes(b"nothing")
    for content, out, message in (
        (["bad.mp4"], "out.mp4", "it is no video"),
        (["in.mp4", "bad.mp4"], "out.mp4", "a video goes alone"),
        (["in.mp4"], "out.png", "is a video and out.png a picture"),
        (["in.mp4"], "in.mp4", "never overwritten"),
        (["in.mp4"], "out.wmv", "names no video that can be written"),
    ):
        assert cli.main(["run", "pipe.toml", "--content", *content, "--out", out]) == 2
        assert message in capsys.readouterr().err


@needs_av
def test_the_command_line_keeps_what_was_painted_when_interrupted(capsys, monkeypatch):
    clip("in.mp4", [*COLOURS, (0, 0, 0)])
    impasto.Pipeline(Fragile(how="press")).save("pipe.toml")
    assert cli.main(["run", "pipe.toml", "--content", "in.mp4", "--out", "out.mp4"]) == 130
    assert "out.interrupted.mp4 holds the frames so far" in capsys.readouterr().err
    assert len(means("out.interrupted.mp4")) == 5
