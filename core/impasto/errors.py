"""The errors that Impasto raises: each says what was asked, what was found and what would work."""

from __future__ import annotations

import difflib
import linecache
import os
import sys
import traceback
import warnings
from collections.abc import Callable, Iterable


class ImpastoError(Exception):
    """The base of Impasto's errors; a notebook shows the message and the line of the cell, without a traceback.

    The traceback is shown where something else went wrong first, such as a fault in a stage's own code; and always
    while the environment has `IMPASTO_TRACEBACK=1`.

    Example:
        >>> import impasto
        >>> issubclass(impasto.StageError, ImpastoError)
        True
    """

    @property
    def _render_traceback_(self) -> Callable[[], list[str]]:
        """What IPython asks an error for; an error that has none gets IPython's own traceback."""
        cause = self.__cause__ or (None if self.__suppress_context__ else self.__context__)
        told = cause is None or isinstance(cause, ImpastoError)
        if not told or os.environ.get("IMPASTO_TRACEBACK", "0") not in ("", "0"):
            raise AttributeError("_render_traceback_")
        return self._words

    def _words(self) -> list[str]:
        for frame, number in traceback.walk_tb(self.__traceback__):
            if frame.f_globals.get("__name__") == "__main__":  # the cell
                code = linecache.getline(frame.f_code.co_filename, number).strip()
                return [f"{type(self).__name__} in line {number}: {code}", str(self)]
        return [type(self).__name__, str(self)]


class ParameterError(ImpastoError, ValueError):
    """A parameter of a stage or trainer has a value it cannot take.

    Example:
        >>> import impasto
        >>> class Negative(impasto.Postprocessor, name="negative"):
        ...     '''Turn the painted picture into its negative.'''
        >>> Negative(speed=2)
        Traceback (most recent call last):
        impasto.errors.ParameterError: negative has no parameter 'speed'
          it has: none
    """


class MissingFileError(ImpastoError, FileNotFoundError):
    """There is no file of the name that was given.

    Example:
        >>> import impasto
        >>> impasto.read("no-photo.jpg")
        Traceback (most recent call last):
        impasto.errors.MissingFileError: no-photo.jpg: there is no such file
          what would work: check the folder and the spelling
    """


class UnknownNameError(ImpastoError, LookupError):
    """Nothing has the name that was given: no stage, encoder, sample or layer.

    Example:
        >>> import impasto
        >>> impasto.samples.content("catt")
        Traceback (most recent call last):
        impasto.errors.UnknownNameError: ...
    """


class StageError(ImpastoError, RuntimeError):
    """A stage failed, or gave back something that is not what its kind promises.

    Example:
        >>> import impasto, torch
        >>> class Half(impasto.Postprocessor, name="half"):
        ...     '''Return half of the rows, which no stage may.'''
        ...     def refine(self, image, content, styles):
        ...         return image[..., ::2, :]
        >>> try:
        ...     impasto.Pipeline(Half())(torch.zeros(1, 3, 8, 8))
        ... except impasto.StageError as error:
        ...     print(error)
        stage 1 of 1, 'half' (...): half: was given (1, 3, 8, 8) torch.float32 and gave back (1, 3, 4, 8) torch.float32
          this is a fault of the stage, not of your picture; `impasto.testing.check_stage` finds such faults
    """


class PictureError(ImpastoError, ValueError):
    """A picture that cannot be read or written as asked; the message says what to do instead.

    Example:
        >>> import impasto
        >>> impasto.read("https://example.org/photo.jpg")
        Traceback (most recent call last):
        impasto.errors.PictureError: https://example.org/photo.jpg: is an address
          what would work: download it first and give its path
    """


class FrameError(StageError):
    """A frame of a stream could not be read, painted or written; the message names it.

    Example:
        >>> issubclass(FrameError, StageError)
        True
    """


class RecipeError(ImpastoError, ValueError):
    """A recipe asks for what a stranger's may not: to write, to read a file, to download; the message names it.

    Example:
        >>> import impasto
        >>> try:  # what a stranger's picture asks for, with what it may read
        ...     impasto.Pipeline.load("from-a-stranger.png", allow=["paper.png"])
        ... except (impasto.errors.RecipeError, FileNotFoundError) as error:
        ...     print(str(error).partition(":")[0])
        from-a-stranger.png
    """


class PluginError(ImpastoError, Exception):
    """A plugin does not keep to the hooks; the message says what to change in it.

    Example:
        >>> import impasto
        >>> impasto.Host("impasto_adain")
        Traceback (most recent call last):
        impasto.errors.PluginError: 'impasto_adain' is a name, not a plugin
          what to type: impasto.Host(impasto_adain), where impasto_adain is the module
    """


class ImpastoDeprecationWarning(FutureWarning):
    """Something is asked for by an old name or in an old way, which works for now; the message says what to type.

    Shown by default, since the code that has to change may be a notebook's.  The policy is in `docs/api-policy.md`.

    Example:
        >>> import warnings
        >>> import impasto
        >>> warnings.filterwarnings("error", category=impasto.ImpastoDeprecationWarning)  # in a plugin's tests
    """


def warn_deprecated(message: str) -> None:
    """Warn of an old name or an old way, as of the line outside of Impasto that used it.

    Functions and classes that go take PEP 702's decorator, which type checkers read: `typing_extensions.deprecated`
    with `category=ImpastoDeprecationWarning`.

    Args:
        message: what is old, when it goes if it does, and what to type instead.

    Example:
        >>> import warnings
        >>> with warnings.catch_warnings(record=True) as said:
        ...     warnings.simplefilter("always")
        ...     warn_deprecated("fade: strength is called amount now")
        >>> said[0].category.__name__
        'ImpastoDeprecationWarning'
    """
    frame = sys._getframe(1)
    while frame.f_back is not None and frame.f_globals.get("__name__", "").partition(".")[0] in _PASSED_OVER:
        frame = frame.f_back
    warnings.warn_explicit(
        message,
        ImpastoDeprecationWarning,
        frame.f_code.co_filename,
        frame.f_lineno,
        registry=frame.f_globals.setdefault("__warningregistry__", {}),
    )


_PASSED_OVER = ("impasto", "importlib", "_frozen_importlib")
"""Packages that use no name by themselves: the host, and Python's imports, which ask a module for its names too."""


def quoted(value: object, limit: int = 80) -> str:
    """Return a value from a file or a stranger as Python writes it, without control characters, short in the middle.

    Args:
        value: anything; what it holds is not trusted.
        limit: the most characters to return.

    Example:
        >>> quoted("x" * 1000, 20)
        "'xxxxxxxxx...xxxxxx'"
    """
    try:
        text = repr(value)
    except RecursionError:  # of a value that is nested deeply
        text = type(value).__name__
    tail = (limit - 3) // 2 - 1
    return text if len(text) <= limit else f"{text[: limit - 3 - tail]}...{text[-tail:]}"


def legible(text: str, limit: int = 80) -> str:
    """Return a text from a file as it is where it is printable and short, and otherwise quoted.

    Args:
        text: from a file.
        limit: the most characters that are repeated as they are.

    Example:
        >>> legible("conv1.bias"), legible("\x1b]0;")
        ('conv1.bias', "'\\\\x1b]0;'")
    """
    return text if text.isprintable() and len(text) <= limit else quoted(text, limit)


def suggestion(asked: str, names: Iterable[str]) -> str:
    """Return a line that proposes the nearest name, or nothing if none is near.

    Args:
        asked: the name that there is not.
        names: those that there are.

    Example:
        >>> suggestion("adian", ["adain", "wct"])
        "\\n  did you mean 'adain'?"
    """
    near = difflib.get_close_matches(asked, list(names), n=1)
    return f"\n  did you mean {near[0]!r}?" if near else ""


class WeightsError(ImpastoError, RuntimeError):
    """Weights that cannot be found, verified or opened; the message says what to do.

    Example:
        >>> import impasto
        >>> record = impasto.Weights(
        ...     name="mosaic.safetensors", sha256="0" * 64, size=1, licence="MIT", origin="a test", expects="nothing"
        ... )
        >>> try:
        ...     impasto.weights.find(record, download=False)
        ... except impasto.WeightsError as error:
        ...     print(str(error).partition(" ")[0])
        mosaic.safetensors
    """
