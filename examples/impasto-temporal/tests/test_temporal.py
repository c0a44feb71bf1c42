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
    dark, light = torch.full((1, 3, 32, 32), 0.4), torch.full((1, 3, 32, 32), 0.4)
    light[..., 16:] = 0.6
    *_, last = impasto.Pipeline(Temporal()).stream([dark, light], device="cpu")
    assert torch.equal(last.tensor[..., 18:], light[..., 18:])
