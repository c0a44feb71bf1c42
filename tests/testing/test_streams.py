"""The kit finds a stage that breaks what streams promise, and accuses none that keeps its state in the frame."""

import pytest
import torch

import impasto
from impasto import testing
from impasto.stage import current_run, remember

CHECKS = (testing.streams_as_it_paints_alone, testing.a_second_stream_begins_anew, testing.a_batch_is_as_one_by_one)
HISTORY = {}


@pytest.fixture(autouse=True)
def _no_history():
    HISTORY.clear()


def trail(previous, image):
    return image if previous is None or previous.shape != image.shape else image.lerp(previous, 0.5)


class Sound(impasto.Postprocessor, name="sound-trail"):
    """Mix in the frame before, as the run gives it."""

    stateful = True

    def refine(self, image, content, styles):
        previous = current_run().frame.previous
        return image if previous is None else image.lerp(previous.painted, 0.5)


class Remembered(impasto.Postprocessor, name="remembered-trail"):
    """Keep state in what `remember` gives, which is for the styles, and say nothing of it."""

    def refine(self, image, content, styles):
        if current_run().memo is None:
            return image
        history = remember(styles[0].image, "history", dict)
        history["last"] = trail(history.get("last"), image)
        return history["last"]


class OnTheClass(impasto.Postprocessor, name="class-trail"):
    """Keep state for all streams at once."""

    stateful = True

    def refine(self, image, content, styles):
        frame = current_run().frame
        if frame.previous is None:
            HISTORY.clear()
        HISTORY["last"] = trail(HISTORY.get("last"), image)
        return HISTORY["last"]


class Sequence(impasto.Postprocessor, name="sequence-trail"):
    """Take the pictures of a batch for successive frames, inside a stream."""

    def refine(self, image, content, styles):
        if current_run().memo is None or len(image) == 1:
            return image
        return torch.cat([image[:1], image[1:].lerp(image[:-1], 0.5)])


class Forgetful(impasto.Postprocessor, name="deaf-trail"):
    """Go on after a cut."""

    stateful = True

    def refine(self, image, content, styles):
        if current_run().memo is None:
            return image
        mean = remember(styles[0].image, "mean", list)
        mean.append(image.mean((2, 3), keepdim=True))
        return image.lerp(mean[0].expand_as(image), 0.5) if len(mean) > 1 else image


def failing(stage):
    found = []
    for check in CHECKS:
        try:
            check(stage)
        except testing.suites.SkipTest:
            continue
        except AssertionError as failure:
            found.append(check if "what would work: " in str(failure) else failure)
    return found


@pytest.mark.parametrize("check", CHECKS)
def test_a_sound_stage_is_not_accused(check):
    check(Sound())


@pytest.mark.parametrize(
    ("stage", "check"),
    [
        (Remembered(), testing.streams_as_it_paints_alone),
        (Forgetful(), testing.streams_as_it_paints_alone),
        (OnTheClass(), testing.a_second_stream_begins_anew),
        (Sequence(), testing.a_batch_is_as_one_by_one),
    ],
    ids=lambda one: getattr(one, "name", ""),
)
def test_each_fault_is_found_by_its_check(stage, check):
    assert failing(stage)[0] is check
