"""The device to run on, the precision of what is computed there, and its memory."""

from functools import partial

import pytest
import torch

import impasto
from impasto.device import free_memory, indexed_device, without_tf32
from impasto.networks import VGG, VGGDecoder, cached_decoders
from impasto.stage import RunContext
from impasto.testing import PretendAccelerator

CUDA = torch.device("cuda")


def settings():
    """What decides the precision of float32 on CUDA, as far as torch lets it be read."""
    parts = (torch.backends.cudnn.conv, torch.backends.cudnn.rnn) if hasattr(torch.backends.cudnn, "conv") else ()
    return [
        torch.backends.cudnn.allow_tf32,
        torch.get_float32_matmul_precision(),
        *(part.fp32_precision for part in parts),
    ]


def test_tf32_is_off_until_the_last_run_that_wants_it_off_ends():
    before = settings()
    one, other = without_tf32(CUDA), without_tf32(CUDA)
    one.__enter__()
    other.__enter__()
    one.__exit__(None, None, None)  # not the one that began last, as among threads
    assert settings()[0] is False
    other.__exit__(None, None, None)
    assert settings() == before


def test_what_the_user_set_for_float32_comes_back():
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("medium")
    try:
        chosen = settings()
        with without_tf32(CUDA):
            assert settings()[1] == "highest"
        assert settings() == chosen
    finally:
        torch.set_float32_matmul_precision(before)


def test_no_other_device_changes_the_settings():
    before = settings()
    with without_tf32(torch.device("cpu")), without_tf32(torch.device("mps")):
        assert settings() == before


def test_free_memory_is_a_count_of_bytes():
    free = free_memory(torch.device("cpu"))
    assert free is None or free > 0


def test_a_device_has_its_number_and_cuda_is_not_begun_to_be_asked_for_it(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_initialized", lambda: False)
    monkeypatch.setattr(torch.cuda, "current_device", lambda: pytest.fail("begins CUDA"))
    assert indexed_device("cuda") == torch.device("cuda", 0)
    assert indexed_device("cuda:1") == torch.device("cuda", 1)
    assert indexed_device(None) == indexed_device("cpu") == torch.zeros(1).device
    monkeypatch.setattr(torch.cuda, "is_initialized", lambda: True)
    monkeypatch.setattr(torch.cuda, "current_device", lambda: 1)  # as after torch.cuda.set_device(1)
    assert indexed_device("cuda") == torch.device("cuda", 1)


@pytest.mark.parametrize("kind", ["cuda", "mps"])
def test_networks_and_generators_are_the_same_ones_by_either_name_of_a_device(kind, tmp_path):
    encoder, decoders = tmp_path / "encoder.pth", tmp_path / "decoders.pth"
    torch.save(VGG((4, 6), "2_1").state_dict(), encoder)
    torch.save(VGGDecoder((4, 6), "relu2_1").state_dict(), decoders)
    context = RunContext(seed=1)
    with PretendAccelerator(kind):
        for load in (partial(impasto.encoder, encoder), partial(impasto.decoder, decoders)):
            assert load(device=kind) is load(device=f"{kind}:0")
        assert cached_decoders(decoders, kind)["relu2_1"] is cached_decoders(decoders, f"{kind}:0")["relu2_1"]
        assert context.generator(kind) is context.generator(f"{kind}:0")
        assert context.generator(torch.ones(1, device=kind).device) is context.generator(kind)
