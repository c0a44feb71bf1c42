"""CycleGAN: the generators, the checkpoints people have, the pairs that ship, and what is refused."""

import hashlib

import pytest
import torch
from torch import nn

import impasto
from impasto import ParameterError, StageError, WeightsError
from impasto.testing import parametrize_checks
from impasto.weights import find
from impasto_cyclegan import PAIRS, CycleGAN, ResNetGenerator, UNetGenerator, load_generators
from impasto_cyclegan.generators import ResizeConvolution


@parametrize_checks(CycleGAN(), CycleGAN(direction="b-to-a"), CycleGAN(network="post-impressionism"))
def test_cyclegan(stage, check):
    check(stage)


@pytest.fixture(autouse=True)
def seeded():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        yield


@pytest.fixture
def cat():
    return impasto.samples.content("cat", 128)[..., :83, :]


def paint(stage, *given, **more):
    return impasto.Pipeline(stage)(*given, device="cpu", precision="float32", **more).tensor


# ------------------------------------------------------------------------------------------- the official layout


def resnet(blocks, width=64, second=5):
    """The names and shapes of latest_net_G.pth, written out."""
    shapes = {"model.1": (width, 3, 7, 7), "model.4": (2 * width, width, 3, 3), "model.7": (4 * width, 2 * width, 3, 3)}
    for block in range(10, 10 + blocks):
        for place in (1, second):
            shapes[f"model.{block}.conv_block.{place}"] = (4 * width, 4 * width, 3, 3)
    shapes[f"model.{10 + blocks}"] = (4 * width, 2 * width, 3, 3)
    shapes[f"model.{13 + blocks}"] = (2 * width, width, 3, 3)
    shapes[f"model.{17 + blocks}"] = (3, width, 7, 7)
    return shapes, (f"model.{10 + blocks}", f"model.{13 + blocks}")


def unet():
    """The names and shapes of U-Net-256, written out."""
    widths = (64, 128, 256, 512, 512, 512, 512, 512)
    at = "model.model"
    shapes, transposed = {f"{at}.0": (64, 3, 4, 4), f"{at}.3": (128, 3, 4, 4)}, [f"{at}.3"]
    for level in range(1, 8):
        at += ".1.model" if level == 1 else ".3.model"
        inner, outer, last = widths[level], widths[level - 1], level == 7
        shapes[f"{at}.1"] = (inner, outer, 4, 4)
        up = f"{at}.{3 if last else 5}"
        shapes[up] = (inner if last else 2 * inner, outer, 4, 4)
        transposed.append(up)
    return shapes, transposed


def checkpoint(layout):
    """A state dict of such names and shapes; all values the same, which take no room."""
    shapes, transposed = layout
    tiny, state = torch.full((), 1e-3), {}
    for name, size in shapes.items():
        state[f"{name}.weight"] = tiny.expand(size)
        state[f"{name}.bias"] = tiny.expand(size[1] if name in transposed else size[0])
    return state


@pytest.mark.parametrize(("blocks", "parameters"), [(6, 7_837_699), (9, 11_378_179)])
def test_official_resnets_load(tmp_path, blocks, parameters):
    state = checkpoint(resnet(blocks))
    assert sum(value.numel() for value in state.values()) == parameters
    torch.save(state, tmp_path / "latest_net_G.pth")
    (generator,) = load_generators(tmp_path / "latest_net_G.pth").values()
    assert generator.state_dict().keys() == state.keys()
    assert paint(CycleGAN(network=str(tmp_path / "latest_net_G.pth")), torch.rand(1, 3, 16, 20)).shape[-2:] == (16, 20)


def test_the_official_unet_loads_and_takes_any_size(tmp_path):
    state = checkpoint(unet())
    assert len(state) == 32
    torch.save(state, tmp_path / "latest_net_G_A.pth")
    (generator,) = load_generators(tmp_path / "latest_net_G_A.pth").values()
    assert generator.state_dict().keys() == state.keys()
    with torch.no_grad():
        assert generator(torch.rand(1, 3, 37, 50)).shape == (1, 3, 37, 50)


def test_old_buffers_a_prefix_and_dropout_are_no_obstacle(tmp_path):
    state = checkpoint(resnet(6, width=8, second=6))
    noise = {key: torch.randn(value.shape) for key, value in state.items()}
    old = dict(noise)
    for place in ("model.2", "model.5", "model.10.conv_block.2", "model.10.conv_block.7"):
        old |= {f"{place}.running_mean": torch.ones(8), f"{place}.running_var": torch.zeros(8)}
        old[f"{place}.num_batches_tracked"] = torch.tensor(7)
    torch.save({f"module.{key}": value for key, value in old.items()}, tmp_path / "old.pth")
    (generator,) = load_generators(tmp_path / "old.pth").values()
    for key, value in generator.state_dict().items():
        assert torch.equal(value, noise[key])


def test_dropout_does_not_make_pictures_random(tmp_path, cat):
    torch.save(ResNetGenerator(width=4, blocks=6, dropout=True).state_dict(), tmp_path / "net.pth")
    stage = CycleGAN(network=str(tmp_path / "net.pth"))
    assert torch.equal(paint(stage, cat, seed=1), paint(stage, cat, seed=2))


# -------------------------------------------------------------------------------------------- the paper's plans


def test_the_resnet_is_that_of_torchs_own_layers():
    class Block(nn.Module):
        def __init__(self, c):
            super().__init__()
            half = [[nn.ReflectionPad2d(1), nn.Conv2d(c, c, 3), nn.InstanceNorm2d(c)] for _ in range(2)]
            self.conv_block = nn.Sequential(*half[0], nn.ReLU(), *half[1])

        def forward(self, x):
            return x + self.conv_block(x)

    c = 6
    reference = nn.Sequential(
        *(nn.ReflectionPad2d(3), nn.Conv2d(3, c, 7), nn.InstanceNorm2d(c), nn.ReLU()),
        *(nn.Conv2d(c, 2 * c, 3, 2, 1), nn.InstanceNorm2d(2 * c), nn.ReLU()),
        *(nn.Conv2d(2 * c, 4 * c, 3, 2, 1), nn.InstanceNorm2d(4 * c), nn.ReLU()),
        *(Block(4 * c) for _ in range(6)),
        *(nn.ConvTranspose2d(4 * c, 2 * c, 3, 2, 1, 1), nn.InstanceNorm2d(2 * c), nn.ReLU()),
        *(nn.ConvTranspose2d(2 * c, c, 3, 2, 1, 1), nn.InstanceNorm2d(c), nn.ReLU()),
        *(nn.ReflectionPad2d(3), nn.Conv2d(c, 3, 7), nn.Tanh()),
    )
    ours = ResNetGenerator(c, 6)
    ours.model.load_state_dict(reference.state_dict())
    image = torch.rand(2, 3, 32, 40)
    with torch.no_grad():
        torch.testing.assert_close(ours(image), reference(2 * image - 1) / 2 + 0.5, atol=1e-4, rtol=0)


def test_the_unet_is_that_of_torchs_own_layers():
    a, b, c = nn.Conv2d(3, 4, 4, 2, 1), nn.Conv2d(4, 8, 4, 2, 1), nn.Conv2d(8, 16, 4, 2, 1)
    z, y, x = (
        nn.ConvTranspose2d(16, 8, 4, 2, 1),
        nn.ConvTranspose2d(16, 4, 4, 2, 1),
        nn.ConvTranspose2d(8, 3, 4, 2, 1),
    )
    norm = nn.functional.instance_norm
    ours = UNetGenerator(4, levels=3)
    layers = [ours.model.model[0], ours.model.model[3]]
    second = ours.model.model[1].model
    layers += [second[1], second[5], second[3].model[1], second[3].model[3]]
    for own, given in zip(layers, (a, x, b, y, c, z), strict=True):
        own.load_state_dict(given.state_dict())
    image = torch.rand(1, 3, 32, 24)
    with torch.no_grad():
        one = a(2 * image - 1)
        two = norm(b(nn.functional.leaky_relu(one, 0.2)))
        three = c(nn.functional.leaky_relu(two, 0.2))
        deep = torch.cat([two, norm(z(three.relu()))], 1)
        shallow = torch.cat([one, norm(y(deep.relu()))], 1)
        expected = (x(shallow.relu()).tanh() + 1) / 2
        torch.testing.assert_close(ours(image), expected, atol=1e-5, rtol=0)


def test_a_residual_generator_begins_with_the_picture_itself(cat):
    with torch.no_grad():
        image = cat[..., :80, :]
        torch.testing.assert_close(ResNetGenerator(4, 1, transposed=False, residual=True)(image), image)


def test_interpolation_leaves_no_checkerboard():
    flat = torch.ones(1, 8, 8, 8)
    with torch.no_grad():
        inside = ResizeConvolution(8, 1, 3, padding=1)(flat)[..., 2:-2, 2:-2]
        checkered = nn.ConvTranspose2d(8, 1, 3, 2, 1, 1)(flat)[..., 2:-2, 2:-2]
    assert inside.std() < 1e-6 < 0.01 < checkered.std()


# ------------------------------------------------------------------------------------------- the pairs that ship


@pytest.mark.parametrize("name", PAIRS)
def test_the_record_is_that_of_the_file(name):
    record = PAIRS[name]
    data = find(record).read_bytes()
    assert (hashlib.sha256(data).hexdigest(), len(data)) == (record.sha256, record.size)
    assert len(data) < 1_000_000


@pytest.mark.parametrize("name", PAIRS)
def test_a_painted_photograph_is_changed_and_comes_back(name):
    photograph = impasto.samples.content("astronaut", 256)
    painted = paint(CycleGAN(network=name), photograph)
    back = paint(CycleGAN(network=name, direction="b-to-a"), painted)

    def psnr(image):
        return -10 * (image - photograph).square().mean().log10()

    assert psnr(painted) < 32
    assert psnr(back) > psnr(painted) + 1
    assert psnr(back) > 20


@pytest.mark.parametrize("size", [(1, 1), (3, 3), (1, 70), (101, 67)])
def test_a_picture_keeps_its_size(size):
    assert paint(CycleGAN(), torch.rand(1, 3, *size)).shape == (1, 3, *size)


def test_no_style_is_needed_and_one_that_is_given_changes_nothing(cat):
    with pytest.warns(UserWarning, match="the one given is not used"):
        given = paint(CycleGAN(), cat, impasto.samples.style("mosaic", 64))
    assert torch.equal(paint(CycleGAN(), cat), given)


# ----------------------------------------------------------------------------------------------- what is refused


def test_a_name_that_is_none_gets_a_suggestion():
    with pytest.raises(ParameterError, match=r"did you mean 'impressionism'"):
        CycleGAN(network="impresionism")


def test_one_generator_has_no_way_back(tmp_path, cat):
    torch.save(ResNetGenerator(width=4, blocks=6).state_dict(), tmp_path / "net.pth")
    with pytest.raises(StageError, match="holds one generator, which has no way back"):
        paint(CycleGAN(network=str(tmp_path / "net.pth"), direction="b-to-a"), cat)


def small():
    return {key: value.clone() for key, value in checkpoint(resnet(6, width=4)).items()}


def without(state, key):
    del state[key]
    return state


@pytest.mark.parametrize(
    ("state", "what"),
    [
        ({"model.0.weight": torch.zeros(64, 3, 4, 4)}, "is a discriminator"),
        ({"conv1.conv2d.weight": torch.zeros(32, 3, 9, 9)}, "the stage fast of impasto-fast takes"),
        ({"features.0.weight": torch.zeros(64, 3, 3, 3)}, "looks like VGG"),
        ({"encoder.weight": torch.zeros(1)}, r"laid out as something else: encoder\.weight"),
        (small() | {"model.2.weight": torch.ones(4)}, "normalises by batch"),
        (small() | {"model.1.weight": torch.zeros(4, 1, 7, 7)}, "takes pictures of 1 channels, not of 3"),
        (without(small(), "model.19.bias"), r"lacks model\.19\.bias"),
        (small() | {"model.4.bias": torch.zeros(9)}, r"model\.4\.bias is \(9,\), expected \(8,\)"),
        (small() | {"model.4.bias": torch.full((8,), float("nan"))}, "not finite"),
        (small() | {"model.30.weight": torch.zeros(1, 1, 1, 1)}, r"has model\.30\.weight, which is no part"),
    ],
)
def test_other_files_are_refused_by_what_they_are(tmp_path, state, what):
    torch.save(state, tmp_path / "net.pth")
    with pytest.raises(WeightsError, match=what) as caught:
        load_generators(tmp_path / "net.pth")
    assert "what would work" in str(caught.value)
