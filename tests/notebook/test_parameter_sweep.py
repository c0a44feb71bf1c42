"""A sweep paints with each value of one or two parameters."""

import pytest
import torch

import impasto

from .example_stages import STYLE, Once, Twice, grey


def test_a_sweep_paints_every_pair_of_values():
    sheet = impasto.sweep(Twice(), grey(0.5), STYLE, strength=[0.0, 1.0], count=[1, 2, 3])
    assert sheet.titles[2] == ("strength=0.0, count=3", "strength=1.0, count=3")
    means = [[round(picture.tensor.mean().item(), 3) for picture in row] for row in sheet.rows]
    assert means == [[0.5, 0.6], [0.5, 0.7], [0.5, 0.8]]


def test_a_sweep_takes_what_a_run_takes():
    mask = torch.zeros(1, 1, 20, 30)
    mask[..., :15] = 1
    (one,) = impasto.sweep(Twice(), grey(0.5), STYLE, strength=[1.0], mask=mask)
    assert one.tensor[..., 20:].eq(0.5).all()


def test_a_list_of_sizes_is_for_the_stage_that_has_one_and_a_number_for_the_run():
    class Large(impasto.Postprocessor, name="large"):
        """Brighten by its size."""

        size: int = impasto.param(default=1, low=1, high=9, help="how much")

        def refine(self, image, content, styles):
            return image + self.size * image.shape[-1] / 1000

    sheet = impasto.sweep(Large(), grey(0.5), size=[1, 2])
    assert [round(picture.tensor.mean().item(), 2) for picture in sheet] == [0.53, 0.56]  # of 30 pixels
    small = impasto.sweep(impasto.Pipeline(Twice(), Large()), grey(0.5), STYLE, count=[1], size=20)
    assert small[0].tensor.mean().item() == pytest.approx(0.57, abs=0.005)  # 20 at work


def test_a_name_that_two_stages_have_asks_which():
    pipe = impasto.Pipeline(Twice(), Once())
    with pytest.raises(impasto.ParameterError, match=r'\*\*\{"twice.strength": \[…\]\}'):
        impasto.sweep(pipe, grey(0.5), STYLE, strength=[0.1])
    sheet = impasto.sweep(pipe, grey(0.5), STYLE, **{"twice.strength": [0.0]})
    assert sheet[0].tensor.mean() == 0.5
    assert sheet.titles == (("strength=0.0",),)


@pytest.mark.parametrize(
    ("values", "says"),
    [({}, "0 parameters"), ({"colour": [1]}, "no stage has a parameter 'colour'"), ({"strength": [2]}, "0 to 1")],
)
def test_a_sweep_says_what_is_wrong(values, says):
    with pytest.raises(impasto.ParameterError, match=says):
        impasto.sweep(Twice(), grey(0.5), STYLE, **values)
