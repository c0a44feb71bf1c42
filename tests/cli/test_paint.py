"""`impasto paint` does what it says, and explains a mistake before anything is painted."""

import os
from pathlib import Path

import pytest
import torch
from PIL import Image

import impasto
from impasto import cli

pytestmark = pytest.mark.usefixtures("installed")


def test_paint_runs_the_stages_asked_for_and_keeps_the_recipe(photo, painting, capsys, mean, stages):
    chain = ["--with", "blend:amount=0.25, picky"]
    assert cli.main(["paint", photo, painting, "-o", "out.png", *chain, "--seed", "3"]) == 0
    assert mean("out.png") == [0.60, 0.70, 0.55]
    recipe = impasto.picture.read_recipe("out.png")
    assert impasto.Pipeline.from_toml(recipe) == impasto.Pipeline(stages.Blend(amount=0.25), stages.Picky())
    assert "seed = 3" in recipe
    assert "out.png: 8×12, blend → picky" in capsys.readouterr().out


def test_paint_without_stages_takes_the_preferred_stylizer(photo, painting, mean):
    assert cli.main(["paint", photo, painting, "-o", "out.png"]) == 0
    assert mean("out.png") == [0.6, 0.2, 0.3]


def test_several_paintings_are_mixed_by_their_weights(photo, painting, make, mean):
    blue = make("blue:1.png", (0.0, 0.0, 1.0))
    styles = [f"{painting}:3", f"{blue}:1"]
    assert cli.main(["paint", photo, *styles, "-o", "out.png", "--with", "blend:amount=1"]) == 0
    assert mean("out.png") == [0.75, 0.0, 0.25]


def test_a_mask_keeps_the_rest_of_the_photograph(photo):
    mask = torch.zeros(1, 3, 12, 8)
    mask[..., :4] = 1
    impasto.read(mask).save("mask.png")
    assert cli.main(["paint", photo, "-o", "out.png", "--with", "picky", "--mask", "mask.png"]) == 0
    painted, before = impasto.read("out.png").tensor, impasto.read(photo).tensor
    assert torch.equal(painted[..., 4:], before[..., 4:])
    assert (painted[..., :4] - before[..., :4]).abs().min() > 0.15


def test_formats_depth_and_recipes_beside(photo, stages):
    assert cli.main(["paint", photo, "-o", "out.tiff", "--with", "picky", "--bits", "16", "--recipe"]) == 0
    assert impasto.read("out.tiff").meta.bits == 16
    assert impasto.Pipeline.from_toml(impasto.picture.read_recipe("out.tiff")) == impasto.Pipeline(stages.Picky())
    assert cli.main(["paint", photo, "-o", "bare.png", "--with", "picky", "--no-recipe"]) == 0
    assert "impasto" not in Image.open("bare.png").info


def test_an_output_is_replaced_unless_skipped_and_an_input_never(photo, painting, capsys, make, mean):
    make("out.png", (0, 0, 0))
    assert cli.main(["paint", photo, painting, "-o", "out.png", "--skip-existing"]) == 0
    assert mean("out.png") == [0, 0, 0]
    assert cli.main(["paint", photo, painting, "-o", "out.png"]) == 0
    assert mean("out.png") == [0.6, 0.2, 0.3]
    for given in (photo, painting):
        before = Path(given).read_bytes()
        assert cli.main(["paint", photo, painting, "-o", f"./{given}"]) == 2
        assert "never overwritten" in capsys.readouterr().err
        assert Path(given).read_bytes() == before


def test_a_print_is_painted_smaller_and_run_repeats_that(painting, capsys):
    impasto.read(torch.rand(3, 48, 64, generator=torch.Generator().manual_seed(0))).save("large.png")
    chain = ["--with", "blend:amount=0.5", "--print", "1cm", "--strokes", "4mm"]
    assert cli.main(["paint", "large.png", painting, "-o", "out.png", *chain]) == 0
    assert "painted at 25 pixels, 1 × 0.75 cm at 163 pixels to the inch" in capsys.readouterr().out
    again = ["run", "out.png", "--content", "large.png", "--style", painting]
    assert cli.main([*again, "--out", "again.png"]) == 0
    assert impasto.read("again.png").tensor.equal(impasto.read("out.png").tensor)
    assert impasto.read("again.png").meta.density == impasto.read("out.png").meta.density == (163.0, 163.0)
    assert cli.main([*again, "--out", "other.png", "--size", "40"]) == 0
    assert not impasto.read("other.png").tensor.equal(impasto.read("out.png").tensor)


def test_a_preview_comes_first_small_and_in_fewer_steps(make, painting, capsys):
    large = make("large.png", size=(300, 512))
    make("mask.png", (1, 1, 1), size=(300, 512))
    chain = ["--with", "slow:steps=9, blend", "--mask", "mask.png", "--preview"]
    assert cli.main(["paint", large, painting, "-o", "out.png", *chain]) == 0
    first, second = capsys.readouterr().out.splitlines()
    assert first.startswith("out.preview.png: a preview, ")
    assert second.startswith("out.png: 512×300")
    assert impasto.read("out.preview.png").size == (150, 256)
    assert "steps = 2" in impasto.picture.read_recipe("out.preview.png")
    assert "steps = 9" in impasto.picture.read_recipe("out.png")


def test_a_preview_needs_a_file_beside_it(photo, painting, capsys):
    assert cli.main(["paint", photo, painting, "-o", "-", "--preview"]) == 2
    assert "-o out.png --preview" in capsys.readouterr().err


MISTAKES = {
    "a misspelt stage": (["photo.png", "--with", "blent"], "did you mean 'blend'?"),
    "a misspelt parameter": (["photo.png", "--with", "blend:amout=1"], "did you mean 'amount'?"),
    "a value out of range": (["photo.png", "--with", "blend:amount=2"], "a number, 0 to 1"),
    "no such photograph": (["phto.png"], "photo.png"),
    "no such painting": (["photo.png", "nowhere/painting.png"], "no folder"),
    "not a picture": (["text.png"], "is not a picture"),
    "a picture over the limit": (["photo.png", "--max-pixels", "10"], "over the limit of 10"),
    "a mask of another size": (["photo.png", "--mask", "painting.png"], "9×5"),
    "a device that is not there": (
        ["photo.png", "--device", "cuda:99"],
        "--device auto or --device cpu",
    ),
    "an unknown format": (["photo.png", "-o", "out.doc"], "out.doc: '.doc' names no format"),
    "16 bits for JPEG": (["photo.png", "-o", "out.jpg", "--bits", "16"], "--bits 16 with .png"),
    "no such folder": (["photo.png", "-o", "nowhere/out.png"], "there is no folder nowhere"),
    "a folder": (["photo.png", "-o", "."], "is a folder"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_mistakes_are_explained_before_anything_is_painted(mistake, photo, painting, capsys, monkeypatch):
    monkeypatch.setattr(impasto.Pipeline, "__call__", lambda *_, **__: pytest.fail("it began to paint"))
    Path("text.png").write_text("hello")
    arguments, promised = MISTAKES[mistake]
    assert cli.main(["paint", "-o", "out.png", *arguments]) == 2
    out, err = capsys.readouterr()
    assert err.startswith("impasto: ")
    assert promised in err
    assert "Traceback" not in err
    assert not out
    assert not Path("out.png").exists()


def test_an_interruption_writes_the_picture_so_far(photo, capsys, mean):
    Path("out.png").write_bytes(b"finished")
    assert cli.main(["paint", photo, "-o", "out.png", "--with", "slow:stop=3"]) == 130
    assert mean("out.interrupted.png") == [0.1, 0.2, 0.3]
    assert Path("out.png").read_bytes() == b"finished"
    assert "slow at step 2 of 500; out.interrupted.png is the picture so far" in capsys.readouterr().err
    assert cli.main(["paint", photo, "-o", "never.png", "--with", "slow:stop=1"]) == 130
    assert "nothing was written" in capsys.readouterr().err
    assert not Path("never.png").exists()


def test_a_region_that_is_named_twice_is_refused(photo, capsys):
    assert cli.main(["paint", photo, "-o", "out.png", "--guides", f"sky={photo}", f"sky={photo}"]) == 2
    assert "names a region twice: sky, sky" in capsys.readouterr().err


@pytest.mark.parametrize("taken", ["out.interrupted.jpg", "out.jpg.toml"])
def test_every_file_that_painting_may_write_is_looked_at_before_it(taken, photo, painting, capsys, monkeypatch):
    monkeypatch.setattr(impasto.Pipeline, "__call__", lambda *_, **__: pytest.fail("it began to paint"))
    os.mkdir(taken)
    assert cli.main(["paint", photo, painting, "-o", "out.jpg", "--recipe"]) == 2
    assert f"{taken}: is a folder" in capsys.readouterr().err


class Sheet(impasto.stage.TextureSynthesis, name="sheet"):
    """Paint a sheet in the style's mean colour."""

    def stylize(self, content, styles, guides):
        return styles[0].image.mean((2, 3), keepdim=True).expand_as(content)


class Sheets:
    @impasto.hookimpl
    def impasto_stylizers(self):
        return [Sheet]


def test_a_canvas_of_its_own_needs_no_photograph(painting, mean, capsys, monkeypatch):
    host = impasto.Host(Sheets())
    monkeypatch.setattr("impasto.host.registry._installed", lambda: host)
    assert cli.main(["paint", painting, "-o", "sheet.png", "--with", "sheet:size=24x16"]) == 0
    assert "sheet.png: 24×16, sheet" in capsys.readouterr().out
    assert cli.main(["paint", painting, "-o", "none.png", "--with", "sheet:size=24x16", "--mask", painting]) == 1
    assert "what would work: no mask, or a content" in capsys.readouterr().err
    assert cli.main(["run", "sheet.png", "--style", painting, "-o", "again.png"]) == 0
    assert Image.open("again.png").size == (24, 16)
    assert mean("again.png") == mean("sheet.png") == mean(painting)
    impasto.Pipeline(Sheet()).save("plain.toml")
    assert cli.main(["run", "plain.toml", "--style", painting, "-o", "none.png"]) == 2
    assert "what to type: --content photo.jpg" in capsys.readouterr().err
    assert cli.main(["run", "sheet.png", "--style", painting, "-o", "folder"]) == 2
    assert "what to type: --out picture.png" in capsys.readouterr().err
    assert not Path("none.png").exists()
