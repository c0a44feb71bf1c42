"""Checkpoints: nothing in a file is ever run, and what is none is called what it is."""

import io
import pickle
import zipfile

import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from impasto.errors import WeightsError
from impasto.weights import load

TENSORS = {"a.weight": torch.arange(6.0).view(2, 3), "a.bias": torch.ones(2, dtype=torch.float16)}


def saved(path, content, **options):
    torch.save(content, path, **options)
    return path


def test_checkpoints_of_either_kind_give_the_same_tensors(tmp_path):
    save_file(TENSORS, tmp_path / "a.safetensors")
    files = [
        tmp_path / "a.safetensors",
        saved(tmp_path / "a.pth", TENSORS),
        saved(tmp_path / "old.pth", TENSORS, _use_new_zipfile_serialization=False),
        saved(tmp_path / "training.pt", {"epoch": 3, "state_dict": TENSORS}),
        saved(tmp_path / "parallel.pt", {f"module.{key}": value for key, value in TENSORS.items()}),
    ]
    for file in files:
        found = load(file)
        assert found.keys() == TENSORS.keys()
        for key, value in TENSORS.items():
            assert found[key].dtype == value.dtype
            assert torch.equal(found[key], value)


class Trap:
    """A pickle that writes a file when it is opened the unsafe way."""

    def __init__(self, path):
        self.path = str(path)

    def __reduce__(self):
        return (open, (self.path, "w"))


@pytest.mark.parametrize("modern", [True, False])
def test_a_pickled_program_is_never_run(tmp_path, modern):
    file = saved(tmp_path / "a.pth", {"a": Trap(tmp_path / "sprung")}, _use_new_zipfile_serialization=modern)
    with pytest.raises(WeightsError, match=r"holds Python objects \(.*open\).*not opened"):
        load(file)
    assert not (tmp_path / "sprung").exists()


def test_a_pickled_module_says_how_to_get_its_weights(tmp_path):
    file = saved(tmp_path / "whole.pth", torch.nn.Linear(2, 2))
    with pytest.raises(WeightsError, match=r"(?s)torch\.nn\.modules\.linear\.Linear.*state_dict\(\), 'weights"):
        load(file)


@pytest.mark.parametrize("name", ["a.pth", "old.pth", "a.safetensors"])
def test_a_truncated_file_says_so(tmp_path, name):
    big = {"a": torch.rand(100, 100)}
    if name.endswith("safetensors"):
        save_file(big, tmp_path / name)
    else:
        saved(tmp_path / name, big, _use_new_zipfile_serialization=name == "a.pth")
    whole = (tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(whole[: len(whole) // 2])
    with pytest.raises(WeightsError, match=rf"{name}: looks truncated or damaged") as caught:
        load(tmp_path / name)
    assert "downloading it again" in str(caught.value)
    if name.endswith("safetensors"):
        assert f"{len(whole) // 2:,} bytes found, {len(whole):,} expected" in str(caught.value)


def picture(form):
    out = io.BytesIO()
    Image.new("RGB", (8, 8)).save(out, form)
    return out.getvalue()


def archive(inside):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as opened:
        opened.writestr(inside, b"x")
    return out.getvalue()


@pytest.mark.parametrize(
    ("name", "data", "says"),
    [
        ("a.pth", b"<!DOCTYPE html><html>Sign in</html>", "a web page"),
        ("a.pth", b"\n  <html>", "a web page"),
        ("a.safetensors", b"<!DOCTYPE html><html>404</html>", "named .safetensors, but a web page"),
        ("a.pth", picture("PNG"), "a picture"),
        ("a.pth", picture("JPEG"), "a picture"),
        ("vgg_normalised.t7", b"\x04\x00\x00\x00\x01\x00\x00\x00\x03\x00\x00\x00V 1", "Lua Torch"),
        ("vgg_normalised.t7", b"4\n1\n3\nV 1\n", "Lua Torch"),
        ("a.pth", b"", "an empty file"),
        ("a.pth", b"version https://git-lfs.github.com/spec/v1\noid sha256:0", "Git LFS pointer"),
        ("a.pth", b"just words", "not a checkpoint of any kind"),
        ("a.pth", archive("readme.txt"), "a zip archive, not a checkpoint"),
        ("a.pth", archive("a/constants.pkl"), "a TorchScript program"),
        ("a.pth", pickle.dumps({"a": [1, 2]}, protocol=2), "pickle of something else"),
    ],
)
def test_another_kind_of_file_is_called_what_it_is(tmp_path, name, data, says):
    (tmp_path / name).write_bytes(data)
    with pytest.raises(WeightsError) as caught:
        load(tmp_path / name)
    assert str(tmp_path / name) in str(caught.value)
    assert says in str(caught.value)
    assert "what would work" in str(caught.value)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (torch.ones(3), "holds one tensor"),
        ([torch.ones(3)], "holds list"),
        ({}, "holds nothing"),
        ({"step": 7, "a": torch.ones(1)}, "has step beside or instead of tensors"),
    ],
)
def test_a_checkpoint_without_named_tensors_says_what_it_holds(tmp_path, content, says):
    with pytest.raises(WeightsError, match=says):
        load(saved(tmp_path / "a.pth", content))


def test_no_file_and_a_folder_are_told_apart(tmp_path):
    with pytest.raises(WeightsError, match="there is no such file"):
        load(tmp_path / "a.pth")
    with pytest.raises(WeightsError, match="is a folder"):
        load(tmp_path)
