"""The site says of every stage, hook and wing what there is to say; building it strictly is for `.ci/run`."""

import importlib
import sys
from pathlib import Path

import pytest

import impasto
from impasto.host.manager import HOOKS

ROOT = Path(__file__).parents[1]
WINGS = sorted(file.parent.name for file in (ROOT / "core" / "impasto").glob("*/__init__.py"))
NOT_PUBLIC = {"cli"}
"""Wings that no plugin imports."""


@pytest.fixture(scope="module")
def pages():
    """The modules of docs/pages that need no mkdocs."""
    folder = str(ROOT / "docs" / "pages")
    sys.path.insert(0, folder)
    try:
        yield {name: importlib.import_module(name) for name in ("text", "stages", "reference", "gallery")}
    finally:
        sys.path.remove(folder)


def test_every_stage_has_a_page_with_all_its_parameters(pages):
    made = pages["stages"].pages()
    for name, stage in pages["stages"].shown_stages().items():
        page = made[f"stages/{name}.md"]
        assert stage.summary() in page
        assert [one for one in stage.parameters() if f"\n| `{one}` |" not in page] == []
        assert f"| [`{name}`]({name}.md) |" in made["stages/index.md"]


def test_every_stage_is_in_the_gallery_or_it_is_said_why_not(pages):
    shown = {file.stem for file in (ROOT / "docs" / "gallery").glob("*.toml")} - {"costs"}
    assert shown | set(pages["gallery"].NOT_SHOWN) == set(pages["stages"].shown_stages())
    gallery = pages["stages"].gallery()
    assert [name for name in shown if f'src="../gallery/{name}.webp"' not in gallery] == []


def test_every_recipe_of_the_gallery_is_a_pipeline_that_has_its_stage(monkeypatch):
    monkeypatch.chdir(ROOT / "docs" / "gallery")
    for file in sorted((ROOT / "docs" / "gallery").glob("*.toml")):
        if file.stem != "costs":
            assert file.stem in [stage.name for stage in impasto.Pipeline.load(file).stages]


def test_every_hook_has_its_place_in_the_reference(pages):
    page = pages["reference"].hooks_page()
    assert [hook for hook in HOOKS if f"::: impasto.host.hookspecs.{hook}\n" not in page] == []


def test_every_wing_has_its_page_in_the_reference(pages):
    wings = {f"impasto.{wing}" for wing in WINGS if wing not in NOT_PUBLIC}
    assert wings <= set(pages["reference"].WINGS)


def test_every_public_name_is_on_a_page_of_the_reference(pages):
    made = "\n".join(pages["reference"].module_pages().values())
    for wing in pages["reference"].modules():
        module = importlib.import_module(wing)
        for name in pages["reference"].public_names(module):
            value = getattr(module, name)
            place = f"{getattr(value, '__module__', wing)}.{getattr(value, '__qualname__', name)}"
            places = (f"::: {place}\n", f"#{place})", f"::: {wing}.{name}\n", f"({wing}.{name}.md)", f"({place}.md)")
            assert any(one in made for one in places), f"{wing}.{name}"
