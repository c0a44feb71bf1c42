"""Pictures in tiles: no gaps, no overlaps, and as much context as the receptive fields need."""

import pytest
import torch

from impasto.networks import VGG, VGGDecoder, VGGEncoder, map_tiles, receptive_radius, tile_grid, tiles

WIDTHS = (3, 4, 5, 6)
LAYER = "relu4_1"


@pytest.fixture
def rng():
    return torch.Generator().manual_seed(7)


@pytest.fixture
def networks():
    """An encoder and a decoder with a skip, whose random weights keep the scale."""
    with torch.random.fork_rng():
        torch.manual_seed(2)
        network, decoder = VGG(WIDTHS, "4_1"), VGGDecoder(WIDTHS, LAYER, {"relu3_1": WIDTHS[2]})
        for parameter in (*network.parameters(), *decoder.parameters()):
            if parameter.ndim > 1:
                torch.nn.init.kaiming_normal_(parameter, nonlinearity="relu")
    return VGGEncoder(network, "random"), decoder.requires_grad_(False).eval()


@pytest.fixture
def small(monkeypatch):
    monkeypatch.setattr(tiles, "PIXELS", 192 * 192)


@pytest.mark.parametrize("size", [(8, 5000), (1304, 904), (3000, 2000), (1448, 1448), (1449, 1448)])
def test_tiles_cover_a_picture_once_and_hold_their_context(size):
    height, width = size
    covered = torch.zeros(1, 1, height, width)
    for tile in tile_grid(size, 60, 8):
        rows, columns = tile
        covered[..., rows.start : rows.stop, columns.start : columns.stop] += 1
        assert (rows.last - rows.first) * (columns.last - columns.first) <= tiles.PIXELS
        for span, length in ((rows, height), (columns, width)):
            assert span.start % 8 == span.first % 8 == 0
            assert span.first == 0 or span.start - span.first >= 60
            assert span.last == length or span.last - span.stop >= 60
    assert (covered == 1).all()


def test_up_to_full_hd_nothing_is_cut():
    assert [len(tile_grid((1088, 1920), context, 16)) for context in (0, 60, 300)] == [1, 1, 1]


def test_map_tiles_puts_tiles_where_they_belong(small, rng):
    image = torch.rand(2, 3, 300, 250, generator=rng)

    def blurred(values):
        around = torch.nn.functional.pad(values, (2, 2, 2, 2), mode="replicate")
        return torch.nn.functional.avg_pool2d(around, 5, stride=1)

    grid = tile_grid((300, 250), 2)
    assert len(grid) > 1
    torch.testing.assert_close(map_tiles(lambda tile: blurred(tile.with_context(image)), image, grid), blurred(image))


def changed(function, size):
    """How far from a pixel a function sees, by what changes when the pixel does."""
    image = torch.full((1, 3, *size), 0.5)
    spot = image.clone()
    middle = size[1] // 2
    spot[..., middle] = 1
    before, after = function(image), function(spot)
    stride = size[1] // before.shape[-1]
    columns = ((before - after).abs() > 0).flatten(0, 2).any(0).nonzero().flatten() * stride
    return int(max(middle - columns.min() - stride + 1, columns.max() - middle))


def test_the_radius_of_an_encoder_is_that_of_its_receptive_field(networks):
    encoder, _ = networks
    for layer in ("relu1_1", "relu2_1", "relu3_1", LAYER):
        found = changed(lambda image, layer=layer: encoder.features(image, [layer])[layer], (96, 192))
        assert 0 <= encoder.radius([layer]) - found < 2 ** (int(layer[4]) - 1)


def test_the_radius_of_a_decoder_is_that_of_its_receptive_field(networks):
    _, decoder = networks
    for parameter in decoder.parameters():
        parameter.abs_()  # nothing in view cancels

    def paint(image):
        deep = torch.nn.functional.avg_pool2d(image, 8).mean(1, keepdim=True).expand(-1, 6, -1, -1)
        return decoder({LAYER: deep, "relu3_1": torch.zeros(1, 5, 24, 48)})

    assert 0 <= receptive_radius(decoder, decoder.convolutions) + 8 - changed(paint, (96, 192)) <= 8
