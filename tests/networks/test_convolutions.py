"""Convolutions made of fewer operations give what plain ones give."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from impasto.networks import (
    FewChannels,
    block_conv2d,
    conv2d_relu,
    convolutions,
    depth_to_space,
    fill_halo,
    pad2d,
    upsample_conv2d,
)

SIZES = [(1, 1), (1, 4), (2, 3), (5, 2), (7, 8)]


@pytest.fixture(autouse=True)
def seeded():
    with torch.random.fork_rng():
        torch.manual_seed(3)
        yield


def plain(convolution, x, last=None):
    """Upsample, pad by reflection, convolve; and again without upsampling."""
    x = convolution(F.pad(F.interpolate(x, scale_factor=2.0), (1, 1, 1, 1), mode="reflect"))
    return x if last is None else last(F.pad(x.relu(), (1, 1, 1, 1), mode="reflect"))


@pytest.mark.parametrize("fused", [True, False], ids=["fused", "in turn"])
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize(("bias", "padding"), [(True, 1), (False, 0)])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_a_fused_convolution_and_relu_are_those_in_turn(dtype, bias, padding, layout, fused, monkeypatch):
    if not fused:
        monkeypatch.setattr(convolutions, "_FUSED", None)
    elif convolutions._FUSED is None:
        pytest.skip("this torch has no such operator, or this CPU no bfloat16")
    convolution, x = nn.Conv2d(5, 6, 3, bias=bias), torch.randn(2, 5, 9, 14)
    expected = fill_halo(F.conv2d(x, convolution.weight, convolution.bias, padding=padding)).relu()
    x = x.to(dtype).contiguous(memory_format=layout)
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16, enabled=dtype == torch.bfloat16):
        result = conv2d_relu(x, convolution.weight, convolution.bias, padding, fill_halo)
    assert result.dtype == dtype
    tolerance = 1e-5 if dtype == torch.float32 else 0.02
    torch.testing.assert_close(result.float(), expected, atol=tolerance, rtol=tolerance)


@pytest.mark.parametrize("what", ["x", "weight", "bias"])
def test_conv2d_relu_has_gradients_where_they_are_needed(what):
    given = {"x": torch.randn(1, 2, 4, 4), "weight": torch.randn(3, 2, 3, 3), "bias": torch.randn(3)}
    given = {name: value.bfloat16().requires_grad_(name == what) for name, value in given.items()}
    plainly = fill_halo(F.conv2d(given["x"], given["weight"], given["bias"], padding=1)).relu()
    ours = conv2d_relu(**given, padding=1, fill=fill_halo)
    own, expected = (torch.autograd.grad(it.sum(), given[what])[0] for it in (ours, plainly))
    assert expected.abs().sum() > 0
    torch.testing.assert_close(own, expected)


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("size", SIZES)
def test_a_convolution_of_upsampled_features_is_that_of_features_upsampled_first(size, layout):
    first, last = nn.Conv2d(5, 6, 3), nn.Conv2d(6, 3, 3, bias=False)
    x = torch.randn(2, 5, *size).contiguous(memory_format=layout)
    blocks = upsample_conv2d(first, pad2d(x, 1, "replicate"))
    torch.testing.assert_close(depth_to_space(blocks)[..., 1:-1, 1:-1], plain(first, x))
    rectified_blocks = upsample_conv2d(first, pad2d(x, 1, "replicate"), rectify=True)
    torch.testing.assert_close(block_conv2d(last, rectified_blocks), plain(first, x, last))


def test_their_gradients_are_those_of_plain_ones():
    first, last, x = nn.Conv2d(5, 6, 3), nn.Conv2d(6, 3, 3), torch.randn(2, 5, 4, 6, requires_grad=True)
    inputs = [x, *first.parameters(), *last.parameters()]
    result = block_conv2d(last, upsample_conv2d(first, pad2d(x, 1, "replicate"), rectify=True))
    loss = torch.randn_like(result)
    for own, expected in zip(
        torch.autograd.grad(result, inputs, loss),
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
def test_a_halo_reflects_or_replicates(size):
    x = torch.randn(2, 3, *size)
    repeated = fill_halo(F.pad(x, (1, 1, 1, 1), value=torch.nan), replicate=True)
    assert torch.equal(repeated, F.pad(x, (1, 1, 1, 1), mode="replicate"))
    if min(size) > 1:
        reflected = fill_halo(F.pad(x, (1, 1, 1, 1), value=torch.nan))
        assert torch.equal(reflected, F.pad(x, (1, 1, 1, 1), mode="reflect"))
    assert fill_halo(F.pad(x, (1, 1, 1, 1), value=torch.nan)).isfinite().all()


def test_padding_keeps_the_precision_that_autocast_computes_in():
    x = torch.randn(1, 3, 5, 6)
    assert pad2d(x, 2).dtype == torch.float32
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(pad2d(x, 2), F.pad(x.bfloat16(), (2, 2, 2, 2), mode="reflect").bfloat16())
        assert pad2d(x, 2).dtype == torch.bfloat16
    assert torch.equal(pad2d(x, 5), F.pad(x, (5, 5, 5, 5), mode="replicate"))
