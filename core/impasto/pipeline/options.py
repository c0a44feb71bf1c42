"""How a pipeline runs: mask, guides, device, precision, seed and plugins, as one value."""

from __future__ import annotations

import dataclasses
import operator
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypedDict

import torch
from torch import Tensor

from ..device import Precision
from ..errors import ParameterError, PluginError, quoted, suggestion
from ..validation import python_number
from .work_size import SIDES, millimetres, stroke_share

SEEDS = range(2**63)
"""What a seed can be: what torch and TOML both take."""


class RunKeywords(TypedDict, total=False):
    """The options of a run as keywords, for type checkers; `RunOptions` says what they mean."""

    mask: Any
    guides: Tensor | Mapping[str, Any] | None
    device: str | torch.device
    precision: Precision
    seed: int
    size: int | None
    print: str | None
    strokes: str | None
    plugins: Iterable[Any]


@dataclass(frozen=True, eq=False)
class RunOptions:
    """How a pipeline runs; given as keywords, `pipe(content, style, mask=..., seed=1)`.

    Args:
        mask: where to paint, as a tensor (B or 1, 1, H, W) or any grey picture of the content's size: white is
            painted, black keeps the content to the bit; None paints everywhere.
        guides: where each region is: masks by label, `{"sky": "sky.png", "sea": "sea.png"}`, which leave the rest
            of the picture alone; or region maps (B or 1, K, H, W) that sum to 1 over K.
        device: "auto" takes cuda, mps or cpu, in this order.
        precision: "auto" computes networks in bfloat16 where the hardware does so faster; "float32" is the reference.
        seed: of the run's random numbers; the same seed on the same CPU gives the same bits, in a thread as alone.
        size: pixels of the longer side that the stages work at, which decides how large strokes are; the picture comes
            back in its own size, with the content's edges and detail.  None: its own size, unless a print or strokes
            say which.  A smaller picture is not enlarged.
        print: length of the longer side on paper, such as "40cm" or "16in": written into the picture as its density;
            without a size or strokes, strokes are as wide as one sees at arm's length.
        strokes: how wide strokes are to be, as a share of the longer side, "1%", or of a print, "4mm"; in place of a
            size, by the width that strokes have in the method.
        plugins: objects with `impasto_run_stage` or `impasto_step`, for this run alone.

    Raises:
        ParameterError: a seed that is no whole number from 0 up; a size, print or strokes that do not fit.
        PluginError: plugins that are no list.

    Example:
        >>> RunOptions.of({"seed": 3}).seed
        3
    """

    mask: Any = None
    guides: Tensor | Mapping[str, Any] | None = None
    device: str | torch.device = "auto"
    precision: Precision = "auto"
    seed: int = 0
    size: int | None = None
    print: str | None = None
    strokes: str | None = None
    plugins: Iterable[Any] = ()

    def __post_init__(self) -> None:
        try:
            seed = operator.index(self.seed)  # NumPy's and torch's whole numbers too
        except TypeError:
            seed = -1
        if seed not in SEEDS:
            raise ParameterError(
                f"seed = {self.seed!r} does not fit\n  what would work: a whole number, 0 to {SEEDS[-1]:,}"
            )
        object.__setattr__(self, "seed", seed)
        self._check_size()
        if isinstance(self.plugins, str) or not isinstance(self.plugins, Iterable):
            raise PluginError(
                f"plugins = {quoted(self.plugins)} {'is a name' if isinstance(self.plugins, str) else 'is no list'}\n"
                "  what to type: plugins=[...], a list of objects such as impasto.Live()"
            )
        object.__setattr__(self, "plugins", tuple(self.plugins))

    def _check_size(self) -> None:
        if self.size is not None:
            size = python_number(self.size, whole=True)
            if size not in SIDES:
                raise ParameterError(
                    f"size = {quoted(self.size)} does not fit\n"
                    f"  what would work: a whole number of pixels, {SIDES[0]} to {SIDES[-1]}"
                )
            object.__setattr__(self, "size", size)
        if self.print is not None:
            millimetres(self.print, "print")
        if self.strokes is not None:
            if self.size is not None:
                raise ParameterError(
                    f"size = {self.size} and strokes = {quoted(self.strokes)} both say how large strokes are\n"
                    "  what would work: one of them"
                )
            stroke_share(self.strokes, self.print)

    @classmethod
    def of(cls, keywords: RunKeywords) -> RunOptions:
        """Return the options that keywords give, or raise a `TypeError` that names one that is none."""
        names = [entry.name for entry in dataclasses.fields(cls)]
        for key in keywords:
            if key not in names:
                raise TypeError(f"a run has no option {key!r}\n  it has: {', '.join(names)}{suggestion(key, names)}")
        return cls(**keywords)
