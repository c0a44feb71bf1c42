"""The energy of a picture: matched patches, the surface under them, the content's forms, and smoothness."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from impasto import Encoder
from impasto.functional.losses import relative_error, total_variation
from impasto.functional.patches import NNF

from .field import Field
from .layers import pixel_blocks, surface_layer, surface_side

TINY = 1e-12


class Target(NamedTuple):
    """The target of matched patches for a map: all that their energy depends on."""

    mean: Tensor
    """(1, C, h, w), the patches laid over each other and averaged."""
    spread: Tensor
    """How far patches that overlap disagree, a scalar: the part of the energy that no picture lowers."""
    power: Tensor
    """The mean squared length of their vectors, a scalar."""

    def energy(self, maps: Tensor) -> Tensor:
        """Return the squared distance of the patches of (1, C, h, w) to their matches, relative to these.

        With a match around every position, the squared distances of the patches over one position sum to their
        number times ‖value - mean‖² + spread, so no patch has to be taken out.  As in Li and Wand's code every
        position counts the same, though fewer patches lie over the border.
        """
        return ((maps.float() - self.mean).square().sum(1).mean() + self.spread) / self.power


def patch_target(nnf: NNF, maps: Sequence[Tensor], patch: int) -> Target:
    """Return the target of a field's matches, with patches from the sources' maps, each (1, C, h, w).

    Example:
        >>> import torch
        >>> from impasto.functional.patches import nearest
        >>> style = torch.rand(1, 8, 6, 6)
        >>> patch_target(nearest(style, [style]), [style], 3).energy(style).item() < 1e-6
        True
    """
    mean = nnf.vote(maps, patch)
    squares = nnf.vote([one.square().sum(1, keepdim=True) for one in maps], patch)
    spread = (squares - mean.square().sum(1, keepdim=True)).mean().clamp_min(0)
    return Target(mean, spread, squares.mean().clamp_min(TINY))


class Energy:
    """The energy of a picture, weighted, by name; callable with (1, 3, H, W), matching anew every `rematch` calls.

    Args:
        encoder: whose features are compared.
        fields: the Markov random field of each layer, shallow to deep.
        content: (1, 3, H, W), whose features at `content_layers` are kept.
        content_weight: of that.
        content_layers: where.
        surface: weight of the paint's surface under the matches of the shallowest field.
        smoothness: weight of the squared differences of neighbours.
        rematch: calls from one matching to the next.
    """

    def __init__(
        self,
        encoder: Encoder,
        fields: Mapping[str, Field],
        content: Tensor,
        *,
        content_weight: float,
        content_layers: Sequence[str],
        surface: float,
        smoothness: float,
        rematch: int,
    ) -> None:
        self.encoder, self.fields, self.rematch = encoder, fields, rematch
        self.content_weight, self.surface, self.smoothness = content_weight, surface, smoothness
        kept = list(content_layers) if content_weight else []
        self.surface_layer = surface_layer(encoder)
        self.layers = list(dict.fromkeys([*([self.surface_layer] if surface else []), *fields, *kept]))
        self.content = {layer: maps.float() for layer, maps in encoder.features(content, kept).items()} if kept else {}
        self.targets: dict[str, Target] = {}
        self.below: Target | None = None
        self.calls = 0

    def __call__(self, image: Tensor) -> dict[str, Tensor]:
        """Return the weighted energies."""
        features = self.encoder.features(image, self.layers)
        with torch.autocast(image.device.type, enabled=False):
            if self.calls % self.rematch == 0:
                self.match(features)
            self.calls += 1
            fields = [target.energy(features[layer]) for layer, target in self.targets.items()]
            energies = {"mrf": torch.stack(fields).mean()}
            if self.below is not None:
                side = surface_side(self.encoder, next(iter(self.fields)))
                under = pixel_blocks(features[self.surface_layer].float(), side)
                energies["surface"] = self.surface * self.below.energy(under)
            if self.content:
                kept = [relative_error(features[layer].float(), maps) for layer, maps in self.content.items()]
                energies["content"] = self.content_weight * torch.stack(kept).mean()
            if self.smoothness:
                energies["smoothness"] = self.smoothness * total_variation(image)
        return energies

    @torch.no_grad()
    def match(self, features: Mapping[str, Tensor]) -> None:
        """Find the nearest patches for features by layer."""
        for number, (layer, field) in enumerate(self.fields.items()):
            nnf = field.match(features[layer].float())
            self.targets[layer] = patch_target(nnf, [source.maps for source in field.sources], field.patch)
            if self.surface and number == 0:
                self.below = patch_target(nnf, [source.surface for source in field.sources], field.patch)
