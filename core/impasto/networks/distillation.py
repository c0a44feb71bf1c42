"""The training of the shipped encoders: VGG-19 made thin, distilled from VGG-19."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..functional import statistics
from ..functional.losses import relative_error
from ..stage import param
from ..training import Crops, Task, Trainer, pictures, save_half
from .encoders import encoder
from .linear_fit import choose_channels, ridge_regression
from .vgg import FIRST_LAYERS, VGG
from .vgg_encoder import require_vgg

WIDTHS = {"slim19": (16, 32, 64, 128, 128), "slim19-half": (32, 64, 128, 256, 256)}
DEEPEST = "5_1"
LAYER_WEIGHTS = {"relu1_1": 4.0, "relu2_1": 1.0, "relu3_1": 1.0, "relu4_1": 1.0, "relu5_1": 2.0}
"""Weights of the layers' feature errors.  The first is small and would be given up for the deeper ones;
the last is the hardest and rests on all the others."""


GRAM_WEIGHT = 0.3
"""Of the relative error of Gram matrices beside that of features."""


class Slim19(Trainer, name="slim19"):
    """Distil VGG-19 into thin networks: the training of the encoders that ship with Impasto (Romero et al. 2015).

    Example:
        >>> Slim19(images="photographs", styles="paintings", networks=["slim19"]).size
        160
    """

    steps = 6_000
    precision = "bf16"

    images: str = param(reads=True, help="folder of photographs")
    styles: str = param(reads=True, help="folder of paintings")
    networks: tuple[str, ...] = param(
        default=("slim19", "slim19-half"), choices=tuple(WIDTHS), help="which networks to train, side by side"
    )
    teacher: str = param(reads=True, default="vgg19", help="VGG-19: an encoder's name or a file")
    size: int = param(default=160, low=96, high=65_536, help="side of the crops in pixels")
    natural: int = param(default=4, low=1, high=1024, help="natural crops in a step")
    painted: int = param(default=2, low=0, high=1024, help="pictures in mid-optimisation in a step, for each network")
    learning_rate: float = param(default=1e-3, low=0, high=10, help="AdamW's learning rate")

    def task(self, device: torch.device, seed: int = 0) -> Distillation:
        """Return the task, its networks started from the teacher's channels."""
        return Distillation(self, require_vgg(self.name, encoder(self.teacher)).network, device, seed)


class Distillation(Task):
    """Train thin networks to give VGG-19's features, on natural crops and on pictures in mid-optimisation.

    Each network imitates the teacher through a linear head per layer.  Half of what it sees are
    pictures that its own style gradient is painting: an optimiser that uses the thin network as a loss
    leaves natural pictures quickly, and there the network must still agree with the teacher.

    Args:
        trainer: pictures, networks and numbers.
        teacher: VGG-19.
        device: where it trains.
        seed: decides how the networks start.

    Example:
        >>> issubclass(Distillation, Task)
        True
    """

    def __init__(self, trainer: Slim19, teacher: VGG, device: torch.device, seed: int = 0) -> None:
        self.trainer, self.device = trainer, device
        self.teacher = teacher.to(device, torch.bfloat16).to(memory_format=torch.channels_last).eval()
        self.teacher.requires_grad_(False)
        self.photographs = Crops(pictures(trainer.images), trainer.size, aspect=1.1)
        self.paintings = Crops(pictures(trainer.styles), trainer.size, aspect=1.4)  # found squeezed to squares
        rng = torch.Generator().manual_seed(seed)
        sample = self._draw(24, rng)
        self.scales = feature_scales(self.teacher, sample)
        self.networks, self.pools = {}, {}
        for name in trainer.networks:
            thin = initial_student(self.teacher, WIDTHS[name], sample)
            heads = {layer: head / self.scales[layer] for layer, head in fit_heads(thin, self.teacher, sample).items()}
            self.networks[name] = Student(thin, heads).to(device).to(memory_format=torch.channels_last)
            self.pools[name] = [self._restart(rng) for _ in range(trainer.painted)]
        parameters = [p for network in self.networks.values() for p in network.parameters()]
        self.optimisers = {"all": torch.optim.AdamW(parameters, lr=trainer.learning_rate, weight_decay=1e-4)}

    def _draw(self, count: int, rng: torch.Generator) -> Tensor:
        half = count // 2
        return torch.cat([self.photographs.draw(count - half, rng), self.paintings.draw(half, rng)])

    def _restart(self, rng: torch.Generator) -> dict[str, Any]:
        """Start a new picture: photograph or noise, a painting to approach, and a number of steps to live."""
        image = self.photographs.draw(1, rng)
        if torch.rand((), generator=rng, dtype=torch.float32, device="cpu") < 0.25:
            image = image.mean((2, 3), keepdim=True) + 0.2 * torch.randn(
                image.shape, generator=rng, dtype=torch.float32, device="cpu"
            )
        return {
            "image": image.clamp(0, 1),
            "style": self.paintings.draw(1, rng),
            "first": torch.zeros_like(image),
            "second": torch.zeros_like(image),
            "age": 0,
            "life": int(torch.randint(5, 80, (), generator=rng, device="cpu")),
        }

    def batch(self, rng: torch.Generator) -> Tensor:
        """Return natural crops, photographs and paintings by halves."""
        return self._draw(self.trainer.natural, rng)

    def losses(
        self, networks: Mapping[str, nn.Module], batch: Tensor, rng: torch.Generator
    ) -> Iterator[tuple[str, dict[str, Tensor]]]:
        """Yield the feature and Gram errors of every network, and move its pool of pictures one step on."""
        pools = {name: torch.cat([p["image"] for p in pool]) for name, pool in self.pools.items()}
        everything = torch.cat([batch, *pools.values()])
        with torch.no_grad():
            features = self.teacher(self._prepared(everything, torch.bfloat16), FIRST_LAYERS)
            teacher = {layer: TeacherFeatures.of(x / self.scales[layer]) for layer, x in features.items()}
        losses: dict[str, Tensor] = {}
        start = len(batch)
        for name, pool in self.pools.items():
            own = slice(start, start + len(pool))
            start += len(pool)
            image = self._prepared(pools[name]).requires_grad_(True)
            painted = networks[name](image, {layer: teacher[layer][own] for layer in FIRST_LAYERS})
            direction = self._style_gradient(networks[name], painted[1], pool, image)
            natural = networks[name](
                self._prepared(batch), {layer: teacher[layer][: len(batch)] for layer in FIRST_LAYERS}
            )
            for part, (errors, grams), rows in (
                ("natural", natural, slice(len(batch))),
                ("painted", painted, own),
            ):
                gram_errors = [
                    relative_error(grams[layer], teacher[layer][rows].gram, (1, 2)).mean() for layer in FIRST_LAYERS
                ]
                weighted = [LAYER_WEIGHTS[layer] * errors[layer] for layer in FIRST_LAYERS]
                losses[f"{name} {part}"] = torch.stack(weighted).mean()
                losses[f"{name} {part} gram"] = GRAM_WEIGHT * torch.stack(gram_errors).mean()
            self._advance(pool, direction, rng)
        yield "all", losses

    def _prepared(self, image: Tensor, dtype: torch.dtype = torch.float32) -> Tensor:
        return image.to(self.device, dtype).contiguous(memory_format=torch.channels_last)

    def _style_gradient(
        self, network: nn.Module, grams: Mapping[str, Tensor], pool: list[dict[str, Any]], image: Tensor
    ) -> Tensor:
        fresh = [p for p in pool if "grams" not in p]
        if fresh:
            with torch.no_grad():
                style_grams = network(self._prepared(torch.cat([p["style"] for p in fresh])), None)[1]
            for i, p in enumerate(fresh):
                p["grams"] = [style_grams[layer][i : i + 1].clone() for layer in FIRST_LAYERS]
        loss = torch.zeros((), device=self.device, dtype=torch.float32)
        for index, layer in enumerate(FIRST_LAYERS):
            target = torch.cat([p["grams"][index] for p in pool])
            loss = loss + relative_error(grams[layer], target, (1, 2)).sum()
        return torch.autograd.grad(loss, image, retain_graph=True)[0].detach().float().cpu()

    def _advance(self, pool: list[dict[str, Any]], direction: Tensor, rng: torch.Generator) -> None:
        """Take one Adam step of 0.02 on each picture, and replace those that have lived long enough."""
        for i, p in enumerate(pool):
            gradient = direction[i : i + 1]
            if p["age"] >= p["life"] or not torch.isfinite(gradient).all():
                pool[i] = self._restart(rng)
                continue
            p["age"] += 1
            p["first"] = 0.9 * p["first"] + 0.1 * gradient
            p["second"] = 0.99 * p["second"] + 0.01 * gradient.square()
            mean = p["first"] / (1 - 0.9 ** p["age"])
            scale = (p["second"] / (1 - 0.99 ** p["age"])).sqrt() + 1e-12
            p["image"] = (p["image"] - 0.02 * mean / scale).clamp(0, 1)

    def preview(self, networks: Mapping[str, nn.Module]) -> Tensor:
        """Return the pictures being painted."""
        images = torch.cat([p["image"] for pool in self.pools.values() for p in pool])
        return torch.cat(list(images), dim=-1)[None]

    def state(self) -> dict[str, Any]:
        """Return the pools."""
        return {"pools": self.pools}

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Take back the pools."""
        self.pools = {name: list(pool) for name, pool in state["pools"].items()}

    def export(self, networks: Mapping[str, nn.Module], folder: Path) -> list[Path]:
        """Write each network in fp16, with the metric that makes its losses those of the teacher."""
        files = []
        for name, network in networks.items():
            assert isinstance(network, Student)
            tensors = {k: v for k, v in network.network.state_dict().items() if k not in ("mean", "std")}
            for layer in FIRST_LAYERS:
                head = network.heads[layer].detach() * self.scales[layer]
                metric = statistics.matrix_power(head.mT @ head, 0.5, floor=0)
                tensors[f"metric{layer.removeprefix('relu')}"] = metric
            files.append(save_half(folder / f"{name}.safetensors", tensors))
        return files


@dataclass(frozen=True)
class TeacherFeatures:
    """The teacher's features of one layer (B, C, N), their Gram matrices (B, C, C) and total variances (B,)."""

    features: Tensor
    gram: Tensor
    variance: Tensor

    @classmethod
    def of(cls, features: Tensor) -> TeacherFeatures:
        """Measure features (B, C, H, W), once for every student."""
        flat = features.float().flatten(2)
        matrix = flat @ flat.mT / flat.shape[-1]
        power = matrix.diagonal(dim1=1, dim2=2).sum(1)
        return cls(flat, matrix, power - flat.mean(2).square().sum(1))

    def __getitem__(self, rows: slice) -> TeacherFeatures:
        return TeacherFeatures(self.features[rows], self.gram[rows], self.variance[rows])


class Student(nn.Module):
    """A thin network and its heads, the linear maps from its features to the teacher's."""

    def __init__(self, network: VGG, heads: Mapping[str, Tensor]) -> None:
        super().__init__()
        self.network = network
        self.heads = nn.ParameterDict({layer: nn.Parameter(head) for layer, head in heads.items()})

    def forward(
        self, image: Tensor, teacher: Mapping[str, TeacherFeatures] | None
    ) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """Return by layer the relative squared error of the estimated features, and their Gram matrices.

        With head H, the student's features s and the teacher's t, both follow from the student's moments: the Gram
        matrix is H (s sᵀ) Hᵀ and the error tr H (s sᵀ) Hᵀ - 2 tr H (s tᵀ) + tr t tᵀ, so nothing wide is ever computed.
        """
        errors, grams = {}, {}
        features = self.network(image, FIRST_LAYERS)
        with torch.autocast(image.device.type, enabled=False):
            for layer, thin in features.items():
                flat, head = thin.float().flatten(2), self.heads[layer]
                grams[layer] = head @ (flat @ flat.mT / flat.shape[-1]) @ head.mT
                if teacher is not None:
                    target = teacher[layer]
                    cross = flat @ target.features.mT / flat.shape[-1]
                    power = grams[layer].diagonal(dim1=1, dim2=2).sum(1)
                    power = power - 2 * (head.mT * cross).sum((1, 2))
                    power = power + target.gram.diagonal(dim1=1, dim2=2).sum(1)
                    errors[layer] = (power / target.variance.clamp_min(1e-6)).mean()
        return errors, grams


@torch.no_grad()
def initial_student(teacher: VGG, widths: Sequence[int], images: Tensor, positions: int = 60_000) -> VGG:
    """Return a thin network made, layer by layer, of the teacher's most predictive channels.

    Each thin layer takes the channels that linearly predict all of the teacher's best (pivoted Cholesky of
    their second moments) and is fitted to them by least squares, from the output of the thin layers before it.

    Args:
        teacher: VGG-19.
        widths: channels of the student's five blocks.
        images: (B, 3, H, W), sRGB in [0, 1], to learn from.
        positions: how many at most are drawn for each fit.
    """
    student = VGG(widths, DEEPEST)
    x = (images - student.mean) / student.std
    dtype = next(teacher.parameters()).dtype
    names = [f"conv{name}" for name in student.convolutions]
    teacher_sums = [teacher(image[None].to(dtype), names) for image in images]
    for name in student.convolutions:
        if name.endswith("_1") and name != "1_1":
            x = F.max_pool2d(x, 2)
        sums = torch.cat([features.pop(f"conv{name}").float() for features in teacher_sums])
        chosen, scale = choose_channels(F.relu(sums), widths[int(name[0]) - 1])
        target = sums[:, chosen] / scale[:, None, None]
        padded = F.pad(x, (1, 1, 1, 1), mode="replicate" if name == "1_1" else "constant")
        patches = F.unfold(padded, 3)
        inputs = patches.mT.reshape(-1, patches.shape[1])
        outputs = target.flatten(2).mT.reshape(-1, len(chosen))
        if len(inputs) > positions:
            drawn = torch.randperm(len(inputs), generator=torch.Generator().manual_seed(0), device="cpu")[:positions]
            inputs, outputs = inputs[drawn], outputs[drawn]
        solution = ridge_regression(F.pad(inputs, (0, 1), value=1.0), outputs)
        convolution = getattr(student, f"conv{name}")
        convolution.weight.copy_(solution[:-1].mT.reshape(convolution.weight.shape))
        convolution.bias.copy_(solution[-1])
        x = F.relu(F.conv2d(padded, convolution.weight, convolution.bias))
    return student


@torch.no_grad()
def feature_scales(teacher: VGG, images: Tensor) -> dict[str, float]:
    """Return the root mean square of the teacher's features by layer; its deepest ones are a hundred times its first.

    Heads to features of size one learn at the same rate as the rest of the network.
    """
    dtype = next(teacher.parameters()).dtype
    powers = [
        {layer: x.float().square().mean().item() for layer, x in teacher(image[None].to(dtype), FIRST_LAYERS).items()}
        for image in images
    ]
    return {layer: math.sqrt(sum(power[layer] for power in powers) / len(powers)) for layer in FIRST_LAYERS}


@torch.no_grad()
def fit_heads(student: VGG, teacher: VGG, images: Tensor) -> dict[str, Tensor]:
    """Return the linear maps of least squares from a thin network's features to the teacher's, by layer."""
    dtype = next(teacher.parameters()).dtype
    heads = {}
    for layer in FIRST_LAYERS:
        thin = torch.cat([student(image[None], [layer])[layer] for image in images])
        wide = torch.cat([teacher(image[None].to(dtype), [layer])[layer].float() for image in images])
        inputs = thin.transpose(0, 1).flatten(1).mT
        outputs = wide.transpose(0, 1).flatten(1).mT
        heads[layer] = ridge_regression(inputs, outputs).mT.contiguous()
    return heads
