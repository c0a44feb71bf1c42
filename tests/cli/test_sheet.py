"""`impasto sheet` shows what every method makes of one's own pictures, and what to type for each."""

import shlex

import pytest
from PIL import Image

import impasto
from impasto import cli

pytestmark = pytest.mark.usefixtures("installed")


def lines(capsys):
    """Return the commands that were printed, in order."""
    printed = capsys.readouterr().out.splitlines()
    return [line[line.index("impasto paint") :] for line in printed if "impasto paint" in line]


def test_every_method_and_preset_is_shown_the_quick_ones_first(photo, painting, capsys):
    assert cli.main(["sheet", photo, painting, "--size", "10"]) == 0
    assert [line.split("--with ")[1] for line in lines(capsys)] == [
        "blend",
        "blend:noise=0.1",
        "blend:amount=0.9",
        "picky",
        "slow:steps=2",
    ]
    assert Image.open("impasto-sheet.png").width > 3 * 320


def test_the_line_of_a_tile_paints_what_it_shows(photo, painting, capsys):
    other = f"{painting}:3"
    assert cli.main(["sheet", photo, painting, other, "--with", "picky, blend:amount=0.25", "--seed", "4"]) == 0
    (line,) = lines(capsys)
    assert cli.main(shlex.split(line)[1:]) == 0
    pipe = impasto.Pipeline.parse("picky, blend:amount=0.25")
    assert impasto.picture.read_recipe("out.png").startswith(pipe.to_toml())
    expected = float(pipe(photo, painting).tensor.mean())
    assert float(impasto.read("out.png").tensor.mean()) == pytest.approx(expected, abs=0.01)


def test_a_sweep_has_a_tile_for_each_value_in_rows_of_the_first(photo, painting, capsys):
    chain = ["--sweep", "blend.amount=0.1,0.5,1", "--sweep", "noise=0,0.1", "-o", "sweep.png"]
    assert cli.main(["sheet", photo, painting, *chain]) == 0
    typed = [line.split("--with ")[1] for line in lines(capsys)]
    assert typed == [
        "blend:amount=0.1",
        "blend",
        "blend:amount=1.0",
        "blend:amount=0.1:noise=0.1",
        "blend:noise=0.1",
        "blend:amount=1.0:noise=0.1",
    ]


def test_without_a_painting_those_are_shown_that_need_none(photo, capsys):
    assert cli.main(["sheet", photo]) == 0
    assert [line.split("--with ")[1] for line in lines(capsys)] == ["picky", "slow:steps=2"]


def test_a_method_that_fails_leaves_its_place_and_says_why(make, painting, capsys):
    wide = make("wide.png", size=(8, 12))
    assert cli.main(["sheet", wide, painting]) == 1
    assert "picky: " in capsys.readouterr().err
    colours = {colour for _, colour in Image.open("impasto-sheet.png").getcolors(maxcolors=1 << 24)}
    assert (0x3A, 0x21, 0x1D) in colours


def test_an_interrupted_sheet_keeps_its_tiles(photo, painting, capsys):
    assert cli.main(["sheet", photo, painting, "--with", "blend", "--with", "slow:stop=2", "--with", "picky"]) == 130
    said = capsys.readouterr()
    assert "has the tiles so far" in said.err
    assert "1 of 3 tiles" in said.out
    assert Image.open("impasto-sheet.png").format == "PNG"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--sweep", "blend.amount"], "--sweep adain.alpha=0.3,0.6,1"),
        (["--sweep", "blend.amout=1"], "no stage has a parameter"),
        (["--sweep", "blend.amount=2"], "a number, 0 to 1"),
        (["--sweep", "blend.amount=1", "--with", "blend", "--with", "picky"], "one --with"),
        (["-o", "photo.png"], "never overwritten"),
        (["-o", "-"], "impasto-sheet.png"),
        (["-o", "sheet.xyz"], ".png"),
    ],
)
def test_a_mistake_is_said_before_anything_is_painted(photo, painting, capsys, arguments, said):
    assert cli.main(["sheet", photo, painting, *arguments]) == 2
    captured = capsys.readouterr()
    assert said in captured.err
    assert not captured.out
