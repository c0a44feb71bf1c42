"""Looks from .cube files."""

import os
from pathlib import Path

import torch

import impasto
from impasto.functional.lut import Cube
from impasto.picture import write_cube
from impasto.testing import parametrize_checks
from impasto_color import Lut

WARM = Path(__file__).parent / "warm.cube"


@parametrize_checks(Lut(path=WARM), Lut(path=WARM, strength=0.5))
def test_lut(stage, check):
    check(stage)


def paint(stage, image):
    return impasto.Pipeline(stage)(image, device="cpu").tensor


def test_a_changed_file_is_read_anew(tmp_path):
    image = torch.full((1, 3, 4, 4), 0.5)
    file = tmp_path / "a.cube"
    write_cube(Cube(torch.tensor([[0.0] * 3, [1.0] * 3])), file)
    stage = Lut(path=file)
    torch.testing.assert_close(paint(stage, image), image)
    write_cube(Cube(torch.tensor([[0.0] * 3, [0.5] * 3])), file)
    os.utime(file, ns=(1, 1))  # lest it be written twice in one tick of the clock
    torch.testing.assert_close(paint(stage, image), image / 2)
