import numpy as np
import torch
from scipy import sparse
from scipy.sparse.linalg import spsolve

import impasto
from impasto.matting import MattingLaplacian
from impasto.testing import parametrize_checks
from impasto_smooth import PhotoSmooth, photo_smooth


@parametrize_checks(PhotoSmooth(), PhotoSmooth(beta=0.99, strength=0.5))
def test_conformance(stage, check):
    check(stage)


def painted(photo):
    noise = torch.randn(photo.shape, generator=torch.Generator().manual_seed(1))
    return (photo.flip(1) + 0.1 * noise).clamp(0, 1)


def test_it_agrees_with_the_sparse_direct_solve_of_the_papers_system():
    """x = (1 − β) (1 − β D⁻¹ W)⁻¹ y; W = D − L is built from L's columns, so it does not share the solver's code."""
    photo = impasto.samples.content("coffee", 128)
    height, width = photo.shape[-2:]
    laplacian, beta = MattingLaplacian(photo), 0.9999
    number = np.arange(height * width).reshape(height, width)
    rows, columns, values = [], [], []
    for first in range(25):  # one pixel in each 5×5: their columns of L do not overlap
        dots = torch.zeros(1, 1, height, width)
        dots[..., first // 5 :: 5, first % 5 :: 5] = 1
        column = laplacian(dots)[0, 0].numpy()
        for y, x in torch.nonzero(dots[0, 0]).tolist():
            near = np.s_[max(0, y - 2) : y + 3, max(0, x - 2) : x + 3]
            rows.append(number[near].ravel())
            columns.append(np.full(rows[-1].shape, number[y, x]))
            values.append(column[near].ravel())
    found = (np.concatenate(rows), np.concatenate(columns))
    matrix = sparse.csc_matrix((np.concatenate(values).astype(float), found), shape=(height * width,) * 2)
    windows = sparse.diags(laplacian.windows.double().numpy().ravel(), format="csc")
    affinity = windows - matrix
    image = painted(photo)
    flat = image[0].double().flatten(1).T.numpy()
    exact = spsolve(windows - beta * affinity, (1 - beta) * (windows @ flat))
    smooth = photo_smooth(image, photo)[0].flatten(1).T.numpy()
    assert np.sqrt(np.mean((smooth - exact) ** 2)) < 0.25 / 255


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
