"""Pipelines from files: TOML of one's own, and recipes in pictures, which come from strangers and are not trusted."""

from __future__ import annotations

import os
import shlex
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from ..device import Precision
from ..errors import RecipeError, WeightsError, quoted
from ..files import VIDEOS, local_path
from ..networks import PRETRAINED
from ..picture import read_recipe
from ..stage import Parameter, Stage
from ..stream import Video
from ..weights import find
from .toml import read_made, read_toml

LONGEST_PATH = 300
"""Characters of a name that a message repeats whole, to be copied."""


class LoadedRecipe(NamedTuple):
    """A pipeline from a file, and how it was run when it was kept."""

    stages: tuple[Stage, ...]
    seed: int
    precision: Precision


def load_recipe(path: str | Path, *, allow: Collection[str] = (), untrusted: bool = False) -> LoadedRecipe:
    """Return the pipeline of a TOML file, or of a picture that carries its recipe.

    Pictures come from strangers: their recipes may name stages and numbers.  They never write a file, and read one or
    download weights only where `allow` names it.

    Args:
        path: a `.toml` file, which may do what it says, or a picture.
        allow: files that an untrusted recipe may read, and weights that it may download, each by the name it gives.
        untrusted: treat a `.toml` file as a picture's recipe.

    Raises:
        RecipeError: the recipe asks for what it may not; names each stage, parameter and file.
        ValueError: it describes no pipeline, or has values that do not fit.
        PictureError: the picture carries no recipe.
    """
    path = local_path(path)
    text = recipe_text(path)
    stages = tuple(read_toml(text))
    if untrusted or path.suffix.lower() != ".toml":
        check_untrusted(stages, path, allow)
    return LoadedRecipe(stages, *read_made(text))


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
    for stage in stages:
        for parameter, value in _files(stage):
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
        for record in stage.weights():
            try:
                find(record, download=False)
            except WeightsError:
                if record.url is not None and record.name not in names_allowed:
                    asked.append(f"{stage.name} to download {record.name}, {record.size / 1e6:,.0f} MB")
                    names.append(record.name)
    if asked:
        message = (
            f"{source}: its recipe asks {'; '.join(asked)}; pictures come from strangers\n"
            "  what would work: the pipeline without that, or, if you trust it, to allow each by name"
        )
        if all(name.isprintable() and len(name) <= LONGEST_PATH for name in names):
            # What is typed at a shell is quoted for the shell: a name may be made to be pasted.
            typed = " ".join(f"--allow {shlex.quote(name)}" for name in names)
            message += f"\n  what to type: {typed}; in Python Pipeline.load(..., allow={names!r})"
        raise RecipeError(message)


def _absolute(path: str) -> str:
    return os.path.abspath(local_path(path))


def _files(stage: Stage) -> Iterator[tuple[Parameter, str]]:
    """Yield the parameters of a stage that name files, each with a file it names."""
    for parameter in stage.parameters().values():
        if not (parameter.reads or parameter.writes):
            continue
        value = getattr(stage, parameter.name)
        for entry in value if isinstance(value, tuple) else (value,):
            by_name = entry in parameter.names or (parameter.name == "encoder" and entry in PRETRAINED)
            if isinstance(entry, str) and entry and entry != parameter.default and not by_name:
                yield parameter, entry
