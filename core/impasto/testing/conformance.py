"""Running the checks on a stage: in a notebook, and as tests of a plugin.

In a notebook, `check_stage(AdaIN())`; in a plugin's tests, one line:

    from impasto.testing import parametrize_checks

    @parametrize_checks(AdaIN(), AdaIN(alpha=0.5))
    def test_adain(stage, check):
        check(stage)

Iterative stages should be given few steps: each is run sixteen times on pictures of about 37×53 pixels, eight
of them at once.
A stage that needs a mask or regions is checked behind one that makes them: `before=[MaskRectangle()]`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import wraps
from typing import TYPE_CHECKING, Any
from unittest import SkipTest

from ..errors import suggestion
from ..stage import Stage
from .declaration import (
    declares_its_weights,
    has_a_summary_and_helpful_parameters,
    is_announced_by_its_distribution,
    refuses_what_is_out_of_range,
    survives_toml_and_repr,
)
from .harness import behind, forget_observations
from .painting import (
    keeps_shape_dtype_and_range,
    leaves_its_inputs_alone,
    looks_at_no_hidden_colour,
    paints_above_its_working_size,
    repeats_itself_under_one_seed,
    says_what_is_wrong,
    stays_inside_the_mask,
    treats_each_image_of_a_batch_alone,
)
from .surroundings import (
    agrees_across_devices,
    does_not_mind_torchs_defaults,
    gives_the_same_bits_in_threads,
    leaves_the_process_as_it_found_it,
    runs_on_an_accelerator,
    works_in_bfloat16,
)

if TYPE_CHECKING:
    import pytest

Check = Callable[[Stage], None]

CHECKS: tuple[Check, ...] = (
    has_a_summary_and_helpful_parameters,
    refuses_what_is_out_of_range,
    survives_toml_and_repr,
    keeps_shape_dtype_and_range,
    paints_above_its_working_size,
    looks_at_no_hidden_colour,
    leaves_its_inputs_alone,
    repeats_itself_under_one_seed,
    treats_each_image_of_a_batch_alone,
    leaves_the_process_as_it_found_it,
    gives_the_same_bits_in_threads,
    says_what_is_wrong,
    stays_inside_the_mask,
    declares_its_weights,
    works_in_bfloat16,
    does_not_mind_torchs_defaults,
    runs_on_an_accelerator,
    agrees_across_devices,
    is_announced_by_its_distribution,
)
"""Every check, in the order in which they are run."""


def check_stage(
    stage: Stage, *, before: Sequence[Stage] = (), expected_failures: Mapping[str, str] | None = None
) -> None:
    """Run every check on a stage, print a line for each, and raise if any fails.

    Args:
        stage: the stage, with the parameters to check it with; small steps keep an iterative one quick.
        before: stages that run before it, and make what it needs.
        expected_failures: reasons by name of check, for promises that the method cannot keep; one that
            is kept after all counts as a failure, so that the list stays true.

    Raises:
        AssertionError: lists every failure with advice.

    Example:
        >>> import impasto, impasto.testing
        >>> class Negative(impasto.Postprocessor, name="negative"):
        ...     '''Turn the painted picture into its negative.'''
        ...     def refine(self, image, content, styles):
        ...         return 1 - image
        >>> impasto.testing.check_stage(Negative())
        Negative()
          ok        has a summary and helpful parameters
        ...
    """
    _require_stage(stage)
    expected = _check_expected_failures(expected_failures)
    forget_observations()  # in a notebook the same class may have changed what it does
    failures = []
    print(stage)
    for check in CHECKS:
        reason = expected.get(check.__name__)
        outcome, note = "ok", ""
        try:
            _behind(before, check)(stage)
            if reason is not None:
                outcome = "failed"
                failures.append(
                    f"{sentence(check)}: was expected to fail ({reason}) and passes\n"
                    "  what would work: take it out of expected_failures"
                )
        except SkipTest as skipped:
            outcome, note = "skipped", f": {skipped}"
        except AssertionError as failure:
            outcome, note = ("failed", "") if reason is None else ("expected", f": {reason}")
            if reason is None:
                failures.append(f"{sentence(check)}: {failure}")
        print(f"  {outcome:9} {sentence(check)}{note}")
    if failures:
        raise AssertionError(f"{stage!r} fails {len(failures)} of {len(CHECKS)} checks\n\n" + "\n\n".join(failures))


def parametrize_checks(
    *stages: Stage, before: Sequence[Stage] = (), expected_failures: Mapping[str, str] | None = None
) -> pytest.MarkDecorator:
    """Make a test of every check on every stage; it takes `stage` and `check`, and calls `check(stage)`.

    Args:
        stages: with the parameters to check them with.
        before: stages that run before each of them, and make what it needs, such as a mask.
        expected_failures: reasons by name of check, for promises that these stages cannot keep; each
            becomes a strict xfail.

    Example:
        >>> import impasto.testing
        >>> @impasto.testing.parametrize_checks()
        ... def test_adain(stage, check):
        ...     check(stage)
    """
    import pytest

    expected = _check_expected_failures(expected_failures)
    cases = []
    for stage in stages:
        _require_stage(stage)
        for check in CHECKS:
            reason = expected.get(check.__name__)
            marks = [] if reason is None else [pytest.mark.xfail(reason=reason, strict=True, raises=AssertionError)]
            cases.append(pytest.param(stage, _behind(before, check), id=f"{stage!r}-{check.__name__}", marks=marks))
    return pytest.mark.parametrize(("stage", "check"), cases)


def sentence(check: Check) -> str:
    """Return a check's name as words.

    Example:
        >>> import impasto.testing
        >>> sentence(impasto.testing.stays_inside_the_mask)
        'stays inside the mask'
    """
    return check.__name__.replace("_", " ")


def _behind(before: Sequence[Stage], check: Check) -> Check:
    """Return a check that runs the stage behind others."""
    for stage_before in before:
        _require_stage(stage_before)

    @wraps(check)
    def checked(stage: Stage) -> None:
        with behind(before):
            check(stage)

    return checked


def _require_stage(stage: Any) -> None:
    if isinstance(stage, type):
        raise TypeError(f"{stage.__name__} is a kind of stage\n  what to type: {stage.__name__}()")
    if not isinstance(stage, Stage):
        raise TypeError(f"the kit checks stages, found {type(stage).__name__}")


def _check_expected_failures(expected_failures: Mapping[str, str] | None) -> Mapping[str, str]:
    """Return the reasons by name of check; raise a `ValueError` if there is no such check."""
    names = [check.__name__ for check in CHECKS]
    for name in expected_failures or {}:
        if name not in names:
            raise ValueError(
                f"expected_failures: there is no check {name!r}{suggestion(name, names)}\n"
                f"  the checks: {', '.join(names)}"
            )
    return expected_failures or {}
