"""What a pipeline does, or is given, for nothing: pointed out before it runs."""

from __future__ import annotations

import dataclasses
import warnings
from collections.abc import Iterable, Sequence

from ..errors import ParameterError
from ..stage import Postprocessor, Preprocessor, Stage, Stylizer
from .options import RunOptions

PARTS = {"styles": "the style pictures", "mask": "the mask", "guides": "the regions"}


def warn_of_unused(stages: Sequence[Stage], style: object, options: RunOptions) -> None:
    """Warn of a style picture, a mask or regions that no stage uses, and of stages that prepare such for no other.

    Args:
        stages: what will run, in order.
        style: as given to the run; None: none.
        options: of the run.
    """
    given = len(style) if isinstance(style, (list, tuple)) else style is not None
    said = [_unused_style(stages)] if given else []
    said += [
        f"{what} is given, and no stage paints inside it ({_names(stages)})\n"
        "  what would work: a stage that paints, or none given"
        for what, part, given in (("a mask", "mask", options.mask), ("guides", "guides", options.guides))
        if given is not None and not any(_uses(stage, part) for stage in stages)
    ]
    said += [*_idle(stages), *_restoring(stages)]
    for text in filter(None, said):
        warnings.warn(text, stacklevel=3)


def _uses(stage: Stage, part: str) -> bool:
    """Return whether the picture that a stage makes may depend on a part of its canvas."""
    if part == "styles" and stage.style == "ignored":
        return False
    if isinstance(stage, Preprocessor):
        return "image" in stage.prepares
    if isinstance(stage, Postprocessor) and part == "guides":
        return type(stage).refine_regions is not Postprocessor.refine_regions
    return not stage.finishes or part == "styles"


def _unused_style(stages: Sequence[Stage]) -> str:
    """Return what to say of a style picture that no stylizer looks at, or no stage at all; "" where one does."""
    ignoring = [stage.name for stage in stages if stage.style == "ignored" and isinstance(stage, Stylizer)]
    others = [stage for stage in stages if _uses(stage, "styles")]
    if not others and not any("styles" in prepared(stage) for stage in stages):
        use = "the one given is not used"
    elif ignoring and not any(isinstance(stage, Stylizer) for stage in others):
        use = f"the one given is for {_names(others)} alone" if others else "the one given is not used"
    else:
        return ""
    who = f"{', '.join(ignoring)}: paints" if ignoring else f"{_names(stages)}: works"
    return f"{who} without looking at a style picture; {use}\n  what would work: pipe(content)"


def _idle(stages: Sequence[Stage]) -> list[str]:
    """Return what to say of stages that prepare what no later stage uses."""
    idle: dict[tuple[str, ...], list[Stage]] = {}
    for place, stage in enumerate(stages):
        parts = prepared(stage)
        later = stages[place + 1 :]
        if parts and "image" not in parts and not any(_uses(other, part) for other in later for part in parts):
            idle.setdefault(parts, []).append(stage)
    return [
        f"{_names(found)}: prepares {' or '.join(PARTS[part] for part in parts)}, and no stage after it uses that;"
        f" the picture is not changed by it\n  what to type: Pipeline.parse({_remedy(found, stages)!r})"
        for parts, found in idle.items()
    ]


def _restoring(stages: Sequence[Stage]) -> list[str]:
    """Return what to say of stages that bring the picture back to the content before any other has changed it."""
    found = []
    for stage in stages:
        if not isinstance(stage, Preprocessor) or "image" in stage.prepares:
            if not stage.restores_content():
                break
            found.append(stage)
    if not found:
        return []
    line = ", ".join(["adain", *(stage.name for stage in found)])
    return [
        f"{_names(found)}: brings the picture back to the content, and no stage before it has changed that;"
        f" the picture is not changed by it\n  what to type: Pipeline.parse({line!r})"
    ]


def prepared(stage: Stage) -> tuple[str, ...]:
    """Return the parts of the canvas that a preprocessor may change; none of another stage."""
    return tuple(stage.prepares) if isinstance(stage, Preprocessor) else ()


def _remedy(idle: Sequence[Stage], stages: Sequence[Stage]) -> str:
    """Return what to type instead: a value with which a stage changes the picture, or another order."""
    for stage in idle:
        for name, parameter in stage.parameters().items():
            for choice in parameter.choices or ():
                try:
                    changed = dataclasses.replace(stage, **{name: choice})
                except ParameterError:
                    continue
                if "image" in prepared(changed):
                    return f"{stage.name}:{name}={choice}"
    painting = [stage.name for stage in stages if isinstance(stage, (Stylizer, Postprocessor))]
    return ", ".join([*(stage.name for stage in idle), *(painting or ["…"])])


def _names(stages: Iterable[Stage]) -> str:
    return ", ".join(stage.name or type(stage).__name__ for stage in stages) or "a pipeline without stages"
