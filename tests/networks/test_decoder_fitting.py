"""How decoders begin: fitted by least squares."""

import torch

import impasto
from impasto.networks import VGGDecoder, fit_convolution, fit_decoder


def test_least_squares_invert_the_first_layer():
    encoder, picture = impasto.encoder("slim19"), impasto.samples.content("astronaut", 128)
    other = impasto.samples.content("cat", 128)[..., :80, :]
    decoder = fit_decoder(encoder, "relu1_1", picture)
    with torch.no_grad():
        error = (decoder(encoder.features(other, ["relu1_1"])["relu1_1"]) - other).square().mean()
    assert -10 * error.log10() > 30


def test_one_convolution_is_fitted_in_place_wherever_that_is_asked_for():
    rng = torch.Generator().manual_seed(0)
    x, target = torch.rand(1, 8, 32, 32, generator=rng), torch.rand(1, 3, 32, 32, generator=rng)
    decoder = VGGDecoder((8,), "relu1_1")
    weight, bias = decoder.conv1_1.weight, decoder.conv1_1.bias
    optimiser = torch.optim.SGD(decoder.parameters(), lr=0.1)
    before = (decoder(x) - target).square().mean()
    fitted = fit_convolution(decoder, "1_1", x, target, rng)
    assert not fitted.requires_grad
    torch.testing.assert_close(fitted, decoder(x))
    assert (fitted - target).square().mean() < before
    # The parameters themselves, which an optimiser may hold already.
    assert decoder.conv1_1.weight is weight
    assert decoder.conv1_1.bias is bias is optimiser.param_groups[0]["params"][-1]
