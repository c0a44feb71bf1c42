"""A thin network as a student: its heads, the teacher's features that they are to give, and those remembered."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from .thin_starts import FeatureMoments
from .vgg import FIRST_LAYERS, VGG

FORGETTING = 0.02
"""Share of the latest batch in the moments that heads are solved from."""


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


class Memory:
    """Keep crops and the teacher's features of them, the latest ones, to learn from each several times.

    Args:
        size: how many crops at most.
    """

    def __init__(self, size: int) -> None:
        self.size = size
        self.entries: list[tuple[Tensor, dict[str, Tensor]]] = []

    def add(self, crops: Tensor, features: Mapping[str, Tensor]) -> None:
        """Take in crops (B, 3, H, W) and features (B, C, h, w) by layer, and forget the oldest."""
        for i, crop in enumerate(crops):
            self.entries.append((crop[None], {layer: x[i : i + 1].clone() for layer, x in features.items()}))
        self.entries = self.entries[-self.size :]

    def draw(self, count: int, rng: torch.Generator) -> tuple[Tensor, dict[str, Tensor]]:
        """Return different crops and their features, as many as are asked for or there are."""
        chosen = torch.randperm(len(self.entries), generator=rng, device="cpu")[:count].tolist()
        entries = [self.entries[i] for i in chosen]
        layers = entries[0][1]
        return torch.cat([crop for crop, _ in entries]), {
            layer: torch.cat([features[layer] for _, features in entries]) for layer in layers
        }


class Student(nn.Module):
    """A thin network and its heads, the linear maps from its features to the teacher's at the layers that it learns.

    The heads are not trained: they are those of least squares for the features that it lately gave, and the network
    learns what no head can make up for (variable projection, Golub and Pereyra 1973).  Trained beside the network,
    they lag behind it for thousands of steps.
    """

    def __init__(self, network: VGG, moments: Mapping[str, FeatureMoments]) -> None:
        super().__init__()
        self.network = network
        self.layers = tuple(moments)
        for layer, known in moments.items():
            self.register_buffer(f"thin_{layer}", known.thin.clone())
            self.register_buffer(f"cross_{layer}", known.cross.clone())
            self.register_buffer(f"head_{layer}", known.head())

    def head(self, layer: str) -> Tensor:
        """Return the matrix (C, c) of a layer's head."""
        return self.get_buffer(f"head_{layer}")

    @torch.no_grad()
    def _take_in(self, layer: str, moments: FeatureMoments) -> None:
        """Solve the head anew with the moments of a batch."""
        thin, cross = self.get_buffer(f"thin_{layer}"), self.get_buffer(f"cross_{layer}")
        thin.lerp_(moments.thin, FORGETTING)
        cross.lerp_(moments.cross, FORGETTING)
        self.head(layer).copy_(FeatureMoments(thin, cross).head())

    def forward(
        self, image: Tensor, teacher: Mapping[str, TeacherFeatures], layers: Iterable[str] = FIRST_LAYERS
    ) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """Return by layer the squared error of the estimated features, relative to their variance, and Gram matrices.

        With head H, the student's features s and the teacher's t, both follow from the student's moments: the Gram
        matrix is H (s sᵀ) Hᵀ and the error tr H (s sᵀ) Hᵀ - 2 tr H (s tᵀ) + tr t tᵀ, so nothing wide is ever computed.
        Of a layer without a head the Gram matrix is the student's own.
        """
        errors, grams = {}, {}
        features = self.network(image, list(layers))
        with torch.autocast(image.device.type, enabled=False):
            for layer, thin in features.items():
                flat = thin.float().flatten(2)
                own = grams[layer] = flat @ flat.mT / flat.shape[-1]
                if layer not in self.layers:
                    continue
                head = self.head(layer).clone()  # which is solved anew before the gradient asks for it
                grams[layer] = head @ own @ head.mT
                if layer in teacher:
                    target = teacher[layer]
                    cross = target.features @ flat.mT / flat.shape[-1]
                    power = grams[layer].diagonal(dim1=1, dim2=2).sum() - 2 * (head * cross).sum()
                    power = power + target.gram.diagonal(dim1=1, dim2=2).sum()
                    # Of all pictures together, as R² counts: a flat one has next to no variance of its own.
                    variance = target.variance.sum().clamp_min(1e-6)
                    errors[layer] = power / variance
                    if self.training:
                        self._take_in(layer, FeatureMoments(own.sum(0) / variance, cross.sum(0) / variance))
        return errors, grams
