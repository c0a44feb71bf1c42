"""Tables made from pictures: right where the pictures have colours, calm where not, refused where none will do."""

import pytest
import torch

import impasto
from impasto import cli
from impasto.functional.lut import fit_cube, grade
from impasto.picture import read_cube
from impasto_color import Lut

PHOTO = impasto.samples.content("coffee", 160)
STYLE = impasto.samples.style("batik", 96)


def test_an_affine_look_is_found_everywhere_also_where_the_photograph_has_no_colours():
    turn = torch.tensor([[0.6, 0.2, 0.1], [0.1, 0.7, 0.1], [0.0, 0.2, 0.6]])
    after = torch.einsum("ij,bjhw->bihw", turn, PHOTO) + 0.05
    fit = fit_cube(PHOTO, after, 17)
    every = torch.rand(1, 3, 20, 20, generator=torch.Generator().manual_seed(4))
    wanted = torch.einsum("ij,bjhw->bihw", turn, every) + 0.05
    torch.testing.assert_close(grade(every, fit.cube), wanted, atol=0.01, rtol=0)
    assert fit.mean < 1e-4


@pytest.mark.parametrize("stages", ["match-color:target=image", "match-luminance:target=image"])
def test_a_colour_stage_comes_back_from_its_file_within_a_level(tmp_path, stages):
    pipeline = impasto.Pipeline.parse(stages)
    photo, style, out = tmp_path / "photo.png", tmp_path / "style.png", tmp_path / "look.cube"
    impasto.read(PHOTO).save(photo)
    impasto.read(STYLE).save(style)
    assert cli.main(["lut", str(photo), str(style), "-o", str(out), "--with", stages, "--title", "Batik"]) == 0
    assert read_cube(out).size == 33
    assert read_cube(out).title == "Batik"
    graded = impasto.Pipeline(Lut(path=out))(photo, device="cpu").tensor
    assert (graded - pipeline(photo, style, device="cpu").tensor).abs().mean() < 1 / 255


def test_a_look_is_read_off_two_files(tmp_path, capsys):
    before, after, out = (str(tmp_path / name) for name in ("a.png", "b.png", "look.cube"))
    impasto.read(PHOTO).save(before)
    impasto.read(PHOTO**1.5).save(after)
    assert cli.main(["lut", before, "--after", after, "-o", out, "--size", "17"]) == 0
    assert "17×17×17 colours, wrong by 0." in capsys.readouterr().out
    assert (grade(PHOTO, read_cube(out)) - PHOTO**1.5).abs().mean() < 1 / 255


def test_a_stage_that_looks_at_places_is_refused_with_the_reason():
    with pytest.raises(impasto.StageError, match=r"(?s)^equalize-adaptive: no table.*different places.*match-color"):
        impasto.Pipeline.parse("equalize-adaptive").to_lut(PHOTO)
    with pytest.raises(impasto.StageError, match=r"(?s)^resize: makes a picture of another size"):
        impasto.Pipeline.parse("resize:size=64").to_lut(PHOTO)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["-o", "look.txt"], "what would work: a name that ends in .cube"),
        (["-o", "look.cube", "--after", "photo.png", "--with", "match-color"], "--after takes the place"),
        (["-o", "look.cube", "--after", "small.png"], "of the same size"),
    ],
)
def test_mistakes_are_told_and_nothing_is_written(tmp_path, monkeypatch, capsys, arguments, message):
    monkeypatch.chdir(tmp_path)
    impasto.read(PHOTO).save("photo.png")
    impasto.read(STYLE).save("small.png")
    assert cli.main(["lut", "photo.png", *arguments]) == 2
    assert message in capsys.readouterr().err
    assert not list(tmp_path.glob("*.cube"))
