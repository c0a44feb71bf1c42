"""A comparison holds a picture before and after."""

import re

import pytest
import torch

import impasto
from impasto.notebook import Comparison


def grey(value, height=20, width=30):
    return torch.full((1, 3, height, width), value)


def test_a_comparison_holds_both_pictures_and_is_the_same_each_time():
    shown = impasto.compare(grey(0.2), grey(0.6))
    assert "mean difference 0.40" in repr(shown)
    sources = re.findall(r"base64,([^\"]+)", shown._repr_html_())
    assert len(sources) == 2
    assert sources[0] != sources[1]
    assert shown._repr_html_() == impasto.compare(grey(0.2), grey(0.6))._repr_html_()


def test_pictures_of_other_sizes_are_fitted_and_batches_refused():
    assert isinstance(impasto.compare(grey(0.2), grey(0.6, 40, 60)), Comparison)
    with pytest.raises(impasto.ParameterError, match="batches"):
        impasto.compare(torch.rand(2, 3, 8, 8), torch.rand(2, 3, 8, 8))
