"""The options of a run: one list, whatever takes them."""

import dataclasses

import pytest

from impasto.pipeline import RunKeywords, RunOptions


def test_the_keywords_of_a_run_are_its_options():
    assert list(RunKeywords.__annotations__) == [option.name for option in dataclasses.fields(RunOptions)]


def test_an_option_that_is_none_is_named_with_those_that_are():
    with pytest.raises(TypeError, match=r"(?s)no option 'sed'.*it has: mask, guides.*did you mean 'seed'"):
        RunOptions.of({"sed": 1})


def test_options_are_a_value_that_nothing_changes():
    options = RunOptions(seed=2)
    with pytest.raises(dataclasses.FrozenInstanceError):
        options.seed = 3
