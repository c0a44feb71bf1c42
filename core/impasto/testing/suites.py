"""Running the checks of one kind of thing that plugins offer: in a notebook, and as tests."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import wraps
from typing import TYPE_CHECKING, Any
from unittest import SkipTest

from ..errors import suggestion

if TYPE_CHECKING:
    import pytest

Check = Callable[[Any], None]
"""A function named as a sentence; it raises an `AssertionError` with advice unless what it is given keeps a promise."""


@dataclass(frozen=True)
class Suite:
    """The checks of one kind of thing that plugins offer.

    Args:
        kind: what is checked, such as "stage"; the tests' argument has this name.
        checks: in the order in which they are run.
        accepts: whether something is of this kind.
        title: what reports and tests call one.

    Example:
        >>> import impasto.testing
        >>> impasto.testing.SUITES["stage"].checks == impasto.testing.CHECKS
        True
    """

    kind: str
    checks: tuple[Check, ...]
    accepts: Callable[[Any], bool]
    title: Callable[[Any], str] = repr

    def run(
        self,
        subject: Any,
        expected_failures: Mapping[str, str] | None,
        prepare: Callable[[Check], Check] = lambda check: check,
    ) -> None:
        """Run every check, print a line for each, and raise an `AssertionError` that lists the failures, if any.

        Args:
            subject: what is checked.
            expected_failures: reasons by name of check; one that is kept after all counts as a failure.
            prepare: what a check is made before it is run.
        """
        subject = self.made(subject)
        expected = self.expected(expected_failures)
        failures = []
        print(self.title(subject))
        for check in self.checks:
            reason = expected.get(check.__name__)
            outcome, note = "ok", ""
            try:
                prepare(check)(subject)
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
            except Exception as error:  # reported, so that the other checks run on what is wrong otherwise
                outcome = "failed"
                failures.append(f"{sentence(check)}: {type(error).__name__}: {error}")
            print(f"  {outcome:9} {sentence(check)}{note}")
        if failures:
            title = self.title(subject)
            raise AssertionError(
                f"{title} fails {len(failures)} of {len(self.checks)} checks\n\n" + "\n\n".join(failures)
            )

    def parametrize(
        self, subjects: tuple[Any, ...], expected_failures: Mapping[str, str] | None, prepare: Callable[[Check], Check]
    ) -> pytest.MarkDecorator:
        """Make a test of every check on every subject, or on what a function without arguments returns in the test."""
        import pytest

        expected = self.expected(expected_failures)
        cases = []
        for subject in subjects:
            if not self._makes(subject):
                self.require(subject)
            title = f"{subject.__name__}()" if self._makes(subject) else self.title(subject)
            for check in self.checks:
                reason = expected.get(check.__name__)
                marks = [] if reason is None else [pytest.mark.xfail(reason=reason, strict=True, raises=AssertionError)]
                checked = self._on_what_is_made(prepare(check))
                cases.append(pytest.param(subject, checked, id=f"{title}-{check.__name__}", marks=marks))
        return pytest.mark.parametrize((self.kind, "check"), cases)

    def made(self, subject: Any) -> Any:
        """Return a subject, or what a function without arguments returns; raise a `TypeError` for anything else."""
        subject = subject() if self._makes(subject) else subject
        self.require(subject)
        return subject

    def require(self, subject: Any) -> None:
        """Raise a `TypeError` unless something is of this kind."""
        if self.accepts(subject):
            return
        if isinstance(subject, type):
            raise TypeError(f"{subject.__name__} is a kind of {self.kind}\n  what to type: {subject.__name__}()")
        raise TypeError(f"the kit checks {self.kind}s here, found {type(subject).__name__}")

    def expected(self, expected_failures: Mapping[str, str] | None) -> Mapping[str, str]:
        """Return the reasons by name of check; raise a `ValueError` if there is no such check."""
        names = [check.__name__ for check in self.checks]
        for name in expected_failures or {}:
            if name not in names:
                raise ValueError(
                    f"expected_failures: there is no check {name!r}{suggestion(name, names)}\n"
                    f"  the checks: {', '.join(names)}"
                )
        return expected_failures or {}

    def _makes(self, subject: Any) -> bool:
        """Return whether something is a function that makes a subject."""
        return callable(subject) and not isinstance(subject, type) and not self.accepts(subject)

    def _on_what_is_made(self, check: Check) -> Check:
        """Return a check that makes its subject first, where it is given a function."""

        @wraps(check)
        def checked(subject: Any) -> None:
            __tracebackhide__ = True
            subject = self.made(subject)
            try:
                check(subject)
            except AssertionError as failure:
                cause = failure.__cause__ if _is_of_a_plugin(failure.__cause__) else None
                raise failure.with_traceback(None) from cause  # pytest shows the message, and not the kit around it

        return checked


def _is_of_a_plugin(error: BaseException | None) -> bool:
    """Return whether an error went through code of a plugin, whose author it shows where."""
    while error is not None:
        names = (frame.f_globals.get("__name__", "") for frame, _ in traceback.walk_tb(error.__traceback__))
        if any(name.split(".")[0] not in ("impasto", "pluggy", "torch", "contextlib") for name in names):
            return True
        error = error.__cause__
    return False


def sentence(check: Check) -> str:
    """Return a check's name as words.

    Example:
        >>> import impasto.testing
        >>> sentence(impasto.testing.stays_inside_the_mask)
        'stays inside the mask'
    """
    return check.__name__.replace("_", " ")
