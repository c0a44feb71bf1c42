"""What `impasto new-plugin` writes: a plugin that installs, passes the conformance kit, and waits for its method."""

from __future__ import annotations

import ast
import re
import shutil
from datetime import date
from importlib.resources import files
from pathlib import Path

from .. import __version__
from ..files import local_path, make_folder, part_path, write_error

KINDS = ("stylizer", "preprocessor", "postprocessor", "trainer", "encoder", "statistic", "watcher")
"""What a plugin can be of; `templates/` has a folder for each."""

FILES = {
    "src/$import/__init__.py": "$kind/module.py",
    "tests/test_$module.py": "$kind/tests.py",
    "pyproject.toml": "common/pyproject.toml",
    "README.md": "common/README.md",
    "LICENSE": "common/LICENSE",
    ".github/workflows/tests.yml": "common/tests.yml",
    ".gitignore": "common/gitignore",
}
"""The files of a plugin, and the templates that they are made from."""

CHAPTERS = {
    "stylizer": "CONTRIBUTING, and the chapters *What the host gives a feed-forward method* and *A stage with a file*",
    "preprocessor": "CONTRIBUTING, and the chapter *A stage with a file*",
    "postprocessor": "CONTRIBUTING, and the chapters *A stage with a file* and, for films, *A stage with state*",
    "trainer": "the chapter *A trained method, with its weights*",
    "encoder": "the chapter *An encoder*",
    "statistic": "the chapter *An optimisation with a loss of one's own*",
    "watcher": "the chapter *A watcher*",
}
"""What of Impasto's documentation goes on where a plugin of a kind begins."""

WITH_WEIGHTS = ("trainer", "encoder")
"""Kinds whose plugins may ship networks, which come with a card."""


def new_plugin(name: str, kind: str = "stylizer", folder: str | Path = ".") -> Path:
    """Write a plugin into a new folder: code, tests, packaging, licence, README and a workflow.

    Args:
        name: of the distribution or of what it offers: `impasto-sketch` or `sketch`.
        kind: what it offers, one of `KINDS`.
        folder: where the new folder goes.

    Returns:
        The new folder.

    Raises:
        ValueError: no name that the distribution, the import and the offer can share, or an unknown kind.
        FileExistsError: there is such a folder already; nothing is written.

    Example:
        >>> import tempfile
        >>> new_plugin("sketch", folder=tempfile.mkdtemp()).name
        'impasto-sketch'
    """
    offer = name.strip().lower().replace("_", "-").removeprefix("impasto-")
    if not re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", offer):
        raise ValueError(
            f"new-plugin: {name!r} cannot name a plugin\n"
            "  what would work: lower-case words joined by '-', as in pencil-sketch"
        )
    if kind not in KINDS:
        raise ValueError(f"new-plugin: kind = {kind!r} is none\n  what would work: {', '.join(KINDS)}")
    target = local_path(folder) / f"impasto-{offer}"
    if target.exists():
        raise FileExistsError(
            f"new-plugin: {target} exists\n  what would work: another name, or another folder: --folder DIR"
        )
    written = plugin_files(offer, kind)
    make_folder(target.parent)
    # In a folder beside it first: a half-written plugin is never left behind.
    scratch = part_path(target)
    try:
        for path, text in written.items():
            file = scratch / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
        scratch.rename(target)
    except OSError as error:
        raise write_error(target, error) from error
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return target


def plugin_files(offer: str, kind: str) -> dict[str, str]:
    """Return the texts of a new plugin's files by path."""
    words = offer.split("-")
    values = {
        "name": offer,
        "distribution": f"impasto-{offer}",
        "import": "impasto_" + "_".join(words),
        "module": "_".join(words),
        "class": "".join(word.capitalize() for word in words),
        "kind": kind,
        "bounds": host_bounds(__version__),
        "kind_phrase": f"{'An' if kind == 'encoder' else 'A'} {kind}",
        "test_extra": ', "impasto[train]"' if kind == "trainer" else "",
        "train_extra": 'train = ["impasto[train]"]\n' if kind == "trainer" else "",
        "chapter": CHAPTERS[kind],
        "year": str(date.today().year),
    }
    values["summary"] = ast.get_docstring(ast.parse(template(f"{kind}/module.py", values))) or ""
    values["use"] = template(f"{kind}/use.md", values).rstrip("\n")
    card = {"src/$import/networks/README.md": "common/MODEL_CARD.md"} if kind in WITH_WEIGHTS else {}
    return {fill_template(path, values): template(source, values) for path, source in {**FILES, **card}.items()}


def host_bounds(version: str) -> str:
    """Return which releases of Impasto a plugin that is begun with one of them works with.

    Args:
        version: of Impasto.

    Example:
        >>> host_bounds("0.1.3"), host_bounds("1.4.0")
        ('>=0.1,<0.2', '>=1.4,<2')
    """
    major, minor = map(int, version.split(".")[:2])
    return f">={major}.{minor},<{major + 1}" if major else f">=0.{minor},<0.{minor + 1}"


def template(source: str, values: dict[str, str]) -> str:
    """Return the text of a template, filled."""
    file = files("impasto.cli") / "templates" / f"{fill_template(source, values)}.txt"
    return fill_template(file.read_text(encoding="utf-8"), values)


def fill_template(text: str, values: dict[str, str]) -> str:
    """Return a text with `$name` and `${name}` replaced where the name is known; all else stays."""
    return re.sub(r"\$(?:\{(\w+)\}|(\w+))", lambda match: values.get(match[1] or match[2], match[0]), text)
