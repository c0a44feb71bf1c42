"""The memory of a block is what it held at once, freed or not, and what was there before does not count."""

import sys

import pytest
import torch

from impasto.evaluation.memory import PeakMemory


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux says how much memory a process had at most")
def test_the_most_memory_of_a_block_is_measured_anew():
    megabyte = 2**20 // 4
    kept = torch.ones(100 * megabyte)
    with PeakMemory(torch.device("cpu")) as large:
        torch.ones(200 * megabyte).sum()
    with PeakMemory(torch.device("cpu")) as small:
        torch.ones(20 * megabyte).sum()
    if large.mebibytes is None or small.mebibytes is None:
        pytest.skip("this system does not let a process ask")
    assert 180 < large.mebibytes < 260
    assert small.mebibytes < 80
    assert kept.sum() == kept.numel()
