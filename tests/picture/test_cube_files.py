"""`.cube` files: what is read, what is refused, and that what is written is read again."""

import itertools

import numpy as np
import pytest
import torch
from scipy.interpolate import RegularGridInterpolator

import impasto
from impasto.functional.lut import Cube, grade
from impasto.picture import read_cube, write_cube


def some(shape, seed=1):
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("size", [2, 5, 33])
def test_a_table_that_changes_nothing_changes_nothing(size):
    steps = torch.linspace(0, 1, size)
    table = torch.stack(torch.meshgrid(steps, steps, steps, indexing="ij")[::-1], -1)
    image = some((2, 3, 9, 7))
    torch.testing.assert_close(grade(image, Cube(table)), image)


def test_colours_between_the_entries_are_those_of_scipys_interpolation():
    cube = Cube(some((5, 5, 5, 3)), low=(0.1, 0.0, -0.5), high=(0.9, 1.0, 2.0))
    image = some((2, 3, 9, 7), seed=2)
    axes = [np.linspace(low, high, 5) for low, high in zip(cube.low, cube.high, strict=True)]
    truth = RegularGridInterpolator(axes, cube.table.numpy().transpose(2, 1, 0, 3))  # by red, green and blue
    inside = np.stack([image[:, i].clamp(cube.low[i], cube.high[i]).numpy() for i in range(3)], -1)
    expected = torch.from_numpy(truth(inside)).movedim(-1, 1).float()
    torch.testing.assert_close(grade(image, cube), expected, atol=1e-5, rtol=0)


def test_curves_are_those_of_numpys_interpolation():
    cube = Cube(some((9, 3)), low=(0.2, 0.0, 0.1), high=(0.8, 1.0, 1.5))
    image = some((2, 3, 9, 7), seed=3)
    expected = [
        np.interp(image[:, i].numpy(), np.linspace(cube.low[i], cube.high[i], 9), cube.table[:, i].numpy())
        for i in range(3)
    ]
    torch.testing.assert_close(grade(image, cube), torch.from_numpy(np.stack(expected, 1)).float())


@pytest.mark.parametrize("shape", [(4, 4, 4, 3), (7, 3)])
def test_what_is_written_is_read_again(tmp_path, shape):
    cube = Cube(some(shape), low=(0.0, 0.25, 0.0), high=(1.0, 1.0, 2.0), title='Two "Thirds", Warm')
    write_cube(cube, tmp_path / "a.cube")
    again = read_cube(tmp_path / "a.cube")
    assert (again.title, again.low, again.high) == ("Two 'Thirds', Warm", cube.low, cube.high)
    torch.testing.assert_close(again.table, cube.table, atol=1e-6, rtol=0)


def test_red_runs_fastest_and_comments_are_read_over(tmp_path):
    rows = [f"{red} {green / 2} {blue / 4} # row" for blue, green, red in itertools.product((0, 1), repeat=3)]
    (tmp_path / "a.cube").write_text("# a look\nLUT_3D_SIZE 2\n\n" + "\n".join(rows))
    image = some((1, 3, 4, 4))
    expected = image * torch.tensor([1, 0.5, 0.25]).view(1, 3, 1, 1)
    torch.testing.assert_close(grade(image, read_cube(tmp_path / "a.cube")), expected)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("LUT_1D_SIZE 2\n0 0 0\n1 1 1\n2 2 2", "LUT_1D_SIZE 2 and 3 lines of colours"),
        ("LUT_3D_SIZE 2\n0 0 0", "LUT_3D_SIZE 2 and 1 lines of colours"),
        ("LUT_3D_SIZE 2\n0 0 red", "line 2 is '0 0 red'"),
        ("LUT_3D_SIZE 2\n0 0 nan", "line 2 is '0 0 nan'"),
        ("LUT_3D_SIZE two", "line 1"),
        ("LUT_3D_SIZE 2\nLUT_1D_SIZE 2\n", "both LUT_1D_SIZE and LUT_3D_SIZE"),
        ("LUT_3D_SIZE 99999999\n", "LUT_3D_SIZE 99999999"),
        ("LUT_3D_SIZE 2\nDOMAIN_MIN 1 1 1\n" + "0 0 0\n" * 8, "not below"),
        ("", "neither"),
    ],
)
def test_what_is_no_table_is_refused_in_words(tmp_path, text, message):
    (tmp_path / "a.cube").write_text(text)
    with pytest.raises(impasto.PictureError, match=f"(?s){message}.*what would work"):
        read_cube(tmp_path / "a.cube")
