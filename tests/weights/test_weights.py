"""Weights: only the right file is opened, nothing in a file is ever run, and errors say what to do."""

import hashlib
import http.server
import io
import pickle
import subprocess
import sys
import textwrap
import threading
import zipfile

import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from impasto import weights
from impasto.errors import WeightsError
from impasto.weights import Weights, find, load

DATA = bytes(range(256)) * 40
HASH = hashlib.sha256(DATA).hexdigest()


def record(**changes):
    known = {"name": "net.bin", "sha256": HASH, "size": len(DATA), "url": "http://127.0.0.1:9/net.bin"}
    return Weights(**{**known, "licence": "MIT", "origin": "a test", "expects": "bytes 0 to 255", **changes})


@pytest.fixture(autouse=True)
def alone(tmp_path, monkeypatch):
    """An empty cache, no folders named, and no network unless a test brings one."""
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path / "hub"))
    monkeypatch.delenv("IMPASTO_WEIGHTS", raising=False)
    monkeypatch.setenv("IMPASTO_OFFLINE", "1")


@pytest.fixture
def server(monkeypatch):
    """A web server on this machine: `sent` is what it answers with, `asked` how often it was asked."""

    class Handler(http.server.BaseHTTPRequestHandler):
        sent, asked = DATA, 0

        def do_GET(self):
            Handler.asked += 1
            self.send_response(200)
            self.end_headers()
            self.wfile.write(Handler.sent)

        def log_message(self, *args):
            pass

    monkeypatch.setenv("IMPASTO_OFFLINE", "0")
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        Handler.url = f"http://127.0.0.1:{running.server_port}/net.bin"
        yield Handler
        running.shutdown()


def put(folder, data=DATA, name="net.bin"):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(data)
    return folder / name


# --------------------------------------------------------------------------------------------------- finding


def test_a_given_path_may_be_the_file_or_its_folder(tmp_path):
    file = put(tmp_path / "mine", name="net.bin")
    assert find(record(), file) == find(record(), file.parent) == file
    renamed = put(tmp_path / "mine", name="other-name.pth")
    assert find(record(), str(renamed)) == renamed


def test_a_given_path_that_is_not_there_is_an_error_even_if_the_cache_has_the_file(tmp_path):
    put(tmp_path / "hub/checkpoints")
    with pytest.raises(WeightsError, match=r"net\.bin: there is no file .*nowhere"):
        find(record(), tmp_path / "nowhere")


def test_places_are_searched_in_the_promised_order(tmp_path, monkeypatch):
    cached = put(tmp_path / "hub/checkpoints")
    assert find(record()) == cached
    wheel = put(tmp_path / "site/paintpackage/networks")
    (tmp_path / "site/paintpackage/__init__.py").touch()
    monkeypatch.syspath_prepend(tmp_path / "site")
    shipped = record(file="paintpackage/networks/net.bin")
    assert find(shipped) == wheel
    mine = put(tmp_path / "second")
    monkeypatch.setenv("IMPASTO_WEIGHTS", f"{tmp_path / 'first'}{weights.os.pathsep}{tmp_path / 'second'}")
    assert find(shipped) == mine


def test_offline_the_error_says_file_size_address_folder_and_variable(tmp_path, monkeypatch):
    monkeypatch.setenv("IMPASTO_WEIGHTS", str(tmp_path / "mistyped"))
    with pytest.raises(WeightsError) as caught:
        find(record(size=574_673_361))
    message = str(caught.value)
    for part in ("net.bin", "574.7 MB", "http://127.0.0.1:9/net.bin", str(tmp_path / "hub/checkpoints")):
        assert part in message
    assert "IMPASTO_OFFLINE" in message
    assert f"IMPASTO_WEIGHTS names what is not a folder: {tmp_path / 'mistyped'}" in message


def test_a_file_that_should_be_in_a_wheel_says_which_to_reinstall():
    with pytest.raises(WeightsError, match="wheel of impasto; to have it again, reinstall"):
        find(record(url=None, file="impasto/networks/no-such-net.bin"))


def test_offline_means_no_network_at_all(server, monkeypatch):
    monkeypatch.setenv("IMPASTO_OFFLINE", "1")
    with pytest.raises(WeightsError, match="IMPASTO_OFFLINE is set"):
        find(record(url=server.url))
    assert server.asked == 0


def test_a_download_is_verified_named_and_not_repeated(server, tmp_path, capsys):
    file = find(record(url=server.url))
    assert file == tmp_path / "hub/checkpoints/net.bin"
    assert file.read_bytes() == DATA
    assert find(record(url=server.url)) == file
    assert server.asked == 1
    assert [left.name for left in file.parent.iterdir()] == ["net.bin"]
    assert "net.bin" in capsys.readouterr().err  # the progress bar


@pytest.mark.parametrize(
    ("sent", "says"),
    [
        (DATA[:-100], "looks truncated"),
        (b"x" * len(DATA), "sha256"),
        (DATA + b"\0" * (8 << 20), "sha256"),
    ],
    ids=["short", "other", "endless"],
)
def test_a_wrong_download_never_reaches_the_cache(server, tmp_path, sent, says):
    server.sent = sent
    with pytest.raises(WeightsError, match=says):
        find(record(url=server.url))
    assert list((tmp_path / "hub/checkpoints").iterdir()) == []


def test_a_failed_download_says_why_and_what_to_do(monkeypatch, tmp_path):
    monkeypatch.setenv("IMPASTO_OFFLINE", "0")
    with pytest.raises(WeightsError, match=r"(?s)downloading it failed.*why: .*refused.*put it in: ") as caught:
        find(record(url="http://127.0.0.1:9/net.bin"))
    assert "IMPASTO_WEIGHTS" in str(caught.value)


@pytest.mark.parametrize(("data", "truncated"), [(DATA[:-1], True), (DATA[:-1] + b"\0", False)])
def test_a_wrong_file_is_named_with_both_hashes_and_sizes(tmp_path, data, truncated):
    file = put(tmp_path, data)
    with pytest.raises(WeightsError) as caught:
        find(record(), file)
    message = str(caught.value)
    found = hashlib.sha256(data).hexdigest()
    assert str(file) in message
    assert f"sha256 {HASH[:8]}…, 10,240 bytes" in message
    assert f"sha256 {found[:8]}…, {len(data):,} bytes" in message
    assert ("looks truncated" in message) is truncated
    assert "put the right file in its place" in message


def test_a_published_prefix_of_the_hash_is_enough_but_not_nothing(tmp_path):
    file = put(tmp_path)
    assert find(record(sha256=HASH[:8]), file) == file
    with pytest.raises(WeightsError, match="is not the"):
        find(record(sha256="0123abcd"), file)
    with pytest.raises(ValueError, match="the first 8 or more"):
        record(sha256="")


def test_a_file_is_hashed_once_until_it_changes(tmp_path, monkeypatch):
    file = put(tmp_path)
    find(record(), file)

    class Refuse:
        @staticmethod
        def sha256():
            raise AssertionError("hashed again")

    with monkeypatch.context() as patch:
        patch.setattr(weights, "hashlib", Refuse)
        assert find(record(), file) == file
    file.write_bytes(DATA[::-1])
    with pytest.raises(WeightsError, match="is not the net"):
        find(record(), file)


# --------------------------------------------------------------------------------------------------- opening

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


# ---------------------------------------------------------------------------------------- networks without values


def test_hollow_networks_have_no_values_and_draw_no_random_numbers():
    before = torch.get_rng_state()
    with weights.hollow():
        parts = [torch.nn.Conv2d(3, 4, 3), torch.nn.Linear(3, 3), torch.nn.Embedding(3, 4), torch.nn.BatchNorm2d(3)]
        torch.nn.init.kaiming_normal_(parts[0].weight)
        torch.nn.init.trunc_normal_(tensor=parts[1].weight)
        torch.nn.init.eye_(parts[0].weight.data[..., 0, 0])
        beside = torch.nn.init.ones_(torch.empty(3, device="cpu"))
    assert all(value.is_meta for part in parts for value in [*part.parameters(), *part.buffers()])
    assert torch.equal(torch.get_rng_state(), before)
    assert beside.tolist() == [1, 1, 1]
    assert not torch.equal(torch.nn.Linear(9, 9).weight, torch.nn.Linear(9, 9).weight)


def test_networks_that_ship_load_without_torchs_compiler():
    """Which takes longer to import than all else that a first picture waits for."""
    code = """
        import sys, torch, impasto
        for stage in "adain", "wct", "style-swap", "wct-photo", "fast", "local", "cyclegan":
            pipe = impasto.Pipeline.parse(stage)
            pipe(*[torch.rand(1, 3, 64, 64)] * (1 + pipe.stages[0].needs_style))
        print("torch._dynamo" in sys.modules)
    """
    ran = subprocess.run([sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, check=False)
    assert ran.stdout == "False\n", ran.stderr
