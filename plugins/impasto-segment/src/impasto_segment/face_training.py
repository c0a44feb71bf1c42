"""The training of the network that finds faces: pictures, and boxes around the faces in them."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor, nn

import impasto
from impasto import ParameterError
from impasto.files import local_path
from impasto.functional.random import seeded_layers
from impasto.networks import perceptual_features
from impasto.picture import Picture
from impasto.training import Task, Trainer, pictures, preview_grid, save_half

from .faces import LAYERS, FaceNetwork

Box = tuple[float, float, float, float]
"""Left, top, right, bottom, in pixels."""
COLUMNS = ("file", "left", "top", "right", "bottom")
WITH_FACES = 0.35
"""Share of crops around a face."""
SHOWN = 6


class FacesTrainer(Trainer, name="faces"):
    """Train a network that finds faces, on pictures with boxes around those in them."""

    steps = 3_500
    precision = "bf16"
    average = 0.99

    images: str = impasto.param(reads=True, help="folder of pictures, with faces and without")
    boxes: str = impasto.param(
        reads=True, help="CSV of faces, a line each: file,left,top,right,bottom; a picture without a line has none"
    )
    size: int = impasto.param(default=224, low=64, high=4096, multiple=16, help="side of the crops in pixels")
    batch: int = impasto.param(default=8, low=1, high=4096, help="crops in a step")
    learning_rate: float = impasto.param(default=2e-3, low=0, high=10, help="AdamW's learning rate")

    def task(self, device: torch.device, seed: int = 0) -> FacesTask:
        """Return the task."""
        files = pictures(self.images)
        return FacesTask(self, FaceCrops(files, read_boxes(self.boxes), self.size), device, seed)


class Labelled(NamedTuple):
    """A picture, and the boxes of the faces in it."""

    image: Image.Image
    boxes: list[Box]


def read_boxes(path: str) -> dict[str, list[Box]]:
    """Return the boxes of each file of a CSV.

    Raises:
        ParameterError: it has other columns, or no numbers in them.
    """
    found: dict[str, list[Box]] = {}
    with local_path(path).open(newline="", encoding="utf-8") as file:
        reader = csv.DictReader(file)
        names = tuple(reader.fieldnames or ())
        if names != COLUMNS:
            raise ParameterError(f"{path}: begins with {','.join(names)!r}\n  what would work: {','.join(COLUMNS)}")
        for number, row in enumerate(reader, 2):
            try:
                left, top, right, bottom = (float(row[name]) for name in COLUMNS[1:])
            except (TypeError, ValueError):
                raise ParameterError(
                    f"{path}: line {number} is no box\n  what would work: cat.jpg,10,20,60,80"
                ) from None
            found.setdefault(row["file"], []).append((left, top, right, bottom))
    return found


class FaceCrops:
    """Random crops of pictures and the maps of the faces in them.

    Args:
        files: the pictures.
        boxes: of faces, by the names of files.
        size: side of the crops in pixels.

    Raises:
        ParameterError: no picture has a face.
    """

    def __init__(self, files: list[Path], boxes: Mapping[str, list[Box]], size: int) -> None:
        self.size = size
        self.pictures = [
            Labelled(Picture(impasto.read(file).visible).pil().convert("RGB"), boxes.get(file.name, []))
            for file in files
        ]
        self.with_faces = [index for index, one in enumerate(self.pictures) if one.boxes]
        if not self.with_faces:
            raise ParameterError("faces: no picture has a box\n  what would work: boxes whose files are in the folder")

    def draw(self, count: int, rng: torch.Generator) -> dict[str, Tensor]:
        """Return crops (B, 3, size, size) and where faces are in them, (B, 1, size / 4, size / 4)."""

        def uniform(low: float, high: float) -> float:
            return low + (high - low) * torch.rand((), generator=rng, dtype=torch.float32, device="cpu").item()

        images, maps = [], []
        for _ in range(count):
            among = self.with_faces if uniform(0, 1) < WITH_FACES else range(len(self.pictures))
            one = self.pictures[among[int(uniform(0, len(among)) * 0.999999)]]
            width, height = one.image.size
            if one.boxes and uniform(0, 1) < 0.8:  # a face of any size, anywhere in the crop
                box = one.boxes[int(uniform(0, len(one.boxes)) * 0.999999)]
                side = max(box[2] - box[0], box[3] - box[1]) * self.size / (16 * 12 ** uniform(0, 1))
                left = uniform(box[2] - side, box[0]) if side > box[2] - box[0] else (box[0] + box[2] - side) / 2
                top = uniform(box[3] - side, box[1]) if side > box[3] - box[1] else (box[1] + box[3] - side) / 2
            else:
                side = min(width, height) * uniform(0.4, 1.3)
                left, top = uniform(-0.1, 1.1) * (width - side), uniform(-0.1, 1.1) * (height - side)
            stretch = 1.2 ** uniform(-1, 1)  # paintings were found squeezed to squares
            area = (left, top, left + side * stretch, top + side)
            crop = (
                one.image.transform((self.size, self.size), Image.Transform.EXTENT, area, Image.Resampling.BICUBIC)
                if side < self.size
                else _shrunk(one.image, area, self.size)
            )
            x = torch.from_numpy(np.array(crop)).permute(2, 0, 1).float() / 255
            where = ellipses(one.boxes, area, self.size // 4)
            if uniform(0, 1) < 0.5:
                x, where = x.flip(-1), where.flip(-1)
            x = x * uniform(0.6, 1.3) + uniform(-0.1, 0.1)
            x = x.lerp(x.mean(0, keepdim=True), max(0.0, uniform(-1, 1)))  # towards grey, of half of them
            images.append(x.clamp(0, 1))
            maps.append(where)
        return {"image": torch.stack(images), "faces": torch.stack(maps)}


def _shrunk(image: Image.Image, area: Box, size: int) -> Image.Image:
    """Return the part of a picture, which may go beyond it, shrunk without aliasing."""
    whole = image.crop(tuple(round(side) for side in area))  # type: ignore[arg-type]
    return whole.resize((size, size), Image.Resampling.BICUBIC, reducing_gap=2)


def ellipses(boxes: list[Box], area: Box, size: int) -> Tensor:
    """Return the map (1, size, size) of the ellipses in boxes, of the part of a picture that a crop shows.

    Example:
        >>> float(ellipses([(0, 0, 8, 8)], (0, 0, 8, 8), 16).mean()) < 0.8
        True
    """
    x = area[0] + (area[2] - area[0]) * (torch.arange(size, dtype=torch.float32, device="cpu") + 0.5) / size
    y = area[1] + (area[3] - area[1]) * (torch.arange(size, dtype=torch.float32, device="cpu") + 0.5) / size
    found = torch.zeros(size, size, dtype=torch.float32, device="cpu")
    for left, top, right, bottom in boxes:
        across = (x - (left + right) / 2) / max((right - left) / 2, 1e-3)
        down = (y - (top + bottom) / 2) / max((bottom - top) / 2, 1e-3)
        found = torch.maximum(found, (across.square() + down.square()[:, None] <= 1).float())
    return found[None]


class FacesTask(Task):
    """Train the network on crops, its encoder as it is."""

    def __init__(self, trainer: FacesTrainer, crops: FaceCrops, device: torch.device, seed: int = 0) -> None:
        self.trainer, self.crops, self.device = trainer, crops, device
        self.encoder = impasto.encoder("slim19", device=device)
        self.shown = crops.draw(SHOWN, torch.Generator().manual_seed(seed))
        with seeded_layers(seed):
            network = FaceNetwork()
        self.networks = {"faces": network.to(device)}
        self.optimisers = {"faces": torch.optim.AdamW(network.parameters(), trainer.learning_rate, weight_decay=0.02)}

    def batch(self, rng: torch.Generator) -> dict[str, Tensor]:
        """Return crops and the maps of the faces in them."""
        return self.crops.draw(self.trainer.batch, rng)

    def losses(
        self, networks: Mapping[str, nn.Module], batch: Mapping[str, Tensor], rng: torch.Generator
    ) -> Iterator[tuple[str, dict[str, Tensor]]]:
        """Yield the cross entropy of places, and the overlap (Milletari et al. 2016), to which small faces count."""
        logits, wanted = self.logits(networks, batch["image"]), batch["faces"].to(self.device)
        found = logits.sigmoid()
        common = (found * wanted).sum((1, 2, 3))
        overlap = 1 - (2 * common + 10) / (found.sum((1, 2, 3)) + wanted.sum((1, 2, 3)) + 10)
        yield "faces", {"entropy": F.binary_cross_entropy_with_logits(logits, wanted), "overlap": 0.3 * overlap.mean()}

    def logits(self, networks: Mapping[str, nn.Module], image: Tensor) -> Tensor:
        """Return what the network says of pictures (B, 3, H, W)."""
        with torch.no_grad():
            features = perceptual_features(self.encoder, image.to(self.device), list(LAYERS))
        found: Tensor = networks["faces"](features).float()
        return found

    @torch.no_grad()
    def preview(self, networks: Mapping[str, nn.Module]) -> Tensor:
        """Return crops, the faces in them, and what was found, in rows."""
        image = self.shown["image"]
        maps = [self.shown["faces"], self.logits(networks, image).sigmoid().cpu()]
        rows = [F.interpolate(one, image.shape[-2:], mode="nearest").expand_as(image) for one in maps]
        return preview_grid([image, *rows])

    def export(self, networks: Mapping[str, nn.Module], folder: Path) -> list[Path]:
        """Write the network in fp16."""
        return [save_half(folder / "faces.safetensors", networks["faces"].state_dict())]
