"""Mask tools against SciPy and scikit-image, and against what people expect at borders and of thin masks."""

import numpy as np
import pytest
import torch
from scipy import ndimage
from skimage import morphology

import impasto
from impasto.stage import Canvas
from impasto_segment import (
    FeatherMask,
    FeatherRegions,
    FillMask,
    GrowMask,
    InvertMask,
    MaskRectangle,
    MatteMask,
    ShrinkMask,
)
from impasto_segment.tools import blur, dilate, erode, feather, fill_holes, inner_distance

RADII = [0, 0.5, 1, 1.5, 2, 2.5, 5, 7.3, 12, 40, 200]


@pytest.fixture
def canvas():
    content = impasto.samples.content("cat", 96)
    return Canvas(content, content)


def seeds(height=41, width=67, count=6, seed=0):
    mask = torch.zeros(1, 1, height, width)
    places = torch.randperm(height * width, generator=torch.Generator().manual_seed(seed))[:count]
    mask.view(-1)[places] = 1
    return mask


def rectangle(height=41, width=67):
    mask = torch.zeros(1, 1, height, width)
    mask[..., 10:30, 15:50] = 1
    return mask


# ---------------------------------------------------------------------------------------------- grow and shrink


@pytest.mark.parametrize("radius", RADII)
def test_growing_is_a_euclidean_distance(radius):
    mask = seeds()
    distance = ndimage.distance_transform_edt(mask[0, 0].numpy() == 0)
    np.testing.assert_array_equal(dilate(mask, radius)[0, 0], distance <= radius)


@pytest.mark.parametrize("radius", [1, 3, 4])
def test_soft_masks_grow_as_in_scikit_image(radius):
    mask = torch.rand(1, 1, 23, 31, generator=torch.Generator().manual_seed(1))
    expected = morphology.dilation(mask[0, 0].numpy(), morphology.disk(radius), mode="min")
    np.testing.assert_array_equal(dilate(mask, radius)[0, 0], expected)


@pytest.mark.parametrize("radius", [1, 2.5, 6])
def test_shrinking_is_growing_what_lies_outside(radius):
    mask = torch.rand(1, 1, 23, 31, generator=torch.Generator().manual_seed(1))
    torch.testing.assert_close(erode(mask, radius), 1 - dilate(1 - mask, radius))
    distance = ndimage.distance_transform_edt(rectangle()[0, 0].numpy())
    np.testing.assert_array_equal(erode(rectangle(), radius)[0, 0], distance > radius)


def test_the_border_of_the_picture_is_no_edge(canvas):
    white = canvas.replace(mask=torch.ones(1, 1, *canvas.image.shape[-2:]))
    for stage in (ShrinkMask(radius=30), FeatherMask(radius=30), FeatherMask(radius=30, side="inside"), MatteMask()):
        assert torch.equal(stage.apply(white).mask, white.mask)


@pytest.mark.parametrize("shape", [(1, 1), (1, 7), (7, 1), (3, 3)])
def test_small_pictures_take_large_radii(shape):
    mask = torch.zeros(1, 1, *shape)
    mask[..., 0, 0] = 1
    assert dilate(mask, 50).min() == 1
    assert blur(mask, 50).shape == mask.shape
    assert fill_holes(mask).shape == mask.shape


def test_each_mask_of_a_batch_is_changed_alone():
    both = torch.cat([seeds(seed=1), rectangle()])
    for change in (lambda m: dilate(m, 4), lambda m: erode(m, 2), lambda m: feather(m, 5), fill_holes):
        torch.testing.assert_close(change(both)[1:], change(both[1:]), atol=1e-6, rtol=0)


# ------------------------------------------------------------------------------------------------------- feather


def test_the_blur_is_scipys_gaussian():
    mask = rectangle()
    expected = ndimage.gaussian_filter(mask[0, 0].numpy().astype(float), 3, mode="nearest", radius=9)
    np.testing.assert_allclose(blur(mask, 9)[0, 0], expected, atol=1e-6)


def test_feathering_changes_only_its_side_of_the_edge():
    mask = rectangle()
    inside, outside, both = (feather(mask, 6, side) for side in ("inside", "outside", "both"))
    assert torch.equal(inside[mask == 0], mask[mask == 0])
    assert torch.equal(outside[mask == 1], mask[mask == 1])
    for soft in (inside, outside, both):  # beyond the radius nothing changes, to the bit
        assert torch.equal(soft[erode(mask, 6 * 2**0.5) == 1].round(decimals=6), mask[erode(mask, 6 * 2**0.5) == 1])
        assert not soft[dilate(mask, 6 * 2**0.5) == 0].any()
        assert ((soft > 0.05) & (soft < 0.95)).sum() > 200
    row = both[0, 0, 20, 5:25]
    assert (row.diff() >= 0).all()
    assert float((both[0, 0, 20, 14] + both[0, 0, 20, 15]) / 2) == pytest.approx(0.5, abs=1e-6)


def test_regions_fade_into_each_other_and_still_cover_the_picture(canvas):
    guides = torch.zeros(1, 3, 64, 96)
    guides[:, 0, :, :30] = guides[:, 1, :20, 30:] = guides[:, 2, 20:, 30:] = 1
    soft = FeatherRegions(radius=10).apply(canvas.replace(guides=guides, labels=("a", "b", "c")))
    torch.testing.assert_close(soft.guides.sum(1), torch.ones(1, 64, 96))
    assert soft.labels == ("a", "b", "c")
    assert ((soft.guides > 0.1) & (soft.guides < 0.9)).any()
    with pytest.raises(impasto.StageError, match=r"no regions\n  what to type: .*segment-regions"):
        FeatherRegions().apply(canvas)


# ------------------------------------------------------------------------------------------------- holes, matting


def test_holes_are_filled_as_in_scipy():
    mask = (torch.rand(1, 1, 60, 80, generator=torch.Generator().manual_seed(4)) > 0.42).float()
    expected = ndimage.binary_fill_holes(mask[0, 0].numpy())  # paths through edges of pixels, not corners
    filled = fill_holes(mask)[0, 0].numpy() == 1
    assert (filled <= expected).all()
    assert filled.sum() > mask.sum()
    ring = rectangle()
    ring[..., 15:25, 20:40] = 0.25
    assert torch.equal(fill_holes(ring), rectangle())
    ring[..., 20, :20] = 0.5  # a way out over a pass of 0.5
    assert fill_holes(ring)[0, 0, 20, 30] == 0.5


def test_large_holes_can_stay():
    mask = rectangle()
    mask[..., 12:14, 17:19] = 0  # 4 pixels
    mask[..., 18:25, 25:35] = 0  # 70 pixels
    kept = FillMask(largest=4).change(mask, mask)
    assert kept[..., 12:14, 17:19].min() == 1
    assert kept[..., 18:25, 25:35].max() == 0


def test_a_bay_at_the_border_is_no_hole():
    mask = rectangle()
    mask[..., 15:20, :30] = 0
    assert torch.equal(fill_holes(mask), mask)


def test_matting_finds_the_edge_that_a_rough_mask_misses():
    truth = torch.zeros(1, 1, 60, 80)
    truth[..., 20:40, 25:55] = 1
    truth = blur(truth, 5)
    texture = torch.rand(1, 3, 60, 80, generator=torch.Generator().manual_seed(0)) * 0.05
    content = truth * torch.tensor([0.9, 0.2, 0.1]).view(1, 3, 1, 1) + (1 - truth) * torch.tensor([0.1, 0.3, 0.7]).view(
        1, 3, 1, 1
    )
    content = (content + texture).clamp(0, 1)
    rough = torch.zeros(1, 1, 60, 80)
    rough[..., 22:42, 23:53] = 1  # two pixels off
    canvas = MatteMask(band=7).apply(Canvas(content, content, mask=rough))
    before, after = (rough - truth).abs().mean(), (canvas.mask - truth).abs().mean()
    assert after < before / 4


# --------------------------------------------------------------------------------------------------- rectangles


def test_a_rectangle_is_given_in_shares(canvas):
    mask = MaskRectangle(left=0.25, top=0.0, right=0.5, bottom=0.5).apply(canvas).mask
    assert mask.shape == (1, 1, 64, 96)
    assert mask[..., :32, 24:48].min() == 1
    assert mask.sum() == 32 * 24


def test_a_rectangle_keeps_to_the_mask_there_was(canvas):
    half = torch.zeros(1, 1, 64, 96)
    half[..., :48] = 1
    mask = MaskRectangle(left=0.25, right=0.75).apply(canvas.replace(mask=half)).mask
    assert mask.sum() == 32 * 24
    with pytest.raises(impasto.StageError, match="have no pixel in common"):
        MaskRectangle(left=0.6, right=0.75).apply(canvas.replace(mask=half))


@pytest.mark.parametrize("sides", [{"left": 0.8}, {"top": 0.5, "bottom": 0.5}])
def test_a_rectangle_with_its_sides_swapped_is_refused(sides):
    with pytest.raises(impasto.ParameterError, match="is not less than"):
        MaskRectangle(**sides)


def test_a_rectangle_without_a_pixel_is_an_error(canvas):
    with pytest.raises(impasto.StageError, match=r"MaskRectangle\(left=0.501, right=0.502\) on 96×64 pixels selects"):
        MaskRectangle(left=0.501, right=0.502).apply(canvas)


# ------------------------------------------------------------------------------------------------------- errors


@pytest.mark.parametrize(
    "stage",
    [GrowMask(), ShrinkMask(), FeatherMask(), InvertMask(), FillMask(), MatteMask()],
    ids=lambda stage: stage.name,
)
def test_a_tool_without_a_mask_says_what_to_type(stage, canvas):
    with pytest.raises(impasto.StageError, match=f"{stage.name}: there is no mask to change\n  what to type: .*mask-r"):
        stage.apply(canvas)


@pytest.mark.parametrize(
    ("stage", "advice"),
    [
        (ShrinkMask(radius=5), "radius below 3"),
        (FeatherMask(radius=12, side="inside"), "radius below 6, or side='both'"),
        (MatteMask(band=5), "thinner than the band, .*\n.*band below 3"),
    ],
    ids=lambda value: getattr(value, "name", ""),
)
def test_a_mask_of_five_pixels_that_is_emptied_says_what_would_work(stage, advice, canvas):
    line = torch.zeros(1, 1, 64, 96)
    line[..., 40:45] = 1
    assert inner_distance(line) == 3
    with pytest.raises(impasto.StageError, match=f"(?s){advice}"):
        stage.apply(canvas.replace(mask=line))


def test_the_advice_of_an_emptied_mask_works(canvas):
    line = torch.zeros(1, 1, 64, 96)
    line[..., 40:45] = 1
    assert ShrinkMask(radius=2.99).apply(canvas.replace(mask=line)).mask.sum() == 64
    with pytest.warns(UserWarning, match="thinner than its new edge is soft"):
        assert FeatherMask(radius=5.9, side="inside").apply(canvas.replace(mask=line)).mask.any()


def test_inverting_an_all_white_mask_is_an_error(canvas):
    with pytest.raises(impasto.StageError, match="this one selects the whole picture"):
        InvertMask().apply(canvas.replace(mask=torch.ones(1, 1, 64, 96)))


def test_a_mask_emptied_in_one_picture_of_a_batch_is_pointed_out(canvas):
    content = canvas.content.expand(2, -1, -1, -1)
    mask = torch.zeros(2, 1, 64, 96)
    mask[0, ..., 10:50, 10:50] = 1
    mask[1, ..., 40:43] = 1
    with pytest.warns(UserWarning, match="nothing of the mask is left in picture 2 of 2"):
        found = ShrinkMask(radius=5).apply(Canvas(content, content, mask=mask))
    assert found.mask[0].any()
    assert not found.mask[1].any()
