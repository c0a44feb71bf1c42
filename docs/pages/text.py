"""What the pages share: where the repository's documents stand on the site, their links and their sections."""

from __future__ import annotations

import posixpath
import re
import sys
from pathlib import Path
from typing import NamedTuple

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).parents[2]
URLS = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["urls"]
REPOSITORY = URLS["Source"]

PLUGINS = sorted(path.parent.name for path in ROOT.glob("plugins/*/README.md"))
EXAMPLES = sorted(path.parent.name for path in ROOT.glob("examples/*/README.md"))
CARDS = sorted(path.relative_to(ROOT).as_posix() for path in ROOT.glob("plugins/*/src/*/networks/README.md"))
LESSONS = sorted(path.stem for path in ROOT.glob("tutorials/[0-9]*.ipynb"))

DOCUMENTS = {
    "README.md": "index.md",
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changelog.md",
    "SECURITY.md": "security.md",
    "tutorials/README.md": "lessons/index.md",
    "core/impasto/networks/README.md": "models/impasto.md",
    **{f"plugins/{name}/README.md": f"plugins/{name}.md" for name in PLUGINS},
    **{f"examples/{name}/README.md": f"examples/{name}.md" for name in EXAMPLES},
    **{card: f"models/{card.split('/')[1]}.md" for card in CARDS},
    **{f"tutorials/{name}.ipynb": f"lessons/{name}.md" for name in LESSONS},
    **{
        path.relative_to(ROOT).as_posix(): path.relative_to(ROOT / "docs").as_posix()
        for path in sorted((ROOT / "docs").rglob("*.md"))
    },
}
"""Documents of the repository, and the pages that show them."""

FOLDERS = {
    **{f"plugins/{name}": f"plugins/{name}.md" for name in PLUGINS},
    **{f"examples/{name}": f"examples/{name}.md" for name in EXAMPLES},
    "tutorials": "lessons/index.md",
}
"""Folders of the repository, and the pages that tell of them."""

LINK = re.compile(r"(!?\[[^\]]*\])\(([^)\s]+)\)")
FENCE = re.compile(r"(^(?P<fence>`{3,}).*?^(?P=fence)$)", re.MULTILINE | re.DOTALL)

pictures: dict[str, bytes] = {}
"""Pictures of the repository that the pages show, by their place on the site; filled by `with_links`."""


def outside_code(text: str, change: re.Pattern[str], to: object) -> str:
    """Return a text with a pattern replaced wherever it does not stand in a block of code."""
    parts, at = [], 0
    for block in FENCE.finditer(text):
        parts += [change.sub(to, text[at : block.start()]), block[0]]  # type: ignore[call-overload]
        at = block.end()
    return "".join([*parts, change.sub(to, text[at:])])  # type: ignore[call-overload]


def with_links(text: str, source: str, page: str) -> str:
    """Return a document's text with its links as they are from its page; what has no page is in the repository."""

    def link(match: re.Match[str]) -> str:
        label, target = match.groups()
        address, _, anchor = target.partition("#")
        if ":" in address or not address:
            return match[0]
        path = posixpath.normpath(posixpath.join(posixpath.dirname(source), address))
        goal = DOCUMENTS.get(path) or FOLDERS.get(path)
        if goal is None and label.startswith("!") and (ROOT / path).is_file():
            goal = f"pictures/{path.replace('/', '-')}"
            pictures[goal] = (ROOT / path).read_bytes()
        if goal is None and (ROOT / path).exists():
            return f"{label}({REPOSITORY}/blob/main/{path})"
        if goal is None:
            return match[0]  # mkdocs says that it leads nowhere
        goal = posixpath.relpath(goal, posixpath.dirname(page) or ".")
        return f"{label}({goal}{'#' + anchor if anchor else ''})"

    return outside_code(text, LINK, link)


def document(source: str) -> str:
    """Return the text of a document with the links of its page."""
    return with_links((ROOT / source).read_text(encoding="utf-8"), source, DOCUMENTS[source])


class Section(NamedTuple):
    """A heading of a document and what stands under it, the deeper headings too."""

    level: int
    title: str
    text: str


def sections(text: str) -> list[Section]:
    """Return the sections of a document, in order, each with those inside it."""
    hidden = FENCE.sub(lambda block: re.sub(r"[^\n]", " ", block[0]), text)
    heads = [(match.start(), match.end(), match) for match in re.finditer(r"^(#+) (.+)$", hidden, re.MULTILINE)]
    found = []
    for index, (_, end, match) in enumerate(heads):
        level = len(match[1])
        later = (start for start, _, other in heads[index + 1 :] if len(other[1]) <= level)
        found.append(Section(level, match[2], text[end : next(later, len(text))].strip()))
    return found


def deeper(text: str, by: int) -> str:
    """Return a text with its headings so many levels deeper."""
    return outside_code(text, re.compile(r"^(#+) ", re.MULTILINE), lambda match: match[1] + "#" * by + " ")


def cell(text: object) -> str:
    """Return text for a cell of a table."""
    return str(text).replace("|", "\\|").replace("\n", " ")
