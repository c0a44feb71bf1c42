"""`impasto run` paints many pictures with one pipeline, and none of them half."""

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
    for index in range(3):
        make(f"photos/{index}.png", (0.1 * index,) * 3)
    Path("photos/notes.txt").write_text("not a picture")
    impasto.Pipeline(stages.Blend(amount=0.5), stages.Picky()).save("pipeline.toml")
    return "photos"


def test_run_paints_a_folder_with_one_pipeline(folder, painting, capsys, mean):
    assert cli.main(["run", "pipeline.toml", "--content", folder, "--style", painting, "--out", "painted"]) == 0
    assert sorted(os.listdir("painted")) == ["0.png", "1.png", "2.png"]
    assert mean("painted/2.png") == [0.4, 0.9, 0.9]
    assert "3 painted" in capsys.readouterr().out


def test_an_animation_among_pictures_is_painted_as_one(folder, painting, capsys):
    frames = [Image.new("RGB", (12, 12), (60 * index, 0, 0)) for index in range(4)]
    frames[0].save("photos/moving.gif", save_all=True, append_images=frames[1:], duration=100)
    command = ["run", "pipeline.toml", "--content", folder, "--style", painting, "--out", "painted"]
    assert cli.main(command) == 0
    assert sorted(os.listdir("painted")) == ["0.png", "1.png", "2.png", "moving.gif"]
    assert Image.open("painted/moving.gif").n_frames == 4
    out, err = capsys.readouterr()
    assert "4 painted" in out
    assert "of which the first is read" not in err
    assert cli.main([*command, "--skip-existing"]) == 0
    assert "0 painted, 4 skipped" in capsys.readouterr().out


@pytest.mark.filterwarnings("always")
def test_what_is_said_of_an_animated_style_is_about_styles(folder, photo, capsys):
    frames = [Image.new("RGB", (12, 12), (60 * index, 0, 0)) for index in range(4)]
    frames[0].save("style.gif", save_all=True, append_images=frames[1:])
    assert cli.main(["run", "pipeline.toml", "--content", "photos/0.png", "--style", "style.gif", "-o", "o.png"]) == 0
    said = capsys.readouterr().err
    assert "of which the first is read" in said
    assert "what would work: a file of the one that is meant; given as content, all are painted" in said


def test_run_reports_a_failure_and_goes_on(folder, painting, capsys, make):
    make("photos/1.png", size=(4, 9))
    Path("photos/0.png").write_bytes(b"broken")
    assert cli.main(["run", "pipeline.toml", "--content", folder, "--style", painting, "--out", "painted"]) == 1
    out, err = capsys.readouterr()
    assert os.listdir("painted") == ["2.png"]
    assert "photos/0.png" in err
    assert "photos/1.png: stage 2 of 2, 'picky'" in err
    assert "Traceback" not in err
    assert "1 painted, 2 failed" in out


def test_run_skips_what_is_there_and_takes_patterns(folder, painting, capsys, make, mean):
    make("painted/1.png", (0, 0, 0))
    command = ["run", "pipeline.toml", "--content", "photos/[12].png", "--style", painting, "--out", "painted"]
    assert cli.main([*command, "--skip-existing"]) == 0
    assert "1 painted, 1 skipped" in capsys.readouterr().out
    assert mean("painted/1.png") == [0, 0, 0]
    assert sorted(os.listdir("painted")) == ["1.png", "2.png"]


def test_a_finished_picture_is_a_pipeline_with_its_seed(photo, painting):
    grainy = ["--with", "blend:noise=0.1", "--seed", "5", "--precision", "float32"]
    assert cli.main(["paint", photo, painting, "-o", "first.png", *grainy]) == 0
    again = ["run", "first.png", "--content", photo, "--style", painting]
    assert cli.main([*again, "--out", "second.png"]) == 0
    assert cli.main([*again, "--out", "third.png", "--seed", "6"]) == 0
    first, second, third = (impasto.read(f"{name}.png").tensor for name in ("first", "second", "third"))
    assert torch.equal(first, second)
    assert not torch.equal(first, third)


def test_an_interrupted_run_leaves_no_half_picture_under_a_finished_name(folder, capsys, stages):
    impasto.Pipeline(stages.Slow(stop=2)).save("pipeline.toml")
    assert cli.main(["run", "pipeline.toml", "--content", folder, "--out", "painted"]) == 130
    assert os.listdir("painted") == ["0.interrupted.png"]
    out, err = capsys.readouterr()
    assert "interrupted.png is the picture so far" in err
    assert "3 not done" in out


RUN_MISTAKES = {
    "an empty folder": (["--content", "empty"], "there are no pictures in empty"),
    "two pictures of one name": (["--content", "photos", "more"], "both be painted to"),
    "several pictures in one file": (["--content", "photos", "--out", "out.png"], "--out out"),
    "a suffix that is none": (["--content", "photos/1.png", "--out", "painted.tga"], "'.tga' names no format"),
    "over the photographs": (["--content", "photos", "--out", "photos"], "never overwritten"),
    "a picture without a recipe": (["painting.png", "--content", "photos"], "carries no recipe"),
    "no such pipeline": (["pipline.toml", "--content", "photos"], "pipeline.toml"),
    "not TOML": (["broken.toml", "--content", "photos"], "not valid TOML"),
}


@pytest.mark.parametrize("mistake", RUN_MISTAKES)
def test_mistakes_in_a_run_are_explained(mistake, folder, painting, capsys, make):
    os.mkdir("empty")
    make("more/1.png")
    Path("broken.toml").write_text("stages = [")
    arguments, promised = RUN_MISTAKES[mistake]
    pipeline = [] if arguments[0] != "--content" else ["pipeline.toml"]
    assert cli.main(["run", "--out", "painted", *pipeline, *arguments]) == 2
    err = capsys.readouterr().err
    assert err.startswith("impasto: ")
    assert promised in err
    assert not Path("painted").exists()


def test_a_folder_may_have_a_dot_in_its_name(folder, painting):
    command = ["run", "pipeline.toml", "--content", folder, "--style", painting, "--out"]
    os.mkdir("made.now")
    for out in ("made.now", "v1.5", "photos.painted"):
        assert cli.main([*command, out]) == 0
        assert sorted(os.listdir(out)) == ["0.png", "1.png", "2.png"]


def test_a_folder_that_cannot_be_made_is_said_before_anything_is_painted(folder, painting, capsys, monkeypatch):
    monkeypatch.setattr(impasto.Pipeline, "__call__", lambda *_, **__: pytest.fail("it began to paint"))
    assert cli.main(["run", "pipeline.toml", "--content", folder, "--style", painting, "--out", f"{painting}/in"]) == 2
    assert "is a file" in capsys.readouterr().err
