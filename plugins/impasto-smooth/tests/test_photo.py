import numpy as np
import pytest
import torch
from scipy import sparse
from scipy.sparse.linalg import spsolve

import impasto
from impasto.testing import parametrize_checks
from impasto_smooth import PhotoSmooth, photo_smooth


@parametrize_checks(PhotoSmooth(), PhotoSmooth(beta=0.99, strength=0.5))
def test_conformance(stage, check):
    check(stage)


def painted(photo):
    noise = torch.randn(photo.shape, generator=torch.Generator().manual_seed(1))
    return (photo.flip(1) + 0.1 * noise).clamp(0, 1)


@pytest.fixture(scope="module")
def photo():
    return impasto.samples.content("coffee", 128)


@pytest.fixture(scope="module")
def affinity(photo):
    """W of Levin et al. 2008, equation 12, and the numbers of windows, by NumPy and window by window."""
    colours = photo[0].double().permute(1, 2, 0).numpy()
    height, width, _ = colours.shape
    number = np.arange(height * width).reshape(height, width)
    members = np.lib.stride_tricks.sliding_window_view(number, (3, 3)).reshape(-1, 9)
    window = colours.reshape(-1, 3)[members]
    centred = window - window.mean(1, keepdims=True)
    spread = centred.transpose(0, 2, 1) @ centred / 9 + 1e-7 / 9 * np.eye(3)
    ties = (1 + centred @ np.linalg.solve(spread, centred.transpose(0, 2, 1))) / 9
    places = (np.repeat(members, 9, axis=1).ravel(), np.tile(members, (1, 9)).ravel())
    matrix = sparse.csc_matrix((ties.ravel(), places), shape=(number.size,) * 2)
    return matrix, np.bincount(members.ravel()).astype(float)


def test_it_agrees_with_the_sparse_direct_solve(photo, affinity):
    (ties, windows), image, beta = affinity, painted(photo), 0.9999
    flat = image[0].double().flatten(1).T.numpy()
    exact = spsolve(sparse.diags(windows, format="csc") - beta * ties, (1 - beta) * windows[:, None] * flat)
    smooth = photo_smooth(image, photo)[0].flatten(1).T.numpy()
    assert np.sqrt(np.mean((smooth - exact) ** 2)) < 0.1 / 255


def test_it_is_the_papers_system_but_for_the_scale_of_the_border(photo, affinity):
    """x = (1 − β) (1 − βS)⁻¹ y with S = D^-½ W D^-½ is √D times what comes of y / √D."""
    (ties, windows), image, beta = affinity, painted(photo), 0.9999
    root = np.sqrt(windows)
    scaled = sparse.diags(1 / root) @ ties @ sparse.diags(1 / root)
    flat = image[0].double().flatten(1).T.numpy()
    exact = spsolve(sparse.eye(len(root), format="csc") - beta * scaled.tocsc(), (1 - beta) * flat)
    scale = torch.from_numpy(root).float().view(1, 1, *photo.shape[-2:])
    smooth = (scale * photo_smooth(image / scale, photo))[0].flatten(1).T.numpy()
    assert np.sqrt(np.mean((smooth - exact) ** 2)) < 0.25 / 255  # the scale is 3 inside, and so is the error's


def test_noise_goes_where_the_content_is_smooth_and_its_edges_stay():
    photo = torch.full((1, 3, 60, 80), 0.2)
    photo[..., 40:] = 0.8
    photo += 0.01 * torch.rand(photo.shape, generator=torch.Generator().manual_seed(2))
    image = 1 - photo
    noisy = (image + 0.1 * torch.randn(image.shape, generator=torch.Generator().manual_seed(3))).clamp(0, 1)
    smooth = photo_smooth(noisy, photo)
    assert (smooth - image).abs().mean() < 0.15 * (noisy - image).abs().mean()
    assert (smooth[..., 38].mean() - smooth[..., 41].mean()) > 0.55


def test_a_picture_that_follows_the_content_comes_back_and_borders_keep_their_brightness():
    photo = impasto.samples.content("cat", 96)
    recoloured = 0.2 + 0.6 * photo.mean(1, keepdim=True) * torch.tensor([1.0, 0.8, 0.5])[:, None, None]
    torch.testing.assert_close(photo_smooth(recoloured, photo), recoloured, atol=0.01, rtol=0)
    flat = torch.full_like(photo, 0.5)
    torch.testing.assert_close(photo_smooth(flat, photo), flat, atol=1e-3, rtol=0)
