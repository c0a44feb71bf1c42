"""Nearest patches, against a loop over all pairs of patches in NumPy."""

import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch.utils._python_dispatch import TorchDispatchMode

import impasto
from impasto.functional import patches
from impasto.functional.patches import NNF, extract, nearest


@pytest.fixture
def rng():
    return torch.Generator().manual_seed(0)


def features(name, layer, side):
    """Real features of a sample picture, `side` positions square."""
    picture = impasto.samples.content(name) if name in impasto.samples.contents() else impasto.samples.style(name, 256)
    step = {"relu1_1": 1, "relu2_1": 2}[layer]
    picture = F.interpolate(picture, (step * side, step * side), mode="bicubic", antialias=True).clamp(0, 1)
    with torch.no_grad():
        return impasto.encoder("slim19").features(picture, [layer])[layer].float()


def patch_at(maps, row, column, patch):
    """One patch of a NumPy map (C, H, W), indices outside moved to the border."""
    reach = np.arange(-(patch // 2), patch // 2 + 1)
    rows = np.clip(row + reach, 0, maps.shape[1] - 1)
    columns = np.clip(column + reach, 0, maps.shape[2] - 1)
    return maps[:, rows][:, :, columns].ravel()


def by_brute_force(query, source, patch, metric, stride=1, favour=None, allowed=None):
    """Distances (H', W', h, w) of all patches of one picture from each other."""
    query, source = query.double().numpy(), source.double().numpy()
    rows, columns = range(0, query.shape[1], stride), range(0, query.shape[2], stride)
    distances = np.empty((len(rows), len(columns), *source.shape[1:]))
    theirs = {(y, x): patch_at(source, y, x, patch) for y in range(source.shape[1]) for x in range(source.shape[2])}
    for i, row in enumerate(rows):
        for j, column in enumerate(columns):
            mine = patch_at(query, row, column, patch)
            for (y, x), other in theirs.items():
                if metric == "ncc":
                    distance = 1 - mine @ other / (np.linalg.norm(mine) * np.linalg.norm(other))
                else:
                    distance = ((mine - other) ** 2).mean()
                if favour is not None:
                    distance -= favour[row, column, y, x]
                if allowed is not None and not allowed[row, column, y, x]:
                    distance = math.inf
                distances[i, j, y, x] = distance
    return distances


def assert_same(field, picture, expected, top_k=1):
    """The field's matches are the nearest, in order, and its distances theirs."""
    height, width, *size = expected.shape
    flat = expected.reshape(height, width, -1)
    order = flat.argsort(-1)[..., :top_k]
    found = np.ravel_multi_index(tuple(field.positions[picture].movedim(1, 0).numpy()), size)
    np.testing.assert_array_equal(np.moveaxis(found, 0, -1), order)
    np.testing.assert_allclose(
        field.distances[picture].movedim(0, -1), np.take_along_axis(flat, order, -1), rtol=1e-4, atol=1e-5
    )


# ------------------------------------------------------------------------------------------------- exact search


@pytest.mark.parametrize("metric", ["ncc", "l2"])
@pytest.mark.parametrize(("patch", "stride", "top_k"), [(3, 1, 1), (3, 2, 3), (5, 1, 2), (1, 3, 1)])
def test_exact_search_is_a_loop_over_all_patches(rng, metric, patch, stride, top_k):
    query, source = torch.randn(2, 4, 7, 6, generator=rng), torch.randn(2, 4, 6, 9, generator=rng)
    # So little memory that the maps are taken piece by piece.
    field = nearest(query, source, patch=patch, metric=metric, method="exact", stride=stride, top_k=top_k, memory=2**16)
    for picture in range(2):
        expected = by_brute_force(query[picture], source[picture], patch, metric, stride)
        assert_same(field, picture, expected, top_k)


@pytest.mark.parametrize("metric", ["ncc", "l2"])
def test_a_mask_leaves_only_what_it_shows(rng, metric):
    query, source = torch.randn(2, 3, 5, 6, generator=rng), torch.randn(1, 3, 6, 5, generator=rng)
    mask = (torch.rand(2, 1, 6, 5, generator=rng) > 0.5).float()
    field = nearest(query, source, metric=metric, source_mask=mask, top_k=2)
    for picture in range(2):
        allowed = np.broadcast_to(mask[picture, 0].numpy() > 0, (5, 6, 6, 5))
        assert_same(field, picture, by_brute_force(query[picture], source[0], 3, metric, allowed=allowed), 2)


@pytest.mark.parametrize("metric", ["ncc", "l2"])
@pytest.mark.parametrize("stride", [1, 2])
def test_guides_favour_or_forbid(rng, metric, stride):
    query, source = torch.randn(1, 3, 6, 5, generator=rng), torch.randn(1, 3, 5, 6, generator=rng)
    mine, theirs = torch.rand(1, 2, 6, 5, generator=rng), torch.rand(1, 2, 5, 6, generator=rng)
    favour = np.einsum("kyx,kvu->yxvu", mine[0], theirs[0])
    guides = {"query_guides": mine, "source_guides": theirs, "stride": stride, "metric": metric}
    soft = nearest(query, source, guide_weight=0.7, **guides)
    assert_same(soft, 0, by_brute_force(query[0], source[0], 3, metric, stride, favour=0.7 * favour))
    alike = np.equal.outer(mine[0].argmax(0).numpy(), theirs[0].argmax(0).numpy())
    hard = nearest(query, source, guide_weight=math.inf, **guides)
    assert_same(hard, 0, by_brute_force(query[0], source[0], 3, metric, stride, allowed=alike))


def test_a_position_without_a_guide_matches_everything(rng):
    query, source = torch.randn(1, 3, 6, 5, generator=rng), torch.randn(1, 3, 5, 6, generator=rng)
    labels = torch.zeros(1, 2, 5, 6)
    labels[:, 0, :, :3], labels[:, 1, :, 3:] = 1, 1
    free = nearest(query, source, query_guides=torch.zeros(1, 2, 6, 5), source_guides=labels, guide_weight=math.inf)
    assert torch.equal(free.positions, nearest(query, source).positions)


def test_the_best_of_several_sources_is_taken(rng):
    query = torch.randn(1, 3, 6, 5, generator=rng)
    sources = [torch.randn(1, 3, 4, 7, generator=rng), torch.randn(1, 3, 2, 2, generator=rng)]
    field = nearest(query, sources, top_k=6)
    expected = [by_brute_force(query[0], one[0], 3, "ncc").reshape(6, 5, -1) for one in sources]
    together = np.sort(np.concatenate(expected, -1), -1)[..., :6]
    np.testing.assert_allclose(field.distances[0].movedim(0, -1), together, atol=1e-5)
    for number, (one, distances) in enumerate(zip(sources, expected, strict=True)):
        here = np.argwhere(field.which[0].numpy() == number)
        for rank, row, column in here:
            y, x = field.positions[0, rank, :, row, column].tolist()
            value = distances[row, column, y * one.shape[-1] + x]
            assert field.distances[0, rank, row, column] == pytest.approx(value, abs=1e-5)
    assert field.source_sizes == ((4, 7), (2, 2))


class Largest(TorchDispatchMode):
    """Remembers the bytes of the largest tensor made."""

    bytes = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        result = func(*args, **(kwargs or {}))
        for one in result if isinstance(result, (tuple, list)) else [result]:
            if isinstance(one, torch.Tensor):
                self.bytes = max(self.bytes, one.numel() * one.element_size())
        return result


def test_exact_search_keeps_to_its_memory(rng):
    query, source = torch.randn(1, 512, 64, 64, generator=rng), torch.randn(1, 512, 64, 64, generator=rng)
    copy = 4 * 512 * 66 * 66
    with Largest() as largest:
        nearest(query, source, memory=2**21)
    # Four tables of scores fit into the memory; only copies of the maps, with their border, are larger.
    assert largest.bytes == copy
    with Largest() as largest:
        nearest(query[:, :4], source[:, :4], memory=2**21)
    assert largest.bytes <= 2**21 / 4


def test_a_memory_too_small_is_refused():
    with pytest.raises(ValueError, match="more memory"):
        nearest(torch.rand(1, 2, 9, 9), torch.rand(1, 2, 9, 9), memory=1000)


@pytest.mark.parametrize("shape", [(1, 1), (2, 2), (1, 40), (40, 3)])
@pytest.mark.parametrize("method", ["exact", "patchmatch"])
def test_maps_smaller_than_a_patch_work(rng, shape, method):
    query, source = torch.rand(1, 3, 5, 4, generator=rng), torch.rand(1, 3, *shape, generator=rng)
    field = nearest(query, source, patch=5, method=method)
    expected = by_brute_force(query[0], source[0], 5, "ncc").reshape(5, 4, -1).min(-1)
    np.testing.assert_allclose(field.distances[0, 0], expected, rtol=0.05, atol=1e-3)


# --------------------------------------------------------------------------------------------- approximate search


@pytest.mark.parametrize(
    ("layer", "content", "style"),
    [("relu1_1", "cat", "impasto"), ("relu2_1", "cat", "impasto"), ("relu2_1", "astronaut", "mosaic")],
)
def test_patchmatch_comes_within_five_per_cent(layer, content, style):
    query, source = features(content, layer, 128), features(style, layer, 128)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        found = nearest(query, source, method="patchmatch", iterations=8).distances.mean()
    best = nearest(query, source, method="exact").distances.mean()
    assert best <= found <= 1.05 * best


@pytest.mark.parametrize("metric", ["ncc", "l2"])
def test_patchmatch_finds_a_copy(metric):
    source = features("cat", "relu1_1", 64)
    query = source[..., 10:50, 20:60].contiguous()
    field = nearest(query, source, metric=metric, method="patchmatch")
    own = patches.grid(40, 40, torch.device("cpu")) + torch.tensor([10, 20])[:, None, None]
    same = (field.positions[0, 0] == own).all(0)[1:-1, 1:-1]  # patches at the border see what the crop left out
    assert same.float().mean() > 0.99


def test_patchmatch_keeps_to_mask_and_labels(rng):
    query, source = torch.randn(1, 3, 40, 30, generator=rng), torch.randn(1, 3, 30, 40, generator=rng)
    mine, theirs = torch.zeros(1, 3, 40, 30), torch.zeros(1, 3, 30, 40)
    mine[:, 0, :20], mine[:, 1, 20:39] = 1, 1
    theirs[:, 0, :, :3], theirs[:, 1, :, 3:] = 1, 1
    mask = torch.ones(1, 1, 30, 40)
    mask[..., 10:, :] = 0
    guides = {"query_guides": mine, "source_guides": theirs, "guide_weight": math.inf, "source_mask": mask}
    field = nearest(query, source, method="patchmatch", top_k=3, **guides)
    rows, columns = field.positions[0].unbind(1)
    assert rows.max() < 10
    assert columns[:, :20].max() < 3
    assert columns[:, 20:39].min() >= 3
    flat = field.positions[0, :, 0] * 40 + field.positions[0, :, 1]
    assert (flat[0] != flat[1]).all()
    assert (flat[1] != flat[2]).all()
    assert (field.distances[0].diff(dim=0) >= 0).all()


def test_patchmatch_works_in_several_sources(rng):
    query = torch.randn(1, 3, 20, 25, generator=rng)
    sources = [torch.randn(1, 3, 30, 20, generator=rng), query.flip(-1), torch.randn(1, 3, 9, 9, generator=rng)]
    field = nearest(query, sources, patch=1, method="patchmatch")
    assert (field.which == 1).float().mean() > 0.99
    torch.testing.assert_close(field.warp(sources), query, atol=0.5, rtol=0)


def test_a_radius_limits_the_search(rng):
    source = torch.randn(1, 3, 40, 40, generator=rng)
    start = nearest(source, source)
    moved = NNF((start.positions + 3).clamp_max(39), start.distances, start.source_size)
    field = nearest(source, source, start=moved, radius=2)
    assert (field.positions - moved.positions).abs().max() <= 2
    found = nearest(source, source, start=moved, radius=4, iterations=16)
    assert torch.equal(found.positions, start.positions)


def test_around_its_match_the_search_spreads_however_far(rng):
    source = torch.randn(1, 3, 40, 40, generator=rng)
    start = nearest(source, source)
    far = (start.positions + 20).clamp_max(39)
    far[..., 20, 20] = start.positions[..., 20, 20]  # one right match is enough
    moved = NNF(far, start.distances, start.source_size)
    near = nearest(source, source, start=moved, radius=2, iterations=16)
    spread = nearest(source, source, start=moved, radius=2, iterations=16, around="match")
    assert (near.positions == start.positions).all(2).float().mean() < 0.2
    assert (spread.positions == start.positions).all(2).float().mean() > 0.9


@pytest.mark.parametrize("top_k", [1, 3])
def test_around_its_match_what_is_as_near_stays(top_k):
    even = torch.ones(1, 3, 12, 12)
    start = nearest(torch.rand(1, 3, 12, 12), torch.rand(1, 3, 12, 12))
    field = nearest(even, even, start=start, radius=4, around="match", top_k=top_k)
    assert torch.equal(field.positions[:, :1], start.positions)
    flat = field.positions[0, :, 0] * 12 + field.positions[0, :, 1]
    assert all((flat[0] != other).all() for other in flat[1:])


def test_each_picture_is_searched_for_alone(rng):
    query, source = torch.randn(2, 3, 30, 30, generator=rng), torch.randn(2, 3, 30, 30, generator=rng)
    with torch.random.fork_rng():
        torch.manual_seed(1)
        both = nearest(query, source, method="patchmatch", iterations=1)
        torch.manual_seed(1)
        second = nearest(query[1:], source[1:], method="patchmatch", iterations=1)
    assert torch.equal(both.positions[1:], second.positions)


# --------------------------------------------------------------------------------------------------- the field


def test_patches_are_columns_with_the_border_repeated(rng):
    maps = torch.randn(2, 3, 5, 4, generator=rng)
    columns = extract(maps, 3, stride=2)
    assert columns.shape == (2, 27, 6)
    np.testing.assert_array_equal(columns[1, :, 3], patch_at(maps[1].numpy(), 2, 2, 3))


def test_a_map_matched_with_itself_votes_for_itself(rng):
    maps = torch.randn(2, 3, 9, 8, generator=rng)
    field = nearest(maps, maps)
    torch.testing.assert_close(field.vote(maps, 5), maps)
    torch.testing.assert_close(field.warp(maps), maps)
    assert field.consistency(field).max() == 0
    assert field.confidence().min() > 0.7
    assert field.picture().min() == 1


def test_votes_are_means_of_overlapping_patches(rng):
    query, source = torch.randn(1, 2, 4, 5, generator=rng), torch.randn(1, 2, 6, 5, generator=rng)
    weights = torch.rand(1, 1, 4, 5, generator=rng)
    field = nearest(query, source)
    total, count = np.zeros((2, 6, 7)), np.zeros((6, 7))
    for row in range(4):
        for column in range(5):
            y, x = field.positions[0, 0, :, row, column].tolist()
            weight = float(weights[0, 0, row, column])
            patch = patch_at(source[0].numpy(), y, x, 3).reshape(2, 3, 3)
            total[:, row : row + 3, column : column + 3] += weight * patch
            count[row : row + 3, column : column + 3] += weight
    expected = (total / count)[:, 1:-1, 1:-1]
    np.testing.assert_allclose(field.vote(source, 3, weights)[0], expected, rtol=1e-4)


@pytest.mark.parametrize(("size", "source_size"), [((12, 10), (16, 14)), ((11, 9), (15, 13)), ((18, 15), (24, 21))])
def test_a_finer_field_points_to_the_same_places(rng, size, source_size):
    field = nearest(torch.randn(1, 3, 6, 5, generator=rng), torch.randn(1, 3, 8, 7, generator=rng))
    finer = field.upsample(size, source_size)
    assert finer.positions.shape == (1, 1, 2, *size)
    parents = [((2 * torch.arange(n) + 1) * old // (2 * n)) for n, old in zip(size, (6, 5), strict=True)]
    for axis, (new, old) in enumerate(zip(source_size, (8, 7), strict=True)):
        coarse = field.positions[0, 0, axis][parents[0][:, None], parents[1]]
        assert (finer.positions[0, 0, axis] - coarse * new / old).abs().max() < max(2, new / old + 1)


def test_the_finer_identity_is_the_identity(rng):
    maps = torch.randn(1, 3, 6, 5, generator=rng)
    finer = nearest(maps, maps).upsample((12, 10), (12, 10))
    assert torch.equal(finer.positions[0, 0], patches.grid(12, 10, torch.device("cpu")))


def test_confidence_falls_with_distance(rng):
    field = nearest(torch.randn(1, 3, 9, 9, generator=rng), torch.randn(1, 3, 9, 9, generator=rng))
    order = field.distances[0, 0].flatten().argsort()
    confidence = field.confidence()[0, 0].flatten()[order]
    assert (confidence.diff() <= 0).all()
    assert confidence[40] == pytest.approx(math.exp(-1))


def test_the_picture_has_one_hue_for_each_direction():
    rows, columns = patches.grid(3, 3, torch.device("cpu"))
    right = NNF(torch.stack([rows, columns + 5])[None, None], torch.zeros(1, 1, 3, 3), (3, 8))
    down = NNF(torch.stack([rows + 5, columns])[None, None], torch.zeros(1, 1, 3, 3), (8, 3))
    red, other = right.picture()[0, :, 1, 1], down.picture()[0, :, 1, 1]
    assert red[0] == 1
    assert red[1:].max() < 1
    assert other[1] == 1
    assert other[2] < other[0] < 1


# -------------------------------------------------------------------------------------------------- what is refused


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"metric": "cosine"}, "'ncc' or 'l2'"),
        ({"method": "fast"}, "'patchmatch'"),
        ({"patch": 4}, "patch=3"),
        ({"stride": 0}, "stride"),
        ({"top_k": 21}, "20 positions"),
        ({"guide_weight": -1.0}, "guide_weight"),
        ({"radius": 2}, "start="),
        ({"around": "end"}, "'start' or 'match'"),
        ({"source_mask": torch.zeros(1, 1, 4, 5)}, "leave none"),
        ({"source_mask": torch.ones(1, 1, 5, 4)}, r"\(1 or 1, 1, 4, 5\)"),
        ({"query_guides": torch.ones(1, 1, 5, 6)}, "source_guides are missing"),
    ],
)
def test_what_cannot_work_is_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        nearest(torch.rand(1, 2, 5, 6), torch.rand(1, 2, 4, 5), **arguments)


def test_a_label_missing_in_the_source_is_named():
    mine, theirs = torch.zeros(1, 3, 5, 6), torch.zeros(1, 3, 4, 5)
    mine[:, 0, :3], mine[:, 2, 3:], theirs[:, 0] = 1, 1, 1
    with pytest.raises(ValueError, match="guide 2"):
        nearest(
            torch.rand(1, 2, 5, 6),
            torch.rand(1, 2, 4, 5),
            query_guides=mine,
            source_guides=theirs,
            guide_weight=math.inf,
        )


def test_maps_with_other_channels_are_refused():
    with pytest.raises(ValueError, match="query's channels"):
        nearest(torch.rand(1, 2, 5, 6), torch.rand(1, 3, 4, 5))


def test_a_start_for_other_maps_is_refused():
    start = nearest(torch.rand(1, 2, 5, 6), torch.rand(1, 2, 4, 5))
    with pytest.raises(ValueError, match="upsample"):
        nearest(torch.rand(1, 2, 10, 12), torch.rand(1, 2, 8, 10), start=start)


def test_a_strided_field_does_not_vote():
    source = torch.rand(1, 2, 6, 6)
    with pytest.raises(ValueError, match="stride=1"):
        nearest(source, source, stride=2).vote(source)
