"""Lessons in another language: the same code, and texts by the id of their cells.

A translation is a Markdown file, `tutorials/LANGUAGE/01-first-picture.md`. Before each text stands the id of its cell
and a hash of the English text that was translated, by which a stale text is found:

    <!-- c00 5d41402a -->
    # 1 · 第一幅画
"""

from __future__ import annotations

import copy
import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

from .notebooks import Notebook, lessons_folder, source

LANGUAGES = ("en", "zh")

HEAD = re.compile(r"^<!-- (?P<id>[\w-]+) (?P<hash>[0-9a-f]{8}) -->\n", re.MULTILINE)


@dataclass(frozen=True)
class Translation:
    """Texts of a lesson in another language.

    Args:
        texts: each text, by the id of its cell.
        hashes: hash of the English text that it was made from, by the same.
    """

    texts: dict[str, str]
    hashes: dict[str, str]

    def missing(self, notebook: Notebook) -> list[str]:
        """Return the ids of texts that have no translation."""
        return [name for name in _texts(notebook) if name not in self.texts]

    def stale(self, notebook: Notebook) -> list[str]:
        """Return the ids of translations whose English text has changed since, or is gone."""
        english = _texts(notebook)
        return [name for name in self.texts if name not in english or text_hash(english[name]) != self.hashes[name]]

    def applied(self, notebook: Notebook) -> Notebook:
        """Return the notebook with these texts; code, outputs and what is not translated stay as they are."""
        merged = copy.deepcopy(notebook)
        for cell in merged["cells"]:
            if cell["cell_type"] == "markdown" and cell["id"] in self.texts:
                cell["source"] = self.texts[cell["id"]].splitlines(keepends=True)
        return merged


def text_hash(text: str) -> str:
    """Return the hash of an English text, as translations have it.

    Example:
        >>> text_hash("# 1 · A first picture")
        'a79a45f8'
    """
    return hashlib.sha256(text.strip().encode()).hexdigest()[:8]


def read_translation(name: str, language: str) -> Translation:
    """Return the translation of a lesson; it is empty where there is none.

    Args:
        name: of the lesson, such as "01-first-picture".
        language: of `LANGUAGES`.

    Example:
        >>> read_translation("01-first-picture", "zh").texts["c00"].splitlines()[0]
        '# 1 · 第一幅画'
    """
    file = Path(lessons_folder(), language, f"{name}.md")
    if not file.is_file():
        return Translation({}, {})
    parts = HEAD.split(file.read_text(encoding="utf-8"))[1:]
    names, hashes, texts = parts[::3], parts[1::3], parts[2::3]
    return Translation(
        {name: text.strip() for name, text in zip(names, texts, strict=True)},
        dict(zip(names, hashes, strict=True)),
    )


def _texts(notebook: Notebook) -> dict[str, str]:
    return {cell["id"]: source(cell) for cell in notebook["cells"] if cell["cell_type"] == "markdown"}
