"""Networks are built without values or random numbers, checked against their file, and read once."""

import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import torch
from torch import nn

from impasto.errors import WeightsError
from impasto.weights import cached, check_state_dict, empty_init, load, regular_files


def test_empty_networks_have_no_values_and_draw_no_random_numbers():
    before = torch.get_rng_state()
    with empty_init():
        parts = [nn.Conv2d(3, 4, 3), nn.Linear(3, 3), nn.Embedding(3, 4), nn.BatchNorm2d(3)]
        nn.init.kaiming_normal_(parts[0].weight)
        nn.init.trunc_normal_(tensor=parts[1].weight)
        nn.init.eye_(parts[0].weight.data[..., 0, 0])
        beside = nn.init.ones_(torch.empty(3, device="cpu"))
    assert all(value.is_meta for part in parts for value in [*part.parameters(), *part.buffers()])
    assert torch.equal(torch.get_rng_state(), before)
    assert beside.tolist() == [1, 1, 1]
    assert not torch.equal(nn.Linear(9, 9).weight, nn.Linear(9, 9).weight)


def test_every_initialiser_of_torch_is_skipped():
    """All that `nn.init` has, this version's and the next one's: they are told by their names alone."""
    code = """
        import inspect, sys, torch
        from torch import nn
        from impasto.weights import empty_init

        given = {"val": 1.0, "sparsity": 0.5}
        names = [name for name in dir(nn.init) if name.endswith("_") and not name.startswith("_")]
        assert {"normal_", "kaiming_uniform_", "trunc_normal_", "eye_", "orthogonal_"} <= set(names), names
        before = torch.get_rng_state()
        for name in names:
            initialise = getattr(nn.init, name)
            needs = [key for key, one in inspect.signature(initialise).parameters.items() if one.default is one.empty]
            with empty_init():
                tensor = torch.empty((3, 4, 3) if name == "dirac_" else (3, 4))
                if name == "sparse_":
                    continue  # draws a permutation for each column: no layer of torch begins so
                filled = initialise(tensor, **{key: given[key] for key in needs[1:]})
            assert filled is tensor and tensor.is_meta, name
            assert torch.equal(torch.get_rng_state(), before), name
            assert "torch._dynamo" not in sys.modules, name
    """
    ran = subprocess.run([sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr


def test_networks_that_ship_load_without_torchs_compiler():
    """Which takes longer to import than all else that a first picture waits for."""
    code = """
        import sys, torch, impasto
        for stage in "adain", "wct", "style-swap", "wct-photo", "fast", "local", "cyclegan":
            pipe = impasto.Pipeline.parse(stage)
            pipe(*[torch.rand(1, 3, 64, 64)] * (1 + (pipe.stages[0].style == "required")))
        print("torch._dynamo" in sys.modules)
    """
    ran = subprocess.run([sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, check=False)
    assert ran.stdout == "False\n", ran.stderr


# ------------------------------------------------------------------------------------------------- tensors of a file


def refuse(what):
    return WeightsError(f"net.pth: {what}")


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"bias": None}, "lacks a.bias"),
        ({"bias": torch.zeros(3)}, r"a.bias is \(3,\), expected \(2,\)"),
        ({"bias": torch.tensor([0.0, torch.nan])}, "a.bias has values that are not finite"),
        ({"bias": torch.zeros(2, dtype=torch.int64)}, "a.bias is of torch.int64; networks are made of"),
        ({"bias": torch.full((2,), 1e38)}, r"a.bias has values up to 1e\+38, where a network's are around 1"),
        ({"bias": torch.full((3,), torch.nan)}, r"a.bias is \(3,\), expected"),
        ({"bias": torch.zeros(2).to(torch.float8_e4m3fn)}, "a.bias is of torch.float8_e4m3fn"),
        ({"bias": torch.zeros(2).to_sparse()}, "a.bias is sparse"),
        ({"bias": torch.zeros(2, device="meta")}, "a.bias is without values"),
        ({"bias": torch.quantize_per_tensor(torch.zeros(2), 1.0, 0, torch.qint8)}, "a.bias is quantised"),
        ({"scale": torch.zeros(2)}, "has a.scale, which is no part of such a network"),
    ],
)
def test_tensors_that_do_not_fit_a_network_are_named(changes, says):
    tensors = {key: value for key, value in {**nn.Linear(3, 2).state_dict(), **changes}.items() if value is not None}
    with pytest.raises(WeightsError, match=rf"net\.pth: {says}"):
        check_state_dict(tensors, nn.Linear(3, 2).state_dict(), refuse, "a.")


def test_weights_of_zeros_alone_are_refused_and_a_layer_that_gives_nothing_yet_is_not():
    network = nn.Sequential(nn.Conv2d(2, 2, 3), nn.Conv2d(2, 2, 3))
    nn.init.zeros_(network[1].weight)  # as of what a generator adds to a picture, before it is trained
    check_state_dict(network.state_dict(), network.state_dict(), refuse)
    nn.init.zeros_(network[0].weight)
    with pytest.raises(WeightsError, match="has weights of zeros alone, which give the same for every picture"):
        check_state_dict(network.state_dict(), network.state_dict(), refuse)


def test_numbers_stored_once_and_repeated_are_refused_before_memory_is_taken_for_them():
    repeated = {"weight": torch.ones(1).expand(1 << 19, 1 << 17)}
    with pytest.raises(WeightsError, match=r"claims 274,877,906,944 bytes of tensors, such as weight .* and holds 4:"):
        check_state_dict(repeated, {"weight": torch.empty(1 << 19, 1 << 17, device="meta")}, refuse)
    shared = torch.ones(1 << 20)
    many = {f"layer.{index}": shared[index:].view(1, -1)[:, :1000000] for index in range(100)}
    with pytest.raises(WeightsError, match="numbers stored once and repeated"):
        check_state_dict(many, {key: torch.empty(value.shape, device="meta") for key, value in many.items()}, refuse)


def test_tensors_that_fit_come_back_in_float32():
    layer = nn.Linear(3, 2)
    checked = check_state_dict(layer.half().state_dict(), nn.Linear(3, 2, device="meta").state_dict(), refuse)
    assert [value.dtype for value in checked.values()] == [torch.float32] * 2


# --------------------------------------------------------------------------------------------------------- caching


def read_layer(path):
    layer = nn.Linear(1, 1)
    layer.load_state_dict(torch.load(path, weights_only=True))
    return layer


def read_layer_slowly(path):
    time.sleep(0.05)
    return read_layer(path)


def test_a_network_is_read_once_until_its_file_changes(tmp_path):
    file = tmp_path / "layer.pth"
    torch.save(nn.Linear(1, 1).state_dict(), file)
    first = cached(read_layer, file, None)
    assert cached(read_layer, str(file), "cpu") is first
    assert not first.training
    assert not first.weight.requires_grad
    torch.save(nn.Linear(1, 1).state_dict(), file)
    os.utime(file, ns=(1, 1))
    assert cached(read_layer, file, None) is not first


def test_a_folder_is_not_read_twice_and_a_whole_disk_not_at_all(tmp_path):
    (tmp_path / "a/b").mkdir(parents=True)
    torch.save(nn.Linear(1, 1).state_dict(), tmp_path / "a/b/layer.pth")
    os.symlink("nowhere", tmp_path / "a/gone.pth")
    first = cached(lambda folder: read_layer(folder / "a/b/layer.pth"), tmp_path, None)
    assert isinstance(first, nn.Linear)
    assert list(regular_files(tmp_path)) == [tmp_path / "a/b/layer.pth"]
    (tmp_path / "1/2/3/4/5").mkdir(parents=True)
    with pytest.raises(WeightsError, match=r"folders deeper than 4 levels, and is not looked through"):
        cached(read_layer, tmp_path, None)
    if os.name == "posix":
        started = time.monotonic()
        with pytest.raises(WeightsError, match=r"/: has .*, and is not looked through for networks\n  what would work"):
            cached(read_layer, "/", None)
        assert time.monotonic() - started < 5


def test_files_that_vanish_while_a_folder_is_looked_at_are_left_out(tmp_path, monkeypatch):
    (tmp_path / "kept.pth").touch()
    (tmp_path / "going.pth").touch()
    stat = Path.stat

    def vanishing(path, **options):
        if path.name == "going.pth":
            raise FileNotFoundError(2, "No such file or directory", str(path))
        return stat(path, **options)

    monkeypatch.setattr(Path, "stat", vanishing)
    assert list(regular_files(tmp_path)) == [tmp_path / "kept.pth"]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes with names here")
def test_pipes_and_devices_are_no_files(tmp_path):
    os.mkfifo(tmp_path / "pipe.pth")
    os.symlink("/dev/zero", tmp_path / "zero.safetensors")
    assert regular_files(tmp_path) == {}
    for name in ("pipe.pth", "zero.safetensors"):
        with pytest.raises(WeightsError, match=f"{name}: is a device or a pipe, not a file"):
            load(tmp_path / name)


def test_threads_that_ask_at_once_get_the_same_network(tmp_path):
    file = tmp_path / "layer.pth"
    torch.save(nn.Linear(1, 1).state_dict(), file)
    together = threading.Barrier(4)

    def ask(_):
        together.wait()
        return cached(read_layer_slowly, file, None)

    with ThreadPoolExecutor(4) as threads:
        found = list(threads.map(ask, range(4)))
    assert all(one is found[0] for one in found)


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
@pytest.mark.skipif(not hasattr(os, "fork"), reason="processes cannot be forked here")
def test_a_forked_process_does_not_wait_for_a_thread_that_it_does_not_have(tmp_path):
    file = tmp_path / "layer.pth"
    torch.save(nn.Linear(1, 1).state_dict(), file)
    begun, forked = threading.Event(), threading.Event()

    def load(path):
        begun.set()
        forked.wait(10)
        return read_layer(path)

    thread = threading.Thread(target=cached, args=(load, file, None))
    thread.start()
    begun.wait(10)
    child = os.fork()
    if child == 0:
        signal.alarm(5)  # ends it, should it wait
        cached(read_layer, file, None)
        os._exit(0)
    forked.set()
    thread.join()
    assert os.waitpid(child, 0)[1] == 0
