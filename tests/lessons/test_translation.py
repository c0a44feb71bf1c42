"""Lessons in Chinese: nothing stale, formulas, code, links and numbers equal, terms rendered in one way."""

import re
from collections import Counter
from pathlib import Path

import pytest

from impasto.lessons import lesson_files, lessons_folder, read_translation, write_lessons
from impasto.lessons.notebooks import read_notebook, source
from impasto.lessons.translation import HEAD, Translation, text_hash

TRANSLATED = [file for file in lesson_files() if read_translation(file.stem, "zh").texts]
FENCED = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
EQUAL = {
    "blocks of code": FENCED,
    "formulas": re.compile(r"\$\$.+?\$\$|\$[^$]+\$", re.DOTALL),
    "code": re.compile(r"`[^`]+`"),
    "links": re.compile(r"\]\(([^\s()]*(?:\([^\s()]*\)[^\s()]*)*)\)"),
    "numbers": re.compile(r"\d+(?:[.,]\d+)*"),
    "levels of headings": re.compile(r"^#+(?= )", re.MULTILINE),
}


def glossary():
    """Return the terms (English, Chinese) whose rendering is fixed."""
    rows = re.findall(
        r"^\| ([^|]+?) \| ([^|]+?) \|$", (lessons_folder() / "zh" / "GLOSSARY.md").read_text("utf-8"), re.M
    )
    return [row for row in rows if not set(row[0]) <= set("- ")][1:]


def texts(file):
    """Return (id, English, Chinese) of each text of a lesson."""
    chinese = read_translation(file.stem, "zh").texts
    english = {cell["id"]: source(cell) for cell in read_notebook(file)["cells"] if cell["cell_type"] == "markdown"}
    return [(name, english[name], text) for name, text in chinese.items() if name in english]


ROOT = Path(__file__).parents[2]
DOCUMENTS = {"README.zh.md": "README.md", "tutorials/zh/README.md": "tutorials/README.md"}


def english_sections(document):
    """Return the sections of a document by their address, what stands before the first as "top"."""
    parts = re.split(r"^(?=## )", (ROOT / document).read_text(encoding="utf-8"), flags=re.MULTILINE)
    heads = [re.sub(r"[^a-z0-9]+", "-", part.splitlines()[0].lower()).strip("-") for part in parts]
    return {"top": parts[0]} | dict(zip(heads[1:], parts[1:], strict=True))


@pytest.mark.parametrize("document", DOCUMENTS)
def test_a_translated_section_of_a_document_is_of_the_present_text_and_has_its_code(document):
    english = english_sections(DOCUMENTS[document])
    parts = HEAD.split((ROOT / document).read_text(encoding="utf-8"))[1:]
    stale = {
        name: f"translate it anew, then its hash is {text_hash(english.get(name, ''))}"
        for name, was in zip(parts[::3], parts[1::3], strict=True)
        if text_hash(english.get(name, "")) != was
    }
    assert stale == {}
    for name, text in zip(parts[::3], parts[2::3], strict=True):
        assert FENCED.findall(text) == FENCED.findall(english[name])


def found(pattern, text):
    return Counter(re.sub(r"\s+", " ", match) for match in pattern.findall(text))


@pytest.mark.parametrize("file", TRANSLATED, ids=lambda file: file.stem)
def test_a_translation_is_whole_and_of_the_present_english_text(file):
    translation, notebook = read_translation(file.stem, "zh"), read_notebook(file)
    present = {cell["id"]: text_hash(source(cell)) for cell in notebook["cells"]}
    stale = {name: f"translate it anew, then its hash is {present.get(name)}" for name in translation.stale(notebook)}
    assert (translation.missing(notebook), stale) == ([], {})


@pytest.mark.parametrize("file", TRANSLATED, ids=lambda file: file.stem)
@pytest.mark.parametrize("what", EQUAL)
def test_what_has_no_language_is_equal_in_both(file, what):
    differ = {}
    for name, english, chinese in texts(file):
        pair = [text if what == "blocks of code" else FENCED.sub("", text) for text in (english, chinese)]
        ours, theirs = (found(EQUAL[what], text) for text in pair)
        if ours != theirs:
            differ[name] = {"English alone": ours - theirs, "Chinese alone": theirs - ours}
    assert differ == {}


@pytest.mark.parametrize("file", TRANSLATED, ids=lambda file: file.stem)
def test_a_term_has_its_fixed_rendering(file):
    lacking = []
    for name, english, chinese in texts(file):
        prose = re.sub(r"`[^`]+`|\$[^$]+\$|## References.*", "", FENCED.sub("", english), flags=re.DOTALL)
        for term, rendering in glossary():
            if re.search(rf"\b{term}s?\b", prose, re.IGNORECASE) and rendering not in chinese:
                lacking.append((name, term, rendering))
    assert lacking == []


def test_a_changed_english_text_makes_its_translation_stale():
    notebook = {"cells": [{"id": "a", "cell_type": "markdown", "source": ["Guess."], "metadata": {}}]}
    translation = Translation({"a": "猜一猜。"}, {"a": text_hash("Guess.")})
    assert translation.stale(notebook) == []
    notebook["cells"][0]["source"] = ["Guess first."]
    assert translation.stale(notebook) == ["a"]


def test_chinese_copies_have_chinese_texts_and_the_same_code(tmp_path):
    write_lessons(tmp_path, "student", "zh")
    for file in TRANSLATED:
        merged = read_notebook(tmp_path / file.name)["cells"]
        assert all(re.search(r"[\u4e00-\u9fff]", source(cell)) for cell in merged if cell["cell_type"] == "markdown")
        english = [source(cell) for cell in read_notebook(file)["cells"] if cell["cell_type"] == "code"]
        assert all(
            source(cell) in english for cell in merged if cell["cell_type"] == "code" and "check(" not in source(cell)
        )
