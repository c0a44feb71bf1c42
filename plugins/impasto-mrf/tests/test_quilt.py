"""Quilt: the parts against references in NumPy and SciPy, and what a user may expect of the whole."""

import itertools
import math
import warnings

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from scipy.sparse import coo_array
from scipy.sparse.csgraph import dijkstra

import impasto
from impasto import Canvas, ParameterError, StageError, Style
from impasto.stage import RunContext
from impasto.testing import parametrize_checks
from impasto_mrf import Quilt
from impasto_mrf.correlation import Correlator
from impasto_mrf.quilt import match_quantiles
from impasto_mrf.quilting import Source, block_places, quilt, random_fit, wavefronts
from impasto_mrf.seams import minimum_cut, seam


@parametrize_checks(Quilt(), Quilt(block=7, alpha=(0.3, 0.6, 0.9), overlap=0.5, tolerance=0, blur=2))
def test_quilt(stage, check):
    check(stage)


def paint(stage, content, *styles, seed=0, **more):
    torch.manual_seed(seed)
    return stage.apply(Canvas(content, content, tuple(styles), **more)).image


def colours(image):
    """The colours of a picture (3, ...), as a set."""
    return set(map(tuple, image.flatten(1).T.tolist()))


def whole(image):
    """A source that is one whole picture."""
    one = torch.ones_like(image[0])
    return Source(image, image.mean(0, keepdim=True), one > 0, one)


# ------------------------------------------------------------------------------------------------- the parts


@pytest.mark.parametrize(("size", "block"), [((150, 91), 7), ((40, 200), 31), ((9, 9), 9), ((5, 7), 1)])
def test_correlations_are_those_of_a_sliding_window(size, block):
    picture, kernels = torch.randn(4, *size), torch.randn(3, 4, block, block)
    expected = F.conv2d(picture[None].double(), kernels.double())[0]
    assert torch.allclose(Correlator(picture, block)(kernels).double(), expected, atol=1e-3)


def test_the_cut_is_the_shortest_path_that_scipy_finds():
    errors = torch.rand(6, 11, 5)
    for one, path in zip(errors.double().numpy(), minimum_cut(errors).tolist(), strict=True):
        length, width = one.shape
        edges = [(0, 1 + k, one[0, k]) for k in range(width)]
        for row, k, move in itertools.product(range(1, length), range(width), (-1, 0, 1)):
            if 0 <= k + move < width:
                edges.append((1 + (row - 1) * width + k, 1 + row * width + k + move, one[row, k + move]))
        tails, heads, costs = zip(*edges, strict=True)
        graph = coo_array((costs, (tails, heads)), shape=(1 + one.size,) * 2).tocsr()
        least = dijkstra(graph, indices=0)[-width:].min()
        assert sum(one[row, k] for row, k in enumerate(path)) == pytest.approx(least)
        assert max(abs(np.diff(path))) <= 1


def test_a_seam_runs_where_two_blocks_agree():
    old, new = torch.zeros(1, 3, 8, 8), torch.ones(1, 3, 8, 8)
    new[..., 2] = 0
    yes, no = torch.tensor([True]), torch.tensor([False])
    shown = seam(old, new, 4, no, yes)[0, 0]
    assert not shown[:, :2].any()
    assert shown[:, 2:].all()
    assert torch.equal(seam(old.mT, new.mT, 4, yes, no)[0, 0], shown.T)
    assert seam(old, new, 4, no, no).all()


def test_every_place_within_the_tolerance_is_drawn_equally_often():
    errors = torch.tensor([[1.0, 1.05, 9.0], [1.2, math.inf, 1.0]]).expand(3000, 2, 3)
    row, column = random_fit(errors, 0.1, 0.0, torch.rand(3000))
    counts = torch.bincount(row * 3 + column, minlength=6)
    assert set(counts.nonzero().flatten().tolist()) == {0, 1, 5}
    assert counts[[0, 1, 5]].min() > 850


def test_matched_quantiles_are_those_of_the_reference():
    values, reference = torch.rand(500), torch.randn(500)
    matched = match_quantiles(values, values, reference)
    assert torch.allclose(matched.sort().values, reference.sort().values, atol=1e-5)
    assert torch.equal(matched.argsort(), values.argsort())
    flat = match_quantiles(torch.full((9,), 0.3), torch.full((9,), 0.3), reference)
    assert torch.allclose(flat, reference.quantile(0.5), atol=0.02)


def test_erosion_leaves_the_places_where_a_block_fits():
    inside = torch.rand(14, 17) < 0.9
    expected = inside.unfold(0, 3, 1).unfold(1, 3, 1).flatten(2).all(2)
    assert torch.equal(block_places(inside, 3), expected)


@pytest.mark.parametrize(("rows", "columns"), [(1, 1), (1, 5), (5, 1), (4, 7), (7, 3)])
def test_fronts_reach_every_block_once_after_those_it_touches(rows, columns):
    placed: set[tuple[int, int]] = set()
    for front in wavefronts(rows, columns):
        cells = list(zip(*(cell.tolist() for cell in front), strict=True))
        for row, column in cells:
            touched = {(row, column - 1), (row - 1, column - 1), (row - 1, column), (row - 1, column + 1)}
            assert {(r, c) for r, c in touched if r >= 0 and 0 <= c < columns} <= placed
        assert not placed & set(cells)
        placed |= set(cells)
    assert placed == set(itertools.product(range(rows), range(columns)))


# ------------------------------------------------------------------------------------------- against a reference


def raster(image, tone, style, block, overlap, alpha, again):
    """One pass, block after block and candidate after candidate, in float64; the best candidate is taken."""
    image, tone, style = (x.double().numpy() for x in (image, tone, style))
    grey = style.mean(0)
    height, width = image.shape[1:]
    step = block - overlap
    rows, columns = (-(-(side - overlap) // step) for side in (height, width))
    beyond = ((0, 0), (0, rows * step + overlap - height), (0, columns * step + overlap - width))
    canvas, tone = np.pad(image, beyond, "edge"), np.pad(tone, beyond, "edge")
    earlier = canvas.copy()
    for row, column in itertools.product(range(rows), range(columns)):
        at = (slice(None), slice(row * step, row * step + block), slice(column * step, column * step + block))
        shared = np.zeros((block, block), bool)
        shared[:overlap] |= row > 0
        shared[:, :overlap] |= column > 0
        best, least = None, math.inf
        for y, x in itertools.product(*(range(side - block + 1) for side in style.shape[1:])):
            there = np.s_[:, y : y + block, x : x + block]
            new = style[there]
            texture = ((new - canvas[at])[:, shared] ** 2).sum() + again * ((new - earlier[at]) ** 2).sum()
            error = alpha * texture + (1 - alpha) * ((grey[there[1:]] - tone[at][0]) ** 2).sum()
            if error < least:
                best, least = new, error
        errors = ((canvas[at] - best) ** 2).sum(0)
        shown = np.ones((block, block), bool)
        for present, strip, part in ((column, errors[:, :overlap], shown), (row, errors[:overlap].T, shown.T)):
            paths = itertools.product(range(overlap), repeat=block)
            straight = (path for path in paths if max(abs(np.diff(path))) <= 1)
            cut = min(straight, key=lambda path, strip=strip: strip[range(block), path].sum())
            if present:
                part &= np.arange(block) >= np.array(cut)[:, None]
        canvas[at] = np.where(shown, best, canvas[at])
    return torch.from_numpy(canvas[:, :height, :width]).float()


@pytest.mark.parametrize(("alpha", "again"), [(0.1, False), (0.9, False), (0.5, True)])
def test_a_pass_is_that_of_a_loop_over_blocks_and_candidates_in_raster_order(alpha, again):
    torch.manual_seed(4)
    image, tone, style = torch.rand(3, 23, 18), torch.rand(1, 23, 18), torch.rand(3, 15, 17)
    made = quilt(image, tone, whole(style), block=6, overlap=3, alpha=alpha, tolerance=0, again=again)
    assert torch.equal(made, raster(image, tone, style, 6, 3, alpha, again))


# ------------------------------------------------------------------------------------------------ the whole


def test_every_pixel_is_one_of_the_style():
    content, style = torch.rand(1, 3, 45, 61), torch.rand(1, 3, 40, 33)
    made = paint(Quilt(block=12), content, Style(style))
    assert colours(made[0]) <= colours(style[0])


def test_a_picture_quilted_from_itself_is_itself():
    cat = impasto.samples.content("cat", 90)[..., :48, :48]
    made = paint(Quilt(block=12, overlap=0.25, tolerance=0, alpha=(0.1,)), cat, Style(cat))
    # Beyond the border of the content a block has nothing to be compared with but repeated pixels.
    assert torch.equal(made[..., :39, :39], cat[..., :39, :39])


def test_texture_of_a_periodic_style_goes_on_with_its_period():
    tile = torch.rand(1, 3, 11, 11)
    style = Style(tile.repeat(1, 1, 5, 5))
    made = paint(Quilt(block=16, alpha=(1,)), torch.zeros(1, 3, 70, 83), style)
    start = [
        shift for shift in range(121) if torch.equal(made[..., :11, :11], tile.roll((shift // 11, shift % 11), (2, 3)))
    ]
    assert len(start) == 1
    assert torch.equal(made, made[..., :11, :11].repeat(1, 1, 7, 8)[..., :70, :83])


def test_texture_alone_does_not_look_at_the_content_and_depends_on_the_seed():
    style = Style(impasto.samples.style("mosaic", 64))
    stage = Quilt(block=16, alpha=(1,))
    dark, bright = (paint(stage, torch.full((1, 3, 50, 50), value), style) for value in (0.1, 0.9))
    assert torch.equal(dark, bright)
    assert not torch.equal(dark, paint(stage, torch.full((1, 3, 50, 50), 0.1), style, seed=1))


def test_light_and_dark_of_the_content_are_found_again():
    cat = impasto.samples.content("cat", 96)
    made = paint(Quilt(block=6), cat, Style(impasto.samples.style("woodcut", 128)))
    seen = torch.stack([F.avg_pool2d(one, 8).mean(1).flatten() for one in (cat, made)])
    assert torch.corrcoef(seen)[0, 1] > 0.7


def test_blocks_come_from_the_like_region():
    style = torch.rand(1, 3, 40, 60) / 4
    style[:, 0, :, :30] += 0.7  # reds on the left, blues on the right
    style[:, 2, :, 30:] += 0.7
    sides = torch.zeros(1, 2, 40, 60)
    sides[:, 0, :, :30] = sides[:, 1, :, 30:] = 1
    guides = torch.zeros(1, 2, 50, 40)
    guides[:, 0, :20] = guides[:, 1, 20:] = 1
    canvas = {"guides": guides, "labels": ("sky", "sea")}
    covering = Style(style, guides=sides.flip(1), labels=("sea", "sky"))
    made = paint(Quilt(block=10), torch.rand(1, 3, 50, 40), covering, **canvas)
    red = made[:, 0] > made[:, 2]
    assert red[:, :20].all()
    assert not red[:, 20:].any()


def test_each_picture_of_a_batch_has_its_own_style():
    content, style = torch.rand(2, 3, 30, 31), torch.rand(2, 3, 24, 25)
    made = paint(Quilt(block=8), content, Style(style))
    for index in range(2):
        assert colours(made[index]) <= colours(style[index])


def test_several_styles_share_the_picture_by_their_weights():
    red, blue = torch.rand(1, 3, 40, 50), torch.rand(1, 3, 30, 35)
    red[:, 2], blue[:, 2] = 0.0, 1.0
    content = torch.rand(1, 3, 60, 60)

    def share(weight):
        made = paint(Quilt(block=8, alpha=(0,)), content, Style(red), Style(blue, weight=weight))
        assert colours(made[0]) <= colours(red[0]) | colours(blue[0])
        return float((made[:, 2] == 1).float().mean())

    assert share(0) == 0
    assert share(0.5) < share(1) < share(2)


@pytest.mark.parametrize("size", [(40, 10), (3, 3), (1, 9), (1, 1)])
def test_blocks_shrink_until_they_fit_into_a_small_style_and_say_so(size):
    style = torch.rand(1, 3, *size)
    with pytest.warns(UserWarning, match=f"they get {min(size)}\n.*larger picture"):
        made = paint(Quilt(), torch.rand(1, 3, 20, 13), Style(style))
    assert colours(made[0]) <= colours(style[0])


def test_a_thin_region_of_the_style_is_all_that_blocks_are_made_of():
    style, part = torch.rand(1, 3, 40, 40), torch.zeros(1, 1, 40, 40)
    part[..., 10:15] = 1
    with pytest.warns(UserWarning, match="they get 5\n"):
        made = paint(Quilt(), torch.rand(1, 3, 30, 30), Style(style, guides=part), guides=torch.ones(1, 1, 30, 30))
    assert colours(made[0]) <= colours(style[0, :, :, 10:15])


@pytest.mark.parametrize("size", [(1, 40), (40, 1), (1, 1), (7, 5)])
def test_contents_smaller_than_a_block_are_painted(size):
    style = torch.rand(1, 3, 40, 40)
    made = paint(Quilt(), torch.rand(1, 3, *size), Style(style))
    assert colours(made[0]) <= colours(style[0])


def test_progress_ends_with_the_last_step_and_shows_the_picture():
    seen = []

    def watcher(stage, step, steps, image, losses):
        seen.append((step, steps, image))

    with RunContext(watcher=watcher):
        made = paint(Quilt(block=8), torch.rand(2, 3, 30, 41), Style(torch.rand(1, 3, 30, 30)))
    assert [step for step, _, _ in seen] == list(range(1, seen[0][1] + 1))
    assert torch.equal(seen[-1][2], made)


def test_a_canvas_of_its_own_has_no_content_to_follow():
    with pytest.raises(ParameterError, match="follows a content"):
        Quilt(size="64x48", alpha=(0.1, 0.9))


def test_a_seamless_quilt_is_a_quilt_across_its_sides_too():
    style = impasto.samples.style("stained-glass", 128)
    made = impasto.Pipeline(Quilt(size="100x90", block=24, seamless=True))(None, style, device="cpu").tensor
    assert (step_across(made) <= 1.25 * step_inside(made)).all()
    colours = {tuple(pixel) for pixel in style.flatten(2)[0].mT.tolist()}
    assert {tuple(pixel) for pixel in made.flatten(2)[0].mT.tolist()} <= colours
    plain = impasto.Pipeline(Quilt(size="100x90", block=24))(None, style, device="cpu").tensor
    assert (step_across(plain) > 1.5 * step_inside(plain)).all()


def step_across(image):
    """Return the mean step from the last column to the first, and from the last row to the first."""
    return torch.stack([(image.select(dim, -1) - image.select(dim, 0)).abs().mean() for dim in (3, 2)])


def step_inside(image):
    """Return the mean step from column to column, and from row to row."""
    return torch.stack([image.diff(dim=dim).abs().mean() for dim in (3, 2)])


def test_a_seamless_quilt_refuses_a_mask_and_a_picture_smaller_than_a_block():
    picture = torch.rand(1, 3, 20, 30)
    with pytest.raises(StageError, match="block=20 or less"):
        paint(Quilt(block=24, seamless=True), picture, Style(torch.rand(1, 3, 40, 40)))
    with pytest.raises(StageError, match="seamless=False"):
        impasto.Pipeline(Quilt(seamless=True))(picture, picture, mask=torch.ones(1, 1, 20, 30))


@pytest.mark.parametrize("weights", [(1.0, -1.0), (0.0, 0.0)])
def test_weights_without_meaning_are_refused(weights):
    picture = torch.rand(1, 3, 20, 20)
    with pytest.raises(StageError, match="weights of 0 or more"):
        paint(Quilt(block=8), picture, *(Style(picture, weight=weight) for weight in weights))


def test_guides_that_mark_nothing_are_refused():
    picture = torch.rand(2, 3, 20, 20)
    guides = torch.ones(2, 1, 20, 20)
    guides[1] = 0
    with pytest.raises(StageError, match="0 all over picture 2"):
        paint(Quilt(block=8), picture, Style(picture, guides=guides), guides=torch.ones(1, 1, 20, 20))


def test_usual_pictures_give_no_warning():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        made = paint(Quilt(), torch.rand(1, 3, 40, 40), Style(torch.rand(1, 3, 30, 30)))
    assert made.shape == (1, 3, 40, 40)
