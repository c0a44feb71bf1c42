"""The device to run on, the precision of what is computed there, and its memory."""

import torch

from impasto.device import free_memory, without_tf32

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
