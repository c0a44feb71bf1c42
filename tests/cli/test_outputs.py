"""Whatever a command writes has a temporary name until it is whole."""

import os
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch

import impasto
from impasto import cli
from impasto.files import part_files
from impasto.training.export import save_half, save_preview

watched: list[Path] = []
watching: list[Path] = []


def hook(event, arguments):
    if event == "open" and watching and isinstance(arguments[0], (str, os.PathLike)):
        path, flags = Path(os.path.abspath(arguments[0])), arguments[2]
        if isinstance(flags, int) and flags & (os.O_WRONLY | os.O_RDWR) and path.is_relative_to(watching[-1]):
            watched.append(path.relative_to(watching[-1]))


@contextmanager
def files_opened_to_write(folder):
    """Give the files below a folder that are opened to write, in the order in which they are."""
    if hook not in installed:
        installed.append(hook)
        sys.addaudithook(hook)
    watched.clear()
    watching.append(folder)
    try:
        yield watched
    finally:
        watching.pop()


installed: list[object] = []


@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize("what", ["paint", "run", "frames", "new-plugin", "pipeline", "sheet", "network", "preview"])
def test_no_file_is_opened_to_write_under_its_own_name(what, tmp_path, photo, painting, stages):
    impasto.Pipeline(stages.Blend()).save("pipeline.toml")
    run = ["run", "pipeline.toml", "--content", photo, "--style", painting, "--out"]
    with files_opened_to_write(tmp_path) as opened:
        if what == "paint":
            assert cli.main(["paint", photo, painting, "-o", "out.jpg", "--recipe", "--with", "blend"]) == 0
        elif what == "run":
            assert cli.main([*run, "painted"]) == 0
        elif what == "frames":
            impasto.stream.write(impasto.Pipeline(stages.Picky()).stream([photo]), "painted")
        elif what == "new-plugin":
            assert cli.main(["new-plugin", "sketch"]) == 0
        elif what == "pipeline":
            impasto.Pipeline(stages.Blend()).save("other.toml")
        elif what == "sheet":
            impasto.show(impasto.read(photo)).save("sheet.png")
        elif what == "network":
            save_half(Path("network.safetensors"), {"weights": torch.zeros(1)})
        else:
            save_preview(Path("preview.png"), torch.zeros(1, 3, 8, 8))
    assert opened
    for file in opened:
        assert any(part_files._PART.fullmatch(part) for part in file.parts), file
    assert not [file for file in tmp_path.rglob("*") if part_files._PART.fullmatch(file.name)]


def test_nothing_else_makes_temporary_files_or_renames_them():
    root = Path(__file__).parents[2]
    others = ("NamedTemporaryFile(", "mkstemp(", "TemporaryDirectory(", "os.replace(", "os.rename(", "save_file(")
    for path in [*root.glob("core/**/*.py"), *root.glob("plugins/*/src/**/*.py")]:
        # The kit tries stages in a folder of its own, and `doctor` looks at standard input in one.
        if path.name in ("part_files.py", "doctor.py") or "testing" in path.parts:
            continue
        lines = path.read_text(encoding="utf-8").splitlines()
        found = [line for line in lines if any(word in line for word in others) and ">>> " not in line]
        assert not found, f"{path}: impasto.files writes files: PartFile, write_atomically"


@pytest.mark.parametrize("out", ["k.png", "k.gif"])
def test_a_picture_is_not_painted_to_the_checkpoint_of_a_stage(out, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("c.png", "s.png"):
        impasto.Picture(torch.rand(1, 3, 32, 32)).save(name)
    code = cli.main(["paint", "c.png", "s.png", "-o", out, "--with", f"gatys:checkpoint=./{out}:steps=1:coarsest=16"])
    assert code == 2
    assert "the picture would go to the file that gatys writes, checkpoint=" in capsys.readouterr().err
    assert sorted(os.listdir()) == ["c.png", "s.png"]
