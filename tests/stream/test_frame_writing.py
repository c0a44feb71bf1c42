"""Frames written to folders, and by the command line."""

import numpy as np
import pytest
import torch

import impasto
from impasto import cli
from impasto.errors import FrameError
from impasto.stream import Video, write

from .example_frames import COLOURS, QUICK, STYLE, Fragile, Tint, clip, frames, means, near, needs_av, stop_at


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


def test_what_is_no_picture_is_said(tmp_path):
    with pytest.raises(TypeError, match=r"Tensor, and no Picture\n  what would work"):
        write([STYLE], "out")


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


@pytest.mark.parametrize("fps", ["5", 0, float("nan"), 1 + 0j])
def test_what_is_no_rate_of_frames_is_refused(fps, tmp_path):
    with pytest.raises(ValueError, match="should be a number above 0 and at most 1000"):
        impasto.stream.write([impasto.Picture(torch.rand(1, 3, 16, 16))], tmp_path / "out.gif", fps=fps)


@pytest.mark.parametrize("fps", [np.float32(5), torch.tensor(5), np.int64(5)])
def test_numbers_of_any_library_are_a_rate_of_frames(fps, tmp_path):
    impasto.stream.write([impasto.Picture(torch.rand(1, 3, 16, 16))] * 2, tmp_path / "out.gif", fps=fps)
    assert impasto.stream.Animation(tmp_path / "out.gif").fps == 5
