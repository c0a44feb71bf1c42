"""Weighted least squares, screened Poisson and seamless joins, against sparse direct solves built from the formulas."""

import numpy as np
import pytest
import torch
from scipy import sparse
from scipy.sparse.linalg import spsolve

import impasto
from impasto.functional.color import luma
from impasto.testing import parametrize_checks
from impasto_smooth import ScreenedPoisson, Seamless, WLSSmooth, laplacian, screened_poisson, seamless, wls_smooth


@parametrize_checks(
    WLSSmooth(),
    WLSSmooth(guide="image"),
    ScreenedPoisson(),
    ScreenedPoisson(strength=0.5),
    Seamless(),
    Seamless(mixed=True),
)
def test_conformance(stage, check):
    check(stage)


def noise(*shape, seed=1):
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed))


def flat(maps):
    return maps[0].double().flatten(1).T.numpy()


def differences(height, width):
    """The sparse matrices that take the difference to the right and to the lower neighbour."""
    one = {size: sparse.eye(size, format="csr") for size in (height, width)}
    step = {size: sparse.diags([-1.0, 1.0], [0, 1], shape=(size - 1, size)) for size in (height, width)}
    return sparse.kron(one[height], step[width]), sparse.kron(step[height], one[width])


@pytest.fixture(scope="module")
def pair():
    photo = impasto.samples.content("coffee", 90)
    painted = (0.5 * photo.flip(1) + 0.5 * noise(*photo.shape)).clamp(0, 1)
    return photo, painted


@pytest.mark.parametrize("smoothing", [0.1, 1.0, 30.0])
def test_wls_smooth_is_the_least_squares_solution_of_the_paper(pair, smoothing):
    photo, painted = pair
    light = (luma(photo).double() + 1e-4).log()[0, 0].numpy()
    across, down = differences(*light.shape)
    weights = [
        smoothing / (np.abs(matrix @ light.ravel()) ** 1.2 + 1e-4) for matrix in (across, down)
    ]  # Farbman et al. 2008, equation 5
    system = sparse.eye(light.size) + sum(
        matrix.T @ sparse.diags(weight) @ matrix for matrix, weight in zip((across, down), weights, strict=True)
    )
    exact = spsolve(system.tocsc(), flat(painted))
    found = flat(wls_smooth(painted, photo, smoothing))
    assert np.abs(found - exact).mean() < 1e-4
    assert np.abs(found - exact).max() < 0.01


@pytest.mark.parametrize("weight", [0.5, 5.0, 500.0])
def test_screened_poisson_solves_its_equation(pair, weight):
    photo, painted = pair
    matrices = differences(*photo.shape[-2:])
    square = sum(matrix.T @ matrix for matrix in matrices)
    system = sparse.eye(square.shape[0]) + weight * square
    exact = spsolve(system.tocsc(), flat(painted) + weight * (square @ flat(photo)))
    assert np.abs(flat(screened_poisson(painted, photo, weight)) - exact).max() < 2e-3


@pytest.mark.parametrize(("height", "width"), [(1, 150), (150, 1), (3, 240), (240, 8)])
def test_a_picture_one_or_a_few_pixels_wide_is_solved_as_exactly(height, width):
    photo, painted = noise(1, 3, height, width), noise(1, 3, height, width, seed=2)
    matrices = differences(height, width)
    square = sum(matrix.T @ matrix for matrix in matrices if matrix.shape[0])
    system = sparse.eye(square.shape[0]) + 5.0 * square
    exact = spsolve(system.tocsc(), flat(painted) + 5.0 * (square @ flat(photo)))
    assert np.abs(flat(screened_poisson(painted, photo, 5.0)) - exact).max() < 2e-3


MASKS = {
    "a disc": lambda x, y: (x - 40) ** 2 + (y - 25) ** 2 < 200,
    "five pixels wide": lambda x, y: (x >= 30) & (x < 35),
    "one pixel": lambda x, y: (x == 30) & (y == 20),
    "two parts, one at the picture's border": lambda x, y: ((x - 60) ** 2 + (y - 40) ** 2 < 60) | (x < 9),
}


def mask_of(kind, photo):
    y, x = torch.meshgrid(torch.arange(photo.shape[-2]), torch.arange(photo.shape[-1]), indexing="ij")
    return MASKS[kind](x, y).float()[None, None]


@pytest.mark.parametrize("mixed", [False, True])
@pytest.mark.parametrize("kind", list(MASKS))
def test_seamless_is_the_poisson_solution_with_the_surroundings_as_border(pair, kind, mixed):
    photo, painted = pair
    mask = mask_of(kind, photo)
    joined = torch.where(mask > 0, painted, photo)
    inside = mask[0, 0].numpy().ravel() > 0
    left, right = [], []
    for matrix in differences(*photo.shape[-2:]):
        touches = abs(matrix) @ inside
        image, given = matrix @ flat(joined), matrix @ flat(photo)
        # Pairs that lie inside keep the painting's gradient, or the stronger; pairs across the border the photo's.
        wanted = np.where((touches == 2)[:, None], image, given)
        if mixed:
            wanted = np.where((touches == 2)[:, None] & (np.abs(given) > np.abs(image)), given, wanted)
        rows = sparse.diags((touches > 0).astype(float))
        left.append(rows @ matrix)
        right.append(rows @ wanted)
    matrix, wanted = sparse.vstack(left).tocsc(), np.concatenate(right)
    known = matrix[:, ~inside] @ flat(joined)[~inside]
    free = matrix[:, inside]
    exact = flat(joined)
    exact[inside] = spsolve((free.T @ free).tocsc(), free.T @ (wanted - known)).reshape(-1, 3)
    found = seamless(joined, photo, mask, mixed)
    assert np.abs(flat(found) - exact).max() < 1e-4
    assert torch.equal(found[(mask == 0).expand_as(found)], photo[(mask == 0).expand_as(found)])


def test_seamless_takes_an_offset_away_altogether(pair):
    """A painting that is the photograph, only lighter, has the photograph's gradients: nothing of it may stay."""
    photo, _ = pair
    mask = mask_of("a disc", photo)
    lighter = torch.where(mask > 0, photo + 0.2, photo)
    torch.testing.assert_close(seamless(lighter, photo, mask), photo, atol=1e-4, rtol=0)


def test_seamless_meets_what_an_earlier_stage_left_outside(pair):
    """Outside lies a lighter photograph: the painting must rise to it, not to the photograph before."""
    photo, _ = pair
    mask = mask_of("a disc", photo)
    lighter = torch.where(mask > 0, photo - 0.1, photo + 0.2)
    torch.testing.assert_close(seamless(lighter, photo, mask), photo + 0.2, atol=1e-4, rtol=0)


@pytest.mark.parametrize("mixed", [False, True])
def test_seamless_leaves_a_picture_of_a_batch_that_has_no_border(pair, mixed):
    photo, painted = pair
    mask = torch.cat([torch.ones_like(photo[:, :1]), mask_of("a disc", photo)])
    joined = torch.where(mask > 0, painted, photo)
    found = seamless(joined, photo.expand_as(joined), mask, mixed)
    assert torch.equal(found[0], painted[0])
    assert not torch.equal(found[1], joined[1])


def test_seamless_in_a_pipeline_keeps_the_bits_outside_and_treats_each_mask_of_a_batch_alone(pair):
    photo, _ = pair

    class Red(impasto.Stylizer, name="red"):
        """Paint red."""

        style = "optional"

        def stylize(self, content, styles, guides):
            return content * torch.tensor([1.0, 0.3, 0.3])[:, None, None]

    pipe = impasto.Pipeline(Red(), Seamless())
    batch = torch.cat([photo, photo.flip(-1)])
    masks = torch.cat([mask_of("a disc", photo), mask_of("five pixels wide", photo)])
    both = pipe(batch, mask=masks).tensor
    outside = (masks == 0).expand_as(both)
    assert torch.equal(both[outside], batch[outside])
    for index in range(2):
        alone = pipe(batch[index : index + 1], mask=masks[index : index + 1]).tensor
        torch.testing.assert_close(both[index : index + 1], alone, atol=1e-4, rtol=0)


def test_seamless_without_a_seam_says_so_and_changes_nothing(pair):
    photo, _ = pair
    with pytest.warns(UserWarning, match="there is no mask, so there is no seam"):
        assert torch.equal(impasto.Pipeline(Seamless())(photo).tensor, photo)
    with pytest.warns(UserWarning, match="the mask covers the whole picture"):
        assert torch.equal(impasto.Pipeline(Seamless())(photo, mask=torch.ones_like(photo[:, :1])).tensor, photo)


# -------------------------------------------------------------------------------------------------- the solver


@pytest.mark.parametrize("size", [(1, 1), (1, 9), (7, 1), (2, 2), (13, 31)])
def test_the_solver_takes_any_size(size):
    across, down = noise(1, 1, size[0], size[1] - 1), noise(1, 1, size[0] - 1, size[1])
    grid = laplacian.GridLaplacian(10**across, 10**down, torch.full((1, 1, *size), 0.01))
    values = noise(2, 3, *size, seed=2)
    found = laplacian.solve(grid, grid(values), torch.zeros_like(values), tolerance=1e-6)
    torch.testing.assert_close(found, values, atol=1e-3, rtol=0)


def test_the_solver_keeps_the_mean_of_what_is_held_nowhere():
    size = (12, 17)
    grid = laplacian.GridLaplacian(torch.ones(1, 1, 12, 16), torch.ones(1, 1, 11, 17), torch.zeros(1, 1, *size))
    values = noise(1, 1, *size)
    found = laplacian.solve(grid, grid(values), torch.zeros_like(values), tolerance=1e-5)
    torch.testing.assert_close(found - found.mean(), values - values.mean(), atol=1e-3, rtol=0)


def test_the_solver_needs_few_steps_whatever_the_size(monkeypatch):
    """What a multigrid is for: a hundred times the pixels, about the same steps."""
    monkeypatch.setattr(laplacian, "STEPS", 40)
    for size in (24, 240):
        ones = torch.ones(1, 1, size, size)
        grid = laplacian.GridLaplacian(ones[..., 1:], ones[..., 1:, :], 1e-5 * ones)
        values = noise(1, 1, size, size)
        laplacian.solve(grid, grid(values), torch.zeros_like(values), tolerance=1e-4)  # would warn, an error here


def test_an_unfinished_solution_is_said_to_be_one(pair, monkeypatch):
    monkeypatch.setattr(laplacian, "STEPS", 2)
    with pytest.warns(UserWarning, match="after 2 steps the system is solved to"):
        wls_smooth(pair[1], pair[0], 10.0)
