import itertools
import warnings

import numpy as np
import pytest
import torch
from skimage import color, data, exposure

import impasto
from impasto.testing import parametrize_checks
from impasto_histogram import MatchHistogram, match_histograms


@parametrize_checks(
    MatchHistogram(),
    MatchHistogram(space="lab", strength=0.5),
    MatchHistogram(space="luminance"),
    MatchHistogram(reference="content"),
    MatchHistogram(method="exact"),
    MatchHistogram(space="lab", method="smoothed"),
)
def test_conformance(stage, check):
    check(stage)


@pytest.fixture
def pictures():
    """Two photographs of 8 bits and different size."""
    cat = impasto.read(data.chelsea()).tensor[..., ::3, ::3]
    coffee = impasto.read(data.coffee()).tensor[..., ::4, ::4]
    return cat.contiguous(), coffee.contiguous()


def expected(image, reference):
    return exposure.match_histograms(
        image.double().permute(1, 2, 0).numpy(), reference.double().permute(1, 2, 0).numpy(), channel_axis=-1
    ).transpose(2, 0, 1)


def test_pictures_of_8_bits_are_matched_as_scikit_image_does(pictures):
    found = match_histograms(*pictures)[0]
    np.testing.assert_allclose(found, expected(pictures[0][0], pictures[1][0]), atol=1e-6)


def test_pictures_of_16_bits_are_matched_as_scikit_image_does(pictures):
    generator = torch.Generator().manual_seed(0)
    image, reference = (
        (torch.rand(1, 3, h, w, generator=generator) ** power * 65535).round() / 65535
        for h, w, power in ((37, 53, 1), (64, 41, 3))
    )
    np.testing.assert_allclose(match_histograms(image, reference)[0], expected(image[0], reference[0]), atol=1e-6)


def test_values_between_are_matched_to_16_bits(pictures):
    image = (pictures[0] * 0.9 + torch.rand(pictures[0].shape, generator=torch.manual_seed(1)) * 0.1).clamp(0, 1)
    reference = pictures[1] ** 1.3
    found = match_histograms(image, reference)[0]
    rounded = [(picture[0] * 65535).round() / 65535 for picture in (image, reference)]
    np.testing.assert_allclose(found, expected(*rounded), atol=1e-6)
    assert np.abs(found.numpy() - expected(image[0], reference[0])).mean() < 5e-5


def test_a_flat_picture_and_a_flat_reference_are_taken(pictures):
    flat = torch.full((1, 3, 5, 7), 0.25)
    np.testing.assert_allclose(match_histograms(flat, pictures[1])[0], expected(flat[0], pictures[1][0]), atol=1e-6)
    np.testing.assert_allclose(match_histograms(pictures[0], flat), np.full(pictures[0].shape, 0.25), atol=1e-5)


def test_a_picture_matched_to_itself_is_itself(pictures):
    np.testing.assert_allclose(match_histograms(pictures[0], pictures[0]), pictures[0], atol=1e-6)


def test_several_references_are_averaged_by_quantiles():
    generator = torch.Generator().manual_seed(0)
    image, one, two = (torch.rand(1, 1, 40, 50, generator=generator) for _ in range(3))
    one, two = one * 0.5, two**2
    found = match_histograms(image, [one, two], [3, 1])
    steps = np.linspace(0.05, 0.95, 19)
    wanted = 0.75 * np.quantile(one, steps) + 0.25 * np.quantile(two, steps)
    np.testing.assert_allclose(np.quantile(found, steps), wanted, atol=2e-3)


def test_each_picture_of_a_batch_has_its_own_reference(pictures):
    cat, coffee = pictures
    batch, references = torch.cat([cat, 1 - cat]), torch.cat([coffee, coffee.flip(1)])
    found = match_histograms(batch, references)
    for index in range(2):
        alone = match_histograms(batch[index : index + 1], references[index : index + 1])
        assert torch.equal(found[index : index + 1], alone)


def style(picture, weight=1.0):
    return impasto.Style(picture, weight=weight)


def test_luminance_is_matched_and_colour_differences_stay(pictures):
    cat, coffee = pictures[0] * 0.5 + 0.25, pictures[1] * 0.3 + 0.35
    found = MatchHistogram(space="luminance").refine_regions(cat, cat, [style(coffee)], None)
    weights = np.array([0.299, 0.587, 0.114])
    lumas = [np.tensordot(weights, picture[0].double().numpy(), 1) for picture in (cat, coffee, found)]
    np.testing.assert_allclose(lumas[2], exposure.match_histograms(lumas[0], lumas[1]), atol=2e-3)
    np.testing.assert_allclose(found[:, 0] - found[:, 2], cat[:, 0] - cat[:, 2], atol=1e-6)


def test_lab_is_matched_channel_by_channel(pictures):
    cat, coffee = (color.rgb2lab(picture[0].permute(1, 2, 0).numpy()) for picture in pictures)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # scikit-image reports colours that sRGB does not have
        wanted = color.lab2rgb(exposure.match_histograms(cat, coffee, channel_axis=-1))
    found = MatchHistogram(space="lab").refine_regions(pictures[0], pictures[0], [style(pictures[1])], None)
    np.testing.assert_allclose(found[0].permute(1, 2, 0), wanted, atol=5e-3)


def test_lab_keeps_its_digits_under_autocast(pictures):
    stage, given = MatchHistogram(space="lab"), (pictures[0], pictures[0], [style(pictures[1])], None)
    exact = stage.refine_regions(*given)
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(stage.refine_regions(*given), exact)


def test_strength_blends_and_content_can_be_the_reference(pictures):
    cat, coffee = pictures
    whole = MatchHistogram(reference="content").refine_regions(cat, coffee, [], None)
    half = MatchHistogram(reference="content", strength=0.5).refine_regions(cat, coffee, [], None)
    torch.testing.assert_close(whole, match_histograms(cat, coffee))
    torch.testing.assert_close(half, (cat + whole) / 2)
    assert torch.equal(MatchHistogram(strength=0).refine_regions(cat, coffee, [style(coffee)], None), cat)


def test_errors_say_what_would_work(pictures):
    cat, coffee = pictures
    with pytest.raises(impasto.StageError, match="MatchHistogram\\(reference='content'\\)"):
        MatchHistogram().refine_regions(cat, cat, [], None)
    with pytest.raises(impasto.StageError, match="sum is above 0"):
        MatchHistogram().refine_regions(cat, cat, [style(coffee, 1), style(coffee, -1)], None)
    with pytest.raises(ValueError, match="at least one reference"):
        match_histograms(cat, [])
    with pytest.raises(ValueError, match="plain, exact, smoothed"):
        match_histograms(cat, coffee, method="sorted")
    with pytest.raises(impasto.ParameterError, match="one of 'rgb', 'lab', 'luminance'"):
        MatchHistogram(space="hsv")
    with pytest.raises(impasto.ParameterError, match="1 to 64"):
        MatchHistogram(slope=0.5)


def test_exact_matching_gives_the_histogram_to_the_pixel(pictures):
    cat = pictures[0][..., :90, :120]
    coffee = pictures[1][..., :90, :120]
    found = match_histograms(cat, coffee, method="exact")
    torch.testing.assert_close(found.flatten(2).sort().values, coffee.flatten(2).sort().values, atol=1e-6, rtol=0)
    plain = match_histograms(cat, coffee).flatten(2).sort().values
    assert (plain - coffee.flatten(2).sort().values).abs().max() > 2 / 255  # equal tones cannot do it


def test_exact_matching_keeps_the_order_of_tones_and_breaks_ties_by_what_is_around():
    generator = torch.Generator().manual_seed(0)
    image = (torch.rand(1, 1, 40, 60, generator=generator) * 15).round() / 15
    found = match_histograms(image, torch.rand(1, 1, 50, 50, generator=generator), method="exact")
    by_tone = found.flatten()[image.flatten().argsort(stable=True)]
    bounds = torch.bincount((image * 15).round().long().flatten()).cumsum(0).tolist()
    groups = [by_tone[start:end] for start, end in zip([0, *bounds], bounds, strict=False)]
    assert all(low.max() <= high.min() for low, high in itertools.pairwise(groups))
    # A grey field beside white is brighter near it.
    field = torch.full((1, 1, 24, 24), 0.5)
    field[..., 20:] = 1
    shaded = match_histograms(field, torch.linspace(0, 1, 576).view(1, 1, 24, 24), method="exact")[0, 0]
    assert shaded[:, 19].mean() > shaded[:, 10].mean() > shaded[:, 0].mean()
    # Nor does a flat picture turn into a ramp from its first row to its last.
    flat = match_histograms(torch.full((1, 1, 64, 64), 0.5), torch.rand(1, 1, 64, 64), method="exact")[0, 0]
    assert (flat[:32].mean() - flat[32:].mean()).abs() < 0.02


def poster(*tones):
    """A picture of few tones, with a few pixels of every other."""
    flat = torch.tensor(tones).repeat_interleave(1000)
    return torch.cat([flat, torch.linspace(0, 1, 100)]).view(1, 1, 1, -1)


@pytest.mark.parametrize("slope", [1.5, 4.0])
def test_a_smoothed_curve_is_no_steeper_than_asked_and_nowhere_flat(slope):
    tones = (torch.arange(0, 65536, 16) / 65535).view(1, 1, 1, -1)
    curves = {
        method: match_histograms(tones, poster(0.1, 0.15, 0.6, 0.95), method=method, slope=slope).flatten()
        for method in ("plain", "smoothed")
    }
    steps = {method: curve.diff() / tones.flatten().diff() for method, curve in curves.items()}
    assert steps["plain"].max() > 10
    assert steps["plain"].min() < 0.01
    inside = (curves["smoothed"][1:] < 1) & (curves["smoothed"][:-1] > 0)
    assert inside.float().mean() > 0.9
    assert steps["smoothed"].max() <= slope + 0.02
    assert steps["smoothed"][inside].min() >= 1 / slope - 0.02


def test_a_smoothed_curve_leaves_no_bands_in_a_sky():
    sky = torch.linspace(0.3, 0.5, 256).expand(1, 1, 64, 256)
    largest = {
        method: float(match_histograms(sky, poster(0.1, 0.5, 0.9), method=method).diff().abs().max())
        for method in ("plain", "smoothed")
    }
    assert largest["plain"] > 10 / 255
    assert largest["smoothed"] <= 4 * 0.2 / 255 + 1e-4


def test_smoothed_matching_keeps_a_straight_curve_straight(pictures):
    cat = pictures[0]
    wanted = cat * 0.5 + 0.2
    assert (match_histograms(cat, wanted, method="smoothed") - wanted).abs().mean() < 2e-3
    assert (match_histograms(cat, cat, method="smoothed") - cat).abs().max() < 1e-3


def test_smoothed_matching_comes_near_the_quantiles(pictures):
    cat, coffee = pictures
    found = match_histograms(cat, coffee, method="smoothed", slope=16)
    steps = np.linspace(0.05, 0.95, 19)
    difference = np.quantile(found, steps) - np.quantile(coffee, steps)
    assert np.abs(difference).mean() < 0.03
    assert np.abs(np.quantile(cat, steps) - np.quantile(coffee, steps)).mean() > 0.1


@pytest.mark.parametrize("method", ["plain", "exact", "smoothed"])
def test_statistics_are_taken_inside_the_mask_and_the_rest_keeps_its_bits(pictures, method):
    cat, coffee = pictures
    mask = torch.zeros(1, 1, *cat.shape[-2:])
    mask[..., :60] = 1
    canvas = impasto.Canvas(content=cat, image=cat, styles=(style(coffee),), mask=mask)
    found = MatchHistogram(method=method).apply(canvas).image
    assert torch.equal(found[..., 60:], cat[..., 60:])
    alone = match_histograms(cat[..., :60], coffee, method=method)
    torch.testing.assert_close(
        found[..., :60].flatten(2).sort().values, alone.flatten(2).sort().values, atol=1e-5, rtol=0
    )


def halves(picture):
    guides = torch.zeros(1, 2, *picture.shape[-2:])
    guides[:, 0, :, : picture.shape[-1] // 2] = 1
    guides[:, 1] = 1 - guides[:, 0]
    return guides


def test_each_region_has_the_histogram_of_its_part_of_the_style(pictures):
    cat, coffee = pictures
    canvas = impasto.Canvas(
        content=cat, image=cat, guides=halves(cat), styles=(impasto.Style(coffee, guides=halves(coffee)),)
    )
    found = MatchHistogram().apply(canvas).image
    for part, other in ((slice(0, 75), slice(0, 75)), (slice(75, None), slice(75, None))):
        wanted = expected(cat[0, ..., part], coffee[0, ..., other])
        np.testing.assert_allclose(found[0, ..., part], wanted, atol=1e-6)


def test_soft_guides_weigh_pixels(pictures):
    cat, coffee = pictures
    generator = torch.Generator().manual_seed(0)
    soft = (torch.rand(1, 1, *coffee.shape[-2:], generator=generator) * 256).round() / 256
    found = match_histograms(cat, coffee, parts=[soft])
    # The same histogram, with every pixel repeated as often as it counts.
    times = (soft[0, 0] * 256).long().flatten()
    repeated = coffee[0].flatten(1).repeat_interleave(times, dim=1)[:, None]
    np.testing.assert_allclose(found[0], expected(cat[0], repeated), atol=1e-6)
    even = torch.full((1, 1, *cat.shape[-2:]), 0.5)
    torch.testing.assert_close(match_histograms(cat, coffee, inside=even), match_histograms(cat, coffee))


def test_regions_without_a_style_stay_and_none_at_all_is_an_error(pictures):
    cat, coffee = pictures
    left = halves(coffee) * torch.tensor([1.0, 0.0]).view(1, 2, 1, 1)
    canvas = impasto.Canvas(content=cat, image=cat, guides=halves(cat), styles=(impasto.Style(coffee, guides=left),))
    found = MatchHistogram().apply(canvas).image
    assert torch.equal(found[..., 75:], cat[..., 75:])
    assert not torch.equal(found[..., :75], cat[..., :75])
    nowhere = canvas.replace(styles=(impasto.Style(coffee, guides=left * 0),))
    with pytest.raises(impasto.StageError, match="no style covers any region"):
        MatchHistogram().apply(nowhere)


def test_a_picture_of_a_batch_without_the_region_stays(pictures):
    cat = pictures[0]
    batch = torch.cat([cat, cat])
    inside = torch.ones(2, 1, *cat.shape[-2:])
    inside[1] = 0
    found = match_histograms(batch, pictures[1], inside=inside)
    assert torch.equal(found[:1], match_histograms(cat, pictures[1]))
    assert torch.equal(found[1:], cat)


def test_hook_offers_the_stages():
    offered = impasto.get_host().postprocessors
    assert {"clip-gamut", "equalize-adaptive", "match-exposure", "match-histogram"} <= set(offered)
    assert offered["match-histogram"] is MatchHistogram
