"""What every stage is and promises."""

from __future__ import annotations

import dataclasses
import inspect
import math
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, Literal, get_args

import torch
from torch import Tensor
from typing_extensions import Self

from ..errors import ParameterError, StageError, quoted, suggestion
from ..validation import shape
from ..weights import Weights
from .canvas import Canvas, Style
from .context import Step, current_run
from .declared import Declared
from .presets import Preset, check_presets

StyleUse = Literal["required", "optional", "ignored"]

METHODS = ("apply", "prepare", "stylize", "refine", "refine_regions")
"""What a run calls of a stage, by position."""


class Stage(Declared):
    """One step of a pipeline: a frozen value of declared parameters that holds no weights.

    A plugin derives from `Preprocessor`, `Stylizer` or `Postprocessor`, which are such.

    Example:
        >>> import impasto
        >>> issubclass(impasto.Stylizer, impasto.Stage)
        True
    """

    kind: ClassVar[str] = "stage"
    finishes: ClassVar[bool] = False
    """Whether it runs even after an interruption, as what brings a picture back to its own size does."""
    style: ClassVar[StyleUse] = "optional"
    """What it does with style pictures: `required` raises if the run has none, `optional` looks at those there are,
    `ignored` never looks, and a run that is given one for nothing says so."""
    demo: ClassVar[Mapping[str, Any]] = {}
    """Parameter values with which `impasto demo` shows it: those that make a slow method quick."""
    presets: ClassVar[Mapping[str, Preset]] = {}
    """Named values of parameters for what one default cannot serve: `{"gentle": Preset("keeps faces", ...)}`."""
    bytes_per_pixel: ClassVar[int] = 0
    """About how many bytes of memory it takes at its peak for each pixel of a picture.  One that does not fit into what
    is free is refused before the work begins.  0: not looked at, right for what takes a few copies of the picture."""
    stateful: ClassVar[bool] = False
    """Whether it looks at the frames before the present one of a stream: `impasto.stage.current_run().frame`.  A run
    gives such a stage one picture at a time."""
    known_weights: ClassVar[tuple[Weights, ...]] = ()
    """Records of all networks that it may need, whatever its parameters: what `impasto weights` lists and `impasto
    report` looks for.  Those that it needs with its present ones are what `weights()` returns."""

    def __init_subclass__(cls, **more: Any) -> None:
        super().__init_subclass__(**more)
        for old, use in (("needs_style", "optional"), ("styleless", "ignored")):
            if old in vars(cls):
                raise TypeError(f"{cls.__name__}: {old} is not read any more\n  what to type: style = {use!r}")
        if cls.style not in get_args(StyleUse):
            raise TypeError(
                f"{cls.__name__}: style = {cls.style!r} does not say what the stage does with a style picture\n"
                f"  what would work: {', '.join(map(repr, get_args(StyleUse)))}; another name for a parameter or method"
            )
        if not isinstance(cls.known_weights, tuple) or not all(isinstance(one, Weights) for one in cls.known_weights):
            raise TypeError(
                f"{cls.__name__}: known_weights = {quoted(cls.known_weights)} is no tuple of records\n"
                "  what would work: known_weights: ClassVar[tuple[impasto.Weights, ...]] = (DECODER,)"
            )
        fields = [field.name for field in dataclasses.fields(cls)]
        check_presets(cls.__name__, cls.presets, fields)
        for name in METHODS:
            _check_signature(cls, name)

    @classmethod
    def preset(cls, name: str, /, **values: Any) -> Self:
        """Return the stage with the values of one of its presets.

        In one line and in TOML the same is a value called `preset`: `gatys:preset=gentle:steps=100`.

        Args:
            name: of the preset, one of `presets`.
            values: of parameters, by name; they go before the preset's.

        Raises:
            ParameterError: there is no such preset, or a value does not fit.

        Example:
            >>> import impasto
            >>> class Fade(impasto.Postprocessor, name="fade"):
            ...     presets = {"faint": impasto.Preset("the content shines through", amount=0.8)}
            ...     amount: float = impasto.param(default=0.5, low=0, high=1, help="share of the content")
            >>> Fade.preset("feint")
            Traceback (most recent call last):
            impasto.errors.ParameterError: fade has no preset 'feint'
              it has: faint
              did you mean 'faint'?
        """
        if not isinstance(name, str) or name not in cls.presets:
            raise ParameterError(
                f"{cls.name} has no preset {quoted(name)}\n"
                f"  it has: {', '.join(cls.presets) or 'none'}{suggestion(str(name), cls.presets)}"
            )
        return cls(**{**cls.presets[name].values, **cls.current_names(values)})

    @classmethod
    def from_values(cls, values: Mapping[str, Any]) -> Self:
        """Return the stage of values, among which `preset` is the name of one."""
        values = dict(values)
        preset = values.pop("preset", None)
        return cls(**values) if preset is None else cls.preset(preset, **values)

    def apply(self, canvas: Canvas) -> Canvas:
        """Return the canvas this stage makes of another one."""
        raise missing_method(self, self.apply)

    def weights(self) -> tuple[Weights, ...]:
        """Return records of the networks this stage needs with its present parameters."""
        return ()

    def restores_content(self) -> bool:
        """Return whether it brings the picture back to the content in some way, as `keep-color` does.

        Such a stage changes nothing where none has painted before it, and a run says so.
        """
        return False

    def require_styles(self, styles: Sequence[Style]) -> None:
        """Raise unless there is a style picture.

        Args:
            styles: of the canvas.

        Raises:
            StageError: there is none.
        """
        if not styles:
            raise StageError(f"{self.name}: needs a style picture\n  what to type: pipe(content, style)")

    def generator(self, device: str | torch.device) -> torch.Generator | None:
        """Return the run's random generator on a device, for every number that the stage draws.

        The same seed then gives the same picture, in a thread as alone, and nobody else's numbers change.  Each frame
        of a stream starts from the seed, so its numbers are those of the frame before; what should change from frame
        to frame goes by `current_run().frame.number`.

        Args:
            device: where the numbers are drawn.

        Returns:
            For `torch.rand(..., generator=...)` and its kin.  None, which stands for torch's own generator, where the
            stage is called by hand and not by a run.
        """
        return current_run().generator(device)

    def report(self, step: int, steps: int, image: Tensor, losses: Mapping[str, Tensor]) -> None:
        """Tell the run that an iterative stage has done step 1, 2, … of `steps`.

        Progress bars and previews hear of it, an interruption keeps `image`, and a loss that is not
        finite ends the run here, naming the step.

        Args:
            step: the step just done, from 1.
            steps: how many there will be in all.
            image: (B, 3, h, w), the picture so far at the resolution being worked on.
            losses: scalar tensors by name.

        Raises:
            FloatingPointError: a loss is NaN or infinite.
        """
        if losses:
            finite = torch.isfinite(torch.stack([loss.detach() for loss in losses.values()]))
            if not finite.all():
                bad = [name for name, good in zip(losses, finite.tolist(), strict=True) if not good]
                raise FloatingPointError(
                    f"{self.name}: step {step} of {steps} gave a loss that is not finite ({', '.join(bad)})\n"
                    "  what would work: a smaller learning rate or weight, or precision='float32'"
                )
        run = current_run()
        run.last_step = Step(step, steps, image.detach())
        if run.watcher is not None:
            run.watcher(self, step, steps, run.preview(image.detach()), losses)


def _check_signature(kind: type[Stage], name: str) -> None:
    """Raise a `TypeError` if a class has a method that a run cannot call as the kind of stage has it called."""
    method: Any = vars(kind).get(name)
    declared = next((vars(base)[name] for base in reversed(kind.__mro__) if name in vars(base)), method)
    if method is declared or not inspect.isfunction(method):
        return
    wanted = list(inspect.signature(declared).parameters)
    try:
        inspect.signature(method).bind(*wanted)
    except TypeError:
        raise TypeError(
            f"{kind.__name__}: {name}{inspect.signature(method)} cannot be called with {', '.join(wanted[1:])}\n"
            f"  what to type: def {name}({', '.join(wanted)}): ..."
        ) from None


def missing_method(stage: Stage, method: Callable[..., Any]) -> StageError:
    """Return the error for a stage whose class lacks the method that does its work.

    Args:
        stage: which lacks it.
        method: of its base class, as it is called.
    """
    arguments = ", ".join(["self", *inspect.signature(method).parameters])
    return StageError(
        f"{stage.name}: {type(stage).__name__} has no method {method.__name__}\n"
        f"  what to type: def {method.__name__}({arguments}): ..., in the class"
    )


def check_result(stage: Stage, image: Tensor, like: Tensor) -> Tensor:
    """Return a stage's result in float32 and in [0, 1]; raise a `StageError` unless it fits what the stage was given.

    Networks compute in bfloat16 where that is faster, so a result in half precision is taken as it is.

    Args:
        stage: whose result it is.
        image: (B, 3, H, W), finite.
        like: what the stage was given, of the same shape.

    Raises:
        StageError: another shape or dtype, or values that are NaN or infinite.

    Example:
        >>> import impasto, torch
        >>> class Bright(impasto.Postprocessor, name="bright"):
        ...     '''Brighten the picture.'''
        >>> image = torch.full((1, 3, 8, 8), 0.5)
        >>> check_result(Bright(), 3 * image, image).max().item()
        1.0
    """
    if image is like:  # checked before
        return image
    advice = "this is a fault of the stage, not of your picture; `impasto.testing.check_stage` finds such faults"
    if not isinstance(image, Tensor):
        raise StageError(f"{stage.name}: gave back {type(image).__name__}, not a tensor (B, 3, H, W)\n  {advice}")
    if image.dtype in (torch.bfloat16, torch.float16):
        image = image.float()
    if image.shape != like.shape or image.dtype != torch.float32:
        raise StageError(
            f"{stage.name}: was given {shape(like)} {like.dtype} and gave back {shape(image)} {image.dtype}\n  {advice}"
        )
    low, high = (value.item() for value in torch.aminmax(image))  # of a picture with a NaN, NaN
    if not (math.isfinite(low) and math.isfinite(high)):
        bad = int((~torch.isfinite(image)).sum())
        raise StageError(
            f"{stage.name}: {bad} of {image.numel()} values it gave back are NaN or infinite\n"
            "  what would work: precision='float32', or gentler parameters"
        )
    return image if low >= 0 and high <= 1 else image.clamp(0, 1)


def check_mask(stage: Stage, canvas: Canvas) -> None:
    """Raise a `StageError` if the canvas has a mask that selects nothing.

    Args:
        stage: named in the message.
        canvas: whose mask (1 or B, 1, H, W) is looked at.

    Raises:
        StageError: the mask is 0 everywhere.

    Example:
        >>> import impasto, torch
        >>> class Dim(impasto.Postprocessor, name="dim"):
        ...     '''Darken the picture.'''
        >>> content = torch.rand(1, 3, 8, 8)
        >>> check_mask(Dim(), impasto.Canvas(content, content))
    """
    if canvas.mask is not None and canvas.mask.max() == 0:
        raise StageError(
            f"{stage.name}: the mask selects nothing, so there is nothing to paint\n"
            "  what would work: a mask with values above 0, or no mask to paint everywhere"
        )


def pictures_in_mask(stage: Stage, canvas: Canvas) -> Tensor | None:
    """Return the numbers of the pictures in which the mask selects something; None if it does in all.

    Raises:
        StageError: the mask selects nothing in any picture.
    """
    check_mask(stage, canvas)
    if canvas.mask is None or len(canvas.mask) == 1:
        return None
    selects = canvas.mask.flatten(1).any(1)
    if selects.all():
        return None
    empty = ", ".join(str(index + 1) for index in (~selects).nonzero().flatten().tolist())
    warnings.warn(
        f"{stage.name}: the mask selects nothing in picture {empty} of {len(selects)}, which stays as it is",
        stacklevel=3,
    )
    return selects.nonzero().flatten()
