"""Checkpoints of VGG-19: each layout gives the features of its own convention; other files are explained."""

import os
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import nn
from torchvision.models import vgg as torchvision_vgg
from torchvision.transforms.functional import normalize

import impasto
from impasto.errors import WeightsError
from impasto.networks import CONVOLUTIONS, VGG, WIDTHS, VGGEncoder, encoder, load_vgg, vgg_checkpoints

TEACHER = Path(os.environ.get("IMPASTO_TEACHER", Path(__file__).parents[3] / "shared" / "teacher"))
LAYERS = ["relu1_1", "conv2_2", "relu3_1", "relu4_2", "relu5_4"]
THIN = (4, 6, 8, 10, 12)


def random(seed, *size):
    return torch.rand(*size, generator=torch.Generator().manual_seed(seed))


def convolutions(widths=WIDTHS, deepest="5_4"):
    """Weights and biases by name, such as conv1_1.weight.

    Wide weights repeat along their inputs, so that a VGG-19 of the right shapes takes kilobytes on disk.
    """
    found, inputs = {}, 3
    for seed, name in enumerate(CONVOLUTIONS[: CONVOLUTIONS.index(deepest) + 1]):
        width = widths[int(name[0]) - 1]
        own = inputs if inputs <= 64 else 1
        weight = (random(seed, width, own, 3, 3) - 0.45) * (2 / inputs)
        found[f"conv{name}.weight"] = weight.expand(width, inputs, 3, 3)
        found[f"conv{name}.bias"] = random(100 + seed, width) - 0.5
        inputs = width
    return found


def saved(folder, tensors, name="network.pth"):
    if name.endswith(".safetensors"):
        save_file({key: value.contiguous() for key, value in tensors.items()}, folder / name)
    else:
        torch.save(tensors, folder / name)
    return folder / name


def in_torchvision(tensors):
    """The same tensors under the names torchvision gives them, whose plan is the reference here."""
    plan = torchvision_vgg.cfgs["E"]
    with torch.device("meta"):
        features = torchvision_vgg.make_layers(plan)
    numbers = [number for number, layer in enumerate(features) if isinstance(layer, nn.Conv2d)]
    kinds = ("weight", "bias")
    return {
        f"features.{number}.{kind}": tensors[f"conv{name}.{kind}"]
        for number, name in zip(numbers, CONVOLUTIONS, strict=True)
        for kind in kinds
    }


def classifier(*numbers):
    """Fully connected layers of the right shapes and no bulk."""
    sizes = [(4096, 25088), (4096, 4096), (1000, 4096)]
    tensors = {}
    for number, size in zip(numbers, sizes, strict=True):
        tensors[f"classifier.{number}.weight"] = torch.zeros(1).expand(size)
        tensors[f"classifier.{number}.bias"] = torch.zeros(size[0])
    return tensors


def with_centre(tensors, centre):
    """The tensors with the first filter's centre set, by which public networks are recognised."""
    first = tensors["conv1_1.weight"].clone()
    first[0, :, 1, 1] = torch.tensor(centre)
    return {**tensors, "conv1_1.weight": first}


@torch.no_grad()
def by_torchvision(tensors, image, layers):
    """Features by torchvision's own modules, of an image normalised as the checkpoint expects."""
    with torch.device("meta"):
        features = torchvision_vgg.make_layers(torchvision_vgg.cfgs["E"])
    state = {key.removeprefix("features."): value for key, value in in_torchvision(tensors).items()}
    features.load_state_dict(state, assign=True)
    found, names = {}, iter(CONVOLUTIONS)
    for layer in features:
        image = layer(image)
        if isinstance(layer, nn.Conv2d):
            name = next(names)
            found[f"conv{name}"] = image.clone()  # the ReLU that follows works in place
        elif isinstance(layer, nn.ReLU):
            found[f"relu{name}"] = image.clone()
    return {layer: found[layer] for layer in layers}


def as_torch(image):
    return normalize(image, [0.485, 0.456, 0.406], [0.229, 0.224, 0.225])


def as_caffe(image):
    """BGR in 0 to 255 less the mean of ImageNet in that order."""
    return image.flip(1) * 255 - torch.tensor([103.939, 116.779, 123.68]).view(1, 3, 1, 1)


def assert_same(found, expected):
    assert list(found) == list(expected)
    for layer, features in expected.items():
        assert found[layer].shape == features.shape
        error = (found[layer] - features).norm() / features.norm()
        assert features.norm() > 0
        assert error < 1e-5, f"{layer}: relative error {error:.1e}"


@pytest.fixture(scope="module")
def image():
    return random(7, 1, 3, 40, 33)


@pytest.fixture(scope="module")
def vgg19():
    return convolutions()


@torch.no_grad()
def features(network, image, layers=LAYERS):
    return network(image, layers, padding="zeros")


# --------------------------------------------------------------------------------------------------- layouts

OWN_CENTRE = (0.3, -0.2, 0.1)


@pytest.mark.parametrize(
    ("centre", "numbers", "expects"),
    [
        (vgg_checkpoints.TORCHVISION_CENTRE, (0, 3, 6), as_torch),  # vgg19-dcbb9e9d.pth
        (vgg_checkpoints.TORCHVISION_CENTRE, (), as_torch),  # the same, cut off after its features
        (OWN_CENTRE, (1, 4, 6), as_caffe),  # vgg19-d01eb7cb.pth
        (vgg_checkpoints.CAFFE_CENTRE, (0, 3, 6), as_caffe),  # vgg19-74e45263.pth, or the above with names mended
    ],
    ids=["torchvision", "features-only", "caffe", "caffe-renamed"],
)
def test_torchvisions_layout_gives_what_torchvisions_modules_give(tmp_path, vgg19, image, centre, numbers, expects):
    tensors = with_centre(vgg19, centre)
    rest = classifier(*numbers) if numbers else {}
    network = load_vgg(saved(tmp_path, {**in_torchvision(tensors), **rest}))
    assert_same(features(network, image), by_torchvision(tensors, expects(image), LAYERS))


def test_a_network_of_unknown_origin_is_taken_for_torchvisions_but_not_silently(tmp_path, vgg19, image):
    tensors = with_centre(vgg19, OWN_CENTRE)
    file = saved(tmp_path, {**in_torchvision(tensors), **classifier(0, 3, 6)})
    with pytest.warns(UserWarning, match=r"network\.pth .*taken to expect torchvision's normalisation"):
        network = load_vgg(file)
    assert_same(features(network, image, LAYERS[:2]), by_torchvision(tensors, as_torch(image), LAYERS[:2]))


@pytest.mark.parametrize(
    ("centre", "expects"), [(OWN_CENTRE, as_caffe), (vgg_checkpoints.TORCHVISION_CENTRE, as_torch)]
)
def test_gatys_layout_expects_caffes_colours_unless_it_is_torchvisions_network(tmp_path, vgg19, image, centre, expects):
    tensors = with_centre(vgg19, centre)
    network = load_vgg(saved(tmp_path, tensors, "vgg_conv.pth"))
    assert_same(features(network, image), by_torchvision(tensors, expects(image), LAYERS))


def test_eight_bit_weights_are_expanded(tmp_path, image):
    stored, exact = {}, convolutions(deepest="4_1")
    for seed, (key, value) in enumerate(exact.items()):
        stored[key] = value
        if key.endswith("weight") and key > "conv3_1.weight":
            whole = (random(seed, *value.shape) * 255).to(torch.uint8)
            scale, least = torch.tensor([3e-4, -0.03])
            del stored[key]
            stored[f"{key}.q"], stored[f"{key}.scale_min"] = whole, torch.stack([scale, least])
            exact[key] = whole * scale + least
    network = load_vgg(saved(tmp_path, stored, "vgg19_conv.safetensors"))
    whole = {**convolutions(), **exact}
    layers = ["relu3_1", "relu4_1"]
    assert_same(features(network, image, layers), by_torchvision(whole, as_caffe(image), layers))


def normalised(tensors, conv0):
    """The Sequential of `vgg_normalised.pth`: reflection before each 3x3 convolution, pooling rounded up."""
    with torch.device("meta"):
        layers, inputs = [nn.Conv2d(3, 3, 1)], 3
        for name in CONVOLUTIONS:
            if name.endswith("_1") and name != "1_1":
                layers.append(nn.MaxPool2d(2, ceil_mode=True))
            width = WIDTHS[int(name[0]) - 1]
            layers += [nn.ReflectionPad2d(1), nn.Conv2d(inputs, width, 3), nn.ReLU()]
            inputs = width
        network = nn.Sequential(*layers)
    values = iter([conv0["conv0.weight"], conv0["conv0.bias"], *tensors.values()])
    network.load_state_dict({key: next(values) for key in network.state_dict()}, assign=True)
    return network


CONV0 = {
    "conv0.weight": torch.tensor([[0.2, 0.1, 255], [-0.3, 254, 0.1], [256, 0.1, 0.2]]).view(3, 3, 1, 1),
    "conv0.bias": torch.tensor([-103.9, -116.8, -123.7]),
}


@torch.no_grad()
@pytest.mark.parametrize("kept", [53, 31, 18])
def test_the_normalised_vgg_agrees_to_its_borders_whole_or_cut_short(tmp_path, vgg19, kept):
    reference = normalised(vgg19, CONV0)
    assert len(reference) == 53
    assert sum(value.numel() for value in reference.state_dict().values()) == 20_024_396  # the published file
    cut = {key: value for key, value in reference.state_dict().items() if int(key.split(".")[0]) < kept}
    network = load_vgg(saved(tmp_path, cut, "vgg_normalised.pth"))
    image = random(3, 1, 3, 96, 96)
    relu1_1, relu3_1 = (reference[:stop](image) for stop in (4, 18))
    found = network(image, ["relu1_1", "relu3_1"], padding="reflect")
    assert_same(found, {"relu1_1": relu1_1, "relu3_1": relu3_1})


def test_a_thin_student_with_conv0_is_read_and_its_heads_left_out(tmp_path, image):
    tensors = convolutions((16, 32, 64, 128, 128), "5_1")
    heads = {"conv1_1.aux.weight": torch.zeros(64, 16, 1, 1), "conv1_1.aux.bias": torch.zeros(64)}
    network = load_vgg(saved(tmp_path, {**tensors, **CONV0, **heads}, "student.safetensors"))
    assert network.widths == (16, 32, 64, 128, 128)
    plain = VGG(network.widths, "5_1")
    for module in plain.modules():
        if isinstance(module, nn.Conv2d):
            module.padding_mode = "reflect"
    plain.load_state_dict({**tensors, "mean": torch.zeros(1, 3, 1, 1), "std": torch.ones(1, 3, 1, 1)})
    coloured = torch.einsum("ij,bjhw->bihw", CONV0["conv0.weight"].view(3, 3), image)
    coloured += CONV0["conv0.bias"].view(1, 3, 1, 1)
    layers = ["relu1_1", "relu5_1"]
    assert_same(network(image, layers, padding="reflect"), plain(coloured, layers, padding="reflect"))


def slim(folder, widths=THIN, deepest="5_1", name="slim.safetensors"):
    """A checkpoint as Impasto's recipe exports it: fp16, a square matrix for each layer that has one."""
    tensors = convolutions(widths, deepest)
    for block in range(1, int(deepest[0]) + 1):
        width = widths[block - 1]
        head = random(block, 30, width) - 0.5
        values, vectors = torch.linalg.eigh(head.T @ head)
        tensors[f"metric{block}_1"] = (vectors * values.clamp_min(0).sqrt()) @ vectors.T
    return saved(folder, {key: value.half() for key, value in tensors.items()}, name)


def test_a_network_first_loaded_under_autocast_is_float32_all_the_same(tmp_path):
    path = slim(tmp_path)
    with torch.autocast("cpu", torch.bfloat16):
        network = load_vgg(path)
    assert {value.dtype for value in network.state_dict().values()} == {torch.float32}


def test_our_own_layout_expects_imagenets_normalisation(tmp_path, image):
    network = load_vgg(slim(tmp_path))
    assert (network.widths, network.convolutions[-1]) == (THIN, "5_1")
    assert all(value.dtype == torch.float32 for value in network.state_dict().values())
    tensors = {key: value.half().float() for key, value in convolutions(THIN, "5_1").items()}
    plain = VGG(THIN, "5_1")
    plain.load_state_dict({**tensors, "mean": torch.zeros(1, 3, 1, 1), "std": torch.ones(1, 3, 1, 1)})
    assert_same(features(network, image, LAYERS[:4]), features(plain, as_torch(image), LAYERS[:4]))


def test_convolutions_of_one_block_may_differ_in_width(tmp_path, image):
    plan = {"1_1": 4, "1_2": 4, "2_1": 10, "2_2": 6, "3_1": 9}
    network = VGG(plan, "3_1")
    file = saved(tmp_path, {**network.state_dict(), "metric2_1": torch.eye(10), "metric3_1": torch.eye(9)})
    found = VGGEncoder(load_vgg(file), calibrated=True)
    assert {layer: found.channels[layer] for layer in ("relu2_1", "relu2_2", "conv3_1")} == {
        "relu2_1": 10,
        "relu2_2": 6,
        "conv3_1": 9,
    }
    torch.testing.assert_close(found.features(image, ["relu3_1"]), network(image, ["relu3_1"]))


def test_one_of_several_networks_in_a_file_is_found_by_its_prefix(tmp_path, image):
    networks = {"e1.": VGG((4,), "1_1"), "e2.": VGG((4, 8), "2_1")}
    state = {prefix + key: x for prefix, network in networks.items() for key, x in network.state_dict().items()}
    torch.save(state, tmp_path / "encoders.pth")
    found = load_vgg(tmp_path / "encoders.pth", "e2.")
    torch.testing.assert_close(found(image, ["relu2_1"]), networks["e2."](image, ["relu2_1"]))


def test_a_saved_vgg_comes_back_with_its_own_normalisation(tmp_path, image):
    network = VGG(THIN, "3_2")
    network.mean.fill_(0.3)
    again = load_vgg(saved(tmp_path, network.state_dict()))
    assert_same(features(again, image, ["relu3_2"]), features(network, image, ["relu3_2"]))


def test_loading_draws_no_random_numbers(tmp_path):
    file = slim(tmp_path)
    torch.manual_seed(0)
    expected = torch.rand(3)
    torch.manual_seed(0)
    load_vgg(file)
    assert torch.equal(torch.rand(3), expected)


def without(tensors, *keys):
    return {key: value for key, value in tensors.items() if not key.startswith(keys)}


def vgg16():
    plan = torchvision_vgg.cfgs["D"]
    with torch.device("meta"):
        state = torchvision_vgg.make_layers(plan).state_dict()
    return {f"features.{key}": torch.zeros(1).expand(value.shape) for key, value in state.items()}


SMALL = convolutions(deepest="2_1")


@pytest.mark.parametrize(
    ("tensors", "says"),
    [
        (vgg16(), "looks like a VGG-16"),
        (without(convolutions(THIN), "conv3_4"), "looks like a VGG-16"),
        ({**in_torchvision(convolutions()), "features.1.running_mean": torch.zeros(64)}, "batch-normalised"),
        (without(SMALL, "conv1_2"), "lacks conv1_2 but has conv2_1"),
        (without(SMALL, "conv2_1.bias"), r"lacks conv2_1\.bias"),
        (
            {**SMALL, "conv2_1.weight": torch.zeros(128, 32, 3, 3)},
            r"conv2_1\.weight is \(128, 32, 3, 3\), exp",
        ),
        ({**SMALL, "fc6.weight": torch.zeros(2, 2)}, r"has fc6\.weight, which is no part of a VGG-19"),
        ({**SMALL, "conv1_1.bias": torch.full((64,), torch.nan)}, r"conv1_1\.bias has values that are not finite"),
        (convolutions(THIN), "has 4, 6, 8, 10, 12 channels by block.*how it normalises"),
        (
            {**convolutions(THIN), "metric1_1": torch.zeros(3, 3)},
            r"metric1_1 is \(3, 3\), which does not fit",
        ),
        ({"1.weight": torch.zeros(256, 512, 3, 3)}, r"laid out as something else: 1\.weight"),
    ],
    ids=["vgg16", "vgg16-names", "bn", "gap", "bias", "shape", "extra", "nan", "thin", "metric", "decoder"],
)
def test_another_network_is_refused_by_what_it_is(tmp_path, tensors, says):
    file = saved(tmp_path, tensors)
    with pytest.raises(WeightsError, match=rf"(?s)network\.pth: .*{says}.*what would work") as caught:
        load_vgg(file)
    assert "KeyError" not in str(caught.value)


# ------------------------------------------------------------------------------------------------ real files


def real(name):
    if not (TEACHER / name).is_file():
        pytest.skip(f"{name} is not in {TEACHER}; IMPASTO_TEACHER names another folder")
    return TEACHER / name


@pytest.mark.weights
@torch.no_grad()
def test_the_real_vgg19_and_its_normalised_form_agree_up_to_a_factor_per_channel():
    """Two people's conversions of one network, each with its own colours: their channels must correlate."""
    vgg = load_vgg(real("vgg19_conv.safetensors"))
    norm = load_vgg(real("vgg19_normalised_to_relu3_1.safetensors"))
    picture = impasto.samples.content("astronaut")[..., 100:228, 100:228]
    one, other = (network(picture, ["relu1_1", "relu3_1"], padding="zeros") for network in (vgg, norm))
    for layer, tolerance in (("relu1_1", 0.999), ("relu3_1", 0.99)):
        # One pads with zeros and the other by reflection: they agree inside.
        a, b = (x[layer][0, :, 5:-5, 5:-5].flatten(1) for x in (one, other))
        alike = torch.nn.functional.cosine_similarity(a, b)[a.norm(dim=1) > 1e-3]
        assert alike.median() > tolerance
    assert torch.allclose(vgg.mean, norm.mean, atol=1e-3)


@pytest.mark.weights
@torch.no_grad()
def test_the_public_thin_student_estimates_the_real_vgg19():
    from safetensors.torch import load_file

    student = encoder(real("cd16x_vgg19_student_to_relu5_1.safetensors"), padding="reflect")
    teacher = encoder(real("vgg19_normalised_to_relu3_1.safetensors"), padding="reflect")
    heads = load_file(real("cd16x_vgg19_student_to_relu5_1.safetensors"))
    picture = impasto.samples.content("astronaut")[..., 100:228, 100:228]
    thin = student.features(picture, ["relu1_1", "relu3_1"])
    wide = teacher.features(picture, ["relu1_1", "relu3_1"])
    for layer, least in (("relu1_1", 0.95), ("relu3_1", 0.75)):
        head = layer.replace("relu", "conv")
        estimate = nn.functional.conv2d(thin[layer], heads[f"{head}.aux.weight"], heads[f"{head}.aux.bias"]).relu()
        pair = torch.stack([estimate[..., 4:-4, 4:-4].flatten(), wide[layer][..., 4:-4, 4:-4].flatten()])
        assert torch.corrcoef(pair)[0, 1] > least
