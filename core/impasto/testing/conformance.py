"""Running the checks on a stage: in a notebook, and as tests of a plugin.

In a notebook, `check_stage(AdaIN())`; in a plugin's tests, one line:

    from impasto.testing import parametrize_checks

    @parametrize_checks(AdaIN(), AdaIN(alpha=0.5))
    def test_adain(stage, check):
        check(stage)

Iterative stages should be given few steps: each is run some two dozen times on pictures of about 37×53 pixels, eight
of them at once.
A stage that cannot be made before the tests run, such as one that reads a file of a fixture's, is given as a function
without arguments, which is called inside each test.  Encoders, statistics, trainers and so on have checks of their own:
`@parametrize_checks("sliced-wasserstein", of="statistic")`.
A stage that needs a mask or regions is checked behind one that makes them: `before=[MaskRectangle()]`.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from functools import wraps
from typing import TYPE_CHECKING, Any

from ..errors import quoted, suggestion
from ..functional.losses import StatisticOf
from ..functional.metrics import Metric
from ..networks import Decoder, Encoder
from ..stage import Stage, Watcher
from ..training import Trainer
from .accelerated_trainings import trains_on_an_accelerator
from .declaration import (
    declares_its_weights,
    has_a_summary_and_helpful_parameters,
    has_presets_that_differ,
    is_announced_by_its_distribution,
    refuses_what_is_out_of_range,
    survives_toml_and_repr,
)
from .file_readers import FILE_READER_CHECKS, is_file
from .harness import behind, forget_observations
from .metrics import METRIC_CHECKS, metric_title
from .networks import DECODER_CHECKS, ENCODER_CHECKS, is_encoder, is_pair, network_title
from .painting import (
    goes_as_far_as_its_strength,
    keeps_shape_dtype_and_range,
    leaves_its_inputs_alone,
    looks_at_no_hidden_colour,
    paints_above_its_working_size,
    repeats_itself_under_one_seed,
    says_what_is_wrong,
    stays_inside_the_mask,
    treats_each_image_of_a_batch_alone,
)
from .regions import each_region_has_its_own_style, tiles_equal_the_whole
from .streams import a_batch_is_as_one_by_one, a_second_stream_begins_anew, streams_as_it_paints_alone
from .style_statistics import STATISTIC_CHECKS, statistic_title
from .suites import Check, Suite
from .surroundings import (
    agrees_across_devices,
    does_not_mind_torchs_defaults,
    gives_the_same_bits_in_threads,
    leaves_the_process_as_it_found_it,
    runs_on_an_accelerator,
    works_in_bfloat16,
)
from .trainings import TRAINER_CHECKS, forget_trainings
from .watchers import WATCHER_CHECKS

if TYPE_CHECKING:
    import pytest

CHECKS: tuple[Check, ...] = (
    has_a_summary_and_helpful_parameters,
    has_presets_that_differ,
    refuses_what_is_out_of_range,
    survives_toml_and_repr,
    keeps_shape_dtype_and_range,
    paints_above_its_working_size,
    looks_at_no_hidden_colour,
    leaves_its_inputs_alone,
    repeats_itself_under_one_seed,
    treats_each_image_of_a_batch_alone,
    streams_as_it_paints_alone,
    a_second_stream_begins_anew,
    a_batch_is_as_one_by_one,
    leaves_the_process_as_it_found_it,
    gives_the_same_bits_in_threads,
    says_what_is_wrong,
    goes_as_far_as_its_strength,
    stays_inside_the_mask,
    each_region_has_its_own_style,
    tiles_equal_the_whole,
    declares_its_weights,
    works_in_bfloat16,
    does_not_mind_torchs_defaults,
    runs_on_an_accelerator,
    agrees_across_devices,
    is_announced_by_its_distribution,
)
"""Every check of stages, in the order in which they are run."""


SUITES: Mapping[str, Suite] = {
    suite.kind: suite
    for suite in (
        Suite("stage", CHECKS, lambda found: isinstance(found, Stage)),
        Suite("statistic", STATISTIC_CHECKS, lambda found: isinstance(found, str) or callable(found), statistic_title),
        Suite("metric", METRIC_CHECKS, lambda found: isinstance(found, (str, Metric)), metric_title),
        Suite("reader", FILE_READER_CHECKS, is_file, str),
        Suite("trainer", (*TRAINER_CHECKS, trains_on_an_accelerator), lambda found: isinstance(found, Trainer)),
        Suite("watcher", WATCHER_CHECKS, lambda found: isinstance(found, Watcher)),
        Suite("encoder", ENCODER_CHECKS, is_encoder, network_title),
        Suite("decoder", DECODER_CHECKS, is_pair, network_title),
    )
}
"""The checks by what they are of."""


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
    forget_observations()  # in a notebook the same class may have changed what it does
    SUITES["stage"].run(stage, expected_failures, _behind(before))


def check_statistic(statistic: str | StatisticOf, *, expected_failures: Mapping[str, str] | None = None) -> None:
    """Run every check on a style statistic, print a line for each, and raise if any fails.

    Args:
        statistic: the name under which a plugin offers it, or a `Statistic`, or a function that returns one.
        expected_failures: see `check_stage`.

    Raises:
        AssertionError: lists every failure with advice.

    Example:
        >>> import impasto.testing
        >>> impasto.testing.check_statistic("gram")
        gram
          ok        measures a few tensors of one shape
        ...
    """
    SUITES["statistic"].run(statistic, expected_failures)


def check_metric(metric: str | Metric, *, expected_failures: Mapping[str, str] | None = None) -> None:
    """Run every check on a metric, print a line for each, and raise if any fails.

    Args:
        metric: the name under which a plugin offers it, or itself.
        expected_failures: see `check_stage`.

    Raises:
        AssertionError: lists every failure with advice.

    Example:
        >>> import impasto.testing
        >>> impasto.testing.check_metric("ssim")
        ssim
          ok        says what it measures
        ...
    """
    SUITES["metric"].run(metric, expected_failures)


def check_reader(file: str | os.PathLike[str], *, expected_failures: Mapping[str, str] | None = None) -> None:
    """Run every check on the reader that a plugin offers, print a line for each, and raise if any fails.

    Args:
        file: an example of the files it reads, whole and small; its suffix tells which reader is asked.
        expected_failures: see `check_stage`.

    Raises:
        AssertionError: lists every failure with advice.
        TypeError: no name of a file.

    Example:
        >>> import impasto.testing
        >>> @impasto.testing.parametrize_checks("tests/photo.exr", of="reader")
        ... def test_exr(reader, check):
        ...     check(reader)
    """
    SUITES["reader"].run(file, expected_failures)


def check_encoder(encoder: str | Encoder, *, expected_failures: Mapping[str, str] | None = None) -> None:
    """Run every check on an encoder, print a line for each, and raise if any fails.

    Args:
        encoder: the name under which a plugin offers it, or itself.
        expected_failures: see `check_stage`.

    Raises:
        AssertionError: lists every failure with advice.

    Example:
        >>> import impasto.testing
        >>> impasto.testing.check_encoder("slim19")
        slim19
          ok        says what its layers are
        ...
    """
    SUITES["encoder"].run(encoder, expected_failures)


def check_decoder(
    decoder: str | Decoder, encoder: str | Encoder, *, expected_failures: Mapping[str, str] | None = None
) -> None:
    """Run every check on a decoder, print a line for each, and raise if any fails.

    In tests, `@parametrize_checks(("adain-slim19", "slim19"), of="decoder")`.

    Args:
        decoder: the name under which a plugin offers it, or itself.
        encoder: of whose features it paints, likewise.
        expected_failures: see `check_stage`.

    Raises:
        AssertionError: lists every failure with advice.

    Example:
        >>> import impasto.testing
        >>> impasto.testing.check_decoder("adain-slim19", "slim19")
        adain-slim19 of slim19
          ok        takes what its encoder gives
        ...
    """
    SUITES["decoder"].run((decoder, encoder), expected_failures)


def check_trainer(trainer: Trainer, *, expected_failures: Mapping[str, str] | None = None) -> None:
    """Run every check on a trainer, print a line for each, and raise if any fails.

    It is trained on the CPU for four steps, killed, and trained on: three short trainings in all.

    Args:
        trainer: with parameters that make a step quick, such as small crops of a few pictures.
        expected_failures: see `check_stage`.

    Raises:
        AssertionError: lists every failure with advice.

    Example:
        >>> import impasto.testing
        >>> impasto.testing.check_trainer("slim19")
        Traceback (most recent call last):
        TypeError: the kit checks trainers here, found str
    """
    forget_trainings()
    SUITES["trainer"].run(trainer, expected_failures)


def check_watcher(watcher: Watcher, *, expected_failures: Mapping[str, str] | None = None) -> None:
    """Run every check on a watcher, print a line for each, and raise if any fails.

    Args:
        watcher: with the parameters to check it with; a file that it writes is written.
        expected_failures: see `check_stage`.

    Raises:
        AssertionError: lists every failure with advice.

    Example:
        >>> import impasto, impasto.testing
        >>> class Quiet(impasto.Watcher, name="quiet"):
        ...     '''Look on and say nothing.'''
        ...     @impasto.hookimpl
        ...     def impasto_step(self, step):
        ...         pass
        >>> impasto.testing.check_watcher(Quiet())
        Quiet()
          ok        has a summary and helpful parameters
        ...
    """
    SUITES["watcher"].run(watcher, expected_failures)


def parametrize_checks(
    *subjects: Any,
    of: str = "stage",
    before: Sequence[Stage] = (),
    expected_failures: Mapping[str, str] | None = None,
) -> pytest.MarkDecorator:
    """Make a test of every check on every stage; it takes `stage` and `check`, and calls `check(stage)`.

    Args:
        subjects: stages, with the parameters to check them with, or functions without arguments that make one inside
            each test; or what else `of` says.
        of: what is checked, one of `SUITES`; the test takes an argument of this name in place of `stage`.
        before: stages that run before each of the stages, and make what it needs, such as a mask.
        expected_failures: reasons by name of check, for promises that these cannot keep; each becomes a strict xfail.

    Raises:
        TypeError: a subject of another kind, or a class in place of a stage.
        ValueError: no such check, or nothing of the kind `of` is checked.

    Example:
        >>> import impasto.testing
        >>> @impasto.testing.parametrize_checks()
        ... def test_adain(stage, check):
        ...     check(stage)
    """
    if of not in SUITES:
        raise ValueError(
            f"parametrize_checks: of = {quoted(of)} is nothing that is checked{suggestion(of, SUITES)}\n"
            f"  what would work: {', '.join(SUITES)}"
        )
    if before and of != "stage":
        raise ValueError(f"parametrize_checks: before is for stages, and of = {of!r}\n  what would work: before=()")
    return SUITES[of].parametrize(subjects, expected_failures, _behind(before))


def _behind(before: Sequence[Stage]) -> Callable[[Check], Check]:
    """Return a function that makes a check run its stage behind others."""
    for stage_before in before:
        SUITES["stage"].require(stage_before)

    def prepared(check: Check) -> Check:
        @wraps(check)
        def checked(subject: Any) -> None:
            with behind(before):
                check(subject)

        return checked

    return prepared
