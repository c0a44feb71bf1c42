"""What a pipeline is made of: the canvas that passes through, and the kinds of stages that change it."""

from __future__ import annotations

import colorsys
import dataclasses
import math
import re
import types
import typing
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

import torch
import torch.nn.functional as F
from torch import Tensor
from typing_extensions import Self, dataclass_transform

if TYPE_CHECKING:
    from .weights import Weights


class ParameterError(ValueError):
    """A parameter of a stage or recipe has a value it cannot take."""


class StageError(RuntimeError):
    """A stage failed, or gave back something that is not what its kind promises."""


# ---------------------------------------------------------------------------------------------- parameters


@dataclass(frozen=True)
class Parameter:
    """One declared parameter: what `--help`, widgets and range checks are made from."""

    name: str
    type: Any
    default: Any
    low: float | None
    high: float | None
    choices: tuple[Any, ...] | None
    help: str
    writes: bool

    @property
    def range(self) -> str:
        """What the parameter can be, in words: `0 to 1`, `one of 'max', 'average'`, `a number, 0 or more`."""
        if self.choices is not None:
            return "one of " + ", ".join(repr(choice) for choice in self.choices)
        kind = describe_type(self.type)
        if self.low is not None and self.high is not None:
            return f"{kind}, {self.low:g} to {self.high:g}"
        if self.low is not None:
            return f"{kind}, {self.low:g} or more"
        return f"{kind}, {self.high:g} or less" if self.high is not None else kind

    @property
    def listed(self) -> bool:
        """Whether the value is a list of entries."""
        return describe_type(self.type).startswith("a list")

    def convert(self, owner: str, value: Any) -> Any:
        """Return `value` as the declared type, or raise a `ParameterError` that names owner, value and range."""
        converted = convert(value, self.type)
        entries = converted if isinstance(converted, tuple) else (converted,)
        fits = converted is not _MISFIT
        fits = fits and all(entry is None or self._allows(entry) for entry in entries)
        if not fits:
            default = "" if self.default is dataclasses.MISSING else f" (default {self.default!r})"
            alone = isinstance(convert([value], self.type), tuple)  # one entry where a list of such is meant
            raise ParameterError(
                f"{owner}: {self.name} = {value!r} does not fit\n"
                f"  what would work: {self.range}{default}\n"
                f"  what it does: {self.help}" + (f"\n  what to type: {self.name}=[{value!r}]" if alone else "")
            )
        return converted

    def _allows(self, entry: Any) -> bool:
        if self.choices is not None:
            return entry in self.choices
        if isinstance(entry, (str, bool)):
            return True
        return (self.low is None or entry >= self.low) and (self.high is None or entry <= self.high)


def param(
    *,
    default: Any = dataclasses.MISSING,
    low: float | None = None,
    high: float | None = None,
    choices: Sequence[Any] | None = None,
    help: str,
    writes: bool = False,
) -> Any:
    """Declare a parameter of a stage or recipe; its type is the annotation it stands under.

    Args:
        default: the value when none is given; without one the parameter must be given.
        low: smallest value allowed (for tuples: of each entry).
        high: largest value allowed.
        choices: the only values allowed.
        help: one line on what it does, with units; shown by `--help`, widgets and errors.
        writes: it names a file that the stage writes.  Such a parameter stays out of the recipes that
            pictures carry, and a picture that asks for one is refused: pictures come from strangers.

    Example:
        >>> import impasto
        >>> class Fade(impasto.Postprocessor, name="fade"):
        ...     '''Blend the painted image with the content.'''
        ...     amount: float = impasto.param(default=0.5, low=0, high=1, help="share of the content")
        ...     def refine(self, image, content, styles):
        ...         return image.lerp(content, self.amount)
        >>> Fade(amount=0.25)
        Fade(amount=0.25)
    """
    listed = None if choices is None else tuple(choices)
    about = {"low": low, "high": high, "choices": listed, "help": help, "writes": writes}
    return field(default=default, metadata={"impasto": about})


_MISFIT: Any = object()


def convert(value: Any, wanted: Any) -> Any:
    """Return `value` as bool, int, float, str, tuple or None, never guessing across kinds; else a misfit."""
    if isinstance(wanted, types.UnionType) or typing.get_origin(wanted) is typing.Union:
        found = [convert(value, option) for option in typing.get_args(wanted)]
        # TOML has no word for None.
        if isinstance(value, str) and value == "none" and type(None) in typing.get_args(wanted):
            return None
        return next((option for option in found if option is not _MISFIT), _MISFIT)
    if typing.get_origin(wanted) is typing.Literal:
        return value if value in typing.get_args(wanted) else _MISFIT
    if typing.get_origin(wanted) is tuple:
        entry = typing.get_args(wanted)[0]
        if isinstance(value, str) or not isinstance(value, Sequence):
            return _MISFIT
        entries = tuple(convert(one, entry) for one in value)
        return _MISFIT if any(one is _MISFIT for one in entries) else entries
    if wanted is type(None):
        return None if value is None else _MISFIT
    if hasattr(value, "item") and getattr(value, "ndim", None) == 0:  # NumPy and torch scalars
        value = value.item()
    if wanted is bool or isinstance(value, bool):
        return value if wanted is bool and isinstance(value, bool) else _MISFIT
    if wanted is float:
        return float(value) if isinstance(value, (int, float)) and value == value else _MISFIT
    if wanted is int:
        whole = isinstance(value, int) or (isinstance(value, float) and value.is_integer())
        return int(value) if whole else _MISFIT
    return value if isinstance(value, wanted) else _MISFIT


def describe_type(wanted: Any) -> str:
    """Say a parameter's type in a word or two."""
    if isinstance(wanted, types.UnionType) or typing.get_origin(wanted) is typing.Union:
        return " or ".join(describe_type(option) for option in typing.get_args(wanted))
    if typing.get_origin(wanted) is tuple:
        return f"a list, each {describe_type(typing.get_args(wanted)[0])}"
    words = {bool: "true or false", int: "a whole number", float: "a number", str: "text", type(None): "none"}
    return words.get(wanted, str(wanted))


@dataclass_transform(kw_only_default=True, frozen_default=True, field_specifiers=(param,))
class Declared:
    """A frozen value made of declared parameters, with a name that TOML and the command line use."""

    name: ClassVar[str] = ""

    def __init_subclass__(cls, *, name: str = "", **more: Any) -> None:
        super().__init_subclass__(**more)
        cls.name = name
        if name and not re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", name):
            raise TypeError(f"{cls.__name__}: the name {name!r} should be lower-case words joined by '-'")
        dataclass(frozen=True, kw_only=True, repr=False)(cls)
        for one in dataclasses.fields(cls):  # type: ignore[arg-type]
            if "impasto" not in one.metadata:
                raise TypeError(
                    f"{cls.__name__}: {one.name} is not declared as a parameter\n"
                    f"  what would work: {one.name}: {one.type} = impasto.param(default=..., help='...'),"
                    f" or ClassVar[{one.type}] for a constant"
                )

    @classmethod
    @cache
    def parameters(cls) -> Mapping[str, Parameter]:
        """Return the declared parameters by name, in order of declaration."""
        hints = typing.get_type_hints(cls)
        fields = dataclasses.fields(cls)  # type: ignore[arg-type]
        return types.MappingProxyType(
            {one.name: Parameter(one.name, hints[one.name], one.default, **one.metadata["impasto"]) for one in fields}
        )

    @classmethod
    def summary(cls) -> str:
        """Return the first line of the docstring."""
        lines = (cls.__dict__.get("__doc__") or "").strip().splitlines()
        # A dataclass without a docstring gets its signature as one, which says nothing.
        return "" if not lines or lines[0].startswith(f"{cls.__name__}(") else lines[0]

    def __new__(cls, *args: Any, **values: Any) -> Self:
        """Refuse an unknown parameter with a suggestion, before the dataclass would with none."""
        from .host import suggestion

        for key in values:
            if key not in cls.parameters():
                raise ParameterError(
                    f"{cls.name} has no parameter {key!r}\n"
                    f"  it has: {', '.join(cls.parameters()) or 'none'}{suggestion(key, cls.parameters())}"
                )
        for key, parameter in cls.parameters().items():
            if parameter.default is dataclasses.MISSING and key not in values:
                line = f", or in one line {cls.name}:{key}=..." if issubclass(cls, Stage) else ""
                raise ParameterError(
                    f"{cls.name} needs {key!r}: {parameter.help}\n  what to type: {cls.__name__}({key}=...){line}"
                )
        return super().__new__(cls)

    def __post_init__(self) -> None:
        for name, parameter in self.parameters().items():
            object.__setattr__(self, name, parameter.convert(self.name, getattr(self, name)))

    def values(self) -> dict[str, Any]:
        """Return every parameter's value by name."""
        return {name: getattr(self, name) for name in self.parameters()}

    def __repr__(self) -> str:
        changed = {name: value for name, value in self.values().items() if value != self.parameters()[name].default}
        return f"{type(self).__name__}({', '.join(f'{k}={v!r}' for k, v in changed.items())})"


# ---------------------------------------------------------------------------------------------------- canvas


@dataclass(frozen=True, eq=False)
class Style:
    """A style picture, how much it counts, and which part of it belongs to which region.

    Args:
        image: (1, 3, h, w) or (B, 3, h, w), float32 sRGB in [0, 1], of any size; or anything
            `impasto.read` takes, such as a path.
        weight: share among several styles; any real number.
        guides: (1, K, h, w) region maps that sum to 1 over K, K as in the canvas's guides; or (1, 1, h, w),
            the part of the picture that speaks; None lets all of it speak for every region.
        labels: names of the K regions, matched with the content's by name; () goes by their order.
        region: label of the content's region that this style alone is for; "" is for all of them.

    Example:
        >>> import impasto
        >>> impasto.Style(impasto.samples.style("mosaic", 64), weight=0.5).image.shape
        torch.Size([1, 3, 64, 64])
    """

    image: Tensor
    weight: float = 1.0
    guides: Tensor | None = None
    labels: tuple[str, ...] = ()
    region: str = ""

    def __post_init__(self) -> None:
        from .picture import read

        if not isinstance(self.image, Tensor):
            object.__setattr__(self, "image", read(self.image).tensor)
        check_image(self.image, "style")
        if self.guides is not None:
            check_maps(self.guides, self.image, "the style's guides")
        object.__setattr__(self, "labels", check_labels(self.labels, self.guides, "the style's guides"))
        if self.region and self.guides is not None and self.guides.shape[1] != 1:
            raise ValueError(
                f"a style for the region {self.region!r} alone has guides for {self.guides.shape[1]} regions\n"
                "  what would work: no guides, or one map (1, 1, h, w) of the part that speaks"
            )

    def replace(self, **changes: Any) -> Style:
        """Return a style with some of its parts replaced."""
        return dataclasses.replace(self, **changes)

    def to(self, device: torch.device) -> Style:
        """Return the style with its tensors on a device."""
        guides = None if self.guides is None else self.guides.to(device)
        return self.replace(image=self.image.to(device), guides=guides)


@dataclass(frozen=True, eq=False)
class Canvas:
    """What passes through a pipeline: the content, the image so far, styles, mask and guides.

    Args:
        content: (B, 3, H, W), float32 sRGB in [0, 1], as the user gave it.
        image: like content; what the stages so far have made of it.
        styles: one or several `Style`.
        mask: (1, 1, H, W) or (B, 1, H, W) in [0, 1], where to paint; None paints everywhere.
        guides: (1, K, H, W) or (B, K, H, W), region maps that sum to 1 over K; or None.
        labels: names of the K regions; () where they have none.
        meta: what is known about the picture: file, icc, exif, seed.
    """

    content: Tensor
    image: Tensor
    styles: tuple[Style, ...] = ()
    mask: Tensor | None = None
    guides: Tensor | None = None
    labels: tuple[str, ...] = ()
    meta: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        check_image(self.content, "content")
        if self.image.shape != self.content.shape:
            raise ValueError(
                f"the image is {shape(self.image)} but the content is {shape(self.content)}\n"
                "  what would work: replace both, canvas.replace(content=..., image=...)"
            )
        for style in self.styles:
            if len(style.image) not in (1, len(self.content)):
                raise ValueError(
                    f"a style holds {len(style.image)} pictures and the content {len(self.content)}\n"
                    "  what would work: one style picture for all contents, or one for each"
                )
        if self.mask is not None:
            check_maps(self.mask, self.content, "mask")
            if self.mask.shape[1] != 1:
                raise ValueError(f"mask: expected one channel, (B, 1, H, W), found {shape(self.mask)}")
        if self.guides is not None:
            check_maps(self.guides, self.content, "guides")
        object.__setattr__(self, "labels", check_labels(self.labels, self.guides, "guides"))

    def replace(self, **changes: Any) -> Canvas:
        """Return a canvas with some of its parts replaced."""
        return dataclasses.replace(self, **changes)

    def to(self, device: torch.device) -> Canvas:
        """Return the canvas on a device."""
        mask, guides = (None if maps is None else maps.to(device) for maps in (self.mask, self.guides))
        styles = tuple(style.to(device) for style in self.styles)
        parts = {"content": self.content.to(device), "image": self.image.to(device)}
        return self.replace(**parts, styles=styles, mask=mask, guides=guides)

    def picture(self) -> Tensor:
        """Return the image with its regions tinted and what the mask leaves out paled, (B, 3, H, W) in [0, 1].

        The tints go round the colour circle from red, in the order of the regions: three are red, green and blue.
        """
        shown = self.image
        if self.guides is not None:
            count = self.guides.shape[1]
            circle = [colorsys.hsv_to_rgb(region / count, 0.9, 0.95) for region in range(count)]
            tints = torch.einsum("bkhw,kc->bchw", self.guides, self.guides.new_tensor(circle))
            shown = shown * (1 - self.guides.sum(1, keepdim=True) / 2) + tints / 2
        if self.mask is not None:
            shown = shown.lerp(torch.ones_like(shown), 0.75 * (1 - self.mask))
        return shown


def shape(tensor: Tensor) -> str:
    """Say a tensor's shape as people write it: `(1, 3, 256, 384)`."""
    return str(tuple(tensor.shape))


def check_image(image: Any, what: str) -> None:
    """Raise unless `image` is a finite float32 tensor (B, 3, H, W)."""
    if not isinstance(image, Tensor):
        raise TypeError(f"{what}: expected a tensor (B, 3, H, W), found {type(image).__name__}")
    if image.ndim != 4 or image.shape[1] != 3 or 0 in image.shape:
        raise ValueError(
            f"{what}: expected a tensor of shape (B, 3, H, W), found {shape(image)}\n"
            "  what would work: impasto.read(...).tensor, which takes grey, HWC and unbatched pictures too"
        )
    if image.dtype != torch.float32:
        raise TypeError(
            f"{what}: expected float32 in [0, 1], found {image.dtype}\n"
            "  what would work: impasto.read(...).tensor, or for bytes tensor.float() / 255"
        )
    if not is_finite(image):
        raise ValueError(f"{what}: has NaN or infinite values")


def is_finite(image: Tensor) -> bool:
    """Return whether no value is NaN or infinite."""
    # One pass without a mask of the picture's size; only a picture that is not finite has a sum that is not.
    return math.isfinite(float(image.sum())) or bool(torch.isfinite(image).all())


def check_maps(maps: Tensor, image: Tensor, what: str) -> None:
    """Raise unless `maps` (1 or B, K, H, W) are finite and lie over `image` (B, 3, H, W)."""
    if maps.ndim != 4 or maps.shape[-2:] != image.shape[-2:] or maps.shape[0] not in (1, image.shape[0]):
        raise ValueError(
            f"{what}: expected (1 or {image.shape[0]}, channels, {image.shape[-2]}, {image.shape[-1]})"
            f" to lie over the picture, found {shape(maps)}"
        )
    if not maps.is_floating_point() or not torch.isfinite(maps).all() or maps.min() < 0 or maps.max() > 1:
        raise ValueError(f"{what}: expected float values in [0, 1]")


def check_labels(labels: Sequence[str], guides: Tensor | None, what: str) -> tuple[str, ...]:
    """Return the names of regions as a tuple; raise unless there are none or a different one for each map."""
    regions = 0 if guides is None else guides.shape[1]
    if labels and (len(labels) != regions or len(set(labels)) != len(labels)):
        raise ValueError(
            f"{what}: {regions} maps and the labels {', '.join(map(repr, labels))}\n"
            "  what would work: a different label for each map, or none at all"
        )
    return tuple(labels)


# ----------------------------------------------------------------------------------------------------- regions


def aligned(canvas: Canvas) -> tuple[Style, ...]:
    """Return the styles with guides for the canvas's regions, in the canvas's order.

    Labels are matched by name; a region that a style's labels do not have is one it does not speak for.
    `Style.region` becomes guides that mark one region.  A style without guides speaks for every region.

    Args:
        canvas: its guides (1 or B, K, H, W) say what the regions are.

    Returns:
        Styles whose guides are None or (1 or B, K, h, w); K is 1 on a canvas without guides.

    Raises:
        StageError: regions that cannot be matched; names the labels of both sides.
    """
    regions = None if canvas.guides is None else canvas.guides.shape[1]
    return tuple(once(_align, style, regions, canvas.labels) for style in canvas.styles)


def _align(style: Style, found: int | None, labels: tuple[str, ...]) -> Style:
    regions = 1 if found is None else found
    here = ", ".join(map(repr, labels)) or ("none" if found is None else f"{regions} without names")
    if style.region:
        if style.region not in labels:
            raise StageError(
                f"a style is for the region {style.region!r}; regions of the content: {here}\n"
                "  what to type: pipe(content, style, guides={"
                f"{style.region!r}: 'mask.png'}}), or a stage before that finds regions of this name"
            )
        part = style.image.new_ones(1, 1, *style.image.shape[-2:]) if style.guides is None else style.guides
        place = labels.index(style.region)
        guides = part.new_zeros(len(part), regions, *part.shape[-2:])
        guides[:, place : place + 1] = part
        return Style(style.image, style.weight, guides, labels)
    if style.guides is None:
        return style
    if style.labels and labels:
        there = ", ".join(map(repr, style.labels))
        shared = [label for label in labels if label in style.labels]
        if not shared:
            raise StageError(
                f"the style's regions are {there} and the content's {here}: none is on both sides\n"
                "  what would work: the same labels on both sides, or match-regions (impasto-segment),"
                " which pairs regions by their looks"
            )
        unused = [label for label in style.labels if label not in labels]
        if unused:
            warnings.warn(
                f"the style's regions {', '.join(map(repr, unused))} are not in the content ({here}) and are not used",
                stacklevel=2,
            )
        maps = dict(zip(style.labels, style.guides.unbind(1), strict=True))
        nothing = torch.zeros_like(style.guides[:, 0])
        guides = torch.stack([maps.get(label, nothing) for label in labels], dim=1)
        return Style(style.image, style.weight, guides, labels)
    if style.guides.shape[1] != regions:
        raise StageError(
            f"the style's guides name {style.guides.shape[1]} regions and the content has {here}\n"
            "  what would work: guides with the same K for both, or labels, which are matched by name"
        )
    return style


def speaks(style: Style, region: int) -> bool:
    """Return whether an aligned style has a part for a region."""
    return style.guides is None or bool(style.guides[:, region].any())


def regions(canvas: Canvas) -> Tensor | None:
    """Return the guides inside the mask, (1 or B, K, H, W), or the mask as the only region; None: everywhere."""
    if canvas.guides is None or canvas.mask is None:
        return canvas.mask if canvas.guides is None else canvas.guides
    return canvas.guides * canvas.mask


Window = tuple[slice, slice]


def window(area: Tensor, margin: int, smallest: int) -> Window:
    """Return the rows and columns around where `area` (B, C, H, W) is above 0, at least `smallest` of each."""
    spans = []
    for dim, length in ((-2, area.shape[-2]), (-1, area.shape[-1])):
        found = (area > 0).flatten(0, 1).any(0).any(-1 if dim == -2 else -2).nonzero()
        first, last = (0, length) if not len(found) else (int(found[0]) - margin, int(found[-1]) + 1 + margin)
        lack = max(0, smallest - (last - first))
        first, last = first - lack // 2, last + lack - lack // 2
        shift = max(0, -first) - max(0, last - length)
        first, last = (first + shift, last + shift) if last - first <= length else (0, length)
        spans.append(slice(max(0, first), min(length, last)))
    return spans[0], spans[1]


# -------------------------------------------------------------------------------------------- iterative runs

Watcher = Callable[["Stage", int, int, Tensor, Mapping[str, Tensor]], None]

_watcher: ContextVar[Watcher | None] = ContextVar("watcher", default=None)
_latest: ContextVar[list[tuple[int, int, Tensor]] | None] = ContextVar("latest", default=None)


@contextmanager
def watching(watcher: Watcher) -> Iterator[None]:
    """Have `watcher` called after each step of the iterative stages run inside."""
    token = _watcher.set(watcher)
    try:
        yield
    finally:
        _watcher.reset(token)


# ------------------------------------------------------------------------------------------------- streams

T = TypeVar("T")


class Memory:
    """What `once` computed for the frames of a stream; what a frame does not ask for is gone after the next one."""

    def __init__(self) -> None:
        self._now: dict[Any, Any] = {}
        self._before: dict[Any, Any] = {}

    def turn(self) -> None:
        """Begin a frame: forget what the last one did not ask for."""
        self._before, self._now = self._now, {}

    def recall(self, compute: Callable[..., T], arguments: tuple[Any, ...]) -> T:
        """Return what was computed from the same arguments, or compute it."""
        # Under autocast an encoder gives other features for the same picture.
        low = any(map(torch.is_autocast_enabled, ("cpu", "cuda", "mps")))
        key = (compute, low, _identity(arguments))
        if key not in self._now:
            if key in self._before:
                self._now[key] = self._before[key]
            else:
                state = _random_state()
                result = compute(*arguments)
                if _random_state() != state:
                    return result  # what draws random numbers has to draw them for every frame
                # The arguments are kept so that no other tensor comes to their place in memory.
                self._now[key] = arguments, result
        kept: T = self._now[key][1]
        return kept


_memory: ContextVar[Memory | None] = ContextVar("memory", default=None)


@contextmanager
def remembering(memory: Memory) -> Iterator[None]:
    """Have `once` remember, in `memory`, what is computed inside; each use is one frame."""
    memory.turn()
    token = _memory.set(memory)
    try:
        yield
    finally:
        _memory.reset(token)


def once(compute: Callable[..., T], *arguments: Any) -> T:
    """Return `compute(*arguments)`, computed once for all frames of a stream if its arguments stay the same.

    For what depends on the styles alone, such as the statistics of their features: a stage calls
    `once(self.study, style.image)` in the place of `self.study(style.image)`.  Outside a stream the two are one.

    Args:
        compute: a function or method, always the same one (a lambda is a new one each time); its result must
            depend on nothing else and never be changed in place.
        arguments: tensors, styles, and tuples or lists of them, which are the same if they are the same tensors,
            unchanged; and other hashable values, which are the same if equal.

    Example:
        >>> import impasto
        >>> style = impasto.samples.style("mosaic", 64)
        >>> once(impasto.statistics.mean_std, style)[0].shape
        torch.Size([1, 3, 1, 1])
    """
    memory = _memory.get()
    return compute(*arguments) if memory is None else memory.recall(compute, arguments)


def _identity(value: Any) -> Any:
    """Return what tells whether an argument is the same as before."""
    if isinstance(value, Tensor):
        return Tensor, id(value), 0 if value.is_inference() else value._version
    if isinstance(value, Style):
        return Style, *map(_identity, (value.image, value.weight, value.guides, value.labels, value.region))
    if isinstance(value, (tuple, list)):
        return type(value), *map(_identity, value)
    return type(value), value


def _random_state() -> list[bytes]:
    states = [torch.get_rng_state()]
    if torch.cuda.is_available():
        states += torch.cuda.get_rng_state_all()
    return [state.numpy().tobytes() for state in states]


# ---------------------------------------------------------------------------------------------------- stages


class Stage(Declared):
    """One step of a pipeline: a frozen value of declared parameters that holds no weights."""

    kind: ClassVar[str] = "stage"
    finishes: ClassVar[bool] = False
    """Whether it runs even after an interruption, as what brings a picture back to its own size does."""
    styleless: ClassVar[bool] = False
    """Whether it never looks at the styles: a run that is given one for nothing says so."""
    demo: ClassVar[Mapping[str, Any]] = {}
    """Parameter values with which `impasto demo` shows it: those that make a slow method quick."""

    def apply(self, canvas: Canvas) -> Canvas:
        """Return the canvas this stage makes of another one."""
        raise NotImplementedError

    def weights(self) -> tuple[Weights, ...]:
        """Return records of the networks this stage needs with its present parameters."""
        return ()

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
        latest = _latest.get()
        if latest is not None:
            latest[:] = [(step, steps, image.detach())]
        watcher = _watcher.get()
        if watcher is not None:
            watcher(self, step, steps, image.detach(), losses)


class Preprocessor(Stage):
    """A stage that prepares the canvas; the only kind that may set styles, mask and guides."""

    kind = "preprocessor"

    def prepare(self, canvas: Canvas) -> Canvas:
        """Return a new canvas."""
        raise NotImplementedError

    def apply(self, canvas: Canvas) -> Canvas:
        """Return the prepared canvas, checked."""
        prepared = self.prepare(canvas)
        if not isinstance(prepared, Canvas):
            raise StageError(
                f"{self.name}: prepare() gave back {type(prepared).__name__}, not a canvas\n"
                "  what would work: return canvas.replace(...)"
            )
        check_result(self, prepared.image, prepared.content)
        return prepared


class Stylizer(Stage):
    """A stage that paints the image in the manner of the styles.

    The base class pads the image to a `multiple` and crops back, checks what comes out, keeps it inside the
    mask, paints region by region, and turns an interruption into the picture so far.  A subclass only paints.
    """

    kind = "stylizer"
    multiple: ClassVar[int] = 1
    """Sides are padded (by repeating the border) to a multiple of this before `stylize` sees them."""
    smallest: ClassVar[int] = 1
    """The shortest side, in pixels, that the method can work on; less is refused with an explanation."""
    needs_style: ClassVar[bool] = True
    regional: ClassVar[bool] = False
    """Whether `stylize` paints all regions in one pass.  If not, the base class calls it once for each region,
    with that region as the only guide and the styles that speak for it, and joins the results."""
    context: ClassVar[int] = 64
    """Pixels around the mask that the method sees; what is further away neither costs time nor counts."""

    def stylize(self, content: Tensor, styles: Sequence[Style], guides: Tensor | None) -> Tensor:
        """Return the painted image.

        Args:
            content: (B, 3, H, W), the canvas's image so far; with a mask, the part of it around the mask.
            styles: one or several; pictures of any size.
            guides: (1 or B, K, H, W), where each region is inside the mask, so that what is missing from a sum
                of 1 lies outside; a mask without regions comes as one region.  The styles' guides have the
                same K, which is 1 where the class is not `regional`.  None: everywhere.

        Returns:
            (B, 3, H, W), as large as `content`.
        """
        raise NotImplementedError

    def apply(self, canvas: Canvas) -> Canvas:
        """Return the canvas with its image painted, inside the mask and the regions that have a style."""
        chosen = selected(self, canvas)
        if chosen is not None:
            done = self.apply(pick(canvas, chosen))
            return canvas.replace(image=canvas.image.index_copy(0, chosen, done.image), meta=done.meta)
        if self.needs_style and not self.styleless and not canvas.styles:
            raise StageError(f"{self.name}: needs a style picture\n  what to type: pipe(content, style)")
        for what, picture in (("content", canvas.image), *(("style", style.image) for style in canvas.styles)):
            if min(picture.shape[-2:]) < self.smallest:
                raise StageError(
                    f"{self.name}: the {what} is {picture.shape[-2]}×{picture.shape[-1]} pixels, and the shorter "
                    f"side must have at least {self.smallest}\n  what would work: a larger picture"
                )
        styles, guides = aligned(canvas), regions(canvas)
        if guides is None:
            painted, note = self._paint(canvas.image, styles, None)
            return canvas.replace(image=painted, meta=_noted(canvas, note))
        voiced = [not styles or any(speaks(style, region) for style in styles) for region in range(guides.shape[1])]
        self._say_what_stays(canvas, guides, voiced)
        guides = guides * guides.new_tensor(voiced)[:, None, None]
        if self.regional:
            image, note = self._paint_inside(canvas.image, styles, guides)
        else:
            image, note, guides = self._paint_each(canvas.image, styles, guides)
        whole = canvas.mask is None and all(voiced) and note is None
        image = image if whole else blend(canvas.image, image, guides.sum(1, keepdim=True).clamp(max=1))
        return canvas.replace(image=image, meta=_noted(canvas, note))

    def _say_what_stays(self, canvas: Canvas, guides: Tensor, voiced: Sequence[bool]) -> None:
        """Raise if nothing would be painted; warn of regions that no style speaks for, unless it was asked for."""
        names = canvas.labels or tuple(f"{index + 1} of {len(voiced)}" for index in range(len(voiced)))
        present = [bool(guides[:, index].any()) for index in range(len(voiced))]
        mute = [name for name, seen, voice in zip(names, present, voiced, strict=True) if seen and not voice]
        if not any(seen and voice for seen, voice in zip(present, voiced, strict=True)):
            raise StageError(
                f"{self.name}: no style speaks for any region of the content ({', '.join(map(repr, mute))})\n"
                "  what would work: a style whose guides mark one of them, or one without guides"
            )
        if mute and not any(style.region for style in canvas.styles):
            warnings.warn(
                f"{self.name}: no style speaks for the region {', '.join(map(repr, mute))}, which stays as it is\n"
                "  what would work: a style whose guides mark it, or one without guides",
                stacklevel=2,
            )
        count = int((guides > 0).any(1).sum())
        if count < FEW:
            warnings.warn(
                f"{self.name}: the mask selects {count} pixel{'s' * (count > 1)}, too few to show a manner of painting",
                stacklevel=2,
            )

    def _paint_inside(self, image: Tensor, styles: Sequence[Style], guides: Tensor) -> tuple[Tensor, str | None]:
        """Return the image painted around the regions, and a note if that was interrupted."""
        # Pictures of a batch with masks of their own have no common part to look at.
        rows, columns = window(guides, self.context, self.smallest) if len(guides) == 1 else (slice(None), slice(None))
        part, note = self._paint(image[..., rows, columns], styles, guides[..., rows, columns])
        painted = image.clone()
        painted[..., rows, columns] = part
        return painted, note

    def _paint_each(self, image: Tensor, styles: Sequence[Style], guides: Tensor) -> tuple[Tensor, str | None, Tensor]:
        """Return the image with each region painted by itself, a note if interrupted, and the regions painted."""
        total = torch.zeros_like(image)
        done = torch.zeros_like(guides)
        for index in range(guides.shape[1]):
            region = guides[:, index : index + 1]
            if not region.any():
                continue
            own = [once(self._part, style, index) for style in styles if speaks(style, index)]
            painted, note = self._paint_inside(image, own, region)
            total += painted * region
            done[:, index : index + 1] = region
            if note is not None:
                break
        share = done.sum(1, keepdim=True)
        return torch.where(share > 0, total / share.clamp_min(torch.finfo(share.dtype).tiny), image), note, done

    def _part(self, style: Style, region: int) -> Style:
        """Return a style as it speaks for one region, cropped to there for methods that read no guides."""
        if style.guides is None:
            return style
        part = style.guides[:, region : region + 1]
        rows, columns = window(part, 0, self.smallest)
        return Style(style.image[..., rows, columns], style.weight, part[..., rows, columns])

    def _paint(self, image: Tensor, styles: Sequence[Style], guides: Tensor | None) -> tuple[Tensor, str | None]:
        """Return what `stylize` makes of a picture, checked, and a note if it was interrupted."""
        height, width = image.shape[-2:]
        bottom, right = -height % self.multiple, -width % self.multiple

        def padded(maps: Tensor) -> Tensor:
            return F.pad(maps, (0, right, 0, bottom), mode="replicate") if bottom or right else maps

        content, note = padded(image), None
        latest: list[tuple[int, int, Tensor]] = []
        token = _latest.set(latest)
        try:
            painted = self.stylize(content, styles, None if guides is None else padded(guides))
        except KeyboardInterrupt:
            if not latest:
                raise
            step, steps, painted = latest[0]
            painted = F.interpolate(painted.float(), content.shape[-2:], mode="bicubic")
            note = f"{self.name} at step {step} of {steps}"
        finally:
            _latest.reset(token)
        if isinstance(painted, Tensor) and painted.shape == content.shape:
            painted = painted[..., :height, :width]
        return check_result(self, painted, image).clamp(0, 1), note


FEW = 16
"""Pixels; a mask that selects fewer is painted, and pointed out."""


def _noted(canvas: Canvas, note: str | None) -> Mapping[str, Any]:
    return canvas.meta if note is None else {**canvas.meta, "interrupted": note}


class Postprocessor(Stage):
    """A stage that refines a painted image.  A subclass overrides `refine`, or `refine_regions`."""

    kind = "postprocessor"

    def refine(self, image: Tensor, content: Tensor, styles: Sequence[Style]) -> Tensor:
        """Return the refined image (B, 3, H, W); `content` is the picture as the user gave it."""
        raise NotImplementedError

    def refine_regions(self, image: Tensor, content: Tensor, styles: Sequence[Style], guides: Tensor | None) -> Tensor:
        """Return the refined image; for methods that treat regions, or what lies inside the mask, by themselves.

        Args:
            image: (B, 3, H, W), as painted.
            content: (B, 3, H, W), as the user gave it.
            styles: their guides have the same K as `guides`.
            guides: (1 or B, K, H, W), where each region is inside the mask; None: everywhere.
        """
        return self.refine(image, content, styles)

    def apply(self, canvas: Canvas) -> Canvas:
        """Return the canvas with its image refined, inside the mask only when there is one."""
        chosen = selected(self, canvas)
        if chosen is not None:
            done = self.apply(pick(canvas, chosen))
            return canvas.replace(image=canvas.image.index_copy(0, chosen, done.image))
        refined = self.refine_regions(canvas.image, canvas.content, aligned(canvas), regions(canvas))
        return canvas.replace(image=composite(canvas, check_result(self, refined, canvas.image).clamp(0, 1)))


def check_mask(stage: Stage, canvas: Canvas) -> None:
    """Raise a `StageError` if the canvas has a mask that selects nothing."""
    if canvas.mask is not None and not canvas.mask.any():
        raise StageError(
            f"{stage.name}: the mask selects nothing, so there is nothing to paint\n"
            "  what would work: a mask with values above 0, or no mask to paint everywhere"
        )


def selected(stage: Stage, canvas: Canvas) -> Tensor | None:
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


def pick(canvas: Canvas, pictures: Tensor) -> Canvas:
    """Return the canvas of some pictures of a batch, with their masks, guides and styles."""

    def some(maps: Tensor | None) -> Tensor | None:
        return maps if maps is None or len(maps) == 1 else maps[pictures]

    return canvas.replace(
        content=canvas.content[pictures],
        image=canvas.image[pictures],
        styles=tuple(style.replace(image=some(style.image), guides=some(style.guides)) for style in canvas.styles),
        mask=some(canvas.mask),
        guides=some(canvas.guides),
    )


def composite(canvas: Canvas, painted: Tensor) -> Tensor:
    """Return `painted` inside the canvas's mask and its image outside, blended where the mask is grey."""
    return painted if canvas.mask is None else blend(canvas.image, painted, canvas.mask)


def blend(image: Tensor, painted: Tensor, mask: Tensor) -> Tensor:
    """Return `painted` where the mask is 1 and `image` where it is 0, to the bit; between, a mixture."""
    # A mixture with weight 0 could change the last bit.
    return torch.where(mask > 0, image.lerp(painted, mask), image)


def check_result(stage: Stage, image: Tensor, like: Tensor) -> Tensor:
    """Return a stage's result in float32; raise a `StageError` unless it is finite and as large as what it was given.

    Networks compute in bfloat16 where that is faster, so a result in half precision is taken as it is.
    """
    advice = "this is a fault of the stage, not of your picture; `impasto.testing.check_stage` finds such faults"
    if not isinstance(image, Tensor):
        raise StageError(f"{stage.name}: gave back {type(image).__name__}, not a tensor (B, 3, H, W)\n  {advice}")
    if image.dtype in (torch.bfloat16, torch.float16):
        image = image.float()
    if image.shape != like.shape or image.dtype != torch.float32:
        raise StageError(
            f"{stage.name}: was given {shape(like)} {like.dtype} and gave back {shape(image)} {image.dtype}\n  {advice}"
        )
    if not is_finite(image):
        bad = int((~torch.isfinite(image)).sum())
        raise StageError(
            f"{stage.name}: {bad} of {image.numel()} values it gave back are NaN or infinite\n"
            "  what would work: precision='float32', or gentler parameters"
        )
    return image
