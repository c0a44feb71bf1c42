"""Parameter sweeps: a sheet of what a pipeline paints with each value of one or two parameters; made by `sweep`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ..errors import ParameterError
from ..pipeline import Pipeline, RunKeywords
from ..stage import Stage
from .sheet import Sheet


def sweep(pipeline: Pipeline | Stage, content: Any, style: Any = None, **values: Any) -> Sheet:
    """Paint with every value of one parameter, or every pair of values of two, and show them all.

    Args:
        pipeline: a pipeline or a stage.
        content: as for a run, one picture.
        style: as for a run.
        values: one or two parameters by name with their values, `alpha=[0.3, 0.6, 1]`: the first goes across, the
            second down.  Where several stages have it, `**{"adain.alpha": [0.3, 1]}`.  Beside them what a run
            takes: `mask`, `guides`, `device`, `precision`, `seed`, `size`, `print`, `strokes`, `plugins`.

    Raises:
        ParameterError: no or too many parameters, a value that does not fit, or a name that no stage or more than
            one has.

    Example:
        >>> import impasto, torch
        >>> class Dim(impasto.Postprocessor, name="dim"):
        ...     factor: float = impasto.param(default=0.5, low=0, high=1, help="how bright")
        ...
        ...     def refine(self, image, content, styles):
        ...         return image * self.factor
        >>> impasto.sweep(Dim(), torch.ones(1, 3, 8, 8), factor=[0.2, 1.0])
        factor=0.2: Picture(8×8, mean 0.20 0.20 0.20)
        factor=1.0: Picture(8×8, mean 1.00 1.00 1.00)
    """
    whole = pipeline if isinstance(pipeline, Pipeline) else Pipeline(pipeline)
    # Some stages have a parameter `size`: a list of values is for that.
    swept_names = {name for stage in whole.stages for name in stage.parameters() if isinstance(values.get(name), list)}
    options: Any = {
        name: values.pop(name) for name in RunKeywords.__annotations__ if name in values.keys() - swept_names
    }
    if not 1 <= len(values) <= 2:
        raise ParameterError(
            f"sweep: {len(values)} parameters given, {', '.join(values) or 'none'}\n"
            "  what would work: one or two, as in impasto.sweep(pipeline, content, style, alpha=[0.3, 0.6, 1])"
        )
    rows = swept(whole, values)
    pictures = tuple(tuple(changed(content, style, **options) for _, changed in row) for row in rows)
    return Sheet(pictures, tuple(tuple(title for title, _ in row) for row in rows))


def swept(pipeline: Pipeline, values: Mapping[str, Iterable[Any]]) -> list[list[tuple[str, Pipeline]]]:
    """Return a pipeline with every value of one parameter, or every pair of values of two, under titles.

    Args:
        pipeline: what is changed.
        values: of one or two parameters, by name, `alpha` or `adain.alpha`: the first goes across, the second down.

    Raises:
        ParameterError: a value that does not fit, or a name that no stage or more than one has.

    Example:
        >>> swept(Pipeline(), {"alpha": [0.3, 1]})
        Traceback (most recent call last):
        impasto.errors.ParameterError: sweep: no stage has a parameter 'alpha'
          they have: there are no stages
    """
    (column, across), *second = ((parameter_place(pipeline, name), tuple(given)) for name, given in values.items())
    row, down = second[0] if second else (None, (None,))
    rows = []
    for vertical in down:
        named = []
        for horizontal in across:
            settings = [(column, horizontal)] if row is None else [(column, horizontal), (row, vertical)]
            changed = pipeline
            for (index, key), value in settings:
                changed = changed.replace(index, **{key: value})
            named.append((", ".join(f"{key}={value!r}" for (_, key), value in settings), changed))
        rows.append(named)
    return rows


def parameter_place(pipeline: Pipeline, name: str) -> tuple[int, str]:
    """Return the index of the stage that has a parameter, and the parameter's name without the stage's.

    Args:
        pipeline: whose stages are looked at.
        name: of the parameter, `alpha`, or with the stage's, `adain.alpha`.

    Raises:
        ParameterError: no stage has it, or several.
    """
    wanted, _, key = name.rpartition(".")
    indices = [
        index for index, stage in enumerate(pipeline.stages) if key in stage.parameters() and wanted in ("", stage.name)
    ]
    if len(indices) == 1:
        return indices[0], key
    has = "; ".join(f"{stage.name}: {', '.join(stage.parameters()) or 'none'}" for stage in pipeline.stages)
    if not indices:
        raise ParameterError(f"sweep: no stage has a parameter {name!r}\n  they have: {has or 'there are no stages'}")
    typed = f'**{{"{pipeline.stages[indices[0]].name}.{key}": […]}}'
    raise ParameterError(
        f"sweep: {len(indices)} stages have a parameter {name!r}\n  they have: {has}\n  what to type: {typed}"
    )
