"""Code to copy paints what the page did: in Python and on the command line."""

import shlex

import pytest

import impasto
from impasto.cli import main
from impasto.web.snippets import job_code

pytest.importorskip("impasto_adain")

PLAIN = {"names": ["content"], "styles": [("style.1", 1.0, "")], "regions": [], "seed": 3, "size": 32}
WHOLE = {
    "names": ["content", "mask"],
    "styles": [("style.1", 1.0, "rest"), ("style.2", 0.5, "region 2")],
    "regions": ["region 2"],
    "seed": 0,
    "size": None,
}


@pytest.mark.parametrize("header", [PLAIN, WHOLE], ids=["plain", "regions"])
def test_code_paints_the_same(header, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    impasto.read(impasto.samples.content("cat", 48)).save("photo.jpg")
    for name, style in (("painting", "wave"), ("painting-1", "wave"), ("painting-2", "mosaic")):
        impasto.read(impasto.samples.style(style, 32)).save(f"{name}.jpg")
    half = impasto.read(impasto.samples.content("cat", 48)).tensor * 0
    half[..., :24] = 1
    impasto.read(half).save("mask.png")
    impasto.read(half.flip(-1)).save("region-2.png")
    code = job_code(header | {"pipeline": impasto.Pipeline.parse("adain:alpha=0.5").to_toml()})
    exec(code["python"], {})
    painted = impasto.read("painted.png").tensor
    assert (painted != impasto.read("photo.jpg").tensor).any()
    words = shlex.split(code["command"])
    assert main(words[1:]) == 0
    assert (impasto.read("painted.png").tensor == painted).all()
    assert impasto.Pipeline.from_toml(code["toml"]) == impasto.Pipeline.parse("adain:alpha=0.5")
