"""Pages of the public API: every wing that authors of plugins lean on, every name it lists, and every hook."""

from __future__ import annotations

import importlib
import inspect
from functools import cache
from types import ModuleType

from impasto.host import hookspecs
from impasto.host.manager import HOOKS

WINGS = {
    "impasto": "the names one begins with",
    "impasto.testing": "the conformance kit",
    "impasto.stage": "parameters, canvas, and the three kinds of stages",
    "impasto.functional": "plain functions of tensors",
    "impasto.networks": "encoders, decoders, and what feed-forward methods share",
    "impasto.optim": "descent over pixels",
    "impasto.training": "trainers and the one loop",
    "impasto.weights": "records of networks: found, verified, loaded",
    "impasto.errors": "what is raised, and how it is worded",
    "impasto.validation": "checks of tensors",
    "impasto.files": "files that are written whole",
    "impasto.host": "the registry of what plugins offer",
    "impasto.notebook": "pictures in notebooks",
    "impasto.evaluation": "pipelines side by side, measured",
    "impasto.web": "the page in the browser, and its API",
    "impasto.lessons": "the course: copies for teachers and students, checks of exercises",
    "impasto.picture": "pictures read and written",
    "impasto.pipeline": "pipelines and how they run",
    "impasto.samples": "sample pictures",
    "impasto.stream": "frames in and out",
}
"""Wings of the public API, and what one finds there."""


def public_names(module: ModuleType) -> list[str]:
    """Return what a module lists; without a list, the classes and functions that are its own."""
    if hasattr(module, "__all__"):
        return list(module.__all__)
    own = {name: value for name, value in vars(module).items() if not name.startswith("_")}
    return [name for name, value in own.items() if getattr(value, "__module__", None) == module.__name__]


@cache
def modules() -> dict[str, str]:
    """Return the wings, and the modules that a wing lists beside its names, with what one finds there."""
    found = {}
    for wing, says in WINGS.items():
        found[wing] = says
        rooms = [getattr(importlib.import_module(wing), name) for name in public_names(importlib.import_module(wing))]
        for room in rooms:
            if inspect.ismodule(room) and room.__name__ not in WINGS:
                found[room.__name__] = (inspect.getdoc(room) or "").partition("\n\n")[0].replace("\n", " ").rstrip(".")
    return found


def module_pages() -> dict[str, str]:
    """Return a page for each module: every public name by its docstring, once; the package has what its wings lack."""
    seen: dict[int, str] = {}
    made = {}
    for wing, says in reversed(modules().items()):
        module = importlib.import_module(wing)
        lines = [f"# {wing}", "", f"{says[0].upper()}{says[1:]}.", ""]
        elsewhere = []
        for name in public_names(module):
            value = getattr(module, name)
            if inspect.ismodule(value):
                elsewhere.append(f"- [`{value.__name__}`]({value.__name__}.md): {modules()[value.__name__]}")
            elif id(value) in seen:
                elsewhere.append(f"- [`{name}`]({seen[id(value)]}#{value.__module__}.{value.__qualname__})")
            elif inspect.isroutine(value) or inspect.isclass(value):
                seen[id(value)] = f"{wing}.md"
                lines += [f"::: {value.__module__}.{value.__qualname__}", ""]
            else:
                lines += [f"::: {wing}.{name}", ""]
        if elsewhere:
            lines[4:4] = [*elsewhere, ""]
        made[f"reference/{wing}.md"] = "\n".join(lines)
    return made


def hooks_page() -> str:
    """Return the page of all hooks, each with its arguments and what it is for."""
    lines = ["# Hooks", "", inspect.getdoc(hookspecs) or "", ""]
    return "\n".join([*lines, *(f"::: impasto.host.hookspecs.{name}\n" for name in HOOKS)])


def index() -> str:
    """Return the page that leads to all others of the reference."""
    lines = ["# Reference", "", "Made from the docstrings. How long each name stays is said in the policy.", ""]
    lines += ["- [Hooks](hooks.md): what a plugin may offer, and where it may take part"]
    return "\n".join([*lines, *(f"- [`{wing}`]({wing}.md): {says}" for wing, says in modules().items())])


def pages() -> dict[str, str]:
    """Return the pages of the reference."""
    return {"reference/index.md": index(), "reference/hooks.md": hooks_page(), **module_pages()}
