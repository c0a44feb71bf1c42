"""Convolutions made of fewer operations give what plain ones give."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from impasto.convolutions import FewChannels, doubled, framed, padded, quartered, spread

SIZES = [(1, 1), (1, 4), (2, 3), (5, 2), (7, 8)]


@pytest.fixture(autouse=True)
def seeded():
    with torch.random.fork_rng():
        torch.manual_seed(3)
        yield


def plain(convolution, x, last=None):
    """Double, pad by reflection, convolve; and again without doubling."""
    x = convolution(F.pad(F.interpolate(x, scale_factor=2.0), (1, 1, 1, 1), mode="reflect"))
    return x if last is None else last(F.pad(x.relu(), (1, 1, 1, 1), mode="reflect"))


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("size", SIZES)
def test_doubled_features_are_convolved_as_if_they_were_doubled_first(size, layout):
    first, last = nn.Conv2d(5, 6, 3), nn.Conv2d(6, 3, 3, bias=False)
    x = torch.randn(2, 5, *size).contiguous(memory_format=layout)
    cells = doubled(first, padded(x, 1, "replicate"))
    torch.testing.assert_close(spread(cells)[..., 1:-1, 1:-1], plain(first, x))
    torch.testing.assert_close(quartered(last, cells.relu()), plain(first, x, last))


def test_their_gradients_are_those_of_plain_ones():
    first, last, x = nn.Conv2d(5, 6, 3), nn.Conv2d(6, 3, 3), torch.randn(2, 5, 4, 6, requires_grad=True)
    inputs = [x, *first.parameters(), *last.parameters()]
    found = quartered(last, doubled(first, padded(x, 1, "replicate")).relu())
    loss = torch.randn_like(found)
    for own, expected in zip(
        torch.autograd.grad(found, inputs, loss),
        torch.autograd.grad(plain(first, x, last), inputs, loss),
        strict=True,
    ):
        torch.testing.assert_close(own, expected)


@pytest.mark.parametrize(("kernel", "bias"), [(1, True), (3, False), (7, True), (9, True)])
@pytest.mark.parametrize("size", [(9, 9), (12, 15)])
def test_few_channels_are_convolved_as_many_are(kernel, bias, size):
    few, x = FewChannels(4, 3, kernel, bias=bias), torch.randn(2, 4, *size, requires_grad=True)
    expected = nn.Conv2d.forward(few, x)
    assert few(x).shape == expected.shape
    torch.testing.assert_close(few(x), expected)
    inputs, loss = [x, *few.parameters()], torch.randn_like(expected)
    for own, other in zip(
        torch.autograd.grad(few(x), inputs, loss), torch.autograd.grad(expected, inputs, loss), strict=True
    ):
        torch.testing.assert_close(own, other)


@pytest.mark.parametrize("size", SIZES)
def test_a_frame_reflects_or_repeats(size):
    x = torch.randn(2, 3, *size)
    repeated = framed(F.pad(x, (1, 1, 1, 1), value=torch.nan), repeat=True)
    assert torch.equal(repeated, F.pad(x, (1, 1, 1, 1), mode="replicate"))
    if min(size) > 1:
        reflected = framed(F.pad(x, (1, 1, 1, 1), value=torch.nan))
        assert torch.equal(reflected, F.pad(x, (1, 1, 1, 1), mode="reflect"))
    assert framed(F.pad(x, (1, 1, 1, 1), value=torch.nan)).isfinite().all()


def test_padding_keeps_the_precision_that_autocast_computes_in():
    x = torch.randn(1, 3, 5, 6)
    assert padded(x, 2).dtype == torch.float32
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(padded(x, 2), F.pad(x.bfloat16(), (2, 2, 2, 2), mode="reflect").bfloat16())
        assert padded(x, 2).dtype == torch.bfloat16
    assert torch.equal(padded(x, 5), F.pad(x, (5, 5, 5, 5), mode="replicate"))
