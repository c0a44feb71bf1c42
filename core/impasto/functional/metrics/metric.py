"""A metric: a function of tensors, with what its numbers mean."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from torch import Tensor

from ...errors import ParameterError, StageError, quoted, suggestion

INPUTS = ("result", "content", "style", "result_features", "content_features", "style_features")
"""What a metric may ask for, by the names of its function's parameters."""


@dataclass(frozen=True)
class Metric:
    """A function that measures painted pictures, with what its numbers mean.

    The function asks for what it needs by the names of its parameters: the pictures `result`, `content` and `style`,
    each (B, 3, H, W) in [0, 1], result and content of one size; and `result_features`, `content_features` and
    `style_features`, each a dict of features (B, C, H, W) by layer, shallow to deep, as the encoder of the evaluation
    gives them; the last layer is the one where content is compared.  It returns one number a picture, (B,).

    Args:
        measure: the function; the first line of its docstring says what it measures.
        better: whether "lower" or "higher" numbers are better.
        unit: of the numbers, for tables; "" where they have none.

    Raises:
        ParameterError: the function asks for something else, or `better` is another word.

    Example:
        >>> import torch
        >>> def brightness(result):
        ...     "Return the mean of all values."
        ...     return result.mean((1, 2, 3))
        >>> Metric(brightness, better="higher")({"result": torch.ones(2, 3, 8, 8)})
        tensor([1., 1.])
    """

    measure: Callable[..., Tensor]
    better: Literal["lower", "higher"] = "lower"
    unit: str = ""

    def __post_init__(self) -> None:
        name = getattr(self.measure, "__name__", quoted(self.measure))
        for wanted in self.needs:
            if wanted not in INPUTS:
                raise ParameterError(
                    f"Metric: {name} asks for {wanted!r}{suggestion(wanted, INPUTS)}\n"
                    f"  what would work: parameters among {', '.join(INPUTS)}"
                )
        if self.better not in ("lower", "higher"):
            raise ParameterError(
                f"Metric: better = {quoted(self.better)}\n  what would work: 'lower' or 'higher', whichever is better"
            )

    @property
    def needs(self) -> tuple[str, ...]:
        """What it asks for, among `INPUTS`."""
        return tuple(inspect.signature(self.measure).parameters)

    @property
    def summary(self) -> str:
        """What it measures, in a line."""
        return (inspect.getdoc(self.measure) or "").partition("\n")[0]

    def __call__(self, inputs: Mapping[str, Any]) -> Tensor:
        """Return one number a picture, (B,), float32.

        Args:
            inputs: at least those that it needs, by name.

        Raises:
            StageError: the function returned something else.
        """
        found = self.measure(**{name: inputs[name] for name in self.needs})
        name = getattr(self.measure, "__name__", type(self.measure).__name__)
        if not isinstance(found, Tensor) or found.ndim != 1:
            what = f"a tensor {tuple(found.shape)}" if isinstance(found, Tensor) else type(found).__name__
            raise StageError(
                f"the metric {name} returned {what}\n  what would work: a tensor (B,), one number a picture"
            )
        return found.float()
