"""What a training writes: small files that all may read, whole or not at all."""

from __future__ import annotations

import os

import pytest
import torch
from PIL import Image

from impasto.training import preview_grid, save_half
from impasto.training.export import save_preview
from impasto.weights import load


@pytest.fixture
def umask():
    before = os.umask(0o022)
    yield
    os.umask(before)


def test_networks_are_saved_in_half_precision_whatever_their_layout(tmp_path):
    weight = torch.rand(3, 4, requires_grad=True)
    file = save_half(tmp_path / "net.safetensors", {"weight": weight.T, "bias": torch.ones(2, dtype=torch.float64)})
    saved = load(file)
    assert torch.equal(saved["weight"], weight.detach().half().T)
    assert saved["bias"].dtype == torch.float16


@pytest.mark.skipif(os.name == "nt", reason="Windows has no file modes")
def test_what_is_saved_has_the_mode_of_any_other_file(tmp_path, umask):
    save_half(tmp_path / "net.safetensors", {"bias": torch.ones(2)})
    save_preview(tmp_path / "preview.png", torch.rand(1, 3, 8, 8))
    assert {oct(file.stat().st_mode & 0o777) for file in tmp_path.iterdir()} == {"0o644"}
    assert len(list(tmp_path.iterdir())) == 2


def test_a_preview_is_a_grid_of_the_pictures_in_their_rows(tmp_path):
    rows = torch.arange(6.0).div(8).view(2, 3, 1, 1, 1).expand(2, 3, 3, 4, 5)
    grid = preview_grid(rows)
    assert grid.shape == (1, 3, 8, 15)
    assert torch.equal(grid[..., :4, 5:10], rows[0, 1][None])
    columns = preview_grid(zip(*rows, strict=True))
    assert columns.shape == (1, 3, 12, 10)
    assert torch.equal(columns[..., 4:8, :5], rows[0, 1][None])
    save_preview(tmp_path / "preview.png", grid)
    assert Image.open(tmp_path / "preview.png").getpixel((14, 7)) == (159, 159, 159)


def test_a_preview_brings_what_a_network_paints_beyond_white_back_to_it():
    assert preview_grid([torch.full((1, 3, 2, 2), 1.5)]).max() == 1


def test_a_kill_while_a_preview_is_written_leaves_the_one_before(tmp_path, monkeypatch):
    save_preview(tmp_path / "preview.png", torch.zeros(1, 3, 8, 8))

    def killed(image, target, **options):
        target.write_bytes(b"half")
        raise KeyboardInterrupt

    monkeypatch.setattr(Image.Image, "save", killed)
    with pytest.raises(KeyboardInterrupt):
        save_preview(tmp_path / "preview.png", torch.ones(1, 3, 8, 8))
    assert Image.open(tmp_path / "preview.png").getpixel((0, 0)) == (0, 0, 0)
