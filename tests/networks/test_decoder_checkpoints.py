"""Checkpoints of decoders: the layouts of public files, and what is refused and why."""

import os

import pytest
import torch
from torch import nn

from impasto import WeightsError
from impasto.networks import SEQUENTIAL_LAYOUTS, VGG, VGGDecoder, cached_decoders, decoder_convolutions, load_decoders

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


@pytest.mark.parametrize("layer", SEQUENTIAL_LAYOUTS)
def test_the_public_sequential_of_each_level_loads_and_computes_the_same(tmp_path, layer):
    public = sequential(VGGDecoder(THIN, layer)).eval()
    torch.save(public.state_dict(), tmp_path / "decoder.pth")
    found = load_decoders(tmp_path / "decoder.pth")
    assert list(found) == [layer]
    features = torch.rand(1, THIN[int(layer[4]) - 1], 3, 5)
    torch.testing.assert_close(found[layer](features), public(features))


def test_adain_has_29_entries_and_its_channels():
    widths = {
        name: tuple(getattr(VGGDecoder(), f"conv{name}").weight.shape[:2]) for name in decoder_convolutions("relu4_1")
    }
    assert list(widths.values()) == [
        (256, 512),
        *[(256, 256)] * 3,
        (128, 256),
        (128, 128),
        (64, 128),
        (64, 64),
        (3, 64),
    ]
    assert len(sequential(VGGDecoder())) == 29
    assert SEQUENTIAL_LAYOUTS["relu4_1"] == (1, 5, 8, 11, 14, 18, 21, 25, 28)


def test_several_decoders_in_one_file(tmp_path):
    for prefix in ("relu{}_1.", "d{}."):
        state = {
            prefix.format(level) + key: value
            for level in (2, 1)
            for key, value in VGGDecoder(THIN, f"relu{level}_1").state_dict().items()
        }
        torch.save(state, tmp_path / "decoders.pth")
        assert list(load_decoders(tmp_path / "decoders.pth")) == ["relu1_1", "relu2_1"]


def test_a_folder_passes_over_encoders_and_refuses_two_of_a_kind(tmp_path):
    torch.save(VGG(THIN, "3_1").state_dict(), tmp_path / "encoder.pth")
    torch.save(VGGDecoder(THIN, "relu3_1").state_dict(), tmp_path / "one.pth")
    assert list(load_decoders(tmp_path)) == ["relu3_1"]
    torch.save(VGGDecoder(THIN, "relu3_1").state_dict(), tmp_path / "two.pth")
    with pytest.raises(WeightsError, match=r"one\.pth and two\.pth both hold a decoder for relu3_1"):
        load_decoders(tmp_path)


def test_a_file_that_changed_is_read_again(tmp_path):
    file = tmp_path / "decoder.pth"
    torch.save(VGGDecoder(THIN, "relu1_1").state_dict(), file)
    first = cached_decoders(file)
    assert cached_decoders(file) is first
    torch.save(VGGDecoder(THIN, "relu2_1").state_dict(), file)
    assert list(cached_decoders(file)) == ["relu2_1"]


def changed(**changes):
    return {**VGGDecoder(THIN, "relu2_1").state_dict(), **changes}


@pytest.mark.parametrize(
    ("state", "message"),
    [
        (VGG(THIN, "2_1").state_dict(), "looks like an encoder: its first convolution takes a picture"),
        ({"fc.weight": torch.zeros(2, 2)}, "is laid out as something else: fc.weight"),
        (changed(**{"norm.weight": torch.zeros(3)}), "has norm.weight, which is no part of a decoder"),
        (changed(**{"conv1_2.weight": torch.zeros(4, 5, 3, 3)}), r"conv2_1.weight is \(4, 8, 3, 3\), expected \(5, 8"),
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


@pytest.mark.skipif(os.name != "posix", reason="a disk has no one name there")
def test_a_whole_disk_is_not_looked_through():
    with pytest.raises(WeightsError, match="is not looked through for networks"):
        load_decoders("/")
