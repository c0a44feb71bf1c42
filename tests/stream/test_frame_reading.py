"""Frames are found and numbered, and an error names the one it came from."""

import threading
import time
from itertools import count
from pathlib import Path

import pytest
import torch

import impasto
from impasto.errors import FrameError

from .example_animations import animated, levels, still
from .example_frames import QUICK, STYLE, Fragile, Tint, frames, stop_at


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


def test_a_picture_is_read_from_its_file_once(tmp_path, monkeypatch):
    (tmp_path / "one.png").write_bytes(animated("PNG", [still(0)]))
    opened = []
    read_bytes = Path.read_bytes
    monkeypatch.setattr(Path, "read_bytes", lambda path: opened.append(path) or read_bytes(path))
    (frame,) = impasto.Pipeline().stream("one.png", **QUICK)
    assert (levels(frame) == still(0)).all()
    assert frame.meta.file == "one.png"
    assert len(opened) == 1


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
