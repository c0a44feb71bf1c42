import itertools

import torch

import impasto
from impasto.testing import parametrize_checks
from impasto_temporal import Temporal


@parametrize_checks(Temporal(), Temporal(strength=0.3))
def test_temporal(stage, check):
    check(stage)


class Flicker(impasto.Stylizer, name="flicker"):
    """Paint each frame in another light, as methods do that look at the whole frame."""

    style = "optional"

    def stylize(self, content, styles, guides):
        return content * (0.7 + 0.3 * content.flatten()[-1])


class Invert(impasto.Stylizer, name="invert"):
    """Paint the negative."""

    style = "ignored"

    def stylize(self, content, styles, guides):
        return 1 - content


def film(count):
    """A photograph that stands still, and in its last corner a lamp that flickers."""
    photo = impasto.samples.content("astronaut", 64)
    frames = [photo.clone() for _ in range(count)]
    for index, frame in enumerate(frames):
        frame[..., -1, -1] = index % 2
    return frames


def flicker(*stages):
    painted = [picture.tensor for picture in impasto.Pipeline(*stages).stream(film(8), device="cpu")]
    return float(sum((a - b).abs().mean() for a, b in itertools.pairwise(painted)))


def test_a_film_that_stands_still_flickers_less():
    assert flicker(Flicker(), Temporal()) < 0.3 * flicker(Flicker())


def test_what_moves_is_left_as_it_was_painted():
    red = torch.tensor([1.0, 0, 0])[:, None, None]
    frames = [impasto.samples.content("astronaut", 64) for _ in range(2)]
    frames[0][..., 8:24, 8:24] = red
    frames[1][..., 8:24, 36:52] = red
    _, last = impasto.Pipeline(Invert(), Temporal()).stream(frames, device="cpu")
    assert not last.meta.cut  # or it would look back at nothing
    for moved in (slice(10, 22), slice(38, 50)):
        assert torch.equal(last.tensor[..., 10:22, moved], 1 - frames[1][..., 10:22, moved])
