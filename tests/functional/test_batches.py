"""Pictures of a batch, one by one."""

import torch

from impasto.functional.batches import batch_item


def test_a_single_picture_goes_with_all_and_others_with_their_own():
    pictures = torch.rand(3, 2, 4, 5)
    assert torch.equal(batch_item(pictures, 2), pictures[2:])
    assert torch.equal(batch_item(pictures[:1], 2), pictures[:1])
