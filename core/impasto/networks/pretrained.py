"""The encoders that are known by name: where their weights come from, and what loads them."""

from __future__ import annotations

from collections.abc import Iterable

from ..host import get_host
from ..weights import Loader, Weights, find
from .vgg import VGG
from .vgg_checkpoints import load_vgg

SLIM19 = Weights(
    name="slim19.safetensors",
    sha256="7e0156423e40859efa0425ccc754d260dd1cf7629d5d3c68b75d1c3232498cb1",
    size=1_698_992,
    licence="MIT; distilled from VGG-19, whose weights are CC BY 4.0",
    origin="distilled by the Impasto project from VGG-19's features",
    expects="VGG-19's plan with 16 to 128 channels, conv1_1 to conv5_1, and its metric to VGG-19",
    file="impasto/networks/slim19.safetensors",
)
SLIM19_HALF = Weights(
    name="slim19-half.safetensors",
    sha256="c9422c9d0d91375a3a27aff776615e5497904bedae57b315c6c33480447535df",
    size=6_782_968,
    licence="MIT; distilled from VGG-19, whose weights are CC BY 4.0",
    origin="distilled by the Impasto project from VGG-19's features",
    expects="VGG-19's plan with 32 to 256 channels, conv1_1 to conv5_1, and its metric to VGG-19",
    file="impasto/networks/slim19-half.safetensors",
)
VGG19 = Weights(
    name="vgg19-dcbb9e9d.pth",
    sha256="dcbb9e9dad569fff7a846263a77324fc34978fea2bfb039c012d710e1776ae44",
    size=574_673_361,
    licence="BSD-3-Clause",
    origin="torchvision's VGG19_Weights.IMAGENET1K_V1, trained on ImageNet",
    expects="VGG-19 (Simonyan & Zisserman 2015) in torchvision's layout",
    url="https://download.pytorch.org/models/vgg19-dcbb9e9d.pth",
)

PRETRAINED = {"slim19": SLIM19, "slim19-half": SLIM19_HALF, "vgg19": VGG19}
"""Records of weights by the encoder's name."""


def records(network: str) -> tuple[Weights, ...]:
    """Return the records of the weights of an encoder or a decoder, for `Stage.weights`.

    Args:
        network: as a stage is given it: a name, what several decoders have in common, or the path of a checkpoint.

    Returns:
        Nothing of a path, of a network without weights, and of one whose plugin does not say: see
        `impasto.weights.Loader`.

    Example:
        >>> [record.name for record in records("slim19")], records("my.pth")
        (['slim19.safetensors'], ())
        >>> [record.name for record in records("adain-slim19")]
        ['adain-slim19.safetensors']
    """
    if network in PRETRAINED:
        return (PRETRAINED[network],)
    decoders = get_host().decoders
    members = decoder_families(decoders).get(network, [network])
    loaders = [get_host().encoders.get(network), *map(decoders.get, members)]
    found = (record for load in loaders if isinstance(load, Loader) for record in load.weights)
    return tuple(dict.fromkeys(found))


def decoder_families(names: Iterable[str]) -> dict[str, list[str]]:
    """Return names of decoders by what several have in common before their layers.

    Args:
        names: of decoders.

    Example:
        >>> decoder_families(["adain-slim19", "wct-slim19-relu1_1", "wct-slim19-relu2_1"])
        {'wct-slim19': ['wct-slim19-relu1_1', 'wct-slim19-relu2_1']}
    """
    families: dict[str, list[str]] = {}
    for name in names:
        families.setdefault(name.rpartition("-")[0], []).append(name)
    return {family: members for family, members in families.items() if family and len(members) > 1}


def load_slim19() -> VGG:
    """Return slim19, VGG-19 with 16 to 128 channels down to conv5_1, which ships in the wheel.

    Example:
        >>> load_slim19().get_submodule("conv1_1").out_channels
        16
    """
    return load_vgg(find(SLIM19))


def load_slim19_half() -> VGG:
    """Return slim19-half, VGG-19 with 32 to 256 channels down to conv5_1, which ships in the wheel.

    Example:
        >>> load_slim19_half().get_submodule("conv1_1").out_channels
        32
    """
    return load_vgg(find(SLIM19_HALF))


def load_vgg19() -> VGG:
    """Return torchvision's VGG-19, downloaded once (575 MB).

    Raises:
        WeightsError: it is not there and cannot be downloaded; says where to put it.

    Example:
        >>> load_vgg19().get_submodule("conv1_1").out_channels  # doctest: +SKIP
        64
    """
    return load_vgg(find(VGG19))
