"""Pages of the repository's documents: README, CONTRIBUTING, plugins, examples, model cards, lessons."""

from __future__ import annotations

import nbformat
from nbconvert import MarkdownExporter
from text import CARDS, DOCUMENTS, EXAMPLES, LESSONS, PLUGINS, ROOT, cell, document, sections, with_links

from impasto.host.directory import directory

CHAPTERS = ("feed-forward", "optimisation", "trained", "encoder", "state", "file", "watcher", "metric")
"""Chapters in the order in which they are read; others follow."""

HOME = """\
---
title: Impasto
hide: [navigation, toc]
---

<div class="slider">
<img src="gallery/content.webp" alt="A photograph of a cup of coffee">
<img class="after" src="gallery/gatys.webp" alt="The same, in the manner of a painted night sky">
<input type="range" min="0" max="100" value="50" aria-label="Before and after"
 oninput="this.parentNode.style.setProperty('--at', this.value + '%')">
</div>

<div class="ways" markdown>

[**Gallery** every method on the same pictures](gallery.md)
[**Stages** parameters, papers, costs](stages/index.md)
[**Lessons** twelve notebooks, with exercises](lessons/index.md)
[**A plugin of your own** twenty lines, ten minutes](contributing.md)

</div>

"""


def lesson_title(name: str) -> str:
    """Return the title of a lesson, which its first cell is."""
    notebook = nbformat.read(ROOT / "tutorials" / f"{name}.ipynb", as_version=4)
    return str(notebook.cells[0].source.splitlines()[0].lstrip("# "))


def lessons() -> dict[str, str | bytes]:
    """Return the lessons as they were executed, with their pictures."""
    made: dict[str, str | bytes] = {}
    exporter = MarkdownExporter()
    for name in LESSONS:
        notebook = nbformat.read(ROOT / "tutorials" / f"{name}.ipynb", as_version=4)
        text, resources = exporter.from_notebook_node(notebook, {"unique_key": name, "output_files_dir": name})
        made |= {f"lessons/{file}": content for file, content in resources["outputs"].items()}
        made[f"lessons/{name}.md"] = with_links(text, f"tutorials/{name}.ipynb", f"lessons/{name}.md")
    return made


def plugins() -> str:
    """Return the directory of plugins, those of others too."""
    lines = [
        "# Plugins",
        "",
        "Each is a distribution of its own: `pip install impasto-adain`. `impasto plugins --available`",
    ]
    lines += ["lists the same. One of yours: an entry in `core/impasto/host/directory.toml`, by a pull request.", ""]
    lines += ["| Distribution | What it does | It offers |", "|---|---|---|"]
    for entry in directory():
        address = f"{entry.name}.md" if entry.name in PLUGINS else entry.address
        offers = ", ".join(f"`{name}`" for name in entry.offers)
        lines.append(f"| [{entry.name}]({address}) | {cell(entry.summary)} | {offers} |")
    return "\n".join(lines)


def teaching() -> str:
    """Return the page for teachers, which is a part of the syllabus."""
    section = next(one for one in sections(document("tutorials/README.md")) if one.title == "For teachers")
    return f"# Teaching\n\n{section.text}"


def pages() -> dict[str, str | bytes]:
    """Return the pages of the documents; those of docs/ are there already."""
    made: dict[str, str | bytes] = {}
    for source, page in DOCUMENTS.items():
        if source.endswith(".md") and not source.startswith("docs/"):
            made[page] = document(source)
    made["index.md"] = HOME + str(made["index.md"])
    made["plugins/index.md"] = plugins()
    made["lessons/teaching.md"] = teaching()
    made["lessons/index.md"] = str(made["lessons/index.md"]).partition("\n## For teachers")[0]
    return made | lessons()


def chapters() -> list[str]:
    """Return the pages of the chapters for authors of plugins: methods first, tables last."""
    found = [page for page in DOCUMENTS.values() if page.startswith("chapters/")]
    return sorted(found, key=lambda page: [name not in page for name in CHAPTERS])


def cards() -> dict[str, str]:
    """Return the pages of model cards, by the distribution whose networks they describe."""
    return {"impasto": "models/impasto.md"} | {card.split("/")[1]: DOCUMENTS[card] for card in CARDS}


def examples() -> dict[str, str]:
    """Return the pages of the example plugins."""
    return {name: f"examples/{name}.md" for name in EXAMPLES}
