"""What a server offers, as data: stages with a schema and a control for each parameter, looks, samples, limits."""

from __future__ import annotations

import dataclasses
import warnings
from typing import Any

from ..errors import ParameterError
from ..host import get_host
from ..pipeline import Pipeline, own_canvas_size
from ..samples import contents, styles
from ..stage import Control, Parameter, Stage, Stylizer, plain_value, preset_values
from .recipes import allowed_stages, encoders_here
from .settings import MOST_STAGES, MOST_STYLES, Settings

TYPES = {bool: "boolean", int: "integer", float: "number", str: "string", type(None): "null"}


def description(settings: Settings) -> dict[str, Any]:
    """Return what `GET /stages` answers.

    Args:
        settings: of the server.

    Example:
        >>> sorted(description(Settings()))
        ['limits', 'looks', 'samples', 'stages']
    """
    allowed = allowed_stages(settings)
    return {
        "stages": [stage_description(name, kind) for name, kind in allowed.items()],
        "looks": [
            {"name": name, "summary": look.summary, "suits": look.suits, "seconds": look.seconds, "stages": stages}
            for name, look in get_host().looks.items()
            if (stages := _look_stages(look.stages, allowed))
        ],
        "samples": {"contents": contents(), "styles": styles()},
        "limits": {
            "max_upload": settings.max_upload,
            "max_pixels": settings.max_pixels,
            "stages": MOST_STAGES,
            "styles": MOST_STYLES,
        },
    }


def stage_description(name: str, kind: type[Stage]) -> dict[str, Any]:
    """Return one stage: what it is, the JSON schema of its parameters, a control for each, its presets.

    Args:
        name: by which requests call it.
        kind: the stage.
    """
    required = {key: _stand_in(one) for key, one in kind.parameters().items() if one.required}
    stage = kind(**required)
    shown = [one for one in kind.parameters().values() if not one.writes and (not one.reads or _names(one))]
    quick = {key: plain_value(value) for key, value in kind.demo.items()}
    return {
        "name": name,
        "kind": kind.kind,
        "summary": kind.summary(),
        "style": kind.style,
        "steps": "steps" in kind.parameters(),
        "brings_canvas": isinstance(stage, Stylizer) and stage.canvas_size() is not None,
        "quick": quick,
        "presets": {
            preset: {"help": kind.presets[preset].help if preset in kind.presets else "", "values": values}
            for preset, values in _plain(preset_values(stage)).items()
        }
        if kind.presets
        else {},
        "schema": {
            "type": "object",
            "additionalProperties": False,
            "properties": {one.name: parameter_schema(one) for one in shown},
        },
        "controls": [_control(one, stage) for one in shown],
    }


def parameter_schema(parameter: Parameter) -> dict[str, Any]:
    """Return the JSON schema of a parameter.

    Args:
        parameter: declared by a stage.

    Example:
        >>> import impasto
        >>> class Fade(impasto.Postprocessor, name="fade"):
        ...     amount: float = impasto.param(default=0.5, low=0, high=1, help="share of the content")
        >>> parameter_schema(Fade.parameters()["amount"])
        {'description': 'share of the content', 'default': 0.5, 'type': 'number', 'minimum': 0, 'maximum': 1}
    """
    about: dict[str, Any] = {"description": parameter.help}
    if not parameter.required:
        about["default"] = plain_value(parameter.default)
    one: dict[str, Any] = {}
    types = sorted(TYPES[scalar] for scalar in parameter.scalars)
    types = sorted({"string" if kind == "null" else kind for kind in types})  # TOML's word for it is "none"
    if parameter.choices is not None:
        one["enum"] = [plain_value(choice) for choice in parameter.choices]
    else:
        one["type"] = types[0] if len(types) == 1 else types
    if parameter.is_number:
        one |= {"minimum": parameter.low} if parameter.low is not None else {}
        one |= {"maximum": parameter.high} if parameter.high is not None else {}
        one |= {"multipleOf": parameter.multiple} if parameter.multiple else {}
    return about | ({"type": "array", "items": one} if parameter.listed else one)


def _control(parameter: Parameter, stage: Stage) -> dict[str, Any]:
    control = Control.of(parameter, getattr(stage, parameter.name))
    if parameter.reads:  # a file, on a command line; here one of the names that mean something else
        names = dict.fromkeys([control.value, *_names(parameter)])
        control = dataclasses.replace(control, kind="menu", choices=tuple(names))
    return {key: plain_value(value) for key, value in dataclasses.asdict(control).items() if value is not None}


def _names(parameter: Parameter) -> tuple[str, ...]:
    """Return what a parameter that names a file can have beside files."""
    return tuple(encoders_here()) if parameter.name == "encoder" else parameter.names


def _plain(values: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {name: {key: plain_value(value) for key, value in own.items()} for name, own in values.items()}


def _stand_in(parameter: Parameter) -> Any:
    """Return a value for a parameter that has to be given, to show its controls with."""
    if parameter.choices:
        return parameter.choices[0]
    return "" if str in parameter.scalars else parameter.low or 0


def _look_stages(line: str, allowed: dict[str, type[Stage]]) -> list[dict[str, Any]]:
    """Return the stages of a look with their values; none where one is not allowed, or a canvas is brought along."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            stages = Pipeline.parse(line).stages
    except (LookupError, ParameterError):  # a plugin that is not installed
        return []
    names = [get_host().name(type(stage)) for stage in stages]
    if not set(names) <= set(allowed) or own_canvas_size(stages) is not None:
        return []
    return [
        {"stage": name, "values": {key: plain_value(value) for key, value in stage.values().items()}}
        for name, stage in zip(names, stages, strict=True)
    ]
