"""The options of a run: one list, whatever takes them."""

import dataclasses

import pytest
import torch

import impasto
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


@pytest.mark.parametrize("weight", [None, "heavy", 1 + 0j, 10**400, torch.tensor([0.5, 0.5])])
def test_a_weight_that_is_no_one_number_is_refused(weight):
    with pytest.raises(impasto.ParameterError, match=r"a style's weight = .* does not fit"):
        impasto.Style(torch.rand(1, 3, 8, 8), weight)


@pytest.mark.parametrize("scale", [255, 1000, -50])
def test_pictures_of_another_scale_are_refused_with_what_they_hold(scale):
    picture = torch.rand(1, 3, 12, 12)
    with pytest.raises(ValueError, match="style: expected values in \\[0, 1\\], found"):
        impasto.Style(picture * scale)
    with pytest.raises(ValueError, match="content: expected values in"):
        impasto.Pipeline()(impasto.Picture(picture * scale))
    impasto.Style(picture * 1.2 - 0.1)  # as filters leave them


@pytest.mark.parametrize("opacity", [-1.0, 255.0, float("nan")])
def test_opacity_of_another_scale_is_refused(opacity):
    with pytest.raises(impasto.PictureError, match="alpha should be from 0, clear, to 1, opaque"):
        impasto.Picture(torch.rand(1, 3, 8, 8), torch.full((1, 1, 8, 8), opacity))


def test_a_style_that_nobody_can_see_is_pointed_out():
    hidden = impasto.Picture(torch.rand(1, 3, 12, 12), torch.zeros(1, 1, 12, 12))
    with pytest.warns(UserWarning, match="wholly transparent, and counts as white"):
        impasto.Pipeline.parse("match-color:target=image")(torch.rand(1, 3, 12, 12), hidden)


@pytest.mark.parametrize("count", ["2", None, 1.5, 0])
def test_a_batch_that_is_no_number_of_frames_is_refused(count):
    with pytest.raises(ValueError, match="should both be whole numbers"):
        impasto.Pipeline.parse("posterize").stream([torch.rand(1, 3, 8, 8)], batch=count)


def test_a_device_that_is_none_is_refused_in_our_words():
    with pytest.raises(ValueError, match="what would work: auto"):
        impasto.Pipeline.parse("posterize")(torch.rand(1, 3, 8, 8), device=None)


def test_a_style_that_is_missing_is_missed_before_the_stages_ahead_have_worked():
    steps = []

    class Watch:
        @impasto.hookimpl
        def impasto_run_stage(self, stage):
            steps.append(stage.name)

    with pytest.raises(impasto.StageError, match=r"stage 2 of 2, 'adain' .*needs a style picture"):
        impasto.Pipeline.parse("guided-smooth, adain")(torch.rand(1, 3, 32, 32), plugins=[Watch()])
    assert steps == []
