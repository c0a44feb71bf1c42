"""Pipelines of requests, under the rules for strangers' recipes: no file, no download, no stage that is not allowed."""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from typing import Any

from ..errors import ParameterError, RecipeError, WeightsError, quoted
from ..host import get_host
from ..networks import records
from ..picture.chunks import PNG, chunks
from ..picture.embedded_recipe import MAX_LENGTH
from ..pipeline import Pipeline
from ..pipeline.named_files import named_files, named_networks
from ..pipeline.toml import read_made
from ..stage import Stage
from ..weights import Weights, find
from .settings import MOST_STAGES, Settings

SIGNATURE = b"\x89PNG\r\n\x1a\n"


def read_pipeline(text: str, settings: Settings) -> Pipeline:
    """Return the pipeline that a request describes, in TOML or in one line.

    Args:
        text: of the request.
        settings: of the server.

    Raises:
        RecipeError: it names a file, a network that is not here, or a stage that is not allowed.
        ValueError: it describes no pipeline, or has values that do not fit.
        LookupError: a stage that no installed plugin offers.
    """
    if len(text) > MAX_LENGTH:
        raise RecipeError(f"the pipeline has over {MAX_LENGTH:,} characters\n  what would work: one of a page")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pipeline = Pipeline.from_toml(text) if "[[" in text or "\n" in text.strip() else Pipeline.parse(text)
    _check_stages(pipeline.stages, settings)
    for stage, parameter, name in named_files(pipeline.stages):
        raise RecipeError(
            f"{stage.name}: {parameter.name} = {quoted(name)} names a file, and a request opens none\n"
            "  what would work: the same without it, or the command line"
        )
    for record in _missing(pipeline.stages):
        raise RecipeError(
            f"the network {record.name} is not on this server, which downloads none\n"
            "  what would work: another encoder; or whoever runs the server fetches it once"
        )
    return pipeline


def _check_stages(stages: tuple[Stage, ...], settings: Settings) -> None:
    if not 0 < len(stages) <= MOST_STAGES:
        raise ParameterError(f"a pipeline of {len(stages)} stages\n  what would work: 1 to {MOST_STAGES}")
    allowed = allowed_stages(settings)
    for stage in stages:
        name = get_host().name(type(stage))
        if name not in allowed:
            raise RecipeError(f"this server does not offer {quoted(name)}\n  it offers: {', '.join(allowed)}")


def allowed_stages(settings: Settings) -> dict[str, type[Stage]]:
    """Return the stages that requests may use, by name: those allowed, of the installed ones that need no file.

    Raises:
        LookupError: one of the allow-list is not installed.
    """
    if settings.stages:
        return {name: get_host().stage(name) for name in settings.stages}
    return {name: kind for name, kind in get_host().stages.items() if not _needs_file(kind)}


def _needs_file(kind: type[Stage]) -> bool:
    return any(parameter.required for parameter in kind.parameters().values())


def _missing(stages: Iterable[Stage]) -> list[Weights]:
    """Return the networks that would have to be downloaded, as far as stages tell without loading any."""
    needed = [record for stage in stages for record in stage.weights()]
    needed += [record for name in named_networks(stages)["encoder"] for record in records(name)]
    return [record for record in dict.fromkeys(needed) if not _is_here(record)]


def _is_here(record: Weights) -> bool:
    try:
        find(record, download=False)
    except WeightsError:
        return False
    return True


def encoders_here() -> list[str]:
    """Return the names of the encoders that need no download."""
    return [name for name in get_host().encoders if all(map(_is_here, records(name)))]


def png_recipe(data: bytes) -> str | None:
    """Return the recipe of a PNG as Impasto writes it; nothing is decoded or unpacked.  None: there is none.

    Args:
        data: a file.
    """
    if not data.startswith(SIGNATURE):
        return None
    for chunk in chunks(data, PNG, ">"):
        if chunk.kind == b"iTXt" and data[chunk.body].startswith(b"impasto\0\0\0"):
            text = data[chunk.body].split(b"\0", 5)[-1]
            return text.decode("utf-8", "replace")[: MAX_LENGTH + 1]
    return None


def recipe_run(text: str) -> dict[str, Any]:
    """Return the options of the run that a recipe was kept from, as the page has them."""
    made = read_made(text) if "[made]" in text else None
    return {"seed": made.seed, "size": made.size} if made is not None else {"seed": 0, "size": None}
