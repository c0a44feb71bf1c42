"""A study as a page: every picture, beside its content and style, in tables that sort; nothing comes from elsewhere."""

from __future__ import annotations

import base64
import hashlib
import html
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from .study_run import Row, StudyRun
from .tables import COST_HELP, column_names, incomplete, is_higher_better, means_of, number, value_of, write_text


def write_page(run: StudyRun, rows: Sequence[Row]) -> Path:
    """Write `index.html` into the study's folder, which can be moved and shown as it is, and return its path.

    Args:
        run: the study at work.
        rows: of its pictures.
    """
    path = run.folder / "index.html"
    write_text(path, page_text(run, rows))
    return path


def page_text(run: StudyRun, rows: Sequence[Row]) -> str:
    """Return the page."""
    columns = column_names(run)
    better = {column: "higher" if is_higher_better(run, column) else "lower" for column in columns}
    study = run.study
    options = "".join(f"<option>{html.escape(column)}</option>" for column in columns)
    body = "\n".join(
        [
            "<h1>A study by Impasto</h1>",
            f"<p>{len(study.painters)} ways to paint {len([*study.pairs()])} pairs of a content and a style, "
            f"{study.size} pixels at most. Losses of features are those of {html.escape(run.encoder)}; "
            "results.json says how to do it again.</p>",
            "<h2>Means</h2><p>↓ less is better, ↑ more is better; click a heading to sort.</p>",
            '<div class="scroll"><table id="means"><thead><tr><th><button>painter</button></th>',
            *(_heading(run, column) for column in columns),
            "</tr></thead><tbody>",
            *_mean_lines(run, rows, columns),
            "</tbody></table></div>",
            "<h2>Pictures</h2>",
            f'<p><label>shown, and sorted by: <select id="shown">{options}</select></label> '
            "Click a heading to sort, a picture to compare it with its content.</p>",
            '<div class="scroll"><table id="pairs" class="pairs"><thead><tr>',
            *(f"<th><button>{html.escape(name)}</button></th>" for name in ("content", "style", *study.painters)),
            "</tr></thead><tbody>",
            *_pair_lines(run, rows, columns),
            "</tbody></table></div>",
            '<dialog><h2></h2><div class="stack"><img alt="after"><img class="before" alt="before"></div>'
            '<input type="range" aria-label="content on the left, painted on the right"><dl></dl></dialog>',
        ]
    )
    return html_document("A study by Impasto", body, {"better": better}, "page")


def html_document(title: str, body: str, data: Mapping[str, Any], room: str) -> str:
    """Return a page that loads pictures beside it, and nothing else.

    Its policy lets in its own style and script by their digests.

    Args:
        title: of the window.
        body: HTML.
        data: what the script finds as JSON, by the id of its element.
        room: whose `.css` and `.js` beside this file are its style and script.
    """
    css, script = (Path(__file__).with_name(f"{room}.{kind}").read_text(encoding="utf-8") for kind in ("css", "js"))
    policy = (
        f"default-src 'none'; img-src 'self' file:; style-src '{_digest(css)}'; script-src '{_digest(script)}';"
        " base-uri 'none'; form-action 'none'"
    )
    return "\n".join(
        [
            '<!doctype html><html lang="en"><head><meta charset="utf-8">',
            f'<meta http-equiv="Content-Security-Policy" content="{html.escape(policy)}">',
            f'<meta name="viewport" content="width=device-width, initial-scale=1"><title>{html.escape(title)}</title>',
            f"<style>{css}</style></head><body>",
            body,
            *(f'<script type="application/json" id="{name}">{_json(value)}</script>' for name, value in data.items()),
            f"<script>{script}</script></body></html>\n",
        ]
    )


def _heading(run: StudyRun, column: str) -> str:
    higher, metric = is_higher_better(run, column), run.study.measured.get(column)
    says = COST_HELP[column] if metric is None else metric.summary
    unit = f" {metric.unit}" if metric is not None and metric.unit else ""
    first = "descending" if higher else "ascending"
    return (
        f'<th data-first="{first}" title="{html.escape(says)}"><button>'
        f"{html.escape(column + unit)} {'↑' if higher else '↓'}</button></th>"
    )


def _mean_lines(run: StudyRun, rows: Sequence[Row], columns: Sequence[str]) -> Iterator[str]:
    means = means_of(run, rows)
    for painter, line in means.items():
        cells = [f"<td>{html.escape(painter)}{incomplete(rows, painter)}</td>"]
        for column in columns:
            known = [value for one in means.values() if (value := one[column]) is not None]
            value = line[column]
            best = len(known) > 1 and value == (max if is_higher_better(run, column) else min)(known)
            mark = ' class="best"' if best else ""
            cells.append(f'<td{mark} data-value="{"" if value is None else value}">{number(value)}</td>')
        yield f"<tr>{''.join(cells)}</tr>"


def _pair_lines(run: StudyRun, rows: Sequence[Row], columns: Sequence[str]) -> Iterator[str]:
    by_pair: dict[tuple[str, str], dict[str, Row]] = {}
    for row in rows:
        by_pair.setdefault((row.content, row.style), {})[row.painter] = row
    for (content, style), painted in by_pair.items():
        cells = [_input("contents", content), _input("styles", style) if style else "<td></td>"]
        for painter in run.study.painters:
            found = painted.get(painter)
            if found is None:
                cells.append("<td></td>")
            elif "" in found.errors:
                cells.append(f'<td class="error">{html.escape(found.errors[""])}</td>')
            else:
                cells.append(_result(found, columns))
        yield f"<tr>{''.join(cells)}</tr>"


def _input(kind: str, name: str) -> str:
    return (
        f'<td data-name="{html.escape(name)}"><figure>{_image(f"inputs/{kind}/{name}.png", name)}'
        f"<figcaption>{html.escape(name)}</figcaption></figure></td>"
    )


def _result(row: Row, columns: Sequence[str]) -> str:
    found = {column: value_of(row, column) for column in columns}
    values = {column: {"value": value, "text": number(value)} for column, value in found.items() if value is not None}
    failed = "".join(f"{name}: {why}\n" for name, why in row.errors.items())
    said = f'<div class="error">{html.escape(failed)}</div>' if failed else ""
    alt = f"{row.painter}: {row.content}{f', {row.style}' if row.style else ''}"
    return (
        f'<td data-values="{html.escape(json.dumps(values))}"><figure><button class="open">'
        f"{_image(row.picture, alt)}</button><figcaption></figcaption></figure>{said}</td>"
    )


def _image(path: str, alt: str) -> str:
    return f'<img loading="lazy" src="{quote(path)}" alt="{html.escape(alt)}">'


def _digest(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


def _json(value: object) -> str:
    """Return JSON that ends no script element."""
    return json.dumps(value).replace("<", "\\u003c")
