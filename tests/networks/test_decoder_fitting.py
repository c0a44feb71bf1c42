"""How decoders begin: fitted by least squares."""

import torch

import impasto
from impasto.networks import fit_decoder


def test_least_squares_invert_the_first_layer():
    encoder, picture = impasto.encoder("slim19"), impasto.samples.content("astronaut", 128)
    other = impasto.samples.content("cat", 128)[..., :80, :]
    decoder = fit_decoder(encoder, "relu1_1", picture)
    with torch.no_grad():
        error = (decoder(encoder.features(other, ["relu1_1"])["relu1_1"]) - other).square().mean()
    assert -10 * error.log10() > 30
