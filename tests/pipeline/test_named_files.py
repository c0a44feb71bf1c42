"""Files that stages name: found missing before anything is painted, relative to their pipeline's file, told apart."""

import os
import socket
import sys
from pathlib import Path
from typing import ClassVar

import pytest
import torch

import impasto
from impasto.errors import ParameterError
from impasto.host import get_host
from impasto.pipeline import named_files

PHOTO = torch.rand(1, 3, 24, 24)
MASK = torch.ones(1, 3, 24, 24)


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "sub").mkdir()
    impasto.read(MASK).save("mask.png")
    return tmp_path


class Slow(impasto.Preprocessor, name="slow"):
    """Count how often anything is painted."""

    painted: ClassVar[list[impasto.Canvas]] = []

    def prepare(self, canvas):
        """Return the canvas as it is."""
        self.painted.append(canvas)
        return canvas


OWN_DECODER = [("adain", "encoder"), ("wct-photo", "encoder")]


def named(stage, parameter, value):
    """A stage of this name whose parameter names a file."""
    needed = {"labels": ("a=red", "b=blue")} if stage == "segment-scribbles" else {}
    needed |= {"init": "file"} if parameter == "init_file" else {}
    needed |= {"path": "mask.png"} if (stage, parameter) == ("mask-file", "styles") else {}
    needed |= {"decoder": "mask.png"} if (stage, parameter) in OWN_DECODER else {}
    needed |= {"decoders": "mask.png"} if (stage, parameter) in (("wct", "encoder"), ("style-swap", "encoder")) else {}
    kind = get_host().stage(stage)
    given = (value,) if kind.parameters()[parameter].listed else value
    return kind(**{parameter: given}, **needed)


NAMING = [
    (name, parameter.name)
    for name, stage in get_host().stages.items()
    for parameter in stage.parameters().values()
    if parameter.reads
]


@pytest.mark.parametrize(("stage", "parameter"), NAMING)
def test_a_file_that_is_not_there_is_found_missing_before_anything_is_painted(stage, parameter):
    pipe = impasto.Pipeline(Slow(), named(stage, parameter, "nowhere.png"))  # it can be made, shown and saved elsewhere
    with pytest.raises(ParameterError, match=rf"(?s)^{stage}, {parameter}: nowhere.png: there is no such file\n  .+"):
        pipe(PHOTO, PHOTO)
    assert not Slow.painted


@pytest.mark.parametrize("what", ["folder", "device", "link to a device", "pipe", "socket", "too large"])
def test_what_is_no_regular_file_is_not_opened(what, folder, monkeypatch):
    path = folder / "thing.png"
    if what == "folder":
        path.mkdir()
    elif what == "too large":
        monkeypatch.setattr(named_files, "LARGEST_FILE", 10)
        path.write_bytes(b"x" * 11)
    elif sys.platform == "win32":
        pytest.skip("no such files there")
    elif what == "device":
        path = Path("/dev/zero")
    elif what == "link to a device":
        path.symlink_to("/dev/zero")
    elif what == "pipe":
        os.mkfifo(path)
    else:
        socket.socket(socket.AF_UNIX).bind("thing.png")
    with pytest.raises(ParameterError, match=r"is a folder|no regular file|has 11 bytes"):
        impasto.Pipeline(Slow(), named("mask-file", "path", str(path)))(PHOTO)
    assert not Slow.painted


def test_a_file_to_be_written_needs_its_folder():
    pipe = impasto.Pipeline(Slow(), get_host().stage("gatys")(steps=1, checkpoint="nowhere/long.pt"))
    with pytest.raises(ParameterError, match=r"gatys, checkpoint: nowhere.long\.pt: there is no folder"):
        pipe(PHOTO, PHOTO)
    assert not Slow.painted


@pytest.mark.parametrize("where", ["pipe.toml", "sub/pipe.toml", "{folder}/pipe.toml", "{folder}/sub/pipe.toml"])
@pytest.mark.parametrize(
    "name", ["mask.png", "sub/mask.png", "../mask.png", "{folder}/mask.png", "~/mask.png", "a~b.png"]
)
def test_a_pipeline_comes_back_equal_wherever_its_file_lies(where, name, folder):
    pipe = impasto.Pipeline(
        named("mask-file", "path", name.format(folder=folder)),
        get_host().stage("gatys")(checkpoint=name.format(folder=folder)),
    )
    pipe.save(where.format(folder=folder))
    assert impasto.Pipeline.load(where.format(folder=folder)) == pipe


@pytest.mark.parametrize("name", ["mask.png", "./mask.png", "../{name}/mask.png"])
@pytest.mark.parametrize("where", [".", "sub"])
def test_a_pipeline_finds_its_files_from_another_folder(name, where, folder, monkeypatch, tmp_path_factory):
    impasto.Pipeline(named("mask-file", "path", name.format(name=folder.name))).save(f"{where}/pipe.toml")
    monkeypatch.chdir(tmp_path_factory.mktemp("elsewhere"))
    pipe = impasto.Pipeline.load(folder / where / "pipe.toml")
    assert pipe.prepare(PHOTO).mask.min() == 1
    assert pipe.stages[0].path.endswith(f"{folder.name}/mask.png".replace("/", os.sep))


def test_names_of_networks_are_no_files_and_a_file_called_like_one_stays_one(folder, monkeypatch):
    pipe = impasto.Pipeline(*impasto.Pipeline.parse("gatys:encoder=slim19, cyclegan:network=impressionism").stages)
    pipe.save("sub/pipe.toml")
    assert impasto.Pipeline.load("sub/pipe.toml") == pipe
    impasto.Pipeline.parse('gatys:encoder="./slim19"').save("sub/pipe.toml")
    assert 'encoder = "../slim19"' in Path("sub/pipe.toml").read_text()
    assert impasto.Pipeline.load("sub/pipe.toml").stages[0].encoder == "./slim19"


def test_a_recipe_says_which_file_it_was_and_a_replay_with_another_warns():
    painted = impasto.Pipeline(named("mask-file", "path", "mask.png"))(PHOTO)
    digest = named_files.sha256(Path("mask.png"))
    assert digest in painted.meta.recipe
    painted.save("painted.png")
    painted.save("sub/painted.jpg", recipe=True)
    impasto.Pipeline.load("painted.png", allow=["mask.png"])
    # Kept with a picture: names are as when it was painted.
    assert impasto.Pipeline.load("sub/painted.jpg.toml").stages[0].path == "mask.png"
    impasto.read(MASK / 2).save("mask.png")
    with pytest.warns(UserWarning, match=r"another 'mask\.png' than the file that is there now"):
        impasto.Pipeline.load("painted.png", allow=["mask.png"])
    with pytest.warns(UserWarning, match=r"another 'mask\.png'"):
        impasto.Pipeline.load("sub/painted.jpg.toml")
    Path("mask.png").unlink()
    assert impasto.Pipeline.load("painted.png", allow=["mask.png"]).stages


@pytest.mark.parametrize(
    ("stage", "parameter", "value", "near"),
    [
        ("gatys", "encoder", "slim91", "slim19"),
        ("adain", "decoder", "adain-slim91", "adain-slim19"),
        ("wct", "decoders", "wct-slim", "wct-slim19"),
    ],
)
def test_a_misspelt_name_of_a_network_is_met_by_those_installed_and_by_what_a_path_looks_like(
    stage, parameter, value, near
):
    with pytest.raises(ParameterError) as caught:
        impasto.Pipeline(named(stage, parameter, value))(PHOTO, PHOTO)
    first, *more = str(caught.value).splitlines()
    assert first == f"{stage}, {parameter}: {value}: there is no such file, nor anything installed of this name"
    assert more[0].startswith("  installed: ")
    assert near in more[0]
    assert more[1] == f"  did you mean '{near}'?"
    assert f"./{value}.safetensors" in more[2]
