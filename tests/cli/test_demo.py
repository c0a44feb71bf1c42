"""`impasto demo` shows every stylizer."""

import pytest
from PIL import Image

import impasto
from impasto import cli

pytestmark = pytest.mark.usefixtures("installed")


def test_the_demo_shows_every_stylizer_and_the_error_of_one_that_fails(capsys):
    assert cli.main(["demo", "-o", "sheet.png", "--size", "64"]) == 1
    err = capsys.readouterr().err
    assert "picky: " in err
    assert "too wide" in err
    sheet = Image.open("sheet.png")
    colours = {colour for _, colour in sheet.getcolors(maxcolors=1 << 24)}
    assert (0x3A, 0x21, 0x1D) in colours  # the ground of a tile that failed
    assert sheet.width > 3 * 320


def test_a_stylizer_that_needs_what_the_demo_does_not_have_has_a_panel_that_says_so(installed, capsys):
    class Untrained(impasto.Stylizer, name="untrained"):
        """Paint with a network that is yet to be trained."""

        weights_file: str = impasto.param(reads=True, help="the network")

    class Plugin:
        __name__ = "impasto-untrained 1.0"

        @impasto.hookimpl
        def impasto_stylizers(self):
            return [Untrained]

    installed.register(Plugin())
    assert cli.main(["demo", "-o", "sheet.png", "--size", "64"]) == 1
    assert "untrained" not in capsys.readouterr().err  # it is picky that failed
    colours = {colour: count for count, colour in Image.open("sheet.png").getcolors(maxcolors=1 << 24)}
    assert colours[(0x3A, 0x21, 0x1D)] > 1.5 * 320 * 320 * 0.6  # two tiles without a picture
