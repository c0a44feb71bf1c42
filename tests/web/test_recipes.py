"""Pipelines of requests: recipes of pictures come back, files and downloads stay out, code does the same."""

import pytest

import impasto
from impasto.web.recipes import png_recipe, read_pipeline, recipe_run
from impasto.web.settings import Settings

pytest.importorskip("impasto_adain")


def test_a_finished_picture_gives_its_recipe_back(tmp_path):
    pipeline = impasto.Pipeline.parse("adain:alpha=0.5")
    content, style = impasto.samples.content("cat", 48), impasto.samples.style("wave", 32)
    pipeline(content, style, seed=7, size=32).save(tmp_path / "painted.png")
    text = png_recipe((tmp_path / "painted.png").read_bytes())
    assert read_pipeline(text, Settings()) == pipeline
    assert recipe_run(text) == {"seed": 7, "size": 32}
    impasto.read(content).save(tmp_path / "plain.png")
    assert png_recipe((tmp_path / "plain.png").read_bytes()) is None
    assert png_recipe(b"\x89PNG\r\n\x1a\n" + b"\xff" * 50) is None


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("lut:path=/etc/passwd", "does not offer"),
        ("adain:decoder=/etc/passwd", "names a file, and a request opens none"),
        ("gatys:checkpoint=/tmp/x", "names a file"),
        ("gatys:encoder=vgg19", "is not on this server"),
        (", ".join(["adain"] * 20), "20 stages"),
        ("gatys:steps=-1", "does not fit"),
    ],
)
def test_a_request_names_no_file_and_fetches_nothing(line, said, monkeypatch, tmp_path):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))  # where there is no VGG
    monkeypatch.delenv("IMPASTO_WEIGHTS", raising=False)
    with pytest.raises(ValueError, match=said):
        read_pipeline(line, Settings())


def test_an_allow_list_is_all_that_there_is():
    settings = Settings(stages=("adain",))
    assert read_pipeline("adain", settings).stages
    with pytest.raises(impasto.errors.RecipeError, match="it offers: adain"):
        read_pipeline("adain, clip-gamut", settings)
