"""Plain functions compute where their tensors are, in what they are given: `pytest --device cuda --dtype float64`."""

import pytest
import torch

from impasto.functional import (
    box_mean,
    content_loss,
    covariance,
    from_space,
    gram,
    guided_filter,
    luma,
    mean_std,
    to_space,
    total_variation,
)

FUNCTIONS = {
    "mean_std": lambda image, other: torch.cat(mean_std(image)),
    "covariance": lambda image, other: covariance(image)[1],
    "gram": lambda image, other: gram(image),
    "luma": lambda image, other: luma(image),
    "to and from lab": lambda image, other: from_space(to_space(image, "lab"), "lab"),
    "to and from lalphabeta": lambda image, other: from_space(to_space(image, "lalphabeta"), "lalphabeta"),
    "to ycbcr": lambda image, other: to_space(image, "ycbcr"),
    "box_mean": lambda image, other: box_mean(image, 3),
    "guided_filter": lambda image, other: guided_filter(image, other, 3, 1e-2),
    "content_loss": content_loss,
    "total_variation": lambda image, other: total_variation(image),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_computes_on_any_device_what_it_computes_on_the_cpu(name, device, dtype):
    generator = torch.Generator().manual_seed(3)
    pictures = torch.rand(2, 1, 3, 21, 34, generator=generator, dtype=torch.float64)
    computed = FUNCTIONS[name](*pictures.to(device, dtype))
    assert computed.device.type == device.type
    assert computed.dtype in (dtype, torch.float32)  # statistics and colours are never coarser than float32
    torch.testing.assert_close(computed.cpu().double(), FUNCTIONS[name](*pictures).double(), atol=2e-4, rtol=2e-4)
