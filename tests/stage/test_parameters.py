"""Declared parameters: what is asked of their values."""

import copy
import pickle

import pytest

import impasto
from impasto.errors import ParameterError


class Smear(impasto.Postprocessor, name="smear"):
    """Average a few pixels."""

    side: int = impasto.param(default=3, low=1, high=9, odd=True, help="of the window, in pixels")
    sides: tuple[int, ...] = impasto.param(default=(), odd=True, help="of more windows")

    def refine(self, image, content, styles):
        return image


def test_an_even_number_is_refused_where_an_odd_one_is_needed():
    with pytest.raises(impasto.ParameterError, match="side = 4 does not fit\n  what would work: an odd number, 1 to 9"):
        Smear(side=4)
    with pytest.raises(impasto.ParameterError, match="a list, each an odd number"):
        Smear(sides=(1, 2))
    assert Smear(side=5, sides=(1, 3)).values() == {"side": 5, "sides": (1, 3)}


class Needy(impasto.Postprocessor, name="needy"):
    """Need a file."""

    path: str = impasto.param(help="a file")
    steps: int = impasto.param(default=1, help="steps")


def test_a_stage_that_needs_a_parameter_is_copied_and_pickled():
    stage = Needy(path="a.png", steps=3)
    assert copy.deepcopy(stage) == copy.copy(stage) == stage
    assert pickle.loads(pickle.dumps(stage)) == stage


@pytest.mark.parametrize("value", [10**400, 1e300, float("nan"), 2**63])
def test_numbers_that_no_file_can_hold_are_refused(value):
    with pytest.raises(ParameterError, match="does not fit"):
        Needy(path="a.png", steps=value)
