"""`impasto demo` shows every stylizer."""

import pytest
from PIL import Image

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
