"""Names that are no longer where they were: those that still work for a while, and those of the flat host."""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from .errors import warn_deprecated


def deprecated_names(module: str, names: Mapping[str, str], *, until: str) -> Callable[[str], Any]:
    """Return the `__getattr__` of a module that gives what was renamed or moved by its old name too, with a warning.

    Args:
        module: whose names these were, `__name__`.
        names: each old name, with where that is now, such as "impasto.stage.remember".
        until: the release in which the old names go.

    Example:
        >>> old = deprecated_names("impasto.stage", {"once": "impasto.stage.remember"}, until="0.3")
        >>> import warnings
        >>> with warnings.catch_warnings(record=True) as said:
        ...     warnings.simplefilter("always")
        ...     found = old("once")
        >>> print(said[0].message)
        impasto.stage.once is now impasto.stage.remember, and the old name goes in Impasto 0.3
          what to type: from impasto.stage import remember
    """

    def renamed(name: str) -> Any:
        if name not in names:
            raise AttributeError(f"module {module!r} has no attribute {name!r}", name=name)
        where, _, new = names[name].rpartition(".")
        warn_deprecated(
            f"{module}.{name} is now {names[name]}, and the old name goes in Impasto {until}\n"
            f"  what to type: from {where} import {new}"
        )
        return getattr(importlib.import_module(where), new)

    return renamed


class Moved(NamedTuple):
    """Where a module of the flat host went, and which of its names changed or went elsewhere."""

    module: str
    names: Mapping[str, str] = {}


MOVED: Mapping[str, Moved] = {
    "impasto.color": Moved("impasto.functional.color"),
    "impasto.completion": Moved("impasto.cli.completion"),
    "impasto.convolutions": Moved(
        "impasto.networks",
        {
            "doubled": "upsample_conv2d",
            "framed": "fill_halo",
            "padded": "pad2d",
            "quartered": "block_conv2d",
            "rectified": "conv2d_relu",
            "spread": "depth_to_space",
        },
    ),
    "impasto.decoders": Moved(
        "impasto.networks",
        {
            "Decoder": "VGGDecoder",
            "PLANS": "SEQUENTIAL_LAYOUTS",
            "SUFFIXES": "CHECKPOINT_SUFFIXES",
            "decoders": "cached_decoders",
            "mirrored": "decoder_convolutions",
            "positions": "SEQUENTIAL_LAYOUTS",
        },
    ),
    "impasto.demo": Moved("impasto.notebook", {"Tile": "Panel", "demonstrate": "impasto.cli.demo.demonstrate"}),
    "impasto.distillation": Moved(
        "impasto.networks.distillation",
        {
            "Crops": "impasto.training.Crops",
            "Pupil": "Student",
            "Truth": "TeacherFeatures",
            "held_out": "impasto.training.held_out",
            "initialise": "initial_student",
            "least_squares": "impasto.networks.ridge_regression",
            "pictures": "impasto.training.pictures",
            "relative": "impasto.functional.losses.relative_error",
        },
    ),
    "impasto.encoders": Moved("impasto.networks", {"Encoder": "VGGEncoder"}),
    "impasto.feedforward": Moved(
        "impasto.networks",
        {
            "Exchange": "FeatureTransform",
            "Goal": "TargetSummary",
            "Known": "RegionSummaries",
            "Map": "FeatureMap",
            "by_region": "map_by_region",
            "fitting_encoder": "encoder_for_checkpoint",
            "linear": "affine_map",
            "own_padding": "trained_padding",
            "repainted": "stylize_features",
            "shrunk": "impasto.stage.resized_style",
            "study": "style_summaries",
        },
    ),
    "impasto.filters": Moved(
        "impasto.functional.filters", {"solve_symmetric": "impasto.functional.solvers.solve_symmetric"}
    ),
    "impasto.host": Moved(
        "impasto.host",
        {"Runner": "StageRunner", "host": "get_host", "suggestion": "impasto.errors.suggestion"},
    ),
    "impasto.hookspecs": Moved("impasto.host.hookspecs"),
    "impasto.inventory": Moved("impasto.cli.listing"),
    "impasto.inversion": Moved(
        "impasto.networks", {"fit": "fit_convolution", "inverted": "fit_decoder", "narrowed": "impasto_adain.narrowing"}
    ),
    "impasto.judge": Moved(
        "impasto.networks", {"Judge": "PerceptualLoss", "LAYERS": "FIRST_LAYERS", "seen_by": "perceptual_features"}
    ),
    "impasto.losses": Moved(
        "impasto.functional.losses",
        {
            "HISTOGRAM": "histogram",
            "Measured": "Measurement",
            "draw": "position_sample",
            "mixed": "mean_measurement",
            "relative": "relative_distance",
        },
    ),
    "impasto.matting": Moved("impasto.functional.matting"),
    "impasto.memory": Moved("impasto.device"),
    "impasto.notebook": Moved("impasto.notebook", {"changing": "Pipeline.replace"}),
    "impasto.optimise": Moved(
        "impasto.optim", {"Size": "impasto.functional.resizing.Size", "resize": "impasto.functional.resample"}
    ),
    "impasto.patches": Moved("impasto.functional.patches", {"PatchMatch": "nearest(around=...)", "Task": "nearest"}),
    "impasto.picture": Moved("impasto.picture", {"PictureError": "impasto.errors.PictureError"}),
    "impasto.pipeline": Moved(
        "impasto.pipeline",
        {
            "pick_device": "impasto.device.pick_device",
            "setting": "parse_value",
            "use_bfloat16": "impasto.device.use_bfloat16",
        },
    ),
    "impasto.progress": Moved("impasto.pipeline"),
    "impasto.scaffold": Moved("impasto.cli.scaffold"),
    "impasto.soap": Moved("impasto.optim"),
    "impasto.stage": Moved(
        "impasto.stage",
        {
            "Memory": "StreamMemo",
            "ParameterError": "impasto.errors.ParameterError",
            "StageError": "impasto.errors.StageError",
            "aligned": "align_styles",
            "blend": "composite",
            "check_image": "impasto.validation.check_image",
            "check_maps": "impasto.validation.check_maps",
            "once": "remember",
            "remembering": "RunContext(memo=...)",
            "regions": "region_maps",
            "shape": "impasto.validation.shape",
            "speaks": "covers",
            "watching": "RunContext(watcher=...)",
            "window": "bounding_box",
        },
    ),
    "impasto.statistics": Moved("impasto.functional.statistics", {"Statistic": "MeanSpread"}),
    "impasto.stream": Moved("impasto.stream", {"interrupted": "interrupted_path"}),
    "impasto.tiles": Moved(
        "impasto.networks", {"cut": "tile_grid", "mapped": "map_tiles", "reach": "receptive_radius"}
    ),
    "impasto.training": Moved(
        "impasto.training", {"Recipe": "Trainer", "write_atomically": "impasto.files.write_atomically"}
    ),
    "impasto.tuner": Moved("impasto.notebook.tuner"),
    "impasto.weights": Moved(
        "impasto.weights", {"hollow": "empty_init", "kept": "cached", "matched": "check_state_dict"}
    ),
}
"""By the module that a plugin asks for; CHANGELOG.md shows the same table."""

_MESSAGES = (
    re.compile(r"cannot import name '(?P<name>\w+)' from '(?P<module>[\w.]+)'"),
    re.compile(r"No module named '(?P<module>[\w.]+)'"),
    re.compile(r"No (?P<module>[\w.]+) attribute (?P<name>\w+)"),
    re.compile(r"module '(?P<module>[\w.]+)' has no attribute '(?P<name>\w+)'"),
)


def moved_name(error: BaseException) -> str:
    """Return a line that says where the name went that an error misses, or nothing if it never was the host's.

    Example:
        >>> moved_name(ImportError("cannot import name 'once' from 'impasto.stage'")).strip()
        'impasto.stage.once is now impasto.stage.remember'
    """
    if not isinstance(error, (ImportError, AttributeError)) or " is now impasto." in str(error):
        return ""
    for message in _MESSAGES:
        if match := message.search(str(error)):
            found = match.groupdict()
            return _new_name(found["module"], found.get("name") or "")
    return ""


def _new_name(module: str, name: str) -> str:
    if not name or module == "impasto":
        whole = module if not name else f"{module}.{name}"
        if whole not in MOVED:
            return ""
        where, names = MOVED[whole]
        changed = ", ".join(f"{old} is {new}" for old, new in names.items())
        return f"\n  {whole} is now {where}" + (f" ({changed})" if changed else "")
    for old, (where, names) in MOVED.items():
        if module in (old, where) and name in names:
            return f"\n  {old}.{name} is now {_whole(where, names[name])}"
    return ""


def _whole(module: str, name: str) -> str:
    return name if name.startswith("impasto") else f"{module}.{name}"


def moved_table() -> str:
    """Return the table of CHANGELOG.md: what moved, and where to."""
    lines = ["| Before | Now |", "|---|---|"]
    for old, (where, names) in MOVED.items():
        if old != where:
            lines.append(f"| `{old}` | `{where}` |")
        lines += [f"| `{old}.{name}` | `{_whole(where, new)}` |" for name, new in names.items()]
    return "\n".join(lines)
