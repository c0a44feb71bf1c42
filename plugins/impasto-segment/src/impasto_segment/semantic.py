"""Masks and regions by the names of things, found by torchvision's segmentation networks."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from impasto import Canvas, ParameterError, Preprocessor, StageError, Weights, WeightsError, param, weights
from impasto.errors import suggestion
from impasto.files import local_path

from .regions import TARGETS, with_guides
from .superpixels import one_hot, snap_to_edges
from .tools import with_mask

__all__ = ["LABELS", "NETWORKS", "Semantic", "probabilities"]

LABELS = (
    "background",
    "aeroplane",
    "bicycle",
    "bird",
    "boat",
    "bottle",
    "bus",
    "car",
    "cat",
    "chair",
    "cow",
    "diningtable",
    "dog",
    "horse",
    "motorbike",
    "person",
    "pottedplant",
    "sheep",
    "sofa",
    "train",
    "tvmonitor",
)
"""What the networks tell apart: the classes of Pascal VOC, in its order and spelling."""


def record(name: str, sha256: str, size: int, expects: str) -> Weights:
    """Return the record of a network that torchvision offers."""
    return Weights(
        name=name,
        sha256=sha256,
        size=size,
        licence="BSD-3-Clause (torchvision); trained on COCO, whose annotations are CC BY 4.0",
        origin="torchvision, trained on the images of COCO train2017 that show classes of Pascal VOC",
        expects=f"{expects}; RGB with ImageNet's normalisation, shorter side 520",
        url=f"https://download.pytorch.org/models/{name}",
    )


NETWORKS: dict[str, tuple[str, Weights]] = {
    "lraspp-mobilenet": (
        "lraspp_mobilenet_v3_large",
        record(
            "lraspp_mobilenet_v3_large-d234d4ea.pth",
            "d234d4eae9d55d5f76de18b77cf0dc62c66fe5c5482758209d00f950c92bb280",
            13_097_061,
            "LR-ASPP on MobileNetV3-Large (Howard et al. 2019)",
        ),
    ),
    "deeplabv3-mobilenet": (
        "deeplabv3_mobilenet_v3_large",
        record(
            "deeplabv3_mobilenet_v3_large-fc3c493d.pth",
            "fc3c493d68e89cc31ef488c803d5d7dd2f3190fb570598faa49fef69be8e5e70",
            44_356_159,
            "DeepLabV3 on MobileNetV3-Large (Chen et al. 2017)",
        ),
    ),
    "fcn-resnet50": (
        "fcn_resnet50",
        record(
            "fcn_resnet50_coco-1167a1af.pth",
            "1167a1affa42e1e62858f8d3fac12d109e0108327ffc91c5855a324b11683c36",
            141_567_418,
            "FCN on ResNet-50 (Long et al. 2015)",
        ),
    ),
    "deeplabv3-resnet50": (
        "deeplabv3_resnet50",
        record(
            "deeplabv3_resnet50_coco-cd0a2569.pth",
            "cd0a25694c4a0f7106b38f4938bf90a874f2f241cc410b8f63c7024399538f06",
            168_312_152,
            "DeepLabV3 on ResNet-50 (Chen et al. 2017)",
        ),
    ),
    "deeplabv3-resnet101": (
        "deeplabv3_resnet101",
        record(
            "deeplabv3_resnet101_coco-586e9e4e.pth",
            "586e9e4e203fcbf17e1ad45533d8d33ab133fc762bf03101c5dd743995c08c0d",
            244_545_539,
            "DeepLabV3 on ResNet-101 (Chen et al. 2017)",
        ),
    ),
}
"""Names in torchvision and records of the weights, from the smallest network to the largest."""

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
SHORTER = 520
"""Length in pixels that the shorter side has for the networks; what they were trained and measured with."""
LONGEST = 1600
"""Pixels; a strip is not enlarged beyond this."""


def load(network: str, file: Path) -> nn.Module:
    """Return a segmentation network with the weights of a checkpoint, on the CPU.

    Raises:
        WeightsError: the file is no checkpoint, or not one of this network.
    """
    # Imported when needed: torchvision takes two seconds to load.
    from torchvision.models import segmentation

    stored = weights.load(file)
    builder, known = NETWORKS[network]
    classes = len(LABELS)
    with weights.empty_init():
        module: nn.Module = getattr(segmentation, builder)(weights=None, weights_backbone=None, num_classes=classes)
    expected = module.state_dict()
    # A second head helps in training only; checkpoints have it or not.
    stored = {key: value for key, value in stored.items() if not key.startswith("aux_classifier.")}

    def refuse(what: str) -> WeightsError:
        return WeightsError(
            f"{file}: is no {network} for {classes} classes: {what}\n"
            f"  what would work: {known.name}, or the state dict of torchvision's {builder} with num_classes={classes}"
        )

    module.load_state_dict(weights.check_state_dict(stored, expected, refuse), assign=True)
    return module


@cache
def loader(network: str) -> Callable[[Path], nn.Module]:
    """Return what loads a network's weights, always the same function for one, as `weights.cached` wants it."""
    return partial(load, network)


def probabilities(network: str, image: Tensor, file: str = "") -> Tensor:
    """Return how likely each pixel belongs to each of `LABELS`.

    Args:
        network: one of `NETWORKS`.
        image: (B, 3, H, W), sRGB in [0, 1].
        file: of the weights; "" looks for torchvision's.

    Returns:
        (B, 21, H, W), which sum to 1.

    Raises:
        WeightsError: weights that cannot be found, verified or opened.
    """
    found = local_path(file) if file else weights.find(NETWORKS[network][1])
    if not found.is_file():
        raise WeightsError(
            f"{network}: there is no file {found}\n  what would work: the path of a checkpoint, such as"
            f" {NETWORKS[network][1].name}, or file='' to look for that"
        )
    module = weights.cached(loader(network), found, image.device)
    height, width = image.shape[-2:]
    scale = min(SHORTER / min(height, width), max(1.0, LONGEST / max(height, width)))
    size = (max(1, round(scale * height)), max(1, round(scale * width)))
    mean, std = (image.new_tensor(values)[:, None, None] for values in (MEAN, STD))
    picture = (F.interpolate(image, size, mode="bilinear", antialias=True) - mean) / std
    scores = torch.cat([module(one[None])["out"].float() for one in picture])
    return F.interpolate(scores, (height, width), mode="bilinear", align_corners=False).softmax(1)


class Semantic(Preprocessor, name="semantic"):
    """Find things by name: chosen labels become the mask, or all that are found become regions."""

    prepares = ("mask", "guides", "styles")
    # Measured with deeplabv3-mobilenet at 1024 pixels.
    bytes_per_pixel: ClassVar[int] = 1300

    known_weights: ClassVar[tuple[Weights, ...]] = tuple(record for _, record in NETWORKS.values())

    labels: tuple[str, ...] = param(
        default=(), help="what to paint, such as person or car: the mask; none makes each label found a region"
    )
    network: str = param(
        default="deeplabv3-mobilenet",
        choices=tuple(NETWORKS),
        help="which network looks: 13, 44, 142, 168 and 245 MB, better and slower in this order",
    )
    file: str = param(
        reads=True, default="", help="the network's weights; empty looks for torchvision's, and downloads them once"
    )
    target: str = param(default="content", choices=TARGETS, help="which pictures are looked at")

    def check(self) -> None:
        """Refuse labels that do not exist, or twice."""
        super().check()
        for label in self.labels:
            if label not in LABELS:
                raise ParameterError(
                    f"{self.name}: no label {label!r}{suggestion(label, LABELS)}\n  labels: {', '.join(LABELS)}"
                )
        if len(set(self.labels)) != len(self.labels):
            raise ParameterError(f"{self.name}: labels = {self.labels!r} names one twice\n  what would work: each once")

    def weights(self) -> tuple[Weights, ...]:
        """Return the record of the network, unless a file of one's own takes its place."""
        return () if self.file else (NETWORKS[self.network][1],)

    def prepare(self, canvas: Canvas) -> Canvas:
        """Return the canvas with the chosen labels as its mask, or with all that are found as regions."""
        if not self.labels:
            return with_guides(self, canvas, self.target, self._regions)
        # A style has no mask; guides of one map mark the part of it that counts.
        if self.target != "content":
            canvas = with_guides(self, canvas, "styles", lambda image, what: (self._mask(image, what), ()))
        return canvas if self.target == "styles" else with_mask(self, canvas, self._mask(canvas.content, "content"))

    def _found(self, image: Tensor) -> Tensor:
        """Return the number of each pixel's label, (B, H, W)."""
        return snap_to_edges(probabilities(self.network, image, self.file), image)

    def _mask(self, image: Tensor, what: str) -> Tensor:
        found = self._found(image)
        wanted = torch.tensor([LABELS.index(label) for label in self.labels], device=image.device, dtype=torch.long)
        seen = [[label for label in LABELS if (picture == LABELS.index(label)).any()] for picture in found]
        if all(not set(labels) & set(self.labels) for labels in seen):
            here = "; ".join(", ".join(labels) for labels in seen)
            raise StageError(
                f"{self.name}: found no {' and no '.join(self.labels)} in the {what}\n"
                f"  found: {here}\n  what would work: one of these, a larger network, or mask-grabcut with a box"
            )
        for index, labels in enumerate(seen):
            missing = [label for label in self.labels if label not in labels]
            if missing:
                where = f"{what}, picture {index + 1} of {len(seen)}" if len(seen) > 1 else what
                warnings.warn(
                    f"{self.name}: found no {' and no '.join(missing)} in the {where}\n  found: {', '.join(labels)}",
                    stacklevel=2,
                )
        return torch.isin(found, wanted).float()[:, None]

    def _regions(self, image: Tensor, what: str) -> tuple[Tensor, tuple[str, ...]]:
        found = self._found(image)
        present = torch.unique(found)  # sorted
        if present.tolist() == [0]:
            warnings.warn(
                f"{self.name}: found nothing but background in the {what}, which is one region\n"
                "  what would work: a picture of what it knows, or segment-regions, which needs no names\n"
                f"  labels: {', '.join(LABELS[1:])}",
                stacklevel=2,
            )
        guides = one_hot(torch.searchsorted(present, found), len(present))
        return guides, tuple(LABELS[index] for index in present.tolist())
