import itertools
import os
from pathlib import Path

import pytest
import torch

import impasto
from impasto.testing import parametrize_checks
from impasto_lut import Lut, graded, read_cube

WARM = Path(__file__).parent / "warm.cube"


@parametrize_checks(Lut(path=WARM), Lut(path=WARM, amount=0.5))
def test_lut(stage, check):
    check(stage)


def cube(path, size, change=lambda *colour: colour, head="", low=0.0, high=1.0):
    """Write a table that holds `change` of each of its colours, red fastest."""
    steps = [low + (high - low) * index / (size - 1) for index in range(size)]
    rows = [change(red, green, blue) for blue, green, red in itertools.product(steps, repeat=3)]
    path.write_text(f"{head}LUT_3D_SIZE {size}\n" + "\n".join(" ".join(map(str, row)) for row in rows))
    return Lut(path=path)


def paint(stage, image):
    return impasto.Pipeline(stage)(image, device="cpu").tensor


def test_a_table_that_changes_nothing_changes_nothing(tmp_path):
    image = torch.rand(2, 3, 9, 7, generator=torch.Generator().manual_seed(1))
    for size in (2, 5, 33):
        torch.testing.assert_close(paint(cube(tmp_path / f"{size}.cube", size), image), image)


def test_red_green_and_blue_are_told_apart_and_mixed_between_entries(tmp_path):
    stage = cube(tmp_path / "a.cube", 3, lambda red, green, blue: (blue, red / 2, 0.25 + green / 2))
    image = torch.rand(1, 3, 8, 8, generator=torch.Generator().manual_seed(2))
    red, green, blue = image.unbind(1)
    torch.testing.assert_close(paint(stage, image), torch.stack([blue, red / 2, 0.25 + green / 2], 1))


def test_a_domain_and_a_title_are_read(tmp_path):
    head = 'TITLE "Two Thirds, Warm"\nDOMAIN_MIN 0.2 0.2 0.2\nDOMAIN_MAX 0.8 0.8 0.8\n'
    stage = cube(tmp_path / "a.cube", 4, head=head, low=0.2, high=0.8)
    found = read_cube(stage.path, 0)
    assert found.title == "Two Thirds, Warm"
    image = torch.linspace(0, 1, 30).expand(1, 3, 1, 30)
    torch.testing.assert_close(graded(image, found), image.clamp(0.2, 0.8))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("LUT_1D_SIZE 2\n0 0 0\n1 1 1", "one dimension"),
        ("LUT_3D_SIZE 2\n0 0 0", "1 lines of colours"),
        ("LUT_3D_SIZE 2\n0 0 red", "line 2 is '0 0 red'"),
        ("LUT_3D_SIZE two", "line 1"),
        ("LUT_3D_SIZE 2\nDOMAIN_MIN 1 1 1\n" + "0 0 0\n" * 8, "not below"),
        ("", "LUT_3D_SIZE 0"),
    ],
)
def test_what_is_no_table_is_refused_in_words(tmp_path, text, message):
    (tmp_path / "a.cube").write_text(text)
    with pytest.raises(impasto.StageError, match=f"(?s){message}.*what would work"):
        paint(Lut(path=tmp_path / "a.cube"), torch.zeros(1, 3, 4, 4))


def test_a_changed_file_is_read_anew_and_a_pipeline_names_it_from_its_folder(tmp_path, monkeypatch):
    image = torch.full((1, 3, 4, 4), 0.5)
    cube(tmp_path / "a.cube", 2)
    monkeypatch.chdir(tmp_path)
    impasto.Pipeline(Lut(path="a.cube")).save("grade.toml")
    assert 'path = "a.cube"' in (tmp_path / "grade.toml").read_text()
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    pipe = impasto.Pipeline.load("../grade.toml")
    torch.testing.assert_close(pipe(image, device="cpu").tensor, image)
    text = (tmp_path / "a.cube").read_text().replace("1.0", "0.5")
    (tmp_path / "a.cube").write_text(text)
    os.utime(tmp_path / "a.cube", ns=(1, 1))  # lest it be written twice in one tick of the clock
    torch.testing.assert_close(pipe(image, device="cpu").tensor, image / 2)


def test_a_table_may_lie_in_the_home_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    (tmp_path / "warm.cube").write_bytes(WARM.read_bytes())
    photo = impasto.samples.content("cat", 32)
    assert torch.equal(paint(Lut(path="~/warm.cube"), photo), paint(Lut(path=WARM), photo))
