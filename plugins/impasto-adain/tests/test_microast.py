"""MicroAST: the networks that its authors publish, mixtures of styles, and what is refused."""

import os
import tempfile
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F

import impasto
from impasto import WeightsError
from impasto.testing import parametrize_checks
from impasto_adain.microast import PARTS, MicroAST, MicroNetwork, load_microast, moments

TEACHER = Path(os.environ.get("IMPASTO_TEACHER", Path(__file__).parents[4] / "shared" / "teacher"))
PUBLISHED = TEACHER / "style-models" / "microast.safetensors"


def small_network():
    torch.manual_seed(3)
    network = MicroNetwork(16).requires_grad_(False)
    for name, value in network.named_parameters():
        if name.endswith("weight"):  # keeps the signal's size
            torch.nn.init.kaiming_normal_(value, nonlinearity="relu")
    network.decoder.dec3[-1].weight *= 0.1
    network.decoder.dec3[-1].bias.fill_(0.5)
    return network


def folder_as_published(folder):
    for part in PARTS:
        state = getattr(small_network(), part).state_dict()
        renamed = {
            f"{key.rpartition('.')[0]}.conv_layer.{key.rpartition('.')[2]}": value for key, value in state.items()
        }
        torch.save(renamed, Path(folder, f"{part}_iter_160000.pth.tar"))
    return str(folder)


FOLDER = folder_as_published(tempfile.mkdtemp())


@parametrize_checks(lambda: MicroAST(network=FOLDER))
def test_microast(stage, check):
    check(stage)


def test_the_four_published_files_are_one_network():
    found, expected = load_microast(FOLDER).state_dict(), small_network().state_dict()
    assert found.keys() == expected.keys()
    assert all(torch.equal(found[key], expected[key]) for key in expected)


def test_a_block_is_modulated_as_in_the_paper():
    """Equation 4: the style's weight scales what each convolution gives, its bias what the convolution took."""
    network, image = small_network(), torch.rand(1, 3, 32, 40)
    (style, _), block = network.signals(image), network.decoder.dec2
    x = torch.randn(1, 16, 8, 10)

    def convolved(convolution, features):
        return F.conv2d(F.pad(features, (1, 1, 1, 1), mode="reflect"), convolution.weight, convolution.bias)

    inside = F.relu(style.weight * convolved(block.conv1, x) + style.bias * x)
    expected = x + style.weight * convolved(block.conv2, inside) + style.bias * inside
    torch.testing.assert_close(block(x, style), expected)
    mean, deviation = moments(network.style_encoder(image)[0])
    assert torch.equal(style.mean, mean)
    assert torch.equal(style.deviation, deviation)


def test_a_style_without_weight_changes_nothing_and_shares_mix():
    content = impasto.samples.content("cat", 96)
    one, other = (impasto.samples.style(name, 96) for name in ("mosaic", "wave"))

    def paint(*styles):
        given = [impasto.Style(image, weight=weight) for image, weight in styles]
        return impasto.Pipeline(MicroAST(network=FOLDER))(content, given, device="cpu", precision="float32").tensor

    torch.testing.assert_close(paint((one, 1), (other, 0)), paint((one, 1)))
    torch.testing.assert_close(paint((one, 2), (one, 3)), paint((one, 1)), atol=1e-5, rtol=0)
    assert (paint((one, 1), (other, 1)) - paint((one, 1))).abs().max() > 1e-3


@pytest.mark.skipif(not PUBLISHED.exists(), reason="the published networks of MicroAST are not here")
def test_the_published_network_gives_a_picture_its_style_and_keeps_its_content():
    content, style = impasto.samples.content("astronaut", 256), impasto.samples.style("wave", 256)
    stage = MicroAST(network=str(PUBLISHED))
    painted = impasto.Pipeline(stage)(content, style, device="cpu").tensor
    nearer = [(painted.mean((2, 3)) - x.mean((2, 3))).abs().mean() for x in (style, content)]
    assert nearer[0] < nearer[1]
    edges = [F.avg_pool2d(x.mean(1, keepdim=True), 4).diff(dim=-1).flatten() for x in (painted, content)]
    assert torch.corrcoef(torch.stack(edges))[0, 1] > 0.5


def test_what_is_no_such_network_is_refused_with_what_would_work(tmp_path):
    with pytest.raises(WeightsError, match="has 0 files whose names begin with content_encoder: nothing"):
        load_microast(tmp_path)
    torch.save({"conv1_1.weight": torch.zeros(4, 3, 3, 3)}, tmp_path / "vgg.pth")
    with pytest.raises(WeightsError, match=r"laid out as something else: conv1_1\.weight"):
        load_microast(tmp_path / "vgg.pth")
    tensors = small_network().state_dict()
    del tensors["modulator.bias2.0.bias"]
    torch.save(tensors, tmp_path / "less.pth")
    with pytest.raises(WeightsError, match=r"lacks modulator\.bias2\.0\.bias"):
        load_microast(tmp_path / "less.pth")
