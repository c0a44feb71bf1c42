"""A stage that looks back sees its own stream, begins anew after a cut, and is given one frame at a time."""

from fractions import Fraction

import pytest
import torch

import impasto
from impasto.stage import RunContext, current_run

from .example_frames import QUICK

PHOTOS = [impasto.samples.content(name, 72)[..., :36, :48] for name in ("astronaut", "coffee")]


class Trail(impasto.Postprocessor, name="trail"):
    """Mix in the frame before, and note what was seen."""

    stateful = True
    share: float = impasto.param(default=0.5, low=0, high=1, help="share of the frame before")

    def refine(self, image, content, styles):
        frame = current_run().frame
        seen = frame.memory.setdefault("seen", [])
        seen.append(frame.number)
        SEEN.append((frame.number, frame.cut, tuple(seen), frame.previous))
        return image if frame.previous is None else image.lerp(frame.previous.painted, self.share)


class Grain(impasto.Stylizer, name="grain"):
    """Add a grain where it stood in the frame before, if there is one."""

    stateful = True
    style = "optional"
    multiple = 8
    context = 0

    def stylize(self, content, styles, guides):
        frame = current_run().frame
        assert len(content) == 1
        PARTS.append((content, frame))
        frame.memory[f"{content.shape[-1]}"] = True
        noise = torch.rand(content.shape, generator=self.generator(content.device))
        return content.lerp(noise if frame.previous is None else frame.previous.painted, 0.2)


class Asking(impasto.Postprocessor, name="asking"):
    """Ask for the frame without saying so."""

    def refine(self, image, content, styles):
        return image * current_run().frame.number


SEEN, PARTS = [], []


@pytest.fixture(autouse=True)
def _nothing_seen():
    SEEN.clear()
    PARTS.clear()


def moving(count, photo=0):
    """A photograph that moves by a pixel from frame to frame."""
    return [PHOTOS[photo][..., index : index + 36] for index in range(count)]


def stream(stages, frames, **options):
    return list(impasto.Pipeline(*stages).stream(frames, **QUICK, **options))


def test_the_frames_before_are_seen_as_they_came_and_as_they_were_painted():
    given = moving(3)
    painted = stream([Trail()], given)
    assert torch.equal(painted[0].tensor, given[0])
    assert torch.equal(painted[2].tensor, given[2].lerp(given[1].lerp(given[0], 0.5), 0.5))
    assert [seen[:3] for seen in SEEN] == [(1, False, (1,)), (2, False, (1, 2)), (3, False, (1, 2, 3))]
    assert torch.equal(SEEN[1][3].content, given[0])
    assert torch.equal(SEEN[2][3].given, given[1])
    assert torch.equal(SEEN[2][3].painted, painted[1].tensor)


def test_a_cut_and_another_size_begin_anew():
    given = [*moving(2), *moving(2, 1), moving(1)[0][..., :30], moving(1)[0][..., :30]]
    painted = stream([Trail()], given)
    assert [seen[:3] for seen in SEEN] == [
        (1, False, (1,)),
        (2, False, (1, 2)),
        (3, True, (3,)),
        (4, False, (3, 4)),
        (5, True, (5,)),
        (6, False, (5, 6)),
    ]
    assert torch.equal(painted[2].tensor, given[2])


def test_two_streams_at_once_do_not_mix_and_a_second_one_begins_anew():
    pipe = impasto.Pipeline(Trail())
    alone = [[frame.tensor for frame in pipe.stream(moving(3, photo), **QUICK)] for photo in (0, 1)]
    both = zip(*(pipe.stream(moving(3, photo), **QUICK) for photo in (0, 1)), strict=True)
    for index, pair in enumerate(both):
        for photo, frame in enumerate(pair):
            assert torch.equal(frame.tensor, alone[photo][index])


def test_a_batch_is_painted_one_by_one_to_the_bit():
    given = [*moving(3), *moving(2, 1)]
    one, four = (stream([Grain(), Trail()], given, batch=batch, seed=3) for batch in (1, 4))
    for first, second in zip(one, four, strict=True):
        assert torch.equal(first.tensor, second.tensor)


def test_outside_a_stream_nothing_is_remembered_and_a_batch_is_taken_apart():
    pipe = impasto.Pipeline(Grain(), Trail())
    batch = torch.cat([photo[..., :36, :36] for photo in PHOTOS])
    together = pipe(batch, seed=4, **QUICK).tensor
    assert SEEN == [(1, False, (1,), None)] * 2
    for index in range(2):
        assert torch.equal(together[index], pipe(batch[index : index + 1], seed=4, **QUICK).tensor[0])


def test_a_batch_without_masks_in_common_is_painted_inside_each():
    mask = torch.zeros(2, 1, 36, 36)
    mask[0, ..., :18], mask[1, ..., 18:] = 1, 1
    batch = torch.cat([photo[..., :36, :36] for photo in PHOTOS])
    painted = impasto.Pipeline(Grain())(batch, mask=mask, **QUICK).tensor
    for index in range(2):
        assert torch.equal(painted[index, :, mask[index, 0] == 0], batch[index, :, mask[index, 0] == 0])
        assert not torch.equal(painted[index, :, mask[index, 0] == 1], batch[index, :, mask[index, 0] == 1])


def test_a_stylizer_sees_the_frame_before_where_it_sees_the_present_one():
    mask = torch.zeros(1, 1, 36, 36)
    mask[..., 5:25, 3:14] = 1
    given = [photo[..., :36, :36] for photo in (PHOTOS[0], 0.9 * PHOTOS[0])]
    painted = stream([Grain()], given, mask=mask)
    content, frame = PARTS[1]
    assert content.shape == frame.previous.given.shape == frame.previous.painted.shape == (1, 3, 24, 16)
    assert torch.equal(frame.previous.painted[..., :20, :11], painted[0].tensor[..., 5:25, 3:14])


def test_each_region_has_a_memory_of_its_own():
    left = torch.zeros(1, 1, 36, 36)
    left[..., :10] = 1
    stream([Grain()], moving(2), guides={"left": left, "right": 1 - left})
    assert [sorted(frame.memory) for _, frame in PARTS] == [["16"], ["32"], ["16"], ["32"]]


def test_the_same_stage_twice_has_two_memories():
    stream([Trail(), Trail(share=0.5)], moving(2))
    assert [seen[2] for seen in SEEN] == [(1,), (1,), (1, 2), (1, 2)]


def test_a_caller_may_write_into_a_painted_frame():
    given = moving(3)
    kept = [picture.tensor.clone() for picture in stream([Trail()], given)]
    for picture, wanted in zip(impasto.Pipeline(Trail()).stream(given, **QUICK), kept, strict=True):
        assert torch.equal(picture.tensor, wanted)
        picture.tensor.zero_()


def test_a_frame_has_the_time_of_its_stream():
    given = [
        impasto.Picture(frame, meta=impasto.picture.Metadata(time=Fraction(index, 25)))
        for index, frame in enumerate(moving(2))
    ]

    class Clock(impasto.Postprocessor, name="clock"):
        stateful = True

        def refine(self, image, content, styles):
            SEEN.append(current_run().frame.time)
            return image

    stream([Clock()], given)
    assert [float(time) for time in SEEN] == [0, 0.04]


def test_a_stage_that_does_not_say_that_it_looks_back_is_told_what_to_type():
    with pytest.raises(impasto.StageError, match=r"asking: asks for the frame .*\n.*stateful: ClassVar\[bool\] = True"):
        impasto.Pipeline(Asking())(PHOTOS[0], **QUICK)


def test_by_hand_a_frame_is_empty_each_time():
    with RunContext(seed=1):
        current_run().frame.memory["x"] = 1
        assert current_run().frame.memory == {}


def test_an_interrupted_batch_keeps_what_is_painted():
    class Press(impasto.Stylizer, name="press"):
        stateful = True
        style = "optional"

        def stylize(self, content, styles, guides):
            self.report(1, 2, content / 2, {})
            if PARTS:
                raise KeyboardInterrupt
            PARTS.append(1)
            return content / 2

    batch = torch.cat([PHOTOS[0][..., :36]] * 3)
    picture = impasto.Pipeline(Press())(batch, **QUICK)
    assert str(picture.interrupted) == "press at step 1 of 2"
    torch.testing.assert_close(picture.tensor[:2], batch[:2] / 2)
    assert torch.equal(picture.tensor[2], batch[2])


def test_prepare_of_a_batch_says_that_pictures_come_one_by_one():
    class Note(impasto.Preprocessor, name="note"):
        stateful = True

        def prepare(self, canvas):
            return canvas

    with pytest.raises(impasto.StageError, match=r"note: takes pictures one by one, and 2 were given"):
        impasto.Pipeline(Note()).prepare(torch.cat([PHOTOS[0], PHOTOS[0]]))


def test_a_frame_says_whether_a_new_shot_begins_with_it_where_a_stage_looks_back():
    given = [*moving(2), *moving(2, 1)]
    assert [picture.meta.cut for picture in stream([Trail()], given)] == [False, False, True, False]
    assert [picture.meta.cut for picture in stream([], given)] == [None] * 4


@pytest.mark.filterwarnings("ignore:a mask:UserWarning")
def test_what_was_painted_under_a_mask_is_the_whole_picture_and_outside_as_it_came():
    mask = torch.zeros(1, 1, 36, 36)
    mask[..., :18] = 1
    given = moving(2)
    painted = stream([Trail(share=1.0)], given, mask=mask)
    assert torch.equal(SEEN[1][3].painted, painted[0].tensor)
    assert torch.equal(SEEN[1][3].painted[..., 18:], given[0][..., 18:])
    assert torch.equal(painted[1].tensor[..., :18], given[0][..., :18])


@pytest.mark.parametrize("picture", ["content", "given", "painted"])
@pytest.mark.parametrize("part", [slice(None), slice(0, 4)])
def test_a_stage_that_writes_into_the_frame_before_is_refused(picture, part):
    class Scribble(impasto.Postprocessor, name="scribble"):
        """Write where it must not."""

        stateful = True

        def refine(self, image, content, styles):
            if current_run().frame.previous is not None:
                getattr(current_run().frame.previous, picture)[..., part].mul_(0.5)
            return image

    with pytest.raises(impasto.errors.FrameError, match=r"frame 2: .+'scribble'.+: writes into current_run"):
        stream([Scribble()], moving(3))
