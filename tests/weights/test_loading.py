"""Checkpoints: nothing in a file is ever run, and what is none is called what it is."""

import io
import json
import pickle
import struct
import time
import tracemalloc
import zipfile
from collections import OrderedDict

import pytest
import torch
from PIL import Image
from safetensors.torch import save, save_file

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


# -------------------------------------------------------------------------------- files made to hurt, or badly damaged


def headed(header, data=b""):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


def rezipped(change, content=TENSORS):
    """Return a PyTorch checkpoint with its members changed: `change(name, data)` returns (name, data)."""
    whole, out = io.BytesIO(), io.BytesIO()
    torch.save(content, whole)
    with zipfile.ZipFile(whole) as old, zipfile.ZipFile(out, "w") as new:
        for member in old.infolist():
            name, data = change(member.filename, old.read(member))
            new.writestr(name, data, zipfile.ZIP_DEFLATED if len(data) > 1 << 20 else zipfile.ZIP_STORED)
    return out.getvalue()


def nested_key(depth):
    """A pickle {((((…)))): None}: at the depth of a long file its hash is more than the stack takes."""
    return b"\x80\x02}" + b")" + b"\x85" * depth + b"Ns."


def called(function, *arguments):
    """A pickle that calls what torch itself allows."""
    module, _, name = function.rpartition(".")
    return (
        b"\x80\x02c"
        + module.encode()
        + b"\n"
        + name.encode()
        + b"\n("
        + b"".join(b"J" + struct.pack("<i", value) for value in arguments)
        + b"tR."
    )


def pickled_as(data):
    return rezipped(lambda name, old: (name, data if name.endswith("data.pkl") else old))


def flipped(data, needle):
    """Return the bytes with one bit other in the first place where `needle` is."""
    place = data.index(needle)
    return data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :]


def torch_bytes(content, **options):
    out = io.BytesIO()
    torch.save(content, out, **options)
    return out.getvalue()


SECRET = torch.arange(1000.0)
HOSTILE = {
    "nested JSON": (headed(b"{" + b'"a":{' * 5000), "looks truncated or damaged"),
    "JSON in a list": (headed(b'{"a":' + b"[" * 100_000), "looks truncated or damaged"),
    "header of 2^63 bytes": (struct.pack("<Q", 1 << 63) + b"{}" + b"x" * 600, "looks truncated or damaged"),
    "header of nothing": (struct.pack("<Q", 0) + b"{" * 9, "looks truncated or damaged"),
    "header that is no text": (headed(b"{\xff\xfe}"), "looks truncated or damaged"),
    "offsets of 10^4000": (
        headed(b'{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,' + b"9" * 4000 + b"]}}"),
        "damaged",
    ),
    "a type nobody knows": (headed({"a": {"dtype": "F3", "shape": [1], "data_offsets": [0, 1]}}, b"x"), "damaged"),
    "float8": (save({"a": torch.ones(3).to(torch.float8_e4m3fn)}), "a is of torch.float8_e4m3fn"),
    "complex": (save({"a": torch.ones(3, dtype=torch.complex64)}), "a is of torch.complex64"),
    "float8 in a .pth": (torch_bytes({"a": torch.ones(3).to(torch.float8_e5m2)}), "a is of torch.float8_e5m2"),
    "no numbers": (save({"a": torch.ones(0, 3)}), r"a is empty, of shape \(0, 3\)"),
    "a name of a megabyte": (save({"x" * (1 << 20): torch.ones(1)}), "has a tensor called 'xxx"),
    "a name that paints the terminal": (save({"\x1b]0;owned\x07": torch.ones(1)}), r"called '\\x1b\]0;owned\\x07'"),
    "sparse": (torch_bytes({"a": torch.eye(3).to_sparse()}), "holds sparse tensors"),
    "meta": (torch_bytes({"a": torch.empty(3, device="meta")}), "holds tensors without values"),
    "quantised": (
        torch_bytes({"a": torch.quantize_per_tensor(torch.ones(3), 0.1, 0, torch.qint8)}),
        "holds quantised tensors",
    ),
    "2 GB deflated": (None, "bytes that unpack to"),
    "one bit of a tensor": (flipped(torch_bytes({"a": SECRET}), SECRET.numpy().tobytes()[400:440]), "Bad CRC-32"),
    "a key that is nested": (pickled_as(nested_key(300_000)), "longer than that of any network"),
    "a key that is nested, old": (nested_key(300_000), "longer than that of any network"),
    "memory by the gigabyte": (
        pickled_as(called("builtins.bytearray", 2**31 - 1)),
        r"Python objects \(builtins.bytearray",
    ),
    "values of nobody": (pickled_as(called("torch.Tensor", 3)), r"Python objects \(torch.Tensor"),
    "a pickle without end": (b"\x80\x02" + b"N" * (3 << 20), "longer than that of any network"),
    "a zip that says it is encrypted": (None, "looks truncated or damaged"),
    "a zip of no known method": (None, "looks truncated or damaged"),
    "a member named in no code": (None, "looks truncated or damaged"),
}


def central(data, offset, value):
    """Return a zip with a field of its first member's central header changed."""
    place = data.index(b"PK\x01\x02") + offset
    return data[:place] + value + data[place + len(value) :]


def hostile(name):
    data = HOSTILE[name][0]
    if data is not None:
        return data
    if name == "2 GB deflated":
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("a/data.pkl", b"\x80\x02}.")
            with archive.open("a/data/0", "w", force_zip64=True) as member:
                for _ in range(64):
                    member.write(bytes(1 << 20))
        return out.getvalue()
    whole = torch_bytes(TENSORS)
    if name == "a zip that says it is encrypted":
        return central(whole, 8, b"\x01\x00")
    if name == "a zip of no known method":
        return central(whole, 10, b"\x63\x00")
    return central(central(whole, 8, b"\x00\x08"), 46, b"\xff\xfe")


@pytest.mark.parametrize("name", HOSTILE)
def test_a_file_made_to_hurt_is_called_what_it_is_at_little_cost(tmp_path, name):
    file = tmp_path / ("a.safetensors" if hostile(name)[8:9] == b"{" else "a.pth")
    file.write_bytes(hostile(name))
    tracemalloc.start()
    started = time.monotonic()
    try:
        with pytest.raises(WeightsError, match=HOSTILE[name][1]) as caught:
            load(file)
    finally:
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    message = str(caught.value)
    assert time.monotonic() - started < 30
    assert peak < 100 << 20
    assert len(message) < 1000
    assert message.replace("\n", "").isprintable()
    assert "what would work" in message


def test_parameters_and_wrappers_are_read_as_plain_tensors(tmp_path):
    """A `Parameter` wants a gradient, and an `OrderedDict` from a file may have an `items` of its own."""
    wrapped = OrderedDict(a=torch.nn.Parameter(torch.ones(2)))
    wrapped.itemz = "nothing to call"
    (tmp_path / "a.pth").write_bytes(rezipped(lambda name, data: (name, data.replace(b"itemz", b"items")), wrapped))
    found = load(tmp_path / "a.pth")
    assert type(found["a"]) is torch.Tensor
    assert not found["a"].requires_grad


def test_a_checkpoint_saved_without_checksums_is_read(tmp_path):
    before = torch.serialization.get_crc32_options()
    torch.serialization.set_crc32_options(False)
    try:
        file = saved(tmp_path / "a.pth", TENSORS)
    finally:
        torch.serialization.set_crc32_options(before)
    assert torch.equal(load(file)["a.weight"], TENSORS["a.weight"])
