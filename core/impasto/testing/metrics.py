"""Checks of metrics: what `impasto evaluate` relies on when it tabulates one."""

from __future__ import annotations

from unittest import SkipTest

import torch
from torch import Tensor

from ..evaluation import metric_inputs
from ..functional.metrics import Metric
from ..host import get_host
from ..networks import encoder
from .harness import picture, require, works

NUMBERS = "a tensor (B,) of finite numbers, one for each picture, such as a mean over the dimensions (1, 2, 3)"


def metric_of(metric: str | Metric) -> Metric:
    """Return a metric, offered under a name or given itself."""
    return get_host().metric(metric) if isinstance(metric, str) else metric


def pictures() -> tuple[Tensor, Tensor, Tensor]:
    """Return a batch of two results, their contents, and a style of another size."""
    result, content = (torch.cat([picture(53, 67, a), picture(53, 67, b)]) for a, b in ((0.2, 0.6), (0.4, 0.9)))
    return result, content, picture(48, 40, 0.7)


def measured(metric: str | Metric, result: Tensor, content: Tensor, style: Tensor) -> Tensor:
    """Return a metric of pictures, with the features of slim19."""
    own = metric_of(metric)
    with works("measuring pictures", NUMBERS):
        return own(metric_inputs([own], encoder("slim19"), result, content, style))


def says_what_it_measures(metric: str | Metric) -> None:
    """Its function has a docstring, whose first line is shown with the numbers.

    Raises:
        AssertionError: it has none.
    """
    require(bool(metric_of(metric).summary), "it has no docstring", "a first line that says what the numbers are")


def gives_one_number_a_picture(metric: str | Metric) -> None:
    """Two results, with a style of another size, are measured as two finite numbers.

    Raises:
        AssertionError: they are something else.
    """
    found = measured(metric, *pictures())
    require(found.shape == (2,), f"two pictures are measured as a tensor {tuple(found.shape)}", NUMBERS)
    require(bool(found.isfinite().all()), f"pictures are measured as {found.tolist()}", NUMBERS)


def measures_each_picture_alone(metric: str | Metric) -> None:
    """A picture's number does not depend on what else is in the batch.

    Raises:
        AssertionError: it does.
    """
    result, content, style = pictures()
    together = measured(metric, result, content, style)
    alone = torch.cat([measured(metric, result[i : i + 1], content[i : i + 1], style) for i in range(2)])
    apart = float((together - alone).abs().max() / alone.abs().max().clamp_min(1e-6))
    require(apart < 1e-2, f"in a batch it is {together.tolist()}, alone {alone.tolist()}", "no sum over the batch")


def gives_the_same_number_again(metric: str | Metric) -> None:
    """Two measurements give the same bits, whatever random numbers were drawn.

    Raises:
        AssertionError: they differ.
    """
    state = torch.get_rng_state()
    first = measured(metric, *pictures())
    torch.rand(3)
    second = measured(metric, *pictures())
    torch.set_rng_state(state)
    advice = "no random numbers, or those of a torch.Generator with a seed of its own"
    require(torch.equal(first, second), f"it is {first.tolist()}, and then {second.tolist()}", advice)


def leaves_pictures_alone(metric: str | Metric) -> None:
    """Pictures are as they were before they were measured.

    Raises:
        AssertionError: one was changed in place.
    """
    given = pictures()
    kept = [image.clone() for image in given]
    measured(metric, *given)
    same = all(torch.equal(a, b) for a, b in zip(given, kept, strict=True))
    require(same, "a picture is changed in place", "no operations whose names end in _")


def is_best_where_nothing_is_left_to_do(metric: str | Metric) -> None:
    """What is compared with the content is best for the content itself, and with the style for the style itself.

    Raises:
        AssertionError: another picture is better.
    """
    own = metric_of(metric)
    asks = {name.removesuffix("_features") for name in own.needs} - {"result"}
    if len(asks) != 1:
        raise SkipTest(f"it asks for {' and '.join(sorted(asks)) or 'the result alone'}, and what is best is its own")
    goal, other = picture(53, 67, 0.2), picture(53, 67, 0.6)
    best, worse = (measured(own, image, goal, goal).item() for image in (goal, other))
    kept = best <= worse if own.better == "lower" else best >= worse
    advice = 'better="higher" or better="lower", whichever it is'
    require(kept, f"it is {best:.4g} for the {asks.pop()} itself and {worse:.4g} for another picture", advice)


def is_offered_by_some_installed_plugin(metric: str | Metric) -> None:
    """An installed distribution offers it.

    Raises:
        AssertionError: none does.
    """
    advice = "an @impasto.hookimpl named impasto_metrics that returns {'its-name': it}; then pip install -e ."
    if isinstance(metric, str):
        with works(f"looking up {metric!r} among the installed plugins", advice):
            get_host().metric(metric)
        return
    if "<locals>" in getattr(metric.measure, "__qualname__", "<locals>") or metric.measure.__module__ == "__main__":
        raise SkipTest("defined in a notebook or a function, where no distribution can offer it")
    require(metric in get_host().metrics.values(), "no plugin offers this metric", advice)


METRIC_CHECKS = (
    says_what_it_measures,
    gives_one_number_a_picture,
    measures_each_picture_alone,
    gives_the_same_number_again,
    leaves_pictures_alone,
    is_best_where_nothing_is_left_to_do,
    is_offered_by_some_installed_plugin,
)
"""Every check of metrics, in the order in which they are run."""


def metric_title(metric: str | Metric) -> str:
    """Return what reports and tests call a metric."""
    return metric if isinstance(metric, str) else str(getattr(metric.measure, "__name__", "metric"))
