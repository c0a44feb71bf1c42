"""Check a site that was built: python docs/pages/check.py FOLDER.

Every public name, stage and hook has its page, and no page loads anything from elsewhere.
"""

from __future__ import annotations

import importlib
import inspect
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import reference
import stages

LOADED = re.compile(r"<(?:script|img|iframe|source|video)\b[^>]*\bsrc=[\"']?(?:https?:)?//[^\s\"'>]*")
STYLES = re.compile(
    r"<link\b(?=[^>]*\brel=[\"']?(?:stylesheet|preload|preconnect|icon))[^>]*href=[\"']?(?:https?:)?//[^>]*"
)


def missing(site: Path) -> Iterator[str]:
    """Yield what has no page, or no place on its page."""
    text = "".join(file.read_text(encoding="utf-8") for file in sorted(site.glob("reference/*/index.html")))
    places = set(re.findall(r'\bid="([\w.]+)"', text))
    for wing in reference.modules():
        module = importlib.import_module(wing)
        for name in reference.public_names(module):
            value = getattr(module, name)
            known = {f"{wing}.{name}"}
            if inspect.isroutine(value) or inspect.isclass(value):
                known.add(f"{value.__module__}.{value.__qualname__}")
            if not known & places and not inspect.ismodule(value):
                yield f"{wing}.{name} has no place in the reference"
    yield from (
        f"the hook {hook} has no place in the reference"
        for hook in reference.HOOKS
        if f"impasto.host.hookspecs.{hook}" not in places
    )
    yield from (
        f"the stage {name} has no page"
        for name in stages.shown_stages()
        if not (site / "stages" / name / "index.html").is_file()
    )


def loaded_from_elsewhere(site: Path) -> Iterator[str]:
    """Yield what pages and style sheets load from another machine."""
    for file in sorted(site.rglob("*.html")):
        text = file.read_text(encoding="utf-8")
        yield from (f"{file.relative_to(site)} loads {one[0]}" for one in LOADED.finditer(text))
        yield from (f"{file.relative_to(site)} loads {one[0]}" for one in STYLES.finditer(text))
        if 'class="mermaid"' in text:
            yield f"{file.relative_to(site)} has a diagram, whose script the theme loads from elsewhere"
    for file in sorted(site.rglob("*.css")):
        found = re.findall(r"url\([\"']?https?://[^)]*|@import[^;]*//[^;]*", file.read_text(encoding="utf-8"))
        yield from (f"{file.relative_to(site)} loads {one}" for one in found)


if __name__ == "__main__":
    faults = [*missing(Path(sys.argv[1])), *loaded_from_elsewhere(Path(sys.argv[1]))]
    sys.exit("\n".join(faults) or None)
