import numpy as np
import pytest
import torch

import impasto
from impasto import Canvas, StageError, Style
from impasto.testing import parametrize_checks, picture
from impasto_segment import SegmentRegions, Superpixels
from impasto_segment.regions import SMALLEST, segment_regions
from impasto_segment.superpixels import adjacent_pairs, merge_segments, remove_specks, renumber, segment_means, slic

FEWER = "ignore:segment-regions. . region:UserWarning"


@pytest.mark.filterwarnings(FEWER)
@parametrize_checks(
    Superpixels(gives="flat", count=50, compactness=5.0),
    SegmentRegions(),
    SegmentRegions(method="felzenszwalb", target="both"),
    SegmentRegions(method="watershed", target="styles", count=3),
)
def test_conformance(stage, check):
    check(stage)


@pytest.fixture
def photograph():
    return impasto.samples.content("coffee", 160)


@pytest.fixture
def quarters():
    """Four areas of different colour and size, 160×240, and the number of each pixel's area."""
    index = torch.zeros(160, 240, dtype=torch.long)
    index[100:, :] = 1
    index[:100, 175:] = 2
    index[100:, 200:] = 3
    colours = torch.tensor([[0.8, 0.2, 0.2], [0.2, 0.7, 0.3], [0.2, 0.3, 0.8], [0.9, 0.9, 0.4]])
    noise = 0.02 * torch.randn(1, 3, 160, 240, generator=torch.Generator().manual_seed(0))
    return (colours[index].permute(2, 0, 1)[None] + noise).clamp(0, 1), index


# --------------------------------------------------------------------------------------------------- superpixels


def test_each_superpixel_is_a_region(photograph):
    found = Superpixels(count=30).apply(Canvas(photograph, photograph))
    count = found.guides.shape[1]
    assert 15 <= count <= 45
    assert torch.equal(found.guides.sum(1), torch.ones(1, *photograph.shape[-2:]))
    assert found.guides.sum((2, 3)).min() > 0
    assert found.labels == tuple(f"superpixel-{index + 1}" for index in range(count))


def test_a_flat_image_keeps_each_segments_mean_and_the_picture_outside_the_mask(photograph):
    mask = torch.zeros(1, 1, *photograph.shape[-2:])
    mask[..., 40:] = 1
    found = Superpixels(count=40, gives="flat").apply(Canvas(photograph, photograph, mask=mask)).image
    assert torch.equal(found[..., :40], photograph[..., :40])
    segments = slic(photograph[0], 40)
    for number in (0, int(segments.max())):
        where = torch.from_numpy(segments == number) & (mask[0, 0] > 0)
        if where.any():
            mean = photograph[0][:, torch.from_numpy(segments == number)].mean(1)
            torch.testing.assert_close(found[0][:, where], mean[:, None].expand(-1, int(where.sum())))


def test_a_rough_mask_is_drawn_to_outlines(quarters):
    image, index = quarters
    rough = torch.zeros(1, 1, 160, 240)
    rough[..., :105, 168:] = 1
    found = Superpixels(count=60, gives="mask").apply(Canvas(image, image, mask=rough)).mask[0, 0]
    assert ((found > 0) != (index == 2)).float().mean() < 0.01


def test_a_mask_that_no_superpixel_fits_says_so(quarters):
    image, _ = quarters
    tiny = torch.zeros(2, 1, 160, 240)
    tiny[:, :, 10:12, 10:12] = 1
    stage = Superpixels(count=12, gives="mask")
    with pytest.raises(StageError, match=r"no superpixel lies inside the mask by half(.|\n)*larger count"):
        stage.apply(Canvas(image, image, mask=tiny[:1]))
    tiny[1] = 1
    both = image.expand(2, -1, -1, -1)
    with pytest.warns(UserWarning, match="inside the mask by half in picture 1 of 2"):
        stage.apply(Canvas(both, both, mask=tiny))
    with pytest.raises(StageError, match="there is no mask to draw"):
        stage.apply(Canvas(image, image))


def test_more_regions_than_memory_are_refused():
    image = torch.zeros(2, 3, 512, 512)
    with pytest.raises(StageError, match=r"2000 regions of 2 × 512×512 pixels are 3\.9 GiB(.|\n)*512 at most"):
        Superpixels(count=2000).apply(Canvas(image, image))


# -------------------------------------------------------------------------------------------------------- merging


def slowly(labels, values, count):
    """Ward's rule by the sums of squares themselves, over all pairs that touch, again at every step."""
    labels = labels.copy()

    def squares(where):
        return ((values[where] - values[where].mean(0)) ** 2).sum()

    while len(np.unique(labels)) > count:
        pairs, _ = adjacent_pairs(labels)
        worse = [squares((labels == a) | (labels == b)) - squares(labels == a) - squares(labels == b) for a, b in pairs]
        one, other = pairs[int(np.argmin(worse))]
        labels[labels == other] = one
    return labels


@pytest.mark.parametrize("count", [2, 5, 9])
def test_merging_takes_the_pair_that_adds_least_to_the_squares(photograph, count):
    values = photograph[0].permute(1, 2, 0).double().numpy()
    fine = slic(photograph[0], 25)
    found = merge_segments(fine, segment_means(values, fine), count, 1)
    assert np.array_equal(renumber(found), renumber(slowly(fine, values, count)))


def test_segments_that_are_too_small_go_to_the_neighbour_most_alike():
    labels = np.zeros((6, 9), int)
    labels[:, 5:] = 1
    labels[2, 3:5] = 2
    found = merge_segments(labels, np.array([[0.0], [1.0], [0.9]]), count=9, least=3)
    assert np.array_equal(found == found[0, 8], (labels > 0))


def test_borders_are_measured():
    pairs, lengths = adjacent_pairs(np.array([[0, 0, 1], [0, 2, 1]]))
    assert pairs.tolist() == [[0, 1], [0, 2], [1, 2]]
    assert lengths.tolist() == [1, 2, 1]


def test_specks_go_and_large_pieces_of_one_label_stay(quarters):
    image, index = quarters
    labels = index.numpy().copy()
    labels[labels == 3] = 0  # two pieces of one label
    dirty = labels.copy()
    dirty[5, 5], dirty[120:122, 20] = 1, 2
    assert np.array_equal(remove_specks(dirty, image[0], 5), labels)


# -------------------------------------------------------------------------------------------------------- regions


@pytest.mark.parametrize("method", ["kmeans", "felzenszwalb", "watershed"])
def test_areas_of_one_colour_are_found_the_largest_first(quarters, method):
    image, index = quarters
    found = SegmentRegions(count=4, method=method).apply(Canvas(image, image))
    assert found.labels == ("region-1", "region-2", "region-3", "region-4")
    sizes = found.guides.sum((0, 2, 3)).tolist()
    assert sizes == sorted(sizes, reverse=True)
    order = index.flatten().bincount().argsort(descending=True)
    agreement = (order[found.guides[0].argmax(0)] == index).float().mean()
    # k-means sees the texture of an edge some pixels beyond it, where there is no other texture.
    assert agreement > (0.9 if method == "kmeans" else 0.98)


@pytest.mark.parametrize("method", ["kmeans", "felzenszwalb", "watershed"])
def test_a_photograph_gives_the_number_asked_for_without_confetti(photograph, method):
    from skimage.measure import label

    found = segment_regions(photograph[0], 5, method)
    assert len(found) == 5
    pieces = label(found.argmax(0).numpy(), background=-1, connectivity=1)
    assert np.bincount(pieces.ravel())[1:].min() >= pieces.size // SMALLEST
    if method != "kmeans":
        assert pieces.max() <= 12  # drawing along edges may part a region, not scatter it


def test_each_picture_of_a_batch_is_divided_alone(photograph):
    cat = impasto.samples.content("cat", 160)[..., : photograph.shape[-2], :]
    height = min(cat.shape[-2], photograph.shape[-2])
    both = torch.cat([photograph[..., :height, :], cat[..., :height, :]])
    found = SegmentRegions().apply(Canvas(both, both)).guides
    for index in range(2):
        alone = SegmentRegions().apply(Canvas(both[index : index + 1], both[index : index + 1])).guides
        assert torch.equal(found[index : index + 1], alone)


def test_styles_get_regions_of_their_own_size(photograph):
    style = Style(impasto.samples.style("mosaic", 96))
    canvas = Canvas(photograph, photograph, styles=(style,))
    alone = SegmentRegions(target="styles", count=3).apply(canvas)
    assert alone.guides is None
    assert alone.styles[0].guides.shape == (1, 3, 96, 96)
    assert alone.styles[0].labels == ("region-1", "region-2", "region-3")
    both = SegmentRegions(target="both", count=3).apply(canvas)
    assert both.labels == both.styles[0].labels
    assert both.guides.shape[1] == 3


def test_a_style_for_one_region_is_left_alone(photograph):
    style = Style(impasto.samples.style("mosaic", 64), region="region-2")
    found = SegmentRegions(target="both").apply(Canvas(photograph, photograph, styles=(style,)))
    assert found.styles[0] is style


def test_styles_must_be_there_to_be_divided(photograph):
    with pytest.raises(StageError, match=r"target='both', and there is no style"):
        SegmentRegions(target="both").apply(Canvas(photograph, photograph))


@pytest.mark.parametrize("method", ["kmeans", "felzenszwalb", "watershed"])
@pytest.mark.parametrize("size", [(3, 3), (1, 40), (40, 1), (2, 2)])
def test_a_picture_with_fewer_regions_says_how_many(method, size):
    flat = torch.full((1, 3, *size), 0.5)
    with pytest.warns(UserWarning, match=r"\d regions? of the 64 asked for found in the content"):
        found = SegmentRegions(count=64, method=method).apply(Canvas(flat, flat))
    assert torch.equal(found.guides.sum(1), torch.ones(1, *size))


def test_a_batch_with_a_flat_picture_names_it(photograph):
    both = torch.cat([photograph, torch.full_like(photograph, 0.5)])
    with pytest.warns(UserWarning, match="picture 2 of 2"):
        found = SegmentRegions(method="felzenszwalb", count=4).apply(Canvas(both, both)).guides
    assert torch.equal(found.sum(1), torch.ones(2, *photograph.shape[-2:]))
    assert found[1, 0].all()


def test_regions_repeat_to_the_bit():
    image = picture(60, 80)[0]
    assert torch.equal(segment_regions(image, 4, "kmeans"), segment_regions(image.clone(), 4, "kmeans"))
