"""The kit on metrics: those that come with Impasto keep every promise, and each fault is found and explained."""

import pytest
import torch

from impasto import testing
from impasto.functional.metrics import METRICS, Metric


@testing.parametrize_checks(*METRICS, of="metric")
def test_metrics(metric, check):
    check(metric)


def brightness(result):
    """Return the mean of all values."""
    return result.mean((1, 2, 3))


def silent(result):
    return result.mean((1, 2, 3))


def whole(result):
    """Return one number for all."""
    return result.mean().view(1)


def relative_to_batch(result):
    """Return the brightness over that of all."""
    return result.mean((1, 2, 3)) / result.mean()


def noisy(result):
    """Return nearly the brightness."""
    return result.mean((1, 2, 3)) + torch.rand(len(result))


def in_place(result):
    """Return the brightness of the negative."""
    return result.neg_().add_(1).mean((1, 2, 3))


def error(result, content):
    """Return the mean squared error."""
    return (result - content).square().mean((1, 2, 3))


@pytest.mark.parametrize(
    ("metric", "check", "advice"),
    [
        (Metric(silent), "says_what_it_measures", "first line"),
        (Metric(whole), "gives_one_number_a_picture", r"two pictures are measured as a tensor \(1,\)"),
        (Metric(relative_to_batch), "measures_each_picture_alone", "no sum over the batch"),
        (Metric(noisy), "gives_the_same_number_again", "a seed of its own"),
        (Metric(in_place), "leaves_pictures_alone", "end in _"),
        (Metric(error, better="higher"), "is_best_where_nothing_is_left_to_do", 'better="higher" or better="lower"'),
        (Metric(brightness), "is_offered_by_some_installed_plugin", "impasto_metrics"),
        ("sim", "is_offered_by_some_installed_plugin", "did you mean 'ssim'"),
    ],
)
def test_a_fault_is_found_and_explained(metric, check, advice):
    (checked,) = [one for one in testing.SUITES["metric"].checks if one.__name__ == check]
    with pytest.raises(AssertionError, match=advice):
        checked(metric)
