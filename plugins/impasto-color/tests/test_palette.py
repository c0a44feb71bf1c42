import numpy as np
import pytest
import torch
from skimage import data

import impasto
from impasto.functional.color import to_space
from impasto.functional.lut import Cube, grade
from impasto.testing import parametrize_checks
from impasto_color import TransferPalette, extract_palette, transfer_palette
from impasto_color.palette import lightness_curve, match_palettes, recoloring_table, rgb_to_lab


@parametrize_checks(
    TransferPalette(),
    TransferPalette(target="image", reference="content", colors=3, strength=0.7),
    TransferPalette(target="image", palette=("#1d3557", "e63946", "#fed")),
)
def test_conformance(stage, check):
    check(stage)


FIVE = torch.tensor([[0.15, 0.2, 0.3], [0.6, 0.15, 0.1], [0.2, 0.5, 0.4], [0.8, 0.6, 0.3], [0.9, 0.85, 0.9]])


def patchwork(palette, noise=0.01):
    """A picture of equal stripes of the palette's colours, slightly uneven."""
    generator = torch.Generator().manual_seed(1)
    stripes = palette.T[None, :, None].expand(1, 3, 40, -1).repeat_interleave(20, -1)
    return (stripes + noise * torch.randn(stripes.shape, generator=generator)).clamp(0, 1)


def canvas(content, *styles, **more):
    return impasto.Canvas(content=content, image=content, styles=tuple(map(impasto.Style, styles)), **more)


def test_a_palette_is_the_colours_a_picture_is_made_of():
    found = extract_palette(patchwork(FIVE), 5)
    order = rgb_to_lab(FIVE)[:, 0].argsort()
    torch.testing.assert_close(found, FIVE[order], atol=0.01, rtol=0)


def test_a_palette_depends_on_no_chance_and_leaves_black_out():
    photograph = impasto.read(data.coffee()).tensor
    state = torch.get_rng_state()
    torch.testing.assert_close(extract_palette(photograph), extract_palette(photograph.flip(-1)), atol=1e-6, rtol=0)
    assert torch.equal(torch.get_rng_state(), state)
    framed = torch.nn.functional.pad(patchwork(FIVE), (200, 200, 100, 100))  # nine tenths are black
    assert extract_palette(framed, 5).amax(1).min() > 0.2


def test_a_palette_has_no_more_colours_than_the_picture():
    assert len(extract_palette(patchwork(FIVE[:2], 0), 5)) == 2
    assert torch.equal(extract_palette(torch.zeros(1, 3, 4, 4), 5), torch.zeros(1, 3))
    assert extract_palette(torch.full((1, 3, 1, 1), 0.5), 5).shape == (1, 3)


def test_a_palette_counts_only_where_the_weights_are():
    picture = patchwork(FIVE, 0)
    weights = torch.zeros_like(picture[:, :1])
    weights[..., 20:40] = 0.5
    torch.testing.assert_close(extract_palette(picture, 5, weights), FIVE[1:2], atol=1e-3, rtol=0)


def test_colours_of_one_palette_become_those_of_the_other():
    reference = torch.tensor(
        [[0.1, 0.25, 0.2], [0.25, 0.3, 0.55], [0.55, 0.45, 0.5], [0.7, 0.65, 0.5], [0.95, 0.9, 0.8]]
    )
    order = rgb_to_lab(FIVE)[:, 0].argsort()
    made = transfer_palette(FIVE[order].T[None, :, None], FIVE[order], reference)
    torch.testing.assert_close(made[0, :, 0].T, reference, atol=0.03, rtol=0)


def test_the_same_palette_changes_nothing():
    photograph = impasto.read(data.chelsea()).tensor
    palette = extract_palette(photograph)
    torch.testing.assert_close(transfer_palette(photograph, palette, palette), photograph, atol=1e-3, rtol=0)


def test_black_and_white_stay():
    ends = torch.tensor([0.0, 1.0]).expand(1, 3, 1, 2).contiguous()
    torch.testing.assert_close(transfer_palette(ends, FIVE, FIVE.flip(1)), ends, atol=5e-3, rtol=0)


def test_lightness_never_falls_and_has_no_plateaus():
    coffee, cat = data.coffee(), data.chelsea()
    pair = [rgb_to_lab(extract_palette(impasto.read(one).tensor).double()) for one in (coffee, cat)]
    source, reference = pair[0], match_palettes(*pair)
    values = torch.linspace(0, 1, 201, dtype=torch.float64)
    curve = lightness_curve(source[:, 0], reference[:, 0], values)
    assert curve.diff().min() > 0
    np.testing.assert_allclose(lightness_curve(source[:, 0], reference[:, 0], source[:, 0]), reference[:, 0], atol=0.03)
    # The slope has no jumps, which would show as bands.
    assert curve.diff().diff().abs().max() < 0.003


def test_palettes_are_matched_light_to_light_and_the_closest_taken():
    few = torch.tensor([[0.2, 0.1, 0.0], [0.7, 0.0, 0.1]], dtype=torch.float64)
    many = torch.tensor([[0.9, 0.5, 0.5], [0.21, 0.1, 0.0], [0.5, -0.3, 0.3], [0.69, 0.0, 0.1]], dtype=torch.float64)
    assert torch.equal(match_palettes(few, many), many[[1, 3]])
    matched = match_palettes(many[many[:, 0].argsort()], few)
    assert torch.equal(matched, few[[0, 0, 1, 1]])


def test_the_table_is_fine_enough():
    photograph = impasto.read(data.coffee()).tensor[..., ::4, ::4].contiguous()
    source = rgb_to_lab(extract_palette(photograph).double())
    table = recoloring_table(source, match_palettes(source, rgb_to_lab(FIVE.double())))
    coarse = Cube(table.table[::2, ::2, ::2])
    # Half the levels give nearly the same picture: less than a step of 8 bits on average, twice that here.
    assert (grade(photograph, table) - grade(photograph, coarse)).abs().mean() < 2 / 255


def test_the_image_gets_the_palette_of_the_style():
    photograph = impasto.read(data.coffee()).tensor[..., ::2, ::2].contiguous()
    style = patchwork(FIVE)
    made = TransferPalette(target="image").apply(canvas(photograph, style)).image
    distance = torch.cdist(rgb_to_lab(extract_palette(made)), rgb_to_lab(FIVE)).amin(1).mean()
    before = torch.cdist(rgb_to_lab(extract_palette(photograph)), rgb_to_lab(FIVE)).amin(1).mean()
    assert distance < 0.7 * before


def test_colours_given_by_hand_need_no_style():
    photograph = impasto.read(data.coffee()).tensor[..., ::2, ::2].contiguous()
    made = TransferPalette(target="image", palette=("#1d3557", "#457b9d", "#a8dadc")).apply(canvas(photograph)).image
    lab = to_space(made, "lab")
    assert lab[:, 2].mean() < -0.05  # the brown table has become blue
    palette = extract_palette(made, 3)
    wanted = torch.tensor([[0x1D, 0x35, 0x57], [0x45, 0x7B, 0x9D], [0xA8, 0xDA, 0xDC]]) / 255
    assert (palette - wanted).abs().max() < 0.12


def test_a_style_of_one_colour_and_a_flat_image_are_taken():
    photograph = impasto.read(data.coffee()).tensor[..., ::4, ::4].contiguous()
    flat = torch.tensor([0.3, 0.4, 0.6]).view(1, 3, 1, 1).expand(1, 3, 6, 5).contiguous()
    made = TransferPalette(target="image").apply(canvas(photograph, flat)).image
    assert to_space(made, "lab")[:, 2].mean() < 0
    made = TransferPalette(target="image").apply(canvas(flat, photograph)).image
    assert (made - made[..., :1, :1]).abs().max() < 1e-5


def test_regions_have_palettes_of_their_own():
    left, right = FIVE[1].view(1, 3, 1, 1).expand(1, 3, 8, 8), FIVE[2].view(1, 3, 1, 1).expand(1, 3, 8, 8)
    content = torch.cat([left, right], -1)
    guides = torch.zeros(1, 2, 8, 16)
    guides[:, 0, :, :8] = guides[:, 1, :, 8:] = 1
    styles = (impasto.Style(FIVE[3].view(1, 3, 1, 1).expand(1, 3, 4, 4), region="a"), impasto.Style(left, region="b"))
    given = impasto.Canvas(content=content, image=content, styles=styles, guides=guides, labels=("a", "b"))
    made = TransferPalette(target="image").apply(given).image
    torch.testing.assert_close(made[..., :8], FIVE[3].view(1, 3, 1, 1).expand(1, 3, 8, 8), atol=0.03, rtol=0)
    torch.testing.assert_close(made[..., 8:], left, atol=0.03, rtol=0)


def test_errors_say_what_would_work():
    with pytest.raises(impasto.ParameterError, match="'crimson' in palette is not a colour\n  what would work: six"):
        TransferPalette(palette=("crimson",))
    with pytest.raises(impasto.ParameterError, match="a whole number, 1 to 16"):
        TransferPalette(colors=0)
    with pytest.raises(impasto.StageError, match="needs a style picture"):
        TransferPalette(target="image").apply(canvas(patchwork(FIVE)))
    with pytest.raises(ValueError, match="palettes of 5 and of 2 colours"):
        transfer_palette(patchwork(FIVE), FIVE, FIVE[:2])


def test_hook_offers_the_stage():
    assert impasto.get_host().preprocessors["transfer-palette"] is TransferPalette
