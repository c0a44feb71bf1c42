"""Every public name of both rings is documented: shapes, arguments, errors, and an example that runs."""

import ast
import functools
import importlib
import inspect
import re
import textwrap
import types
from pathlib import Path

import pytest

from impasto import testing

POLICY = (Path(__file__).parents[1] / "docs" / "api-policy.md").read_text(encoding="utf-8")
MODULES = [
    module
    for ring in ("Stable", "For methods")
    for module in re.findall(r"`(impasto[\w.]*)`", re.search(rf"^\| {ring} \|.*$", POLICY, re.MULTILINE)[0])
]


def public_names(module):
    """The names of a module that its `__all__` lists, or that it defines."""
    if hasattr(module, "__all__"):
        return list(module.__all__)
    return [
        name
        for name, value in vars(module).items()
        if not name.startswith("_") and getattr(value, "__module__", None) == module.__name__
    ]


def things():
    """Every class and function of both rings, once, by the first name that it has."""
    found = {}
    for name in MODULES:
        module = importlib.import_module(name)
        for one in public_names(module):
            value = getattr(module, one)
            if isinstance(value, type) or inspect.isroutine(value) or hasattr(value, "__wrapped__"):
                found.setdefault(id(value), (f"{name}.{one}", value))
    return dict(found.values())


THINGS = things()
CHECKS = {check.__name__ for check in testing.CHECKS}
FUNCTIONS = {name: value for name, value in THINGS.items() if not isinstance(value, type)}


def test_the_page_names_modules_that_exist():
    assert MODULES[0] == "impasto"
    assert len(THINGS) > 200
    for module in map(importlib.import_module, MODULES):
        assert isinstance(module, types.ModuleType)
        assert module.__doc__


@pytest.mark.parametrize("name", THINGS)
def test_a_public_name_has_a_docstring_that_begins_with_one_line(name):
    first = (inspect.getdoc(THINGS[name]) or "").partition("\n")[0]
    assert first.endswith((".", ":"))
    assert not first.startswith(f"{name.rpartition('.')[2]}("), "a dataclass without a docstring"


@pytest.mark.parametrize("name", [name for name in THINGS if name.rpartition(".")[2] not in CHECKS])
def test_a_public_name_has_an_example(name):
    # They are run by tests/test_house.py.  Those of the kit's checks are its table in CONTRIBUTING.
    assert ">>> " in inspect.getdoc(THINGS[name])


def parameters(function):
    return [one for one in inspect.signature(function).parameters if one not in ("self", "cls")]


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_public_function_explains_its_arguments(name):
    has, text = parameters(FUNCTIONS[name]), inspect.getdoc(FUNCTIONS[name])
    if len(has) > 1 and name.rpartition(".")[2] not in CHECKS:
        assert [one for one in has if not re.search(rf"^ +\*{{0,2}}{one}: ", text, re.MULTILINE)] == []


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_public_function_of_tensors_says_their_shapes(name):
    signature = inspect.signature(inspect.unwrap(FUNCTIONS[name]))
    takes = [one.annotation for one in signature.parameters.values()]
    if (
        any("Tensor" in str(one) for one in [*takes, signature.return_annotation])
        and name.rpartition(".")[2] not in CHECKS
    ):
        text = inspect.getdoc(FUNCTIONS[name])
        assert re.search(r"\((?:[A-Z…]|\d+)(?: or B)?(?:[,·×][^)]*)?\)|scalar|of any shape|number", text)


@functools.cache
def raised(function):
    """The errors that a function raises in its own lines, by name."""
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(inspect.unwrap(function))))
    except (OSError, TypeError):
        return set()
    calls = [node.exc for node in ast.walk(tree) if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call)]
    names = {getattr(call.func, "id", getattr(call.func, "attr", "")) for call in calls}
    return {name for name in names if name.endswith(("Error", "Interrupt", "Exit"))}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_public_function_says_what_it_raises(name):
    text = inspect.getdoc(FUNCTIONS[name])
    assert {error for error in raised(FUNCTIONS[name]) if error not in text} == set()
