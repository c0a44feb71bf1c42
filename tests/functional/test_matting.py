"""The matting Laplacian, and what is solved with it."""

import numpy as np
import pytest
import torch
from scipy import sparse
from scipy.sparse.linalg import spsolve

import impasto
from impasto.functional.matting import MattingLaplacian, closed_form_matting, laplacian, screened


def matrix(image, eps):
    """Levin et al. 2008, equation 12, window by window."""
    _, height, width = image.shape
    colours = image.double().permute(1, 2, 0).numpy()
    number = np.arange(height * width).reshape(height, width)
    rows, columns, values = [], [], []
    for y in range(height - 2):
        for x in range(width - 2):
            members = number[y : y + 3, x : x + 3].ravel()
            window = colours[y : y + 3, x : x + 3].reshape(9, 3)
            centred = window - window.mean(0)
            covariance = centred.T @ centred / 9 + eps / 9 * np.eye(3)
            affinity = (1 + centred @ np.linalg.inv(covariance) @ centred.T) / 9
            rows.append(np.repeat(members, 9))
            columns.append(np.tile(members, 9))
            values.append((np.eye(9) - affinity).ravel())
    found = (np.concatenate(rows), np.concatenate(columns))
    return sparse.csc_matrix((np.concatenate(values), found), shape=(height * width,) * 2)


def flat(maps):
    return maps[0].double().flatten(1).T.numpy()


@pytest.fixture(scope="module")
def photo():
    return impasto.samples.content("coffee", 128)


@pytest.fixture(scope="module")
def reference(photo):
    return matrix(photo[0], 1e-7)


def test_it_is_the_matrix_of_the_paper(photo, reference):
    values = torch.rand(1, 2, *photo.shape[-2:], generator=torch.Generator().manual_seed(1))
    np.testing.assert_allclose(flat(MattingLaplacian(photo)(values)), reference @ flat(values), atol=2e-5)
    np.testing.assert_allclose(flat(MattingLaplacian(photo).diagonal)[:, 0], reference.diagonal(), atol=1e-5)


def test_screened_agrees_with_a_direct_solve(photo, reference):
    target = torch.rand(1, 3, *photo.shape[-2:], generator=torch.Generator().manual_seed(2))
    weight = torch.full((1, 1, *photo.shape[-2:]), 1e-3)
    found = screened(MattingLaplacian(photo), weight, target)
    exact = spsolve(reference + 1e-3 * sparse.eye(reference.shape[0], format="csc"), 1e-3 * flat(target))
    assert np.sqrt(np.mean((flat(found) - exact) ** 2)) < 0.1 / 255


def test_closed_form_matting_agrees_with_a_direct_solve(photo, reference):
    height, width = photo.shape[-2:]
    y, x = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    distance = ((x - 0.5 * width) ** 2 + (y - 0.5 * height) ** 2).sqrt() / height
    trimap = torch.where(distance < 0.3, 1.0, torch.where(distance > 0.45, 0.0, 0.5))[None, None]
    found = closed_form_matting(photo, trimap)
    known = 100 * flat((trimap != 0.5).float())[:, 0]
    exact = spsolve(reference + sparse.diags(known, format="csc"), known * flat(trimap)[:, 0]).clip(0, 1)
    unsure = flat(trimap)[:, 0] == 0.5
    assert np.abs(flat(found)[unsure, 0] - exact[unsure]).max() < 1e-3
    assert torch.equal(found[trimap == 1], trimap[trimap == 1])
    assert torch.equal(found[trimap == 0], trimap[trimap == 0])


def test_a_blend_of_two_smooth_colours_is_taken_apart():
    """The colour line model of the paper holds here exactly, so alpha comes back as it was."""
    height, width = 40, 50
    x = torch.linspace(0, 1, width).expand(height, width)
    figure, ground = torch.tensor([0.9, 0.3, 0.2]), torch.tensor([0.1, 0.4, 0.7])
    alpha = (3 * x - 1).clamp(0, 1)
    photo = (alpha[..., None] * figure + (1 - alpha[..., None]) * ground).permute(2, 0, 1)[None]
    trimap = torch.where(x < 0.1, 0.0, torch.where(x > 0.9, 1.0, 0.5))[None, None]
    found = closed_form_matting(photo, trimap)
    assert (found[0, 0] - alpha).abs().max() < 0.02


def test_each_picture_of_a_batch_is_solved_alone(photo):
    torch.set_num_threads(torch.get_num_threads())  # as notebooks do; torch's LU of several matrices then fails
    pair = torch.cat([photo, photo.flip(-1) * 0.5])
    weight = torch.full((1, 1, *photo.shape[-2:]), 1e-3)
    target = torch.rand(2, 3, *photo.shape[-2:], generator=torch.Generator().manual_seed(3))
    both = screened(MattingLaplacian(pair), weight, target)
    for index in range(2):
        alone = screened(MattingLaplacian(pair[index : index + 1]), weight, target[index : index + 1])
        torch.testing.assert_close(both[index : index + 1], alone, atol=1e-5, rtol=0)


@pytest.mark.parametrize("size", [(1, 1), (1, 9), (2, 7), (3, 3), (3, 8)])
@pytest.mark.parametrize("colour", ["noise", "grey", "black"])
def test_small_and_flat_pictures_are_taken(size, colour):
    photo = torch.rand(1, 3, *size, generator=torch.Generator().manual_seed(4))
    photo = {"noise": photo, "grey": photo.mean(1, keepdim=True).expand(1, 3, -1, -1), "black": photo * 0}[colour]
    target = torch.rand(1, 1, *size, generator=torch.Generator().manual_seed(5))
    found = screened(MattingLaplacian(photo), torch.full((1, 1, *size), 1e-3), target)
    assert torch.isfinite(found).all()
    torch.testing.assert_close(found.mean(), target.mean(), atol=4e-3, rtol=0)
    if min(size) < 3:
        assert torch.equal(found, target)
    assert torch.isfinite(closed_form_matting(photo, target.round())).all()


def test_an_unfinished_solution_is_said_to_be_one(photo, monkeypatch):
    monkeypatch.setattr("impasto.functional.matting.solve.STEPS", 3)
    with pytest.warns(UserWarning, match="after 3 steps the matting Laplacian is solved to"):
        screened(MattingLaplacian(photo), torch.full((1, 1, *photo.shape[-2:]), 1e-5), torch.rand_like(photo))


def hard_pictures():
    """Pictures that are flat, grey, or full of odd pixels: there the slopes of the coarse grids mean little."""
    random = torch.Generator().manual_seed(6)
    y, x = torch.meshgrid(torch.arange(90), torch.arange(101), indexing="ij")
    places, colours = torch.rand(200, 2, generator=random) * 100, torch.rand(200, 3, generator=random)
    nearest = ((y[..., None] - places[:, 0]) ** 2 + (x[..., None] - places[:, 1]) ** 2).argmin(-1)
    odd = torch.rand(1, 1, 90, 101, generator=random) < 0.1
    noise = torch.rand(1, 3, 90, 101, generator=random)
    photo = (255 * impasto.samples.content("cat", 101)[..., :60, :]).round() / 255
    return {
        "white": torch.ones(1, 3, 90, 101),
        "noise": noise,
        "grey noise": noise.mean(1, keepdim=True).expand(-1, 3, -1, -1),
        "patches": colours[nearest].permute(2, 0, 1)[None],
        "odd pixels": torch.where(odd, noise, 0.5),
        "chessboard": ((x + y) % 2).float().expand(1, 3, -1, -1),
        "letterbox": torch.nn.functional.pad(photo, (0, 0, 15, 15)),
        "nearly black": 1e-5 * noise,
        "dark": 0.02 * photo,
    }


@pytest.mark.parametrize("name", hard_pictures())
def test_hard_pictures_take_some_tens_of_steps_and_are_right(name, monkeypatch):
    """Not finishing is a UserWarning, and so an error here."""
    photo = hard_pictures()[name]
    target = torch.rand(1, 1, *photo.shape[-2:], generator=torch.Generator().manual_seed(7))
    laplacian, weight = MattingLaplacian(photo), torch.full((1, 1, *photo.shape[-2:]), 1e-3)
    monkeypatch.setattr("impasto.functional.matting.solve.STEPS", 60)
    found = screened(laplacian, weight, target)
    laplacian = matrix(photo[0], 1e-7)
    exact = spsolve(laplacian + 1e-3 * sparse.eye(laplacian.shape[0], format="csc"), 1e-3 * flat(target)[:, 0])
    assert np.sqrt(np.mean((flat(found)[:, 0] - exact) ** 2)) < 0.5 / 255


def test_a_laplacian_in_float64_solves_to_more_digits(photo, reference):
    target = torch.rand(1, 1, *photo.shape[-2:], generator=torch.Generator().manual_seed(8)).double()
    weight = torch.full((1, 1, *photo.shape[-2:]), 1e-5)
    found = screened(MattingLaplacian(photo.double()), weight, target, tolerance=1e-9)
    exact = spsolve(
        reference + weight[0, 0, 0, 0].item() * sparse.eye(reference.shape[0], format="csc"),
        weight[0, 0, 0, 0].item() * flat(target)[:, 0],
    )
    np.testing.assert_allclose(flat(found)[:, 0], exact, atol=1e-6)


def test_the_energy_and_its_slope_are_those_of_the_matrix(photo, reference):
    values = torch.rand(1, 3, *photo.shape[-2:], generator=torch.Generator().manual_seed(3)).requires_grad_()
    energy = MattingLaplacian(photo).energy(values)
    (slope,) = torch.autograd.grad(energy, values)
    columns = flat(values.detach())
    assert energy.item() == pytest.approx((columns * (reference @ columns)).sum(), rel=1e-4)
    np.testing.assert_allclose(flat(slope), 2 * reference @ columns, atol=4e-5)


def test_it_is_the_same_in_bands(photo, monkeypatch):
    whole = MattingLaplacian(photo)
    monkeypatch.setattr(laplacian, "BAND", 7 * photo.shape[-1])
    banded = MattingLaplacian(photo)
    torch.testing.assert_close(banded.diagonal, whole.diagonal, atol=1e-6, rtol=0)
    for offset, affinity in whole.affinities.items():
        torch.testing.assert_close(banded.affinities[offset], affinity, atol=1e-6, rtol=0)
