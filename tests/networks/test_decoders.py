"""Decoders: the plans of public files, what is refused and why, and how they begin."""

import copy

import pytest
import torch
from torch import nn

import impasto
from impasto import WeightsError
from impasto.networks import PLANS, VGG, Decoder, decoders, inverted, load_decoders, mirrored, narrowed
from impasto.optim import Soap

THIN = (4, 8, 12, 16, 16)


@pytest.fixture(autouse=True)
def seeded():
    with torch.random.fork_rng():
        torch.manual_seed(7)
        yield


def sequential(decoder):
    """The public layout, built as the public repositories build it."""
    layers = []
    for name in decoder.convolutions:
        convolution = getattr(decoder, f"conv{name}")
        layers += [nn.ReflectionPad2d(1), convolution, nn.ReLU()]
        if name.endswith("_1"):
            layers.append(nn.Upsample(scale_factor=2, mode="nearest"))
    return nn.Sequential(*layers[: -2 if decoder.convolutions[-1] == "1_1" else None])


@pytest.mark.parametrize("layer", PLANS)
def test_the_public_sequential_of_each_level_loads_and_computes_the_same(tmp_path, layer):
    public = sequential(Decoder(THIN, layer)).eval()
    torch.save(public.state_dict(), tmp_path / "decoder.pth")
    found = load_decoders(tmp_path / "decoder.pth")
    assert list(found) == [layer]
    features = torch.rand(1, THIN[int(layer[4]) - 1], 3, 5)
    torch.testing.assert_close(found[layer](features), public(features))


def test_adain_has_29_entries_and_its_channels():
    plan = {name: tuple(getattr(Decoder(), f"conv{name}").weight.shape[:2]) for name in mirrored("relu4_1")}
    assert list(plan.values()) == [(256, 512), *[(256, 256)] * 3, (128, 256), (128, 128), (64, 128), (64, 64), (3, 64)]
    assert len(sequential(Decoder())) == 29
    assert PLANS["relu4_1"] == (1, 5, 8, 11, 14, 18, 21, 25, 28)


def test_several_decoders_in_one_file(tmp_path):
    for prefix in ("relu{}_1.", "d{}."):
        state = {
            prefix.format(level) + key: value
            for level in (2, 1)
            for key, value in Decoder(THIN, f"relu{level}_1").state_dict().items()
        }
        torch.save(state, tmp_path / "decoders.pth")
        assert list(load_decoders(tmp_path / "decoders.pth")) == ["relu1_1", "relu2_1"]


def test_skips_are_kept_and_begin_at_zero(tmp_path):
    decoder = Decoder(THIN, "relu3_1", {"relu2_1": 10})
    torch.save(decoder.state_dict(), tmp_path / "decoder.pth")
    found = load_decoders(tmp_path / "decoder.pth")["relu3_1"]
    assert found.channels == {"relu3_1": 12, "relu2_1": 10}
    deep, shallow = torch.rand(1, 12, 4, 4), torch.rand(1, 10, 8, 8)
    without = Decoder(THIN, "relu3_1")
    without.load_state_dict({key: x for key, x in decoder.state_dict().items() if "skip" not in key})
    torch.testing.assert_close(found({"relu3_1": deep, "relu2_1": shallow}), without(deep))


def test_one_position_is_enough():
    assert Decoder(THIN, "relu5_1")(torch.rand(1, 16, 1, 1)).shape == (1, 3, 16, 16)


def test_a_folder_passes_over_encoders_and_refuses_two_of_a_kind(tmp_path):
    torch.save(VGG(THIN, "3_1").state_dict(), tmp_path / "encoder.pth")
    torch.save(Decoder(THIN, "relu3_1").state_dict(), tmp_path / "one.pth")
    assert list(load_decoders(tmp_path)) == ["relu3_1"]
    torch.save(Decoder(THIN, "relu3_1").state_dict(), tmp_path / "two.pth")
    with pytest.raises(WeightsError, match=r"one\.pth and two\.pth both hold a decoder for relu3_1"):
        load_decoders(tmp_path)


def test_a_file_that_changed_is_read_again(tmp_path):
    file = tmp_path / "decoder.pth"
    torch.save(Decoder(THIN, "relu1_1").state_dict(), file)
    first = decoders(file)
    assert decoders(file) is first
    torch.save(Decoder(THIN, "relu2_1").state_dict(), file)
    assert list(decoders(file)) == ["relu2_1"]


def changed(**changes):
    return {**Decoder(THIN, "relu2_1").state_dict(), **changes}


@pytest.mark.parametrize(
    ("state", "message"),
    [
        (VGG(THIN, "2_1").state_dict(), "looks like an encoder: its first convolution takes a picture"),
        ({"fc.weight": torch.zeros(2, 2)}, "is laid out as something else: fc.weight"),
        (changed(**{"norm.weight": torch.zeros(3)}), "has norm.weight, which is no part of a decoder"),
        (changed(**{"conv1_2.weight": torch.zeros(4, 5, 3, 3)}), r"conv1_2.weight is \(4, 5, 3, 3\), expected \(4, 4"),
        (changed(**{"conv1_2.bias": torch.full((4,), torch.nan)}), "conv1_2.bias has values that are not finite"),
        ({k: x for k, x in changed().items() if "1_2" not in k}, "lacks conv1_2 but has conv2_1"),
        ({k: x for k, x in changed().items() if k != "conv2_1.bias"}, "lacks conv2_1.bias"),
        ({k: x for k, x in changed().items() if "2_1" not in k}, "begins with conv1_2; decoders begin with the first"),
        (
            {f"{n}.weight": torch.zeros(3, 4, 3, 3) for n in (0, 3, 6)},
            "is a Sequential with convolutions at 0, 3, 6\n  decoders have",
        ),
        (changed(**{"conv1_2.weight": torch.zeros(4)}), r"conv1_2.weight is \(4,\), which no convolution is"),
        (changed(**{"relu3_1.conv3_1.bias": torch.zeros(4)}), "relu3_1: lacks convolutions"),
        ({f"relu3_1.{k}": x for k, x in changed().items()}, "its decoder for relu3_1 ends at conv2_1"),
        (changed(**{"skip2_1.weight": torch.zeros(8, 8, 1, 1)}), "has skip2_1, which is no shallower than relu2_1"),
    ],
)
def test_what_is_not_a_decoder_is_named(tmp_path, state, message):
    torch.save(state, tmp_path / "decoder.pth")
    with pytest.raises(WeightsError, match=message):
        load_decoders(tmp_path / "decoder.pth")


def test_a_folder_without_decoders_says_what_it_has(tmp_path):
    torch.save(VGG(THIN, "1_1").state_dict(), tmp_path / "vgg.pth")
    with pytest.raises(WeightsError, match=r"holds no decoders\n  it has: vgg\.pth"):
        load_decoders(tmp_path)


# --------------------------------------------------------------------------------------------- how they begin


def test_least_squares_invert_the_first_layer():
    encoder, picture = impasto.encoder("slim19"), impasto.samples.content("astronaut", 128)
    other = impasto.samples.content("cat", 128)[..., :80, :]
    decoder = inverted(encoder, "relu1_1", picture)
    with torch.no_grad():
        error = (decoder(encoder.features(other, ["relu1_1"])["relu1_1"]) - other).square().mean()
    assert -10 * error.log10() > 30


def test_a_narrowed_decoder_paints_what_the_wide_one_does_where_features_say_little_more():
    # Wide features that are combinations of few.
    wide = Decoder((6, 12, 16), "relu3_1", {"relu2_1": 12}).requires_grad_(False)
    for name, kept in (("3_1", 4), ("2_2", 4), ("2_1", 3), ("1_2", 3)):
        convolution = wide.get_submodule(f"conv{name}")
        copies = torch.arange(len(convolution.weight)) % kept
        convolution.weight.copy_(convolution.weight[copies])
        convolution.bias.copy_(convolution.bias[copies])
        if name == "3_1":
            wide.skip2_1.weight.normal_()
            wide.skip2_1.weight.copy_(wide.skip2_1.weight[copies])
    features = {"relu3_1": torch.rand(2, 16, 24, 32), "relu2_1": torch.rand(2, 12, 48, 64)}
    thin = narrowed(wide, (3, 4), features)
    assert thin.widths == (3, 4, 16)
    other = {layer: torch.rand_like(x) for layer, x in features.items()}
    torch.testing.assert_close(thin(other), wide(other), atol=1e-2 * wide(other).std().item(), rtol=0)


@pytest.mark.parametrize("widths", [(4,), (5, 8), (0, 8), (4, 8, 12)])
def test_decoders_are_not_narrowed_to_more(widths):
    with pytest.raises(ValueError, match=r"2 numbers, none larger than its own"):
        narrowed(Decoder(THIN, "relu3_1"), widths, {"relu3_1": torch.rand(1, 12, 8, 8)})


def test_soap_descends_a_narrow_valley_faster_than_adam():
    inputs = torch.rand(64, 12) @ torch.diag(torch.logspace(0, -3, 12)) @ torch.rand(12, 12)
    truth = torch.randn(12, 3)

    def left(optimiser_of):
        layer = nn.Linear(12, 3)
        nn.init.zeros_(layer.weight)
        optimiser = optimiser_of(layer)
        for _ in range(300):
            optimiser.zero_grad()
            loss = (layer(inputs) - inputs @ truth).square().mean()
            loss.backward()
            optimiser.step()
        return loss.item()

    assert left(lambda layer: Soap(layer, lr=0.01)) < 0.5 * left(
        lambda layer: torch.optim.Adam(layer.parameters(), lr=0.01)
    )


def test_soap_goes_on_from_its_state_to_the_bit():
    def step(layer, optimiser, seed):
        optimiser.zero_grad()
        layer(torch.rand(2, 3, 6, 6, generator=torch.Generator().manual_seed(seed))).square().mean().backward()
        optimiser.step()

    layer = nn.Conv2d(3, 4, 3)
    optimiser = Soap(layer)
    for seed in range(12):
        step(layer, optimiser, seed)
    other = nn.Conv2d(3, 4, 3)
    other.load_state_dict(layer.state_dict())
    resumed = Soap(other)
    resumed.load_state_dict(copy.deepcopy(optimiser.state_dict()))
    for seed in range(12, 24):
        step(layer, optimiser, seed)
        step(other, resumed, seed)
    assert torch.equal(layer.weight, other.weight)
    assert torch.equal(layer.bias, other.bias)
