import numpy as np
import pytest
import torch
from scipy.spatial import ConvexHull

import impasto
from impasto.testing import parametrize_checks
from impasto_histogram import ClipGamut, clip_gamut
from impasto_histogram.gamut import from_oklab, to_oklab


@parametrize_checks(ClipGamut(), ClipGamut(reference="content", knee=1, coverage=1))
def test_conformance(stage, check):
    check(stage)


@pytest.fixture
def cat():
    return impasto.samples.content("cat", 120)


@pytest.fixture
def astronaut():
    return impasto.samples.content("astronaut", 120)


def test_oklab_is_as_published():
    # Ottosson's page and CSS Color 4: sRGB red, green, blue, white.
    colours = torch.eye(3).T.reshape(1, 3, 1, 3)
    wanted = [[0.62796, 0.22486, 0.12585], [0.86644, -0.23389, 0.17950], [0.45201, -0.03246, -0.31153]]
    np.testing.assert_allclose(to_oklab(colours)[0, :, 0].T, wanted, atol=1e-4)
    np.testing.assert_allclose(to_oklab(torch.ones(1, 3, 1, 1)).flatten(), [1, 0, 0], atol=1e-4)
    picture = torch.rand(1, 3, 20, 20)
    torch.testing.assert_close(from_oklab(to_oklab(picture)), picture, atol=1e-4, rtol=0)


def outside(picture, reference):
    """How far each pixel lies outside the convex hull of the reference's colours with black and white."""
    colours = to_oklab(reference)[0].flatten(1).T.double().numpy()
    hull = ConvexHull(np.concatenate([colours, [[0, 0, 0], [1, 0, 0]]]))
    points = to_oklab(picture)[0].flatten(1).T.double().numpy()
    return (points @ hull.equations[:, :3].T + hull.equations[:, 3]).max(1)


@pytest.mark.parametrize("knee", [0.9, 1.0])
def test_the_result_lies_in_the_convex_hull(cat, astronaut, knee):
    found = clip_gamut(astronaut, cat, knee=knee, coverage=1)
    assert outside(astronaut, cat).max() > 0.1
    assert outside(found, cat).max() < 0.01  # colours are counted in cells of four steps of 8 bits


def test_colours_within_the_knee_keep_their_bits(cat, astronaut):
    found = clip_gamut(astronaut, cat, coverage=1)
    kept = (found == astronaut).all(1)[0].flatten().numpy()
    grey_axis = to_oklab(astronaut)[0].flatten(1).T.double().numpy()
    shrunk = grey_axis / np.array([1, 0.88, 0.88])  # within 0.88 of the border, if this is inside
    colours = to_oklab(cat)[0].flatten(1).T.double().numpy()
    hull = ConvexHull(np.concatenate([colours, [[0, 0, 0], [1, 0, 0]]]))
    within = (shrunk @ hull.equations[:, :3].T + hull.equations[:, 3]).max(1) < -0.008
    assert 0.1 < within.mean() < 0.9
    assert kept[within].all()
    assert not kept.all()


def test_a_picture_in_its_own_gamut_hardly_changes(cat):
    assert (clip_gamut(cat, cat, coverage=1) == cat).all(1).float().mean() > 0.95
    torch.testing.assert_close(clip_gamut(cat, cat, coverage=1, knee=1), cat, atol=6 / 255, rtol=0)


def test_hue_and_lightness_stay(cat, astronaut):
    before, after = (to_oklab(one)[0] for one in (astronaut, clip_gamut(astronaut, cat)))
    torch.testing.assert_close(before[0], after[0], atol=2e-3, rtol=0)
    coloured = (after[1:].norm(dim=0) > 0.02) & (before[1:].norm(dim=0) > 0.02)
    hues = [torch.atan2(one[2], one[1])[coloured] for one in (before, after)]
    turned = (hues[0] - hues[1] + torch.pi) % (2 * torch.pi) - torch.pi
    assert turned.abs().max() < 0.02
    assert bool((after[1:].norm(dim=0) <= before[1:].norm(dim=0) + 1e-3).all())


def test_compression_is_smooth_and_keeps_order(cat):
    steps = torch.linspace(0, 1, 500)
    red = to_oklab(torch.tensor([1.0, 0.0, 0.0]).view(1, 3, 1, 1)).flatten()
    line = from_oklab(torch.stack([torch.full_like(steps, 0.6), red[1] * steps, red[2] * steps])[None, :, None])
    line = line.clamp(0, 1)
    chroma = to_oklab(clip_gamut(line, cat))[0, 1:, 0].norm(dim=0)
    assert bool((chroma.diff() >= -1e-4).all())
    assert chroma.diff().abs().max() < 1.2 * to_oklab(line)[0, 1:, 0].norm(dim=0).diff().abs().max()


def test_strays_do_not_widen_the_gamut(cat, astronaut):
    spoilt = cat.clone()
    spoilt[..., 0, :3] = torch.tensor([0.0, 0.0, 1.0]).view(1, 3, 1)
    clean = clip_gamut(astronaut, cat)
    assert (clip_gamut(astronaut, spoilt) - clean).abs().mean() < 1e-3
    assert (clip_gamut(astronaut, spoilt, coverage=1) - clean).abs().max() > 0.1


def test_grey_and_flat_references_are_taken(astronaut):
    grey = torch.rand(1, 1, 8, 8).expand(1, 3, 8, 8)
    assert clip_gamut(astronaut, grey).std(1).max() < 0.05
    assert bool(clip_gamut(astronaut, torch.zeros(1, 3, 1, 1)).isfinite().all())


def test_several_references_share_a_gamut(cat, astronaut):
    rocket = impasto.samples.content("rocket", 120)
    both = to_oklab(clip_gamut(astronaut, [cat, rocket]))[:, 1:].norm(dim=1)
    for one in (cat, rocket):
        assert bool((both >= to_oklab(clip_gamut(astronaut, one))[:, 1:].norm(dim=1) - 2e-3).all())


def test_regions_have_the_gamut_of_their_part(cat, astronaut):
    guides = torch.zeros(1, 2, *astronaut.shape[-2:])
    guides[:, 0, :, :60] = 1
    guides[:, 1] = 1 - guides[:, 0]
    grey = torch.rand(1, 1, 8, 8).expand(1, 3, 8, 8)
    nothing, everything = torch.zeros(1, 1, 8, 8), torch.ones(1, 1, 8, 8)
    styles = (
        impasto.Style(grey, guides=torch.cat([everything, nothing], 1)),
        impasto.Style(astronaut, guides=torch.cat([guides[:, :1] * 0, guides[:, :1] * 0 + 1], 1)),
    )
    canvas = impasto.Canvas(content=astronaut, image=astronaut, styles=styles, guides=guides)
    found = ClipGamut(coverage=1, knee=1).apply(canvas).image
    assert found[..., :60].std(1).max() < 0.05
    torch.testing.assert_close(found[..., 60:], astronaut[..., 60:], atol=6 / 255, rtol=0)


def test_a_picture_of_a_batch_without_the_region_stays(cat, astronaut):
    part = torch.ones(2, 1, *cat.shape[-2:])
    part[1] = 0
    found = clip_gamut(torch.cat([astronaut, astronaut]), cat, parts=[part])
    torch.testing.assert_close(found[:1], clip_gamut(astronaut, cat), atol=2e-3, rtol=0)
    assert torch.equal(found[1:], astronaut)


def test_errors_say_what_would_work(cat):
    with pytest.raises(impasto.StageError, match="ClipGamut\\(reference='content'\\)"):
        ClipGamut().refine_regions(cat, cat, [], None)
    with pytest.raises(ValueError, match="at least one picture"):
        clip_gamut(cat, [])
    with pytest.raises(impasto.ParameterError, match=r"0\.5 to 1"):
        ClipGamut(coverage=0.1)
