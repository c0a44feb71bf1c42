"""Pipelines as TOML: a list `[[stages]]`, each with its name and parameters."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple, get_args

import tomli_w

from ..device import Precision
from ..errors import ParameterError, legible, quoted
from ..host import get_host
from ..stage import Stage, plain_value
from .options import SEEDS, RunOptions
from .provenance import explain, stage_of

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


DOTTED = re.compile(r"""(?:\.\s*(?:"[^"\n]*"|'[^'\n]*'|[\w-]+)\s*){16}""")
"""Keys of many parts, which take the parser a time that grows with their square; no pipeline has one."""


def stage_table(stage: Stage) -> dict[str, Any]:
    """Return the TOML table of a stage: its name and every parameter, so that a later default changes nothing."""
    values = {key: plain_value(value) for key, value in stage.values().items()}
    return {"stage": get_host().name(type(stage)), **values}


def write_toml(tables: Iterable[Mapping[str, Any]], made: Mapping[str, Any] | None = None) -> str:
    """Return TOML of the tables of stages and of how they were made: with which plugins, in which run."""
    document: dict[str, Any] = {"stages": list(tables)}
    return tomli_w.dumps(document if made is None else document | {"made": made})


def _document(text: str) -> dict[str, Any]:
    if DOTTED.search(text):
        raise _invalid("it has a key of more than sixteen parts")
    try:
        document: dict[str, Any] = tomllib.loads(text.removeprefix("\ufeff"))  # some editors put that mark there
        return document
    except tomllib.TOMLDecodeError as error:
        raise _invalid(legible(str(error), 200)) from error
    except ValueError as error:  # of Python itself
        raise _invalid("it has a number of thousands of digits") from error
    except RecursionError:
        raise _invalid("it is nested too deeply") from None


def _invalid(why: str) -> ValueError:
    return ValueError(
        f"the pipeline is not valid TOML: {why}\n"
        "  what would work: a pipeline as Impasto writes it, with a table [[stages]] for each stage"
    )


class Made(NamedTuple):
    """How a picture was made, beside its stages."""

    seed: int
    precision: Precision
    size: int | None
    """Pixels of the longer side that its stages worked at; None: its own size."""
    print: str | None
    """Length of the longer side on paper; None: none was said."""
    files: Mapping[str, str]
    """Digests (sha256) of the files that its stages read, by name."""
    kept: bool
    """Whether it was kept with a picture, and is not a pipeline that somebody wrote or saved."""


def read_made(text: str) -> Made:
    """Return how a picture was made that TOML text was kept with; seed 0 and precision "auto" where it does not say.

    Raises:
        ValueError: they do not fit.
    """
    made: Any = _document(text).get("made", {})
    seed: Any = made.get("seed", 0) if isinstance(made, dict) else made
    precision: Any = made.get("precision", "auto") if isinstance(made, dict) else "auto"
    if not isinstance(seed, int) or seed not in SEEDS or precision not in get_args(Precision):
        raise ValueError(
            f"the recipe's seed = {quoted(seed)} or precision = {quoted(precision)} does not fit\n"
            "  what would work: a seed from 0 up, and auto, float32 or bfloat16"
        )
    size: Any = made.get("size") if isinstance(made, dict) else None
    printed: Any = made.get("print") if isinstance(made, dict) else None
    try:
        RunOptions(size=size, print=printed)
    except ParameterError as error:
        raise ValueError(f"the recipe's {error}") from None
    files: Any = made.get("files", []) if isinstance(made, dict) else []
    if not isinstance(files, list) or not all(
        isinstance(file, dict) and isinstance(file.get("name"), str) and isinstance(file.get("sha256"), str)
        for file in files
    ):
        raise ValueError(
            f"the recipe's files = {quoted(files)} do not fit\n  what would work: a list, each with a name and a sha256"
        )
    digests = {file["name"]: file["sha256"] for file in files}
    return Made(seed, precision, size, printed, digests, _is_kept(made))


def _is_kept(made: Any) -> bool:
    """Return whether the table `made` is of a recipe that was kept with a picture: a run wrote it, nobody typed it."""
    return isinstance(made, dict) and "seed" in made


def read_toml(text: str) -> list[Stage]:
    """Return the stages that TOML text describes.

    Raises:
        ValueError: not TOML, or not a pipeline; says what is wrong and where.
        UnknownNameError: a stage that no installed plugin offers; names the one it was made with.
        ParameterError: a parameter that the stage does not have, or a value out of its range.

    Names that stages and parameters had before are read as the present ones.  Who typed them is told; a picture's
    recipe, which nobody typed, is read in silence.
    """
    document = _document(text)
    tables, typed = document.get("stages"), not _is_kept(document.get("made"))
    if not isinstance(tables, list) or not all(
        isinstance(table, dict) and isinstance(table.get("stage"), str) for table in tables
    ):
        raise ValueError(
            'the TOML describes no pipeline\n  what would work:\n    [[stages]]\n    stage = "gatys"\n    steps = 200'
        )
    stages = []
    for table in tables:
        values = {key: value for key, value in table.items() if key != "stage"}
        try:
            kind = stage_of(table["stage"], document.get("made"))
            if typed:
                kind.warn_if_renamed(table["stage"])
            stages.append(kind.from_values(kind.current_names(values, warn=typed)))
        except (LookupError, ParameterError) as error:
            raise explain(error, table["stage"], document.get("made")) from None
    return stages
