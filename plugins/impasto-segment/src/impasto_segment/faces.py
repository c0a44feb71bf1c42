"""Faces, found by a small network of ours, as a mask: to be spared, or to be painted alone."""

from __future__ import annotations

import os
import warnings
from functools import partial
from pathlib import Path
from typing import ClassVar, Literal

import torch
import torch.nn.functional as F
from scipy import ndimage  # type: ignore[import-untyped]
from torch import Tensor, nn

import impasto
from impasto import Canvas, Preprocessor, Weights, WeightsError, param, weights
from impasto.files import local_path
from impasto.functional.resizing import resize, size_of
from impasto.networks import SLIM19
from impasto.weights import find

from .findings import check_found
from .tools import with_mask

NETWORK = Weights(
    name="faces-slim19.safetensors",
    sha256="5dae23bfe3f4c74b5bef176c545b96d59e5c9ab58bd662eaec5b91e2c91d5a2c",
    size=96_018,
    licence="MIT; on features of slim19, distilled from VGG-19, whose weights are CC BY 4.0",
    origin="trained by the Impasto project, see its model card",
    expects="a network that finds faces",
    file="impasto_segment/networks/faces-slim19.safetensors",
)
LAYERS = {"relu3_1": 64, "relu4_1": 128, "relu5_1": 128}
"""Layers of slim19 that the network looks at, at a quarter, an eighth and a sixteenth of the size; their channels."""
WIDTH = 32
SIDES = (224, 448, 896)
"""Longer sides at which a picture is looked at: a face is found best when it has some 20 to 150 pixels."""
LARGEST = 1.6
"""How much a picture is enlarged at most, for the smallest faces."""
SURE = 0.5
"""Probability from which a place belongs to a face."""
PEAK = 0.98
"""Probability that a face has somewhere."""
SPECK = 1 / 600
"""Share of the picture that a face covers at least."""
MARGIN = 0.18
"""By how much of its own size a face's mask is larger than the face, so that hair and chin are in it."""

ADVICE = "a mask of your own (mask-rectangle, mask-grabcut, mask-file)"
"""What would work where no face was found."""


class FaceNetwork(nn.Module):
    """Say of each place whether it belongs to a face, from features of slim19: a pyramid of three (Lin et al. 2017).

    Args:
        width: channels.

    Example:
        >>> import impasto, torch
        >>> features = impasto.encoder("slim19").features(torch.rand(1, 3, 64, 96), list(LAYERS))
        >>> FaceNetwork()(features).shape
        torch.Size([1, 1, 16, 24])
    """

    def __init__(self, width: int = WIDTH) -> None:
        super().__init__()
        self.enter = nn.ModuleDict({layer: nn.Conv2d(channels, width, 1) for layer, channels in LAYERS.items()})
        # Two steps further apart at the deepest: a face that fills the picture is seen whole.
        self.around = nn.ModuleList([nn.Conv2d(width, width, 3, padding=2**k, dilation=2**k) for k in (0, 1)])
        self.mix = nn.ModuleDict({layer: nn.Conv2d(width, width, 3, padding=1) for layer in list(LAYERS)[:-1]})
        self.leave = nn.Conv2d(width, 1, 1)
        assert self.leave.bias is not None
        nn.init.constant_(self.leave.bias, -3.0)  # most places are no face

    def forward(self, features: dict[str, Tensor]) -> Tensor:
        """Return logits (B, 1, H/4, W/4) for features of pictures (B, 3, H, W)."""
        scaled = {layer: enter(_balanced(features[layer])) for layer, enter in self.enter.items()}
        *shallower, deepest = LAYERS
        x = F.relu(scaled[deepest])
        for convolution in self.around:
            x = x + F.relu(convolution(x))
        for layer in reversed(shallower):
            y = scaled[layer]
            x = F.interpolate(x, (y.shape[-2], y.shape[-1]), mode="bilinear", align_corners=False)
            x = F.relu(self.mix[layer](F.relu(x + y)))
        found: Tensor = self.leave(x)
        return found


def _balanced(features: Tensor) -> Tensor:
    """Return features of about one size: deeper ones are many times the first."""
    return features.float() / features.float().square().mean((1, 2, 3), keepdim=True).add(1e-6).sqrt()


def face_probability(images: Tensor, network: FaceNetwork) -> Tensor:
    """Return how likely each place of pictures is to belong to a face, the most of several sizes they are looked at.

    Args:
        images: (B, 3, H, W), sRGB in [0, 1].
        network: on the same device.

    Returns:
        (B, 1, H, W) in [0, 1].
    """
    encoder = impasto.encoder("slim19", device=images.device)
    most = images.new_zeros(len(images), 1, *size_of(images))
    height, width = size_of(images)
    for side in SIDES:
        scale = min(side / max(height, width), LARGEST)
        seen = resize(images, (max(1, round(height * scale)), max(1, round(width * scale))))
        fill = [-length % 16 for length in size_of(seen)]
        padded = F.pad(seen, (0, fill[1], 0, fill[0]), mode="replicate")
        logits = network(encoder.features(padded, list(LAYERS)))
        rows, columns = (-(-length // 4) for length in size_of(seen))
        found = resize(logits[..., :rows, :columns].float().sigmoid(), (height, width))
        most = torch.maximum(most, found)
        if scale == LARGEST:
            break
    return most


def face_masks(images: Tensor, network: FaceNetwork) -> Tensor:
    """Return the masks of faces (B, 1, H, W), 1 inside, soft at the border: each found one, made a little larger.

    Args:
        images: (B, 3, H, W), sRGB in [0, 1].
        network: on the same device.
    """
    masks = []
    for probability in face_probability(images, network)[:, 0].cpu().numpy():
        labels, _ = ndimage.label(probability > SURE)
        mask = torch.zeros(probability.shape, dtype=torch.float32, device="cpu")
        for number, place in enumerate(ndimage.find_objects(labels), 1):
            piece = labels[place] == number
            area = int(piece.sum())
            if area < SPECK * probability.size or probability[place][piece].max() < PEAK:
                continue
            radius = MARGIN * area**0.5
            around = int(3 * radius) + 2
            rows, columns = (
                slice(max(0, one.start - around), min(length, one.stop + around))
                for one, length in zip(place, probability.shape, strict=True)
            )
            away = ndimage.distance_transform_edt(labels[rows, columns] != number)
            soft = torch.from_numpy(1.5 - away / max(radius, 1.0)).float().clamp(0, 1)
            mask[rows, columns] = torch.maximum(mask[rows, columns], soft)
        masks.append(mask)
    return torch.stack(masks)[:, None].to(images.device)


def load_faces(path: str | os.PathLike[str]) -> FaceNetwork:
    """Return the network that `impasto train faces` wrote.

    Args:
        path: a .safetensors, .pth or .pt file, opened safely.

    Raises:
        WeightsError: not such a network; the message says what is wrong.
    """
    file = local_path(path)
    stored = weights.load(file)
    with weights.empty_init():
        network = FaceNetwork(len(stored["leave.weight"][0]) if "leave.weight" in stored else WIDTH)
    state = weights.check_state_dict(stored, network.state_dict(), partial(_refusal, file))
    network.load_state_dict(state, assign=True)
    return network


def _refusal(file: Path, what: str) -> WeightsError:
    return WeightsError(
        f"{file}: {what}\n  what would work: a network trained with impasto train faces --images PICTURES --boxes FILE"
    )


class MaskFaces(Preprocessor, name="mask-faces"):
    """Spare the faces in a picture, or paint nothing else: a small network finds them, and ships."""

    prepares = ("mask",)
    known_weights: ClassVar[tuple[Weights, ...]] = (SLIM19, NETWORK)

    faces: Literal["spare", "paint"] = param(
        default="spare", choices=("spare", "paint"), help="spare them and paint the rest, or paint them alone"
    )
    network: str = param(reads=True, default="", help="the path of a network from `impasto train faces`; empty: ours")

    def weights(self) -> tuple[Weights, ...]:
        """Return the records of the encoder and of our network, if it is used."""
        return (SLIM19,) if self.network else (SLIM19, NETWORK)

    def prepare(self, canvas: Canvas) -> Canvas:
        """Return the canvas with the faces, or the rest, as its mask."""
        network = weights.cached(load_faces, self.network or find(NETWORK), canvas.content.device)
        with torch.no_grad():
            masks = face_masks(canvas.content, network)
        if self.faces == "spare":
            _warn_of_none(self, masks)
            return canvas if not masks.any() else with_mask(self, canvas, 1 - masks)
        check_found(self, masks, "no face was found", ADVICE)
        return with_mask(self, canvas, masks)


def _warn_of_none(stage: MaskFaces, masks: Tensor) -> None:
    """Say which pictures are painted whole: a face that was missed would be painted over without a word."""
    empty = [str(number) for number, mask in enumerate(masks, 1) if not mask.any()]
    if empty:
        where = f" in picture {', '.join(empty)} of {len(masks)}" if len(masks) > 1 else ""
        warnings.warn(
            f"{stage.name}: no face was found{where}: painted whole\n  if there is a face, what would work: {ADVICE}",
            stacklevel=3,
        )
