"""The page of class variables has every one, with the default that it has."""

import re
import typing
from pathlib import Path

import pytest

import impasto
from impasto.stage import Declared
from impasto.training import Task, Trainer

PAGE = (Path(__file__).parents[1] / "docs" / "chapters" / "class-variables.md").read_text(encoding="utf-8")
ROWS = {
    name: cells
    for cells in (re.split(r" *\| *", line.strip("| ")) for line in PAGE.splitlines() if line.startswith("| `"))
    for name in re.findall(r"`(\w+)`", cells[0])
}
STAGES = (impasto.Stage, impasto.Preprocessor, impasto.Stylizer, impasto.Postprocessor)


def class_variables(*classes):
    """The class variables that classes declare in their own bodies, by class."""
    return [
        (kind, name)
        for kind in classes
        for name, hint in vars(kind).get("__annotations__", {}).items()
        if not name.startswith("_") and (kind is Task or "ClassVar" in str(hint))
    ]


def test_every_class_variable_is_in_the_table_and_nothing_else_is():
    declared = {name for _, name in class_variables(Declared, *STAGES, impasto.Watcher, Trainer, Task)}
    assert set(ROWS) == declared | {"prepares"}


@pytest.mark.parametrize(("kind", "name"), class_variables(*STAGES, Trainer, Task), ids=lambda one: str(one))
def test_the_default_is_the_one_in_the_table(kind, name):
    if name in ("kind", "networks", "optimisers", "made_by"):
        return
    default = getattr(kind, name)
    shown = f'"{default}"' if isinstance(default, str) else str(default)
    assert f"`{shown}`" in " ".join(ROWS[name])


def test_what_a_preprocessor_may_change_is_in_the_table():
    class Grey(impasto.Preprocessor, name="grey"):
        """Take the colours out."""

    assert "`{}`".format(str(Grey().prepares).replace("'", '"')) in ROWS["prepares"]
    assert typing.get_args(impasto.stage.base.StyleUse) == ("required", "optional", "ignored")
    assert all(f"`{use}`" in ROWS["style"][-1] for use in ("required", "optional", "ignored"))
