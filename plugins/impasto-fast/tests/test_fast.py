"""Fast networks: the kit, the checkpoints people have, blending, and what a wrong file is told."""

import re

import pytest
import torch
import torch.nn.functional as F
from safetensors.torch import save_file

import impasto
from impasto import ParameterError, StageError, WeightsError
from impasto.testing import parametrize_checks
from impasto_fast import Fast, Network, load_network, tensors

CONTENT = impasto.samples.content("cat", 64)


@parametrize_checks(Fast(), Fast(styles=("wave", "mosaic"), shares=(0.25, 0.75)))
def test_conformance(stage, check):
    check(stage)


# ------------------------------------------------------------------------------- networks of pytorch/examples


def examples(width=8, seed=0, buffers=False, prefix=""):
    """Return a checkpoint with the keys and shapes of pytorch/examples' TransformerNet."""
    rng = torch.Generator().manual_seed(seed)
    found = {}

    def add(name, *size):
        found[prefix + name] = torch.randn(*size, generator=rng) * 0.1

    def norm(name, channels):
        add(f"{name}.weight", channels)
        add(f"{name}.bias", channels)
        if buffers:
            add(f"{name}.running_mean", channels)
            add(f"{name}.running_var", channels)

    def convolution(name, inner, outer, side):
        add(f"{name}.conv2d.weight", outer, inner, side, side)
        add(f"{name}.conv2d.bias", outer)

    for index, (inner, outer, side) in enumerate(((3, 1, 9), (1, 2, 3), (2, 4, 3)), start=1):
        convolution(f"conv{index}", inner if inner == 3 else inner * width, outer * width, side)
        norm(f"in{index}", outer * width)
    for block in range(1, 6):
        for half in (1, 2):
            convolution(f"res{block}.conv{half}", 4 * width, 4 * width, 3)
            norm(f"res{block}.in{half}", 4 * width)
    for index, (inner, outer) in enumerate(((4, 2), (2, 1)), start=1):
        convolution(f"deconv{index}", inner * width, outer * width, 3)
        norm(f"in{index + 3}", outer * width)
    convolution("deconv3", width, 3, 9)
    return found


def by_the_book(state, image):
    """Return what that network paints, written out from its description: 0 to 255 in and out, borders reflected."""

    def convolution(x, name, stride=1):
        weight = state[f"{name}.conv2d.weight"]
        padded = F.pad(x, (weight.shape[-1] // 2,) * 4, mode="reflect")
        return F.conv2d(padded, weight, state[f"{name}.conv2d.bias"], stride)

    def norm(x, name):
        return F.instance_norm(x, weight=state[f"{name}.weight"], bias=state[f"{name}.bias"])

    x = image * 255
    for index in (1, 2, 3):
        x = norm(convolution(x, f"conv{index}", 1 if index == 1 else 2), f"in{index}").relu()
    for block in range(1, 6):
        y = norm(convolution(x, f"res{block}.conv1"), f"res{block}.in1").relu()
        x = x + norm(convolution(y, f"res{block}.conv2"), f"res{block}.in2")
    for index in (1, 2):
        doubled = F.interpolate(x, scale_factor=2, mode="nearest")
        x = norm(convolution(doubled, f"deconv{index}"), f"in{index + 3}").relu()
    return convolution(x, "deconv3") / 255


@pytest.mark.parametrize("changes", [{}, {"buffers": True}, {"prefix": "module."}], ids=["new", "old", "DataParallel"])
def test_it_paints_what_pytorch_examples_paints(tmp_path, changes):
    file = tmp_path / "candy.pth"
    torch.save(examples(**changes), file)
    wanted = by_the_book(examples(**changes) if not changes.get("prefix") else examples(), CONTENT[..., :40, :64])
    if not changes:
        torch.testing.assert_close(load_network(file)(CONTENT[..., :40, :64], torch.ones(1, 1)), wanted)
    # Without flat areas, which would get noise; continued as in a mirror, which the stage does as well.
    content = (0.7 * CONTENT + 0.3 * torch.rand(CONTENT.shape)).clamp(0, 1)[..., :40, :64]
    painted = impasto.Pipeline(Fast(network=str(file)))(content, device="cpu", precision="float32")
    if changes == {"buffers": True}:
        return  # random numbers are drawn for the buffers as well: another network
    margin = Fast.reflection_padding
    wanted = by_the_book(examples(), F.pad(content, (margin,) * 4, mode="reflect"))
    wanted = wanted[..., margin:-margin, margin:-margin].clamp(0, 1)
    torch.testing.assert_close(painted.tensor, wanted, atol=1e-4, rtol=0)


def test_renamed_unit_by_unit_it_is_the_same_network(tmp_path):
    state = examples()
    names = {"in1": "conv1", "in2": "conv2", "in3": "conv3", "in4": "up1", "in5": "up2"}
    names |= {"deconv1": "up1", "deconv2": "up2", "deconv3": "out"}
    renamed = {}
    for key, value in state.items():
        key = re.sub(r"^res(\d)\.(?:conv|in)([12])", lambda m: f"res{m[1]}{'ab'[int(m[2]) - 1]}", key)
        is_norm = value.ndim == 1 and "conv2d" not in key
        unit, part = key.split(".")[0], key.split(".")[-1]
        part = {"weight": "gamma", "bias": "beta"}[part] if is_norm else part
        renamed[f"{names.get(unit, unit)}.{part}"] = value
    save_file(renamed, tmp_path / "renamed.safetensors")
    torch.save(state, tmp_path / "candy.pth")
    shares = torch.ones(1, 1)
    found, wanted = (
        load_network(tmp_path / name)(CONTENT[..., :40, :64], shares) for name in ("renamed.safetensors", "candy.pth")
    )
    assert torch.equal(found, wanted)


# ------------------------------------------------------------------------- networks of fast-style-transfer


def tensorflow(width=8):
    rng = torch.Generator().manual_seed(1)
    found = {}

    def unit(name, *size, outer):
        found[f"{name}.weight"] = torch.randn(*size, generator=rng) * 0.1
        found[f"{name}.scale"] = torch.randn(outer, generator=rng)
        found[f"{name}.shift"] = torch.randn(outer, generator=rng)

    for name, inner, outer, side in (
        ("conv1", 3, width, 9),
        ("conv2", width, 2 * width, 3),
        ("conv3", 2 * width, 4 * width, 3),
    ):
        unit(name, outer, inner, side, side, outer=outer)
    for block in range(1, 6):
        for half in "ab":
            unit(f"res{block}{half}", 4 * width, 4 * width, 3, 3, outer=4 * width)
    unit("up1", 4 * width, 2 * width, 3, 3, outer=2 * width)
    unit("up2", 2 * width, width, 3, 3, outer=width)
    unit("out", 3, width, 9, 9, outer=3)
    return found


def same(x, weight, stride):
    """Return a convolution padded as TensorFlow's SAME, by its rule."""
    pads = []
    for side in (x.shape[-1], x.shape[-2]):
        total = max((-(-side // stride) - 1) * stride + weight.shape[-1] - side, 0)
        pads += [total // 2, total - total // 2]
    return F.conv2d(F.pad(x, pads), weight, stride=stride)


def test_it_paints_what_fast_style_transfer_paints(tmp_path):
    state = tensorflow()
    save_file(state, tmp_path / "wave.safetensors")
    image = CONTENT[..., :40, :64]

    def norm(x, name):
        mean, variance = x.mean((2, 3), keepdim=True), x.var((2, 3), keepdim=True, correction=0)
        scale, shift = (state[f"{name}.{part}"][:, None, None] for part in ("scale", "shift"))
        return scale * (x - mean) / (variance + 1e-3).sqrt() + shift

    def up(x, weight):
        # A transposed convolution is the gradient of the convolution that it undoes.
        below = torch.zeros(1, weight.shape[1], 2 * x.shape[-2], 2 * x.shape[-1], requires_grad=True)
        return torch.autograd.grad(same(below, weight, 2), below, x)[0]

    x = image * 255
    for index in (1, 2, 3):
        x = norm(same(x, state[f"conv{index}.weight"], 1 if index == 1 else 2), f"conv{index}").relu()
    for block in range(1, 6):
        y = norm(same(x, state[f"res{block}a.weight"], 1), f"res{block}a").relu()
        x = x + norm(same(y, state[f"res{block}b.weight"], 1), f"res{block}b")
    for index in (1, 2):
        x = norm(up(x, state[f"up{index}.weight"]), f"up{index}").relu()
    wanted = (norm(same(x, state["out.weight"], 1), "out").tanh() * 150 + 255 / 2) / 255
    found = load_network(tmp_path / "wave.safetensors")(image, torch.ones(1, 1))
    torch.testing.assert_close(found, wanted, atol=1e-4, rtol=1e-4)


# -------------------------------------------------------------------------------------------------- our own


def network(styles=("wave", "mosaic"), seed=0):
    torch.manual_seed(seed)
    made = Network(4, styles)
    for parameter in made.parameters():
        torch.nn.init.normal_(parameter, 0, 0.3)
    return made


def test_a_network_of_many_styles_is_the_same_after_saving(tmp_path):
    made = network(("mosaic", "wave"))
    save_file({key: value.contiguous() for key, value in tensors(made).items()}, tmp_path / "fast.safetensors")
    found = load_network(tmp_path / "fast.safetensors")
    assert found.styles == made.styles
    shares = torch.tensor([[0.3, 0.7]])
    assert torch.equal(found(CONTENT[..., :40, :], shares), made(CONTENT[..., :40, :], shares))


def test_untrained_it_gives_the_picture_in_the_deviation_and_mean_it_was_given():
    made = Network(4, ["a"])
    made.skip.scale.weight.data[:] = torch.tensor([[0.1], [0.2], [0.3]])
    made.skip.shift.weight.data[:] = torch.tensor([[0.5], [0.4], [0.6]])
    painted = made(CONTENT[..., :40, :], torch.ones(1, 1))
    torch.testing.assert_close(painted.std((0, 2, 3), correction=0), torch.tensor([0.1, 0.2, 0.3]), atol=1e-3, rtol=0)
    torch.testing.assert_close(painted.mean((0, 2, 3)), torch.tensor([0.5, 0.4, 0.6]), atol=1e-4, rtol=0)


def painted(**parameters):
    return impasto.Pipeline(Fast(**parameters))(CONTENT, device="cpu", precision="float32").tensor


def test_shares_lead_from_one_style_to_the_other():
    wave, mosaic = painted(styles=("wave",)), painted(styles=("mosaic",))
    apart = (wave - mosaic).square().mean()
    assert apart > 0.01
    assert torch.equal(painted(styles=("wave", "mosaic"), shares=(1, 0)), wave)
    quarter = painted(styles=("wave", "mosaic"), shares=(3, 1))
    assert (quarter - wave).square().mean() < (quarter - mosaic).square().mean()
    torch.testing.assert_close(
        painted(styles=("wave", "mosaic")), painted(styles=("mosaic", "wave"), shares=(0.5, 0.5))
    )


def test_every_picture_of_a_batch_is_painted_alone():
    batch = torch.cat([CONTENT, CONTENT.flip(1)])
    both = impasto.Pipeline(Fast())(batch, device="cpu", precision="float32").tensor
    torch.testing.assert_close(both[:1], painted(), atol=1e-4, rtol=0)


# --------------------------------------------------------------------------------------------------- mistakes


def test_an_unknown_style_is_answered_with_those_there_are():
    with pytest.raises(StageError, match=r"(?s)'vave'.*cubism.*did you mean.*wave"):
        painted(styles=("vave",))


def test_shares_that_do_not_fit_are_refused():
    with pytest.raises(ParameterError, match="1 shares for 2 styles"):
        Fast(styles=("wave", "mosaic"), shares=(1,))
    with pytest.raises(ParameterError, match="sum to 0"):
        Fast(styles=("wave",), shares=(0,))


def without(state, key):
    return {name: value for name, value in state.items() if name != key}


@pytest.mark.parametrize(
    ("state", "message"),
    [
        (without(examples(), "in3.bias"), "lacks in3.bias"),
        (examples() | {"in3.bias": torch.zeros(7)}, "in3.bias is (7,), expected (32,)"),
        (examples() | {"in3.bias": torch.full((32,), float("nan"))}, "in3.bias has values that are not finite"),
        (examples() | {"res6.in1.bias": torch.zeros(32)}, "res6.in1.bias, which is no part"),
        (without(tensors(network()), "styles.wave.up1.shift"), "lacks styles.wave.up1.shift"),
        ({"model.10.conv_block.1.weight": torch.zeros(8, 8, 3, 3)}, "impasto-cyclegan"),
        ({"features.0.weight": torch.zeros(64, 3, 3, 3)}, "looks like VGG"),
        ({"layer.weight": torch.zeros(3)}, "something else: layer.weight"),
    ],
)
def test_a_wrong_file_is_told_what_it_is(tmp_path, state, message):
    torch.save(state, tmp_path / "net.pth")
    with pytest.raises(WeightsError, match=re.escape(message)):
        load_network(tmp_path / "net.pth")
