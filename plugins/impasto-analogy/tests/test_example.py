"""Analogies by example: filters learnt from a pair, textures by numbers, and what is refused."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

import impasto
from impasto import ParameterError, StageError, Style
from impasto_analogy import AnalogyByExample, image_analogy


def coffee_and_cat() -> tuple[Tensor, Tensor]:
    return impasto.samples.content("coffee", 128), impasto.samples.content("cat", 128)


def test_a_filter_is_learnt_from_one_pair():
    a, b = impasto.samples.content("astronaut", 160), impasto.samples.content("cat", 128)
    warmer = torch.tensor([1.0, 0.8, 0.5]).view(1, 3, 1, 1)
    painted = image_analogy(a, a * warmer, b)
    # Nearer to what the filter makes of the picture than the picture is.
    assert (painted - b * warmer).abs().mean() < 0.5 * (b - b * warmer).abs().mean()


def test_a_texture_by_numbers_lies_where_the_map_says():
    torch.manual_seed(0)
    left = torch.zeros(1, 1, 64, 64)
    left[..., :32] = 1
    red, blue = (torch.tensor(color).view(1, 3, 1, 1) for color in ((0.9, 0.1, 0.1), (0.1, 0.1, 0.9)))
    painting = (red * left + blue * (1 - left) + 0.1 * torch.rand(1, 1, 64, 64)).clamp(0, 1)
    wanted = torch.zeros(1, 1, 80, 96)
    wanted[..., 20:60, 30:70] = 1
    painted = image_analogy(left, painting, wanted)
    assert painted.shape == (1, 3, 80, 96)
    is_red = painted[:, :1] > painted[:, 2:]
    assert (is_red == (wanted > 0.5)).float().mean() > 0.97
    # It is a texture, not its mean.
    assert painted[:, :, 25:55, 35:65].std() > 0.5 * painting[..., :32].std()


@pytest.mark.parametrize("channels", [1, 2, 7])
def test_any_number_of_guide_channels(channels):
    a, _ = coffee_and_cat()
    guides = torch.rand(1, channels, *a.shape[-2:])
    again = image_analogy(guides, a, guides)
    assert (again - a).abs().mean() < 0.02


def test_the_example_is_a_file(tmp_path):
    a, b = coffee_and_cat()
    file = tmp_path / "before.png"
    impasto.read(a).pil().save(file)
    pipe = impasto.Pipeline(AnalogyByExample(example=str(file), guide_weight=8))
    painted = pipe(b, 1 - a, precision="float32").tensor
    assert (painted - (1 - b)).abs().mean() < 0.12
    with pytest.raises(StageError, match=r"(?s)other proportions.*both pictures of the pair"):
        pipe(b, a[..., :64])


def test_an_example_belongs_to_one_style(tmp_path):
    a, b = coffee_and_cat()
    file = tmp_path / "before.png"
    impasto.read(a).pil().save(file)
    left = torch.zeros(1, 1, *b.shape[-2:])
    left[..., :64] = 1
    with pytest.raises(StageError, match="belongs to one style"):
        impasto.Pipeline(AnalogyByExample(example=str(file)))(
            b, [Style(a, region="left"), Style(b, region="rest")], guides={"left": left}
        )


def test_colours_of_the_content_stay():
    a, b = coffee_and_cat()
    painted = impasto.Pipeline(AnalogyByExample(colors="content"))(b, a.mean(1, keepdim=True).expand_as(a)).tensor
    spread = (painted.amax(1) - painted.amin(1)).mean() / (b.amax(1) - b.amin(1)).mean()
    assert 0.7 < spread < 1.3


def test_an_even_patch_is_refused():
    with pytest.raises(ParameterError, match="patch=5"):
        AnalogyByExample(patch=4)
