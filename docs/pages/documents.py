"""Pages of the repository's documents: README, CONTRIBUTING, plugins, examples, model cards, lessons."""

from __future__ import annotations

import nbformat
from nbconvert import MarkdownExporter
from text import CARDS, DOCUMENTS, EXAMPLES, LESSONS, PLUGINS, ROOT, document, with_links

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
[**Lessons** ten notebooks, with exercises](lessons/index.md)
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
    """Return the page that leads to the plugins and what they say of their networks."""
    lines = ["# Plugins", "", "Each a distribution of its own: `pip install impasto-adain`.", ""]
    for name in PLUGINS:
        text = (ROOT / "plugins" / name / "README.md").read_text(encoding="utf-8")
        lines.append(f"- [{name}]({name}.md): {' '.join(text.split(chr(10) * 2)[1].split())}")
    return "\n".join(lines)


def title(source: str) -> str:
    """Return the title of a document of the repository."""
    text = (ROOT / source).read_text(encoding="utf-8")
    return next(line for line in text.splitlines() if line.startswith("# ")).lstrip("# ")


def pages() -> dict[str, str | bytes]:
    """Return the pages of the documents; those of docs/ are there already."""
    made: dict[str, str | bytes] = {}
    for source, page in DOCUMENTS.items():
        if source.endswith(".md") and not source.startswith("docs/"):
            made[page] = document(source)
    made["index.md"] = HOME + str(made["index.md"])
    made["plugins/index.md"] = plugins()
    return made | lessons()


def chapters() -> list[str]:
    """Return the chapters for authors of plugins, by their pages."""
    return [page for page in DOCUMENTS.values() if page.startswith("chapters/")]


def cards() -> dict[str, str]:
    """Return the pages of model cards, by the distribution whose networks they describe."""
    return {"impasto": "models/impasto.md"} | {card.split("/")[1]: DOCUMENTS[card] for card in CARDS}


def examples() -> dict[str, str]:
    """Return the pages of the example plugins."""
    return {name: f"examples/{name}.md" for name in EXAMPLES}
