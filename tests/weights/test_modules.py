"""Networks are built without values or random numbers, checked against their file, and read once."""

import os
import subprocess
import sys
import textwrap

import pytest
import torch
from torch import nn

from impasto.errors import WeightsError
from impasto.weights import cached, check_state_dict, empty_init


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
        ({"bias": torch.zeros(2, dtype=torch.int64)}, "a.bias has values that are not finite"),
        ({"scale": torch.zeros(2)}, "has a.scale, which is no part of such a network"),
    ],
)
def test_tensors_that_do_not_fit_a_network_are_named(changes, says):
    tensors = {key: value for key, value in {**nn.Linear(3, 2).state_dict(), **changes}.items() if value is not None}
    with pytest.raises(WeightsError, match=rf"net\.pth: {says}"):
        check_state_dict(tensors, nn.Linear(3, 2).state_dict(), refuse, "a.")


def test_tensors_that_fit_come_back_in_float32():
    layer = nn.Linear(3, 2)
    checked = check_state_dict(layer.half().state_dict(), nn.Linear(3, 2, device="meta").state_dict(), refuse)
    assert [value.dtype for value in checked.values()] == [torch.float32] * 2


# --------------------------------------------------------------------------------------------------------- caching


def read_layer(path):
    layer = nn.Linear(1, 1)
    layer.load_state_dict(torch.load(path, weights_only=True))
    return layer


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
