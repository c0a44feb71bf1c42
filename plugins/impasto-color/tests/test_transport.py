import numpy as np
import pytest
import torch
from skimage import data
from skimage.exposure import match_histograms

import impasto
from impasto.functional.filters import box_mean
from impasto.testing import parametrize_checks
from impasto_color import TransferDistribution, match_moments, transfer_distribution
from impasto_color.grain import gradient_length, relax
from impasto_color.transport import random_rotation, sample_colors


@parametrize_checks(
    TransferDistribution(iterations=3),
    TransferDistribution(iterations=3, target="image", space="lab", relaxation=0.5, regrain=False),
    TransferDistribution(iterations=3, target="image", reference="content", space="lalphabeta", strength=0.5),
)
def test_conformance(stage, check):
    check(stage)


@pytest.fixture
def pictures():
    """Two photographs of different size and very different colours."""
    cat = impasto.read(data.chelsea()).tensor[..., ::2, ::2]
    coffee = impasto.read(data.coffee()).tensor[..., ::3, ::3]
    return cat.contiguous(), coffee.contiguous()


def canvas(content, *styles, **more):
    return impasto.Canvas(content=content, image=content, styles=tuple(styles), **more)


def sliced_distance(one, other):
    """Wasserstein-1 distance of two pictures' colours, the mean over 64 directions."""
    directions = torch.nn.functional.normalize(torch.randn(64, 3, generator=torch.Generator().manual_seed(3)), dim=1)
    shares = np.linspace(0, 1, 513)
    along = [np.quantile((directions @ picture[0].flatten(1)).numpy(), shares, axis=1) for picture in (one, other)]
    return float(np.abs(along[0] - along[1]).mean())


def test_the_sliced_distance_falls_to_near_zero(pictures):
    cat, coffee = pictures
    before = sliced_distance(cat, coffee)
    found = []
    for iterations in (1, 5, 20, 60):
        torch.manual_seed(0)
        found.append(sliced_distance(transfer_distribution(cat, [coffee], iterations=iterations), coffee))
    assert before > 0.1
    assert found == sorted(found, reverse=True)
    assert found[2] < 0.003  # less than a step of 8 bits
    # Two moments alone do not get near.
    assert found[2] < 0.2 * sliced_distance(match_moments(cat, coffee), coffee)


def test_a_distribution_is_reached_in_every_moment():
    source = torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(1))
    reference = source.flip(1).pow(3) * 0.7 + 0.1
    torch.manual_seed(0)
    moved = transfer_distribution(source, [reference], iterations=30)
    for power in (1, 2, 3):
        np.testing.assert_allclose(moved.pow(power).mean((2, 3)), reference.pow(power).mean((2, 3)), atol=3e-3)


def test_along_one_axis_it_is_histogram_matching(pictures, monkeypatch):
    cat, coffee = pictures
    monkeypatch.setattr("impasto_color.transport.random_rotation", lambda generator: torch.eye(3))
    moved = transfer_distribution(cat, [coffee], iterations=1)
    expected = match_histograms(cat[0].permute(1, 2, 0).numpy(), coffee[0].permute(1, 2, 0).numpy(), channel_axis=2)
    assert (
        np.abs(moved[0].permute(1, 2, 0).numpy() - expected).mean() < 1 / 255
    )  # levels of 8 bits are taken at the middle of their share, there at its end


def test_rotations_are_rotations_and_turn_every_way():
    turns = torch.stack([random_rotation() for _ in range(2000)])
    torch.testing.assert_close(turns @ turns.mT, torch.eye(3).expand_as(turns), atol=1e-5, rtol=0)
    assert turns.mean(0).abs().max() < 0.06  # Haar: every entry has mean 0 …
    assert (turns.square().mean(0) - 1 / 3).abs().max() < 0.03  # … and variance a third


def test_the_same_seed_gives_the_same_bits(pictures):
    made = []
    for seed in (4, 4, 5):
        torch.manual_seed(seed)
        made.append(TransferDistribution(target="image").apply(canvas(pictures[0], impasto.Style(pictures[1]))).image)
    assert torch.equal(made[0], made[1])
    assert not torch.equal(made[0], made[2])


def test_relaxation_goes_part_of_the_way(pictures):
    cat, coffee = pictures
    distances = []
    for relaxation in (0.1, 0.5, 1.0):
        torch.manual_seed(0)
        distances.append(
            sliced_distance(transfer_distribution(cat, [coffee], iterations=3, relaxation=relaxation), coffee)
        )
    assert distances == sorted(distances, reverse=True)


def test_several_references_are_averaged_by_their_quantiles():
    red = torch.tensor([0.8, 0.2, 0.2]).view(1, 3, 1, 1) + 0.05 * torch.randn(1, 3, 30, 30)
    blue = torch.tensor([0.2, 0.2, 0.8]).view(1, 3, 1, 1) + 0.05 * torch.randn(1, 3, 20, 40)
    moved = transfer_distribution(torch.rand(1, 3, 40, 30), [red, blue], [0.75, 0.25])
    # Halfway between two clouds is one cloud between them, not both clouds.
    np.testing.assert_allclose(moved.mean((2, 3))[0], [0.65, 0.2, 0.35], atol=0.01)
    assert moved.std((2, 3)).max() < 0.08


def test_drawing_follows_the_weights():
    values = torch.arange(10.0).expand(1, 3, 1, 10)
    order = (torch.arange(1000) + 0.5) / 1000
    assert torch.equal(sample_colors(values, None, order)[0, 0].long().bincount(), torch.full((10,), 100))
    weights = torch.tensor([0, 0, 3, 0, 0, 1.0, 0, 0, 0, 0]).view(1, 1, 1, 10)
    counts = sample_colors(values, weights, order)[0, 0].long().bincount(minlength=10)
    assert counts[[2, 5]].tolist() == [750, 250]
    assert torch.equal(sample_colors(values, 0 * weights, order), sample_colors(values, None, order))


def test_only_the_region_and_the_mask_count(pictures):
    cat, coffee = pictures
    middle, edge = cat.shape[-1] // 2, coffee.shape[-1] // 2
    mask, part = torch.zeros_like(cat[:, :1]), torch.zeros_like(coffee[:, :1])
    mask[..., :middle] = part[..., :edge] = 1
    torch.manual_seed(0)
    stage = TransferDistribution(target="image", regrain=False)
    made = stage.apply(canvas(cat, impasto.Style(coffee, guides=part), mask=mask)).image
    assert torch.equal(made[..., middle:], cat[..., middle:])
    assert sliced_distance(made[..., :middle], coffee[..., :edge]) < 0.005


def test_flat_and_tiny_pictures_are_taken(pictures):
    flat = torch.tensor([0.3, 0.4, 0.6]).view(1, 3, 1, 1).expand(1, 3, 5, 7).contiguous()
    for one in (flat, flat[..., :1], flat[..., :1, :1]):
        made = TransferDistribution(target="image", regrain=False).apply(canvas(pictures[0], impasto.Style(one))).image
        assert (made - flat[..., :1, :1]).abs().max() < 3e-3
        made = TransferDistribution(target="image").apply(canvas(one, impasto.Style(pictures[0]))).image
        assert (made - made[..., :1, :1]).abs().max() < 1e-4


def test_the_style_gets_the_colours_of_the_image(pictures):
    cat, coffee = pictures
    made = TransferDistribution(regrain=False).apply(canvas(cat, impasto.Style(coffee))).styles[0].image
    assert sliced_distance(made, cat) < 0.005


def test_the_grain_of_the_picture_stays():
    generator = torch.Generator().manual_seed(2)
    ramp = torch.linspace(0.3, 0.5, 96).expand(1, 3, 64, 96) + 0.002 * torch.randn(1, 3, 64, 96, generator=generator)
    ramp[..., 40:] += 0.2  # an edge
    loud = impasto.Style(torch.rand(1, 3, 64, 64, generator=generator))
    made = {}
    for kept in (True, False):
        torch.manual_seed(0)
        made[kept] = TransferDistribution(target="image", regrain=kept).apply(canvas(ramp, loud)).image
    grain = {kept: float((one - box_mean(one, 2))[..., 8:32].std()) for kept, one in made.items()}
    before = float((ramp - box_mean(ramp, 2))[..., 8:32].std())
    assert grain[True] < 1.5 * before < 0.1 * grain[False]
    # Without it new colours make the grain coarse.  The tones stay those of the reference.
    torch.testing.assert_close(made[True].mean((2, 3)), made[False].mean((2, 3)), atol=0.02, rtol=0)


def test_regraining_solves_its_equation():
    generator = torch.Generator().manual_seed(6)
    original = torch.rand(1, 3, 9, 11, generator=generator) * 0.2
    image = torch.rand(1, 3, 9, 11, generator=generator)
    found = relax(image, image, original, 3000)
    steps = gradient_length(original)[0, 0].double().numpy()
    smoothness, fidelity = 30 / (1 + 10 * steps), np.minimum(255 * steps / 5, 1)
    size = steps.size
    number = np.arange(size).reshape(steps.shape)
    matrix = np.diag(fidelity.ravel())
    right = fidelity.ravel() * image[0].flatten(1).double().numpy()
    given = original[0].flatten(1).double().numpy()
    for one, other in [(number[:, :-1], number[:, 1:]), (number[:-1], number[1:])]:
        for i, j in zip(one.ravel(), other.ravel(), strict=True):
            tie = (smoothness.ravel()[i] + smoothness.ravel()[j]) / 2
            matrix[i, i] += tie
            matrix[j, j] += tie
            matrix[i, j] -= tie
            matrix[j, i] -= tie
            right[:, i] += tie * (given[:, i] - given[:, j])
            right[:, j] += tie * (given[:, j] - given[:, i])
    expected = np.linalg.solve(matrix, right.T).T
    np.testing.assert_allclose(found[0].flatten(1), expected, atol=1e-4)


def test_errors_say_what_would_work(pictures):
    with pytest.raises(impasto.ParameterError, match="a whole number, 1 to 200"):
        TransferDistribution(iterations=0)
    with pytest.raises(impasto.ParameterError, match=r"a number, 0\.05 to 1"):
        TransferDistribution(relaxation=0)
    with pytest.raises(impasto.StageError, match="needs a style picture"):
        TransferDistribution(target="image").apply(canvas(pictures[0]))


def test_hook_offers_the_stage():
    assert impasto.get_host().preprocessors["transfer-distribution"] is TransferDistribution
