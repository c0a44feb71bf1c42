"""Pipelines from files: TOML of one's own, and recipes in pictures, which come from strangers and are not trusted."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from ..device import Precision
from ..errors import RecipeError, WeightsError, quoted
from ..files import VIDEOS, check_name, local_path
from ..networks import PRETRAINED, decoder, encoder, records
from ..picture import read_recipe
from ..stage import Stage
from ..stream import Video
from ..weights import Weights, find, without_downloads
from .named_files import named_files, named_networks, relative_to_here, warn_of_other_files
from .toml import read_made, read_toml

LONGEST_PATH = 300
"""Characters of a name that a message repeats whole, to be copied."""


class LoadedRecipe(NamedTuple):
    """A pipeline from a file, and how it was run when it was kept."""

    stages: tuple[Stage, ...]
    seed: int
    precision: Precision
    size: int | None = None
    print: str | None = None


def load_recipe(path: str | Path, *, allow: Collection[str] = (), untrusted: bool = False) -> LoadedRecipe:
    """Return the pipeline of a TOML file, or of a picture that carries its recipe.

    Pictures come from strangers: their recipes may name stages and numbers.  They never write a file, and read one or
    download weights only where `allow` names it.

    Relative names of files in a `.toml` file are as from its folder; in a recipe that was kept with a picture, as from
    the folder in which it was painted.

    Args:
        path: a `.toml` file, which may do what it says, or a picture.
        allow: files that an untrusted recipe may read, and weights that it may download, each by the name it gives.
        untrusted: treat a `.toml` file as a picture's recipe.

    Raises:
        RecipeError: the recipe asks for what it may not; names each stage, parameter and file.
        ValueError: it describes no pipeline, or has values that do not fit.
        PictureError: the picture carries no recipe.
    """
    check_name(path)
    path = local_path(path)
    text = recipe_text(path)
    stages = tuple(read_toml(text))
    made = read_made(text)
    if not made.kept:
        stages = relative_to_here(stages, path.parent)
    if untrusted or path.suffix.lower() != ".toml":
        check_untrusted(stages, path, allow)
    warn_of_other_files(stages, made.files, path)
    return LoadedRecipe(stages, made.seed, made.precision, made.size, made.print)


def recipe_text(path: Path) -> str:
    """Return the recipe that a `.toml`, a picture or a video holds: see `read_recipe`."""
    if path.suffix.lower() in VIDEOS and path.is_file() and (text := Video(path).recipe) is not None:
        return text
    return read_recipe(path)


def check_untrusted(stages: Sequence[Stage], source: Path, allow: Collection[str] = ()) -> None:
    """Raise a `RecipeError` if the stages of a stranger's recipe write, read or download what was not allowed.

    Args:
        stages: as the recipe describes them.
        source: where the recipe comes from.
        allow: what may be read and downloaded, each by the name that the recipe gives it.
    """
    names_allowed = {allow} if isinstance(allow, str) else {*map(str, allow)}
    paths_allowed = {_absolute(name) for name in names_allowed}
    asked: list[str] = []
    names: list[str] = []
    for stage, parameter, value in named_files(stages):
        if parameter.writes:
            raise RecipeError(
                f"{source}: its recipe asks {stage.name} to write the file {quoted(value)} ({parameter.name}), "
                "which a picture may not\n"
                "  what would work: the same pipeline in a TOML file of yours"
            )
        # Without anything allowed no path is looked at: on some systems that alone reaches the network.
        if value not in names_allowed and not (paths_allowed and _absolute(value) in paths_allowed):
            asked.append(f"{stage.name} to read {quoted(value)} ({parameter.name})")
            names.append(value)
    # What a stage needs is asked of it only where it needs no file that was not allowed.
    for stage in () if asked else stages:
        for record in dict.fromkeys((*_missing(stage.weights()), *_missing_of_networks(stage))):
            if record.name not in names_allowed:
                asked.append(f"{stage.name} to download {record.name}, {record.size / 1e6:,.0f} MB")
                names.append(record.name)
    if asked:
        message = (
            f"{source}: its recipe asks {'; '.join(asked)}; pictures come from strangers\n"
            "  what would work: the pipeline without that, or, if you trust it, to allow each by name"
        )
        if all(name.isprintable() and len(name) <= LONGEST_PATH for name in names):
            message += f"\n  what to type: Pipeline.load(..., allow={names!r})"
        raise RecipeError(message)


def _missing(records: Iterable[Weights]) -> Iterator[Weights]:
    """Yield the records whose files would be downloaded."""
    for record in records:
        try:
            find(record, download=False)
        except WeightsError:
            if record.url is not None:
                yield record


def _missing_of_networks(stage: Stage) -> list[Weights]:
    """Return what the installed networks that a stage names would download; only their loaders know."""
    networks = named_networks([stage])
    known = [record for name in networks["encoder"] for record in records(name)]
    networks["encoder"] -= PRETRAINED.keys()
    with without_downloads() as missing:
        for load, names in ((encoder, networks["encoder"]), (decoder, networks["decoder"])):
            for name in sorted(names):
                with suppress(WeightsError):  # found again, and said, by the stage that needs it
                    load(name)
    return [*_missing(known), *missing]


def _absolute(path: str) -> str:
    return os.path.abspath(local_path(path))
