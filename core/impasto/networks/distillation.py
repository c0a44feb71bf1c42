"""The training of the shipped encoders: VGG-19 made thin, distilled from VGG-19."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor, nn

from ..device import use_bfloat16
from ..errors import ParameterError
from ..functional import statistics
from ..functional.losses import relative_error
from ..optim import Soap
from ..stage import param
from ..training import Crops, Task, Trainer, pictures, save_half
from .encoders import encoder
from .student import Memory, Student, TeacherFeatures
from .thin_starts import (
    DEEPEST,
    feature_moments,
    feature_scales,
    initial_student,
    layers_after,
    widened,
)
from .vgg import CONVOLUTIONS, FIRST_LAYERS, VGG, by_convolution
from .vgg_checkpoints import load_vgg
from .vgg_encoder import require_vgg

WIDTHS: dict[str, Sequence[int] | Mapping[str, int]] = {
    "slim19": by_convolution((16, 32, 64, 128, 128)) | {"4_1": 192, "5_1": 256},
    "slim19-half": by_convolution((32, 64, 128, 320, 512)) | {"4_1": 384},
}
"""Channels of each convolution.  The last two where styles are measured are wider than the block between them: no
linear map from 128 channels gives more than 0.60 of the variance of VGG-19's relu5_1, and whole blocks take longer."""


LAYER_WEIGHTS = {"relu1_1": 4.0, "relu2_1": 1.0, "relu3_1": 1.0, "relu4_1": 1.0, "relu5_1": 2.0}
"""Weights of the layers' feature errors.  The first is small and would be given up for the deeper ones;
the last is the hardest and rests on all the others."""


GRAM_WEIGHT = 0.3
"""Of the relative error of Gram matrices beside that of features."""


METRIC_SAMPLES = 128
"""Crops that the metrics of a network's file are fitted to."""


REMEMBERED = 1024
"""Crops whose features of the teacher are remembered where each is learned from more than once."""


class Slim19(Trainer, name="slim19"):
    """Distil VGG-19 into thin networks: the training of the encoders that ship with Impasto (Romero et al. 2015).

    Example:
        >>> Slim19(images="photographs", styles="paintings", networks=["slim19"]).size
        160
    """

    steps = 6_000
    precision = "bf16"
    average = 0.995

    images: str = param(reads=True, help="folder of photographs")
    styles: str = param(reads=True, help="folder of paintings")
    networks: tuple[str, ...] = param(
        default=("slim19", "slim19-half"), choices=tuple(WIDTHS), help="which networks to train, side by side"
    )
    teacher: str = param(reads=True, default="vgg19", help="VGG-19: an encoder's name or a file")
    start: str = param(
        reads=True,
        default="",
        help="folder with networks to start from, named as slim19.safetensors; empty: the teacher's channels",
    )
    frozen: str = param(
        default="",
        choices=("", *CONVOLUTIONS[: CONVOLUTIONS.index(DEEPEST)]),
        help="last convolution that keeps the numbers it starts with; empty: all are trained",
    )
    size: int = param(default=160, low=96, high=65_536, help="side of the crops in pixels")
    natural: int = param(default=4, low=1, high=1024, help="natural crops in a step")
    repeats: int = param(
        default=1,
        low=1,
        high=1024,
        help="how often a natural crop is shown: the teacher takes longest",
    )
    painted: int = param(
        default=2, low=0, high=1024, help="pictures in mid-optimisation in a step, by one network in turn"
    )
    optimiser: Literal["adamw", "soap"] = param(default="adamw", help="what takes the steps")
    learning_rate: float = param(default=1e-3, low=0, high=10, help="of the optimiser")

    def check(self) -> None:
        """Refuse what does not go together."""
        super().check()
        if self.frozen and not self.start:
            raise ParameterError(
                f"{self.name}: frozen = {self.frozen!r} needs networks whose numbers are kept\n"
                "  what would work: start, a folder with them; or frozen = '', which trains all"
            )

    def task(self, device: torch.device, seed: int = 0) -> Distillation:
        """Return the task, its networks started from the teacher's channels."""
        return Distillation(self, require_vgg(self.name, encoder(self.teacher)).network, device, seed)


class Distillation(Task):
    """Train thin networks to give VGG-19's features, on natural crops and on pictures in mid-optimisation.

    Each network imitates the teacher through a linear head per layer.  Part of what it sees are pictures that a thin
    network's style gradient is painting: an optimiser that uses it as a loss leaves natural pictures quickly, and
    there the networks must still agree with the teacher.

    What the teacher made of natural crops may be remembered and shown again, since it takes longer than thin networks;
    and the first convolutions may keep their numbers, and with them all that was trained on their features.

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
        self.precision = torch.bfloat16 if use_bfloat16(device, "auto") else torch.float32
        teacher = deepcopy(teacher)  # the encoder's own stays as it is
        self.teacher = teacher.to(device, self.precision).to(memory_format=torch.channels_last).eval()
        self.teacher.requires_grad_(False)
        self.photographs = Crops(pictures(trainer.images), trainer.size, aspect=1.1)
        self.paintings = Crops(pictures(trainer.styles), trainer.size, aspect=1.4)  # found squeezed to squares
        self.layers = layers_after(trainer.frozen)
        rng = torch.Generator().manual_seed(seed)
        sample = self._draw(24, rng).to(device)
        self.scales = feature_scales(self.teacher, sample, self.layers)
        self.networks, self.pools = {}, {}
        for name in trainer.networks:
            thin = self._start(name, sample).to(device)
            student = Student(thin, feature_moments(thin, self.teacher, sample, self.scales))
            self.networks[name] = student.to(device).to(memory_format=torch.channels_last)
            self.pools[name] = [self._restart(rng) for _ in range(trainer.painted)]
        self.memory = Memory(REMEMBERED)
        self.turn = 0
        everything = nn.ModuleList(self.networks.values())
        if trainer.optimiser == "soap":
            self.optimisers = {"all": Soap(everything, lr=trainer.learning_rate, factors="tensor")}
        else:
            trained = [p for p in everything.parameters() if p.requires_grad]
            self.optimisers = {"all": torch.optim.AdamW(trained, lr=trainer.learning_rate, weight_decay=1e-4)}

    def _start(self, name: str, sample: Tensor) -> VGG:
        """Return a network to train, its frozen convolutions and their layers' metrics as they are."""
        if not self.trainer.start:
            return initial_student(self.teacher, WIDTHS[name], sample)
        narrow = load_vgg(Path(self.trainer.start, f"{name}.safetensors"))
        network = widened(narrow, WIDTHS[name])
        for convolution in CONVOLUTIONS[: CONVOLUTIONS.index(self.trainer.frozen) + 1 if self.trainer.frozen else 0]:
            network.get_submodule(f"conv{convolution}").requires_grad_(False)
        for layer in FIRST_LAYERS:
            if layer not in self.layers:
                network.register_buffer(metric_of(layer), narrow.get_buffer(metric_of(layer)))
        return network

    def _draw(self, count: int, rng: torch.Generator) -> Tensor:
        paintings = (count + int(torch.randint(2, (), generator=rng, device="cpu"))) // 2
        drawn = [
            crops.draw(part, rng)
            for crops, part in ((self.photographs, count - paintings), (self.paintings, paintings))
            if part
        ]
        return torch.cat(drawn)

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
        """Return new natural crops, photographs and paintings by halves."""
        return self._draw(-(-self.trainer.natural // self.trainer.repeats), rng)

    def losses(
        self, networks: Mapping[str, nn.Module], batch: Tensor, rng: torch.Generator
    ) -> Iterator[tuple[str, dict[str, Tensor]]]:
        """Yield the feature and Gram errors of every network, and move the pictures of one of them one step on."""
        painter = list(self.pools)[self.turn % len(self.pools)]
        self.turn += 1
        pool = self.pools[painter]
        features = self._teach(torch.cat([batch, *(p["image"] for p in pool)]))
        painted = {layer: x[len(batch) :] for layer, x in features.items()}
        natural = {layer: x[: len(batch)] for layer, x in features.items()}
        if self.trainer.repeats > 1:
            self.memory.add(batch, natural)
            batch, natural = self.memory.draw(self.trainer.natural, rng)
        shown = {"natural": (batch, natural)}
        if pool:
            shown["painted"] = torch.cat([p["image"] for p in pool]), painted
        losses: dict[str, Tensor] = {}
        for part, (pixels, truth) in shown.items():
            teacher = {layer: TeacherFeatures.of(x) for layer, x in truth.items()}
            for name in self.pools:
                painting = part == "painted" and name == painter
                image = self._prepared(pixels).requires_grad_(painting)
                errors, grams = networks[name](image, teacher, FIRST_LAYERS if painting else self.layers)
                if painting:
                    direction = self._style_gradient(networks[name], grams, pool, image)
                gram_errors = [
                    relative_error(grams[layer], teacher[layer].gram, (1, 2)).mean() for layer in self.layers
                ]
                weighted = [LAYER_WEIGHTS[layer] * errors[layer] for layer in self.layers]
                losses[f"{name} {part}"] = torch.stack(weighted).mean()
                losses[f"{name} {part} gram"] = GRAM_WEIGHT * torch.stack(gram_errors).mean()
        if pool:
            self._advance(pool, direction, rng)
        yield "all", losses

    @torch.no_grad()
    def _teach(self, images: Tensor) -> dict[str, Tensor]:
        """Return the teacher's features of pictures, of size one, by layer in half precision."""
        features = self.teacher(self._prepared(images, self.precision), self.layers)
        return {layer: (x.float() / self.scales[layer]).half() for layer, x in features.items()}

    def _prepared(self, image: Tensor, dtype: torch.dtype = torch.float32) -> Tensor:
        return image.to(self.device, dtype).contiguous(memory_format=torch.channels_last)

    def _style_gradient(
        self, network: nn.Module, grams: Mapping[str, Tensor], pool: list[dict[str, Any]], image: Tensor
    ) -> Tensor:
        fresh = [p for p in pool if "grams" not in p]
        if fresh:
            with torch.no_grad():
                style_grams = network(self._prepared(torch.cat([p["style"] for p in fresh])), {}, FIRST_LAYERS)[1]
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
        """Return the pools and whose turn it is; what is remembered is not kept, and learned anew."""
        return {"pools": self.pools, "turn": self.turn}

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Take back the pools and the turn."""
        self.turn = state["turn"]
        self.pools = {name: list(pool) for name, pool in state["pools"].items()}

    def export(self, networks: Mapping[str, nn.Module], folder: Path) -> list[Path]:
        """Write each network in fp16, with the metric that makes its losses those of the teacher."""
        files = []
        sample = self._draw(METRIC_SAMPLES, torch.Generator().manual_seed(0)).to(self.device)
        for name, network in networks.items():
            assert isinstance(network, Student)
            tensors = {k: v for k, v in network.network.state_dict().items() if k not in ("mean", "std")}
            for layer, moments in feature_moments(network.network, self.teacher, sample, self.scales).items():
                head = moments.head() * self.scales[layer]
                tensors[metric_of(layer)] = statistics.matrix_power(head.mT @ head, 0.5, floor=0)
            files.append(save_half(folder / f"{name}.safetensors", tensors))
        return files


def metric_of(layer: str) -> str:
    """Return the name that the metric of a layer has in a network's file."""
    return f"metric{layer.removeprefix('relu')}"
