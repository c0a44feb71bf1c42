"""Pages of the stages, the gallery that leads to them, and the papers that they come from."""

from __future__ import annotations

import html
import inspect
import re
import sys
from collections.abc import Iterable, Iterator
from dataclasses import MISSING
from functools import cache

from text import PLUGINS, ROOT, Section, cell, deeper, sections, with_links

import impasto
from impasto.cli.listing import default_text, value_text
from impasto.stage import Parameter, Stage

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

GALLERY = ROOT / "docs" / "gallery"
COSTS = tomllib.loads((GALLERY / "costs.toml").read_text(encoding="utf-8"))
KINDS = {"preprocessor": "Before", "stylizer": "Painting", "postprocessor": "After"}
STYLE_USE = {
    "required": "needs a style picture",
    "optional": "looks at style pictures where there are some",
    "ignored": "does not look at style pictures",
}
ABOUT = {
    "The paper": re.compile(r"(the )?papers?\b", re.IGNORECASE),
    "Departures from the paper": re.compile(r"departures", re.IGNORECASE),
    "What it costs": re.compile(r"(speed|what it costs)", re.IGNORECASE),
    "Limits": re.compile(r"limits", re.IGNORECASE),
}
"""Sections of a plugin's README that a stage's page takes over, by how their titles begin."""
LISTED = re.compile(r"^\| \[(impasto-[\w-]+)\].* \| ([^|]+) \|$", re.MULTILINE)
"""A plugin and its papers in the table of the README."""
ARGUMENTS = re.compile(r"\n*Args:\n(?: {4}.*(?:\n|$))+")
PAPER = re.compile(r"(?:after )?(.+?) ((?:\d{4}(?:, )?)+)")


def distribution(stage: type[Stage]) -> str:
    """Return the name of the distribution that offers a stage."""
    return impasto.get_host().distribution(stage).split()[0]


@cache
def shown_stages() -> dict[str, type[Stage]]:
    """Return the stages of the plugins of this repository."""
    return {name: stage for name, stage in impasto.get_host().stages.items() if distribution(stage) in PLUGINS}


def parameter_table(parameters: Iterable[Parameter]) -> str:
    """Return a stage's parameters as a table."""
    rows = ["| Parameter | Default | Range | What it does |", "|---|---|---|---|"]
    for one in parameters:
        default = "required" if one.default is MISSING else f"`{default_text(one)}`"
        rows.append(f"| `{one.name}` | {default} | {cell(one.range)} | {cell(one.help)} |")
    return "\n".join(rows)


def preset_table(stage: type[Stage]) -> str:
    """Return a stage's presets as a table."""
    rows = ["| Preset | Sets | What it is for |", "|---|---|---|"]
    for name, preset in stage.presets.items():
        values = ", ".join(f"`{key}={value_text(value)}`" for key, value in preset.values.items())
        rows.append(f"| `{name}` | {values} | {cell(preset.help)} |")
    first = next(iter(stage.presets))
    return "\n".join(
        [
            f"`{stage.__name__}.preset({first!r})`, or `--with {stage.name}:preset={first}`, takes a row of these;"
            " what is given besides goes before it.\n",
            *rows,
        ]
    )


def about(name: str, plugin: str) -> Iterator[str]:
    """Yield what the plugin's README says of a stage: its own section, then papers, departures, costs and limits."""
    source = f"plugins/{plugin}/README.md"
    whole = sections((ROOT / source).read_text(encoding="utf-8"))
    own = own_section(name, plugin)
    alone = sum(distribution(stage) == plugin for stage in shown_stages().values()) == 1
    taken: list[tuple[str, Section]] = [("As its plugin tells it", own)] if own else []
    inside = {one.title for one in sections(own.text)} if own else set()
    for title, begins in ABOUT.items():
        mine = [one for one in whole if begins.match(one.title) and (own is None or one.title not in inside)]
        taken += [(title, one) for one in mine if one.level == 2 and (alone or own is None or not inside)]
    for title, section in taken:
        text = deeper(section.text, 0 if section is own else 1)
        yield f"## {title} {{ data-search-exclude }}\n\n{with_links(text, source, f'stages/{name}.md')}\n"


def picture(name: str) -> Iterator[str]:
    """Yield the photograph before and after a stage, with the recipe."""
    recipe = (GALLERY / f"{name}.toml").read_text(encoding="utf-8")
    stages = " → ".join(re.findall(r'^stage = "(.+)"', recipe, re.MULTILINE))
    yield '<div class="pair">'
    yield '<figure><img src="../../gallery/content.webp" alt="The photograph"><figcaption>before</figcaption></figure>'
    yield f'<figure><img src="../../gallery/{name}.webp" alt="The photograph after {stages}">'
    yield f"<figcaption>{stages}</figcaption></figure>"
    yield "</div>\n"
    yield f'??? note "The recipe of this picture"\n\n    Save it as [{name}.toml](../gallery/{name}.toml), and'
    yield f"    `impasto run {name}.toml --content photo.jpg --style painting.jpg` does the same to yours.\n"
    yield "    ```toml"
    yield from (f"    {line}" for line in recipe.splitlines())
    yield "    ```\n"


def example(stage: type[Stage]) -> str:
    """Return how a stage is used in Python and on the command line."""
    parameters = stage.parameters().values()
    first = [one for one in parameters if one.default is MISSING] or list(parameters)[:1]
    called = ", ".join(f"{one.name}={'...' if one.default is MISSING else repr(one.default)}" for one in first)
    line = "".join(f":{one.name}={'...' if one.default is MISSING else default_text(one)}" for one in first)
    return "\n".join(
        [
            "```python",
            "import impasto",
            f"from {stage.__module__.partition('.')[0]} import {stage.__name__}",
            "",
            f"pipe = impasto.Pipeline({stage.__name__}({called}))",
            "```",
            "",
            f"`impasto paint photo.jpg painting.jpg -o out.png --with {stage.name}{line}`",
        ]
    )


def stage_page(name: str, stage: type[Stage]) -> str:
    """Return the page of one stage: its picture, its parameters, how it is used, what it costs, where it comes from."""
    plugin = distribution(stage)
    parameters = list(stage.parameters().values())
    lines = [f"# {name}", "", stage.summary(), ""]
    lines += [f"A {stage.kind} of [{plugin}](../plugins/{plugin}.md); it {STYLE_USE[stage.style]}.", ""]
    if (GALLERY / f"{name}.webp").is_file():
        lines += picture(name)
    if name in COSTS:
        lines += [f"**Time** of the stage on this picture of 384×256: {COSTS[name]:g} s of one core of a CPU.", ""]
    if stage.known_weights:
        lines += ["**Networks** that it knows by name:", ""]
        for one in stage.known_weights:
            lines.append(f"- {one.name}: {one.expects}; {one.size / 1e6:,.1f} MB, {one.licence}")
        lines.append("")
    lines += ["## Parameters", "", parameter_table(parameters) if parameters else "It has none.", ""]
    if stage.presets:
        lines += ["## Presets", "", preset_table(stage), ""]
    lines += ["## How it is used", "", example(stage), ""]
    # The parameters, which the class's docstring lists for `help`, are in the table.
    if rest := ARGUMENTS.sub("", inspect.getdoc(stage) or "").partition("\n")[2].strip():
        lines += ["## What it does", "", rest, ""]
    lines += about(name, plugin)
    return "\n".join(lines)


def gallery() -> str:
    """Return the page of all stages on the same pictures."""
    lines = ["---\nhide: [navigation]\n---\n\n# Gallery\n"]
    lines += ["Every stage on the same two pictures; a picture leads to its stage and recipe.", ""]
    lines += ['<div class="pair">', '<figure><img src="../gallery/content.webp" alt="A cup of coffee on a table">']
    lines += ["<figcaption>the photograph</figcaption></figure>"]
    lines += ['<figure><img src="../gallery/style.webp" alt="A night sky in thick strokes">']
    lines += ["<figcaption>the style</figcaption></figure>", "</div>", ""]
    for kind, plural in KINDS.items():
        lines += [f"## {plural}", "", '<div class="gallery">']
        for name, stage in shown_stages().items():
            if stage.kind == kind and (GALLERY / f"{name}.webp").is_file():
                image = f'<img loading="lazy" src="../gallery/{name}.webp" alt="What {name} makes of the photograph">'
                summary = html.escape(stage.summary())
                lines.append(f'<a href="../stages/{name}/">{image}<b>{name}</b><span>{summary}</span></a>')
        lines += ["</div>", ""]
    return "\n".join(lines)


def table_of_stages() -> str:
    """Return the page that lists every stage with what it does."""
    lines = ["# Stages", "", "A pipeline is a row of stages: some before, one or several that paint, some after.", ""]
    for kind, plural in KINDS.items():
        lines += [f"## {plural}", "", "| Stage | What it does | Plugin |", "|---|---|---|"]
        for name, stage in shown_stages().items():
            if stage.kind == kind:
                plugin = distribution(stage)
                lines.append(
                    f"| [`{name}`]({name}.md) | {cell(stage.summary())} | [{plugin}](../plugins/{plugin}.md) |"
                )
        lines.append("")
    return "\n".join(lines)


def own_section(name: str, plugin: str) -> Section | None:
    """Return the section of its plugin's README that is about one stage."""
    whole = sections((ROOT / "plugins" / plugin / "README.md").read_text(encoding="utf-8"))
    return next((one for one in whole if re.search(rf"(?<![\w-]){name}(?![\w-])", one.title) and one.level == 2), None)


def stages_of(paper: str, plugin: str) -> list[str]:
    """Return the stages of a plugin that do what a paper says: they, or their sections, name its author and year."""
    author, year = re.split(r"[ ,]", paper)[0], paper[-4:]
    ours = [name for name, stage in shown_stages().items() if distribution(stage) == plugin]
    texts = {name: shown_stages()[name].__doc__ or "" for name in ours}
    for name in ours:
        if section := own_section(name, plugin):
            texts[name] += section.text
    return [name for name in ours if author in texts[name] and year in texts[name]] or (ours if len(ours) <= 3 else [])


def papers() -> str:
    """Return the page that leads from papers, as the README lists them for each plugin, to stages."""
    found: dict[str, tuple[list[str], list[str]]] = {}
    for plugin, cited in LISTED.findall((ROOT / "README.md").read_text(encoding="utf-8")):
        for authors, years in PAPER.findall(cited):
            for year in years.split(", "):
                paper = f"{authors.strip('; ')} {year}"
                names, plugins = found.setdefault(paper, ([], []))
                names += stages_of(paper, plugin)
                plugins.append(plugin)
    rows = ["# Papers", "", "What was published, and the stages that do it.", ""]
    rows += ["| Paper | Stages | Reference, formula, departures |", "|---|---|---|"]
    for paper, (names, plugins) in sorted(found.items()):
        shown = ", ".join(f"[`{name}`](stages/{name}.md)" for name in names)
        rows.append(f"| {paper} | {shown} | {', '.join(f'[{one}](plugins/{one}.md)' for one in plugins)} |")
    return "\n".join(rows)


def pages() -> dict[str, str]:
    """Return the pages of stages, gallery and papers."""
    return {
        "gallery.md": gallery(),
        "papers.md": papers(),
        "stages/index.md": table_of_stages(),
        **{f"stages/{name}.md": stage_page(name, stage) for name, stage in shown_stages().items()},
    }
