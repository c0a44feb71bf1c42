"""The kit finds what is wrong with a style statistic, says what to do, and accuses no sound one."""

import pytest
import torch

from impasto import testing
from impasto.functional import losses, statistics
from impasto.functional.losses import Statistic


@testing.parametrize_checks(*losses.STATISTICS, of="statistic")
def test_the_statistics_of_the_host_are_sound(statistic, check):
    check(statistic)


def mean(features, weights=None):
    return (statistics.mean(features, weights),)


def correlations_of_places(features, weights=None):
    flat = features.float().flatten(2)
    return (flat.mT @ flat,)


def low_precision(features, weights=None):
    shares = torch.ones_like(features[:, :1]) if weights is None else weights.to(features)
    return (((features * shares).sum((2, 3)) / shares.sum()).float(),)


def rounded(features, weights=None):
    return (mean(features, weights)[0].mul(8).round(),)


def root(features, weights=None):
    return (statistics.mean(features.float().square(), weights).sqrt(),)


def everywhere(features, weights=None):
    return mean(features)


def plain_weights(features, weights=None):
    shares = torch.ones_like(features[:, :1]) / 4 if weights is None else weights
    return ((features.float() * shares).mean((2, 3)),)


def in_place(features, weights=None):
    return mean(features.mul_(0.5), weights)


def absolute(found, target):
    return (found[0] - target[0]).square().sum()


def shaped(found, target):
    return losses.relative_error(found[0], target[0], (1,))


def half(found, target):
    return losses.relative_distance(found, target) + 1


def noisy(style, generator=None):
    def measure(features, weights=None):
        return (mean(features, weights)[0] * torch.rand(()),)

    return Statistic(measure)


def numbers(features, weights=None):
    return [part.item() for part in mean(features, weights)[0].flatten()]


def beyond(style, generator=None):
    """Take only what the first style has, so that a mean of two has no target."""
    own = mean(style)[0]

    def target(measured):
        if not torch.equal(measured[0], own):
            raise ValueError("another style")
        return measured

    return Statistic(mean, target=target)


@pytest.mark.parametrize(
    ("statistic", "check", "advice"),
    [
        (Statistic(correlations_of_places), "measures_a_few_tensors_of_one_shape", "number of channels alone"),
        (Statistic(numbers), "measures_a_few_tensors_of_one_shape", "gives list"),
        (lambda style: Statistic(mean), "measures_a_few_tensors_of_one_shape", "a generator"),
        (Statistic(low_precision), "computes_in_float32", r"features\.float\(\)"),
        (Statistic(mean, half), "is_nothing_at_the_style_and_one_for_black", "1 away from itself"),
        (Statistic(mean, shaped), "is_nothing_at_the_style_and_one_for_black", "a scalar"),
        (Statistic(mean, absolute), "is_relative", "relative_distance"),
        (Statistic(root), "has_slopes_that_lead_down", "all 0 is not finite"),
        (Statistic(rounded), "has_slopes_that_lead_down", "not steps"),
        (Statistic(everywhere), "looks_where_the_weights_are", "weights are 0"),
        (Statistic(plain_weights), "looks_where_the_weights_are", "all 1 change"),
        (beyond, "goes_with_the_mean_of_several_styles", "another style"),
        (noisy, "draws_from_its_generator_alone", "own random numbers"),
        (Statistic(in_place), "leaves_features_alone", "end in _"),
        ("grams", "is_offered_by_an_installed_plugin", "did you mean 'gram'"),
        (losses.histogram, "is_offered_by_an_installed_plugin", "impasto_statistics"),
    ],
)
def test_a_fault_is_found_and_explained(statistic, check, advice):
    (checked,) = [one for one in testing.SUITES["statistic"].checks if one.__name__ == check]
    with pytest.raises(AssertionError, match=advice):
        checked(statistic)


def test_the_report_has_a_line_for_each_check(capsys):
    testing.check_statistic(Statistic(mean))
    first, *lines = capsys.readouterr().out.splitlines()
    assert first == "Statistic"
    assert len(lines) == len(testing.SUITES["statistic"].checks)
    with pytest.raises(AssertionError, match="fails 6 of 10 checks"):
        testing.check_statistic(Statistic(in_place))


def test_a_sound_statistic_is_not_accused_of_what_torch_makes_by_default():
    torch.set_default_dtype(torch.float64)
    try:
        for check in testing.SUITES["statistic"].checks[:-1]:
            check(Statistic(mean))
    finally:
        torch.set_default_dtype(torch.float32)


def test_a_number_is_no_statistic():
    with pytest.raises(TypeError, match="checks statistics here, found int"):
        testing.parametrize_checks(3, of="statistic")
