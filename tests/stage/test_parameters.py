"""Declared parameters: what is asked of their values."""

import pytest

import impasto


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
