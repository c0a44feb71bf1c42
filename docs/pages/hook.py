"""The hook of mkdocs: the pages that are made, the navigation, formulas and links; nothing is written into docs/."""

from __future__ import annotations

import warnings
from typing import Any

import documents
import formulas
import reference
import stages
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page
from text import DOCUMENTS, LESSONS, PLUGINS, REPOSITORY, URLS, pictures, with_links

warnings.simplefilter("error")
SOURCES = {page: source for source, page in DOCUMENTS.items()}


def navigation() -> list[dict[str, Any]]:
    """Return the navigation of the site."""
    kinds = [
        {plural: [f"stages/{name}.md" for name, stage in stages.shown_stages().items() if stage.kind == kind]}
        for kind, plural in stages.KINDS.items()
    ]
    lessons = [{documents.lesson_title(name): f"lessons/{name}.md"} for name in LESSONS]
    writing: list[Any] = [{"A first plugin": "contributing.md"}, *documents.chapters(), {"Hooks": "reference/hooks.md"}]
    writing += ["api-policy.md", {"Examples": [{name: page} for name, page in documents.examples().items()]}]
    about: list[Any] = [
        {"The house": "architecture.md"},
        {"Glossary": "glossary.md"},
        {"Safety": "security.md"},
        {"Releasing": "releasing.md"},
        {"Changelog": "changelog.md"},
        {"Model cards": [{name: page} for name, page in documents.cards().items()]},
    ]
    written = [page for page, source in SOURCES.items() if source.startswith("docs/") and "/" not in page]
    about += [page for page in written if page not in str(about) and page != "api-policy.md"]
    return [
        {"Home": "index.md"},
        {"Gallery": "gallery.md"},
        {"Stages": ["stages/index.md", *kinds]},
        {"Papers": "papers.md"},
        {"Plugins": ["plugins/index.md", *({name: f"plugins/{name}.md"} for name in PLUGINS)]},
        {"Lessons": ["lessons/index.md", {"Teaching": "lessons/teaching.md"}, *lessons]},
        {"Write a plugin": writing},
        {"Reference": ["reference/index.md", *({wing: f"reference/{wing}.md"} for wing in reference.modules())]},
        {"About": about},
    ]


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Give mkdocs the navigation, and the address of the repository for the foot of each page.

    Not as `repo_url`, for which the theme asks the forge how many stars there are: the site works offline.
    """
    config.nav = navigation()
    config.site_url = URLS["Documentation"]
    config.extra["social"] = [{"icon": "fontawesome/brands/git-alt", "link": REPOSITORY, "name": "Source"}]
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages that are made."""
    made = {**documents.pages(), **stages.pages(), **reference.pages()}
    for page, source in SOURCES.items():  # links of hand-written pages may show pictures of the repository
        if source.startswith("docs/"):
            with_links(files.get_file_from_path(page).content_string, source, page)  # type: ignore[union-attr]
    for path, content in (made | pictures).items():
        files.append(File.generated(config, path, content=content))
    return files


def on_page_markdown(markdown: str, *, page: Page, **_: Any) -> str:
    """Return a page's text with its formulas drawn, and the links of documents of docs/ as they are on the site."""
    source = SOURCES.get(page.file.src_uri, "")
    if source.startswith("docs/"):
        markdown = with_links(markdown, source, page.file.src_uri)
    return formulas.drawn(markdown)
