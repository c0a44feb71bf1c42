"""`impasto run` for a studio: masks by name, formats, JSON lines, a sheet, and what a stop in the middle leaves."""

import json
import os
from pathlib import Path

import pytest
import torch
from PIL import Image

import impasto
from impasto import cli

pytestmark = pytest.mark.usefixtures("installed")


@pytest.fixture
def folder(make, stages):
    """Four photographs, the second with a mask of its left half beside it, the third no picture."""
    for index in range(4):
        make(f"photos/{index}.png", (0.1 * index,) * 3)
    left = torch.zeros(1, 3, 12, 8)
    left[..., :4] = 1
    impasto.read(left).save("photos/1.mask.png")
    Path("photos/2.png").write_bytes(b"broken")
    impasto.Pipeline(stages.Blend(amount=1.0)).save("pipeline.toml")
    return "photos"


def run(painting, *more):
    return cli.main(["run", "pipeline.toml", "--content", "photos", "--style", painting, "--out", "painted", *more])


def test_a_mask_beside_a_photograph_is_its_mask_and_no_photograph(folder, painting, capsys):
    assert run(painting) == 1
    assert sorted(os.listdir("painted")) == ["0.png", "1.png", "3.png"]
    assert "1 of 4 photographs have masks beside them, such as photos/1.mask.png" in capsys.readouterr().err
    painted = impasto.read("painted/1.png").tensor
    torch.testing.assert_close(painted[..., 4:], impasto.read("photos/1.png").tensor[..., 4:])
    assert painted[:, 0, :, :4].min() == 1


def test_a_region_beside_a_photograph_has_the_style_of_its_label(make, stages, painting):
    make("photos/0.png", (0.5, 0.5, 0.5))
    blue = make("blue.png", (0.0, 0.0, 1.0))
    for label, columns in (("sky", slice(0, 4)), ("sea", slice(4, 8))):
        region = torch.zeros(1, 3, 12, 8)
        region[..., columns] = 1
        impasto.read(region).save(f"photos/0.mask.{label}.png")
    impasto.Pipeline(stages.Blend(amount=1.0)).save("pipeline.toml")
    command = ["run", "pipeline.toml", "--content", "photos/0.png", "--out", "painted"]
    assert cli.main([*command, "--style", f"sky={painting}", f"sea={blue}"]) == 0
    painted = impasto.read("painted/0.png").tensor
    assert painted[0, :, 0, 0].tolist() == [1, 0, 0]
    assert painted[0, :, 0, -1].tolist() == [0, 0, 1]


def test_a_mask_for_all_goes_before_those_beside(folder, painting, make):
    make("everything.png", (1.0, 1.0, 1.0))
    assert run(painting, "--mask", "everything.png") == 1
    assert impasto.read("painted/1.png").tensor[:, 0].min() == 1


def test_two_files_for_one_mask_are_refused(folder, painting, capsys):
    impasto.read(torch.ones(1, 3, 12, 8)).save("photos/1.mask.bmp")
    assert run(painting) == 2
    assert "are the same mask of 1" in capsys.readouterr().err


def test_a_picture_called_mask_without_its_photograph_is_painted(make, stages, painting):
    make("photos/carnival.mask.png")
    impasto.Pipeline(stages.Blend()).save("pipeline.toml")
    assert run(painting) == 0
    assert os.listdir("painted") == ["carnival.mask.png"]


def test_pictures_in_a_folder_have_the_format_that_was_asked(folder, painting):
    assert run(painting, "--format", "jpg:quality=40") == 1
    assert sorted(os.listdir("painted")) == ["0.jpg", "1.jpg", "3.jpg"]
    assert Image.open("painted/0.jpg").format == "JPEG"


@pytest.mark.parametrize(
    ("more", "promised"),
    [
        (["--format", "jpg:colour=3"], "colour=3 is no setting of a format"),
        (["--format", "tga"], "'.tga' names no format"),
        (["--format", "jpg:bits=16"], "JPEG cannot hold 16 bits"),
        (["--format", "jpg", "--out", "one.png", "--content", "photos/0.png"], "what to type: --out one, a folder"),
        (["--json", "--out", "-", "--content", "photos/0.png"], "would both go to standard output"),
        (["--sheet", "photos/0.png"], "never overwritten"),
    ],
)
def test_options_that_do_not_go_together_are_explained(folder, painting, capsys, more, promised):
    try:
        code = run(painting, *more)
    except SystemExit as stop:
        code = stop.code
    assert code == 2 or (code == 1 and promised == "never overwritten")
    assert promised in capsys.readouterr().err


@pytest.mark.filterwarnings("always")
def test_each_picture_has_a_line_of_json(folder, painting, capsys, make):
    make("photos/3.mask.png", (0.0, 0.0, 0.0))
    tiny = torch.zeros(1, 3, 12, 8)
    tiny[..., :2, 0] = 1
    for index in "01":
        impasto.read(tiny).save(f"photos/{index}.mask.png")
    assert run(painting, "--json", "--seed", "7") == 1
    out, err = capsys.readouterr()
    rows = [json.loads(line) for line in out.splitlines()]
    assert [row["outcome"] for row in rows] == ["painted", "painted", "failed", "failed"]
    assert (rows[0]["content"], rows[0]["file"]) == ("photos/0.png", "painted/0.png")
    assert (rows[0]["width"], rows[0]["height"], rows[0]["seed"], rows[0]["error"]) == (8, 12, 7, None)
    assert rows[0]["seconds"] > 0
    # Both have it, although the second says what the first has said.
    assert all("selects 2 pixels" in row["warnings"][0] for row in rows[:2])
    assert "what is in it is no picture" in rows[2]["error"] or "photos/2.png" in rows[2]["error"]
    assert "the mask selects nothing" in rows[3]["error"]
    assert "2 painted, 2 failed" in err


def test_a_stopped_run_goes_on_where_it_was_and_its_sheet_has_everything(folder, painting, capsys, stages, monkeypatch):
    assert run(painting, "--sheet", "sheet.png") == 1
    whole = impasto.read("sheet.png").size
    os.remove("painted/3.png")
    save = impasto.Picture.save

    def stop(picture, path, **options):
        if str(path).startswith("painted"):
            raise KeyboardInterrupt
        return save(picture, path, **options)

    monkeypatch.setattr(impasto.Picture, "save", stop)
    Path("photos/2.png").unlink()
    assert run(painting, "--sheet", "sheet.png", "--skip-existing") == 130
    assert "0 painted, 2 skipped, 1 not done" in capsys.readouterr().out
    assert impasto.read("sheet.png").size != whole
    monkeypatch.setattr(impasto.Picture, "save", save)
    before = Path("painted/0.png").stat().st_mtime_ns
    assert run(painting, "--sheet", "sheet.png", "--skip-existing", "--json") == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [row["outcome"] for row in rows] == ["skipped", "skipped", "painted"]
    assert Path("painted/0.png").stat().st_mtime_ns == before
    assert impasto.read("sheet.png").size == whole
