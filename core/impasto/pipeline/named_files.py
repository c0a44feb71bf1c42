"""Files that stages name in their parameters: whether they can be read, where they lie, and what is in them."""

from __future__ import annotations

import dataclasses
import os
import re
import warnings
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from ..errors import ParameterError, PictureError, quoted, suggestion
from ..files import PICTURES, check_target, existing_file, is_among, local_path, sha256
from ..host import get_host
from ..networks import decoder_families
from ..stage import Declared, Parameter, Stage
from ..weights import places

LARGEST_FILE = 1 << 32
"""Bytes of a file that a parameter names; no picture or network that a stage reads has more."""


class NamedFile(NamedTuple):
    """A file that a parameter of a stage names."""

    stage: Declared
    parameter: Parameter
    name: str


def named_files(stages: Iterable[Declared]) -> Iterator[NamedFile]:
    """Yield the files that stages name, to read and to write.

    Args:
        stages: whose parameters are looked at; names that installed plugins offer are no files.
    """
    networks = network_names()
    return (one for one in _entries(stages) if not _is_name(one.parameter, one.name, networks))


def named_networks(stages: Iterable[Declared]) -> dict[str, set[str]]:
    """Return the installed networks that stages name, by `encoder` and `decoder`; of several decoders, each."""
    found: dict[str, set[str]] = {"encoder": set(), "decoder": set()}
    networks = network_names()
    for _, parameter, entry in _entries(stages):
        if entry in networks.get(parameter.name, ()):
            if parameter.name == "decoders":
                found["decoder"].update(decoder_families(get_host().decoders)[entry])
            else:
                found[parameter.name].add(entry)
    return found


def _entries(stages: Iterable[Declared]) -> Iterator[NamedFile]:
    """Yield what parameters that name files have, names of something else included."""
    for stage in stages:
        for parameter in stage.parameters().values():
            value = getattr(stage, parameter.name) if parameter.reads or parameter.writes else ()
            for entry in value if isinstance(value, tuple) else (value,):
                if isinstance(entry, str) and entry:
                    yield NamedFile(stage, parameter, entry)


def _is_name(parameter: Parameter, entry: str, networks: Mapping[str, Collection[str]]) -> bool:
    """Return whether an entry names something else than a file, such as a network that ships."""
    if parameter.writes:  # what is written is a file, the one that is written by default too
        return False
    known = entry in parameter.names or entry in networks.get(parameter.name, ())
    return known or entry == parameter.default


def network_names() -> dict[str, Collection[str]]:
    """Return the names of networks that parameters called `encoder`, `decoder` and `decoders` may have.

    Several decoders go by what their names have in common: `wct-slim19` by `wct-slim19-relu1_1` and the like.
    """
    decoders = get_host().decoders
    return {"encoder": get_host().encoders, "decoder": decoders, "decoders": decoder_families(decoders)}


def check_named_files(stages: Sequence[Declared], inputs: Iterable[str | Path] = ()) -> None:
    """Raise where a file that a stage or watcher is to read or write cannot be, before anything is painted.

    Args:
        stages: whose parameters are looked at.
        inputs: files that are read, over which nothing is written.

    Raises:
        ParameterError: there is no such file, it is a folder, a device or a pipe, or over 4 GiB; or the folder of one
            to be written is missing, or it is read, or written by another.
    """
    for file in named_files(stages):
        path = local_path(file.name)
        with _named(file):
            if file.parameter.writes:
                check_target(path)
            elif not (file.parameter.folders and path.is_dir()):
                size = existing_file(file.name, "").stat().st_size
                if size > LARGEST_FILE:
                    raise PictureError(f"{file.name}: has {size:,} bytes\n  what would work: at most {LARGEST_FILE:,}")
    if any(file.parameter.writes for file in _entries(stages)):
        check_kept(stages, [*inputs, *_files_read(stages)])
        for place, stage in enumerate(stages, 1):
            written = [file for file in _entries([stage]) if file.parameter.writes]
            check_apart([local_path(file.name) for file in written], stages[place:], f"{stage.name} would write")


def check_kept(stages: Iterable[Declared], inputs: Iterable[str | Path]) -> None:
    """Raise where a stage or watcher would write over one of some files, by whatever name.

    Args:
        stages: whose parameters are looked at.
        inputs: files that are read.

    Raises:
        ParameterError: names the stage, its parameter and the file.
    """
    kept = list(inputs)
    for file in _entries(stages):
        path = local_path(file.name)
        if file.parameter.writes and is_among(path, kept):
            with _named(file):
                check_target(path, kept)


@contextmanager
def _named(file: NamedFile) -> Iterator[None]:
    """Have what is wrong with a file begin with the stage and the parameter that name it."""
    try:
        yield
    except (OSError, PictureError) as error:
        found = _no_such_network(file) if isinstance(error, FileNotFoundError) else None
        raise ParameterError(f"{file.stage.name}, {file.parameter.name}: {found or error}") from error


def _no_such_network(file: NamedFile) -> str | None:
    """Return what there is where a word that is no path was given for an installed network; None of what is a path."""
    names = sorted({*file.parameter.names, *network_names().get(file.parameter.name, ())})
    if not (names and re.fullmatch(r"[\w-]+", file.name)):
        return None
    return (
        f"{file.name}: there is no such file, nor anything installed of this name\n"
        f"  installed: {', '.join(names)}{suggestion(file.name, names)}\n"
        f"  what would work: one of these, or the path of a file, such as ./{file.name}.safetensors"
    )


def _files_read(stages: Sequence[Declared]) -> Iterator[Path]:
    """Yield the files that stages read: those that they name, all of a folder, and networks, wherever they lie."""
    for _, parameter, name in _entries(stages):
        path = local_path(name)
        if parameter.reads and not parameter.writes:
            yield from path.iterdir() if path.is_dir() else (path,)
    for stage in stages:
        for record in stage.known_weights if isinstance(stage, Stage) else ():
            yield from places(record)


def check_apart(paths: Iterable[Path], stages: Iterable[Declared], what: str = "the picture would go to") -> None:
    """Raise where a picture would be painted to a file that a stage or watcher writes for itself, such as a checkpoint.

    Args:
        paths: of files to be written, or of a folder that pictures are painted into.
        stages: whose parameters are looked at.
        what: is done with these files.

    Raises:
        ParameterError: names the stage and its parameter.
    """
    own = {local_path(file.name).resolve(): file for file in _entries(stages) if file.parameter.writes}
    for path in paths if own else ():
        inside = {file for file in own if file.suffix.lower() in PICTURES} if path.is_dir() else set()
        for written in {path.resolve()} & own.keys() | {file for file in inside if file.parent == path.resolve()}:
            stage, parameter, name = own[written]
            raise ParameterError(
                f"{path}: {what} the file that {stage.name} writes, {parameter.name}={name}\n"
                "  what would work: another name for one of them"
            )


def file_digests(stages: Iterable[Stage]) -> dict[str, str]:
    """Return the sha256 of every file that stages read, by the name they give it; folders are left out."""
    found = {}
    for _, parameter, name in named_files(stages):
        file = local_path(name)
        if parameter.reads and file.is_file() and (status := file.stat()).st_size <= LARGEST_FILE:
            found[name] = _digest(file.resolve(), status.st_mtime_ns, status.st_size)
    return found


@lru_cache(maxsize=64)
def _digest(file: Path, *stamp: int) -> str:
    return sha256(file)


def warn_of_other_files(stages: Iterable[Stage], digests: Mapping[str, str], source: Path) -> None:
    """Warn where a file that stages read is there and another than the recipe says they were painted with."""
    for name, digest in file_digests(stages).items() if digests else ():
        if digests.get(name, digest) != digest:
            warnings.warn(
                f"{source}: was painted with another {quoted(name)} than the file that is there now\n"
                f"  expected: sha256 {quoted(digests[name][:8])}…\n  found: sha256 {quoted(digest[:8])}…",
                stacklevel=5,
            )


# ------------------------------------------------------------------------------------- relative to a pipeline's file


def relative_to_folder(stages: Sequence[Stage], folder: Path) -> tuple[Stage, ...]:
    """Return stages that name relative files as from a folder, where they named them as from the current one."""
    return _relocated(stages, os.getcwd(), os.path.realpath(folder))


def relative_to_here(stages: Sequence[Stage], folder: Path) -> tuple[Stage, ...]:
    """Return stages that name relative files as from the current folder, where they named them as from another."""
    return _relocated(stages, os.path.realpath(folder), os.getcwd())


def _relocated(stages: Sequence[Stage], base: str, start: str) -> tuple[Stage, ...]:
    if base == start:
        return tuple(stages)
    return _renamed(stages, lambda name: _relative(base, name, start))


def _relative(base: str, name: str, start: str) -> str:
    """Return as from `start` what a name means as from `base`."""
    whole = os.path.join(base, name)
    try:
        return os.path.relpath(whole, start).replace(os.sep, "/")
    except ValueError:  # on another drive
        return whole


def _renamed(stages: Sequence[Stage], change: Callable[[str], str]) -> tuple[Stage, ...]:
    """Return stages with each relative name of a file changed; home folders and addresses stay as they are."""
    networks = network_names()

    def changed(parameter: Parameter, entry: str) -> str:
        home = entry.startswith("~") and local_path(entry) != Path(entry)
        if not entry or _is_name(parameter, entry, networks) or os.path.isabs(entry) or home or "://" in entry:
            return entry
        name = change(entry)
        return f"./{name}" if _is_name(parameter, name, networks) else name  # a file that is called like a network

    renamed = []
    for stage in stages:
        values = {}
        for parameter in stage.parameters().values():
            value = getattr(stage, parameter.name)
            if (parameter.reads or parameter.writes) and isinstance(value, (str, tuple)):
                values[parameter.name] = (
                    changed(parameter, value)
                    if isinstance(value, str)
                    else tuple(changed(parameter, entry) for entry in value)
                )
        renamed.append(dataclasses.replace(stage, **values) if values else stage)
    return tuple(renamed)
