"""The page of a study: nothing from elsewhere, and nothing that a name could smuggle in."""

import re

import pytest

import impasto
from impasto.evaluation import Study, StudyRun, write_page

NAMES = ("plain", "<script>alert(1)</script>")


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    folder = tmp_path_factory.mktemp("study")
    content = folder / "a 'b' & <c>.png"
    impasto.read(impasto.samples.content("cat", 40)).save(content)
    run = StudyRun(
        Study((content,), (), dict.fromkeys(NAMES, impasto.Pipeline()), encoder="slim19", metrics=("ssim",)),
        folder / "out",
    )
    return write_page(run, list(run.rows()))


def test_it_loads_nothing_from_elsewhere(page):
    text = page.read_text(encoding="utf-8")
    assert "//" not in re.sub(r"^\s*//.*$|; // .*$", "", text, flags=re.MULTILINE)
    for source in re.findall(r'src="([^"]+)"', text):
        assert not source.startswith(("/", "http"))
    assert re.search(r"default-src &#x27;none&#x27;", text)


def test_names_are_text(page):
    text = page.read_text(encoding="utf-8")
    assert "<script>alert" not in text
    assert "&lt;script&gt;alert(1)" in text
    assert "a%20%27b%27%20%26%20%3Cc%3E.png" in text


def test_its_pictures_are_beside_it(page):
    from urllib.parse import unquote

    sources = re.findall(r'src="([^"]+)"', page.read_text(encoding="utf-8"))
    assert len(sources) == 3
    assert all((page.parent / unquote(source)).is_file() for source in sources)
