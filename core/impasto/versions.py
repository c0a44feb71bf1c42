"""Versions of installed distributions, and what they require of the host."""

from __future__ import annotations

import importlib.metadata
import shlex

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion


def version(distribution: str) -> str:
    """Return an installed distribution's version, or `unknown` for a bare checkout."""
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return "unknown"


def unmet_requirement(distribution: str) -> str:
    """Return a line that says which Impasto a plugin requires, or nothing where the installed one will do."""
    installed = version("impasto")
    try:
        requirements = importlib.metadata.requires(distribution) or ()
    except importlib.metadata.PackageNotFoundError:
        return ""
    for text in requirements:
        try:
            requirement = Requirement(text)
            applies = requirement.marker is None or requirement.marker.evaluate({"extra": ""})
            met = requirement.specifier.contains(installed, prereleases=True)
        except (InvalidRequirement, InvalidVersion):  # such as of a bare checkout
            continue
        if canonicalize_name(requirement.name) == "impasto" and applies and not met:
            wanted = f"impasto{requirement.specifier}"
            return (
                f"\n  it requires {wanted}, and {installed} is installed\n"
                f"  what to type: pip install {shlex.quote(wanted)}, or another release of {distribution}"
            )
    return ""
