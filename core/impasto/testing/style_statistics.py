"""Checks of style statistics: what `gatys`, `texture` and trainers rely on when they imitate one."""

from __future__ import annotations

from collections.abc import Callable
from unittest import SkipTest

import torch
from torch import Tensor

from ..functional.losses import Measurement, Statistic, StatisticOf, mean_measurement
from ..host import get_host
from .harness import SEED, require, works

SHAPES = "a tuple of float32 tensors whose shapes depend on the number of channels alone"
RELATIVE = (
    "a distance that is divided by the same of the target, as impasto.functional.losses.relative_distance does; and"
    " parts of a measurement in one unit, since it adds their squares: the cube root of a third moment beside a mean"
)


def features(height: int = 12, width: int = 16, seed: int = 0, channels: int = 6) -> Tensor:
    """Return features (1, C, H, W) such as a network gives after its ReLU: sparse, and some channels alike."""
    rng = torch.Generator().manual_seed(seed)
    noise = torch.randn(1, channels, height, width, generator=rng, dtype=torch.float32, device="cpu")
    mixing = torch.randn(channels, channels, generator=rng, dtype=torch.float32, device="cpu")
    return torch.einsum("dc,bchw->bdhw", mixing, noise).relu()


def statistic_of(statistic: str | StatisticOf, style: Tensor, seed: int = SEED) -> Statistic:
    """Return the statistic, offered under a name or given itself, that suits a style."""
    offered = get_host().statistic(statistic) if isinstance(statistic, str) else statistic
    with works(
        "making the statistic of a style", "a Statistic, or a function of features (1, C, H, W) and a generator"
    ):
        return offered(style, torch.Generator(style.device).manual_seed(seed))


def loss_of(statistic: str | StatisticOf, style: Tensor) -> Callable[[Tensor], Tensor]:
    """Return the distance of features from a style's, as a function."""
    own = statistic_of(statistic, style)
    target = own.target(own.measure(style, None))
    return lambda found: own.distance(own.measure(found, None), target)


def measured(statistic: str | StatisticOf, found: Tensor, weights: Tensor | None = None) -> Measurement:
    """Return the measurement of features under the kit's seed."""
    return statistic_of(statistic, found).measure(found, weights)


def difference(found: Measurement, expected: Measurement) -> float:
    """Return the largest difference of two measurements, relative to the largest value of each tensor."""
    pairs = zip(found, expected, strict=True)
    return max(float((a - b).abs().max() / b.abs().max().clamp_min(1e-6)) for a, b in pairs)


def measures_a_few_tensors_of_one_shape(statistic: str | StatisticOf) -> None:
    """A measurement is a tuple of finite float32 tensors, as large for large features as for small ones.

    Raises:
        AssertionError: it is something else.
    """
    with works("measuring features (1, 6, 12, 16)", SHAPES):
        small, large = measured(statistic, features()), measured(statistic, features(40, 24))
    for found in (small, large):
        require(
            isinstance(found, tuple) and all(isinstance(part, Tensor) for part in found) and found,
            f"measure gives {type(found).__name__}",
            SHAPES,
        )
        require(
            all(part.dtype == torch.float32 and part.isfinite().all() for part in found),
            f"measure gives {', '.join(str(part.dtype) for part in found)}, or values that are not finite",
            "features.float() at its beginning, or the functions of impasto.functional.statistics",
        )
    shapes = [[tuple(part.shape) for part in found] for found in (small, large)]
    require(shapes[0] == shapes[1], f"features of two sizes are measured as {shapes[0]} and as {shapes[1]}", SHAPES)


def computes_in_float32(statistic: str | StatisticOf) -> None:
    """Features in bfloat16 are measured in float32: to within what they were rounded by.

    Raises:
        AssertionError: they are not.
    """
    found = features(40, 40).bfloat16()
    advice = "features.float() at the beginning of measure, or the functions of impasto.functional.statistics"
    with works("measuring features in bfloat16", advice):
        low = measured(statistic, found)
    require(all(part.dtype == torch.float32 for part in low), "bfloat16 features give a bfloat16 measurement", advice)
    off = difference(low, measured(statistic, found.float()))
    require(off < 1e-3, f"bfloat16 features are measured {off:.2%} off the same in float32", advice)


def is_nothing_at_the_style_and_one_for_black(statistic: str | StatisticOf) -> None:
    """The distance is a scalar: 0 of the style from itself, and about 1 (0.1 to 10) of a black picture.

    Raises:
        AssertionError: it is not, so that weights would mean something else than those of other statistics.
    """
    style = features()
    with works("the distance of the style from itself", "distance(found, target) that returns a scalar"):
        loss = loss_of(statistic, style)
        itself, black = loss(style), loss(torch.zeros_like(style))
    require(itself.ndim == 0, f"distance has the shape {tuple(itself.shape)}", "a scalar: .sum() or .mean()")
    require(abs(float(itself)) < 1e-3, f"the style is {float(itself):.3g} away from itself", "0 where both are equal")
    require(0.1 < float(black) < 10, f"features that are all 0 are {float(black):.3g} away from a style", RELATIVE)


def is_relative(statistic: str | StatisticOf) -> None:
    """Features a hundred times as large give the same distance, so that a weight means the same at every layer.

    Raises:
        AssertionError: they do not.
    """
    style, other = features(40, 40), features(40, 40, seed=1)
    plain, large = (float(loss_of(statistic, scale * style)(scale * other)) for scale in (1, 100))
    require(
        abs(large - plain) < 0.05 * abs(plain) + 1e-4,
        f"features 100 times as large are {large:.3g} away where they were {plain:.3g}",
        RELATIVE,
    )


def has_slopes_that_lead_down(statistic: str | StatisticOf) -> None:
    """The gradient is finite everywhere, at the style and at flat features too, and a step along it leads down.

    Raises:
        AssertionError: it is not, or does not.
    """
    style = features()
    loss = loss_of(statistic, style)
    for name, place in (
        ("other features", features(seed=1)),
        ("the style itself", style),
        ("features that are the same everywhere", torch.full_like(style, 0.5)),
        ("features that are all 0", torch.zeros_like(style)),
    ):
        at = place.clone().requires_grad_()
        with works(f"the gradient at {name}", "measure and distance of differentiable operations"):
            value = loss(at)
            (slope,) = torch.autograd.grad(value, at)
        require(
            slope.isfinite().all(),
            f"the gradient at {name} is not finite",
            "a small number inside a root, a logarithm or a quotient, whose slopes are infinite at 0",
        )
        if name != "other features":
            continue
        require(slope.abs().max() > 0, f"the gradient at {name} is 0", "operations that are not steps, such as sorting")
        with torch.no_grad():
            lower = loss(at - 1e-3 * at.norm() * slope / slope.norm())
        require(
            lower < value,
            f"a step down the slope leads from {float(value.detach()):.4g} to {float(lower):.4g}",
            "operations whose gradients torch knows, and no detach() on the way",
        )


def looks_where_the_weights_are(statistic: str | StatisticOf) -> None:
    """Weights that are all 1 are as none, and what lies where they are 0 does not count: regions rely on it.

    Raises:
        AssertionError: they are not, or it does.
    """
    found = features()
    ones = torch.ones_like(found[:, :1])
    left = (torch.arange(found.shape[-1], device="cpu") < found.shape[-1] // 2).float().expand_as(ones)
    elsewhere = torch.where(left > 0, found, 7 * found.flip(-1) + 1)
    own = statistic_of(statistic, found)
    advice = "weighted means over positions, as those of impasto.functional.statistics"
    with works("measuring with weights (1, 1, H, W)", "measure(features, weights)"):
        off = difference(own.measure(found, ones), own.measure(found, None))
        outside = difference(own.measure(elsewhere, left), own.measure(found, left))
    require(off < 1e-3, f"weights that are all 1 change the measurement by {off:.2%}", advice)
    require(outside < 1e-3, f"what lies where the weights are 0 changes the measurement by {outside:.2%}", advice)


def goes_with_the_mean_of_several_styles(statistic: str | StatisticOf) -> None:
    """The mean of the measurements of two styles is a target like any other.

    Raises:
        AssertionError: there is no distance from it.
    """
    first, second = features(), features(20, 30, seed=1)
    own = statistic_of(statistic, first)
    advice = "a target that is computed from any measurement, in the function target"
    with works("the distance from the mean of two styles", advice):
        both = mean_measurement([own.measure(first, None), own.measure(second, None)], [0.5, 0.5])
        distance = own.distance(own.measure(first, None), own.target(both))
    require(distance.isfinite().all(), f"the mean of two styles is {float(distance)} away from the first", advice)


def draws_from_its_generator_alone(statistic: str | StatisticOf) -> None:
    """One seed gives the same bits, and torch's own random numbers are left alone.

    Raises:
        AssertionError: it draws from elsewhere.
    """
    found = features(140, 130, channels=3)  # more positions than those that sort or compare take
    advice = "random numbers from the generator that it is given, drawn on the features' device"
    before = torch.get_rng_state()
    first, second = measured(statistic, found), measured(statistic, found)
    require(torch.equal(before, torch.get_rng_state()), "torch's own random numbers are drawn from", advice)
    require(difference(first, second) == 0, "two measurements under one seed differ", advice)


def leaves_features_alone(statistic: str | StatisticOf) -> None:
    """Features, weights and the target are as they were before they were measured and compared.

    Raises:
        AssertionError: something was changed in place.
    """
    found, weights = features(), torch.ones(1, 1, 12, 16, dtype=torch.float32, device="cpu")
    own = statistic_of(statistic, found)
    target = own.target(own.measure(found, None))
    kept = [part.clone() for part in (found, weights, *target)]
    own.distance(own.measure(found, weights), target)
    same = all(torch.equal(a, b) for a, b in zip(kept, (found, weights, *target), strict=True))
    require(same, "features, weights or target are changed in place", "no operations whose names end in _")


def is_offered_by_an_installed_plugin(statistic: str | StatisticOf) -> None:
    """An installed distribution offers it, under the name that it is asked for by.

    Raises:
        AssertionError: none does.
    """
    advice = "an @impasto.hookimpl named impasto_statistics that returns {'its-name': it}; then pip install -e ."
    if isinstance(statistic, str):
        with works(f"looking up {statistic!r} among the installed plugins", advice):
            get_host().statistic(statistic)
        return
    module = str(getattr(statistic, "__module__", ""))
    if module == "__main__" or "<locals>" in getattr(statistic, "__qualname__", "<locals>"):
        raise SkipTest("defined in a notebook or a function, where no distribution can offer it")
    require(statistic in get_host().statistics.values(), f"no plugin offers this statistic of {module}", advice)


STATISTIC_CHECKS = (
    measures_a_few_tensors_of_one_shape,
    computes_in_float32,
    is_nothing_at_the_style_and_one_for_black,
    is_relative,
    has_slopes_that_lead_down,
    looks_where_the_weights_are,
    goes_with_the_mean_of_several_styles,
    draws_from_its_generator_alone,
    leaves_features_alone,
    is_offered_by_an_installed_plugin,
)
"""Every check of style statistics, in the order in which they are run."""


def statistic_title(statistic: str | StatisticOf) -> str:
    """Return what reports and tests call a statistic."""
    return statistic if isinstance(statistic, str) else str(getattr(statistic, "__name__", type(statistic).__name__))
