"""Frames go through a pipeline in order, each as by itself."""

import threading

import pytest
import torch

import impasto

from .example_frames import QUICK, STYLE, Fragile, Tint, frames


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


@pytest.mark.parametrize("how", ["press", "press-late"])
def test_an_interruption_ends_the_stream_and_gives_no_half_painted_frame(how):
    stream = impasto.Pipeline(Fragile(how=how)).stream([*frames(1), torch.zeros(1, 3, 4, 4)], **QUICK)
    next(stream)
    with pytest.raises(KeyboardInterrupt):
        next(stream)
    assert not any(thread.name == "impasto-reader" for thread in threading.enumerate())
