"""Style transfer by patches of deep features: Li and Wand's Markov random fields, with Champandard's label maps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor

import impasto
from impasto import Encoder, Preset, Style, Weights
from impasto.functional.batches import batch_item
from impasto.functional.resizing import Size, resize
from impasto.networks import PRETRAINED, check_layers, content_layer, largest_stride, loss_layers, records
from impasto.optim import LBFGS, Adam, Average, Descent, Optimiser, descend
from impasto.stage import covers, resized_style, style_of_picture, styles_with_weight

from .energy import Energy
from .field import Field
from .sources import patch_sources, random_blocks

PUBLISHED = {"encoder": "vgg19", "surface": 0.0, "content_weight": 0.17, "rematch": 1}
"""What the two scripts that Li and Wand published, cnnmrf.lua and run_trans.lua, have in common.  At 384×384 pixels
their content weight of 20 against 1e-4 for the patches is 0.17 here."""


class MRF(impasto.Stylizer, name="mrf"):
    """Paint with patches of the style, chosen and joined in the features of a network (Li and Wand 2016).

    Example:
        >>> import impasto
        >>> pipe = impasto.Pipeline(MRF(encoder="slim19", steps=5))
        >>> pipe(impasto.samples.content("astronaut", 64), impasto.samples.style("mosaic", 64)).size
        (64, 64)
    """

    smallest: ClassVar[int] = 16
    reflection_padding: ClassVar[int] = 8
    stroke: ClassVar[int] = 10
    regional: ClassVar[bool] = True
    bytes_per_pixel: ClassVar[int] = 2300  # measured at 192 and 384 pixels
    demo: ClassVar[Mapping[str, Any]] = {"steps": 40}
    presets: ClassVar[Mapping[str, Preset]] = {
        "gentle": Preset("keeps forms, and fewer things of the painting appear", content_weight=1.2),
        "wild": Preset("whole things of the painting appear in the photograph", content_weight=0.2),
        "cnnmrf": Preset("as cnnmrf.lua of Li and Wand", **PUBLISHED, content_layers=("relu4_1",)),
        "run-trans": Preset(
            "as run_trans.lua of Li and Wand", **PUBLISHED, content_layers=("relu4_2",), rotations=1, scales=1
        ),
    }
    known_weights: ClassVar[tuple[Weights, ...]] = tuple(PRETRAINED.values())

    encoder: str = impasto.param(
        reads=True,
        default="slim19-half",
        help="encoder: slim19 (fastest), slim19-half, vgg19, another's name, or a checkpoint's path",
    )
    layers: tuple[str, ...] = impasto.param(
        default=(),
        help="where patches are matched; deeper ones hold larger forms; empty: the last two style layers down to the"
        " content layer",
    )
    patch: int = impasto.param(default=3, low=1, high=9, odd=True, help="side of the patches in positions of a layer")
    content_weight: float = impasto.param(
        default=0.6,
        low=0,
        high=1e6,
        help="how much the content's forms are kept, four times as much at each coarser level; 0 keeps none",
    )
    content_layers: tuple[str, ...] = impasto.param(
        default=(), help="where the content is compared; empty: the encoder's content layer"
    )
    surface: float = impasto.param(
        default=0.6, low=0, high=1e6, help="how much pixels follow those under the matched patches: colours and strokes"
    )
    smoothness: float = impasto.param(
        default=2.0, low=0, high=1e6, help="weight of the squared differences of neighbours, which takes away grain"
    )
    guide_weight: float = impasto.param(
        default=1.0,
        low=0,
        high=100,
        help="what the same region adds to the correlation of two patches, which is 1 at most",
    )
    rotations: int = impasto.param(
        default=0, low=0, high=12, help="copies of the style turned to either side, by 7.5° each"
    )
    scales: int = impasto.param(default=0, low=0, high=12, help="copies of the style larger and smaller, by 5 % each")
    style_scale: float = impasto.param(
        default=1.0, low=0.1, high=4, help="size of the style's strokes: its area relative to the picture's"
    )
    init: str = impasto.param(
        default="content",
        choices=("content", "patches", "noise"),
        help="start from the content, from random patches of the style (for textures and doodles), or from noise",
    )
    levels: int = impasto.param(default=3, low=1, high=8, help="sizes to paint at, each half the next one")
    steps: int = impasto.param(default=100, low=1, high=100_000, help="optimisation steps at each level")
    rematch: int = impasto.param(
        default=10, low=1, high=100_000, help="steps after which the nearest patches are sought anew"
    )
    optimiser: str = impasto.param(default="l-bfgs", choices=("l-bfgs", "adam"), help="l-bfgs, or adam")
    learning_rate: float = impasto.param(
        default=0.02, low=1e-4, high=1, help="of Adam, as a share of a pixel's range; l-bfgs finds its own"
    )

    def weights(self) -> tuple[Weights, ...]:
        """Return the record of the encoder, unless it is a file or another plugin's."""
        return records(self.encoder)

    def chosen_layers(self, encoder: Encoder) -> list[str]:
        """Return where patches are matched, shallow to deep: of VGG relu3_1 and relu4_1."""
        layers = self.layers or loss_layers(encoder)[-2:]
        check_layers(self.name, encoder, layers, "layers")
        # Order does not matter to the sum, but the surface lies under the shallowest layer.
        return sorted(layers, key=list(encoder.layers).index)

    def stylize(self, content: Tensor, styles: Sequence[Style], guides: Tensor | None) -> Tensor:
        """Paint each picture of the batch by itself."""
        encoder = impasto.encoder(self.encoder, calibrated=True, device=content.device)
        size = (content.shape[-2], content.shape[-1])
        smallest = max(self.smallest, largest_stride(encoder, self.chosen_layers(encoder)))
        sizes = level_sizes(size, self.levels, smallest)
        painting = styles_with_weight(self.name, styles)
        total = len(content) * len(sizes) * self.steps
        finished: list[Tensor] = []

        def paint(index: int) -> Tensor:
            picture = batch_item(content, index)
            regions = content.new_ones(1, 1, *size) if guides is None else batch_item(guides, index)
            alone = [style_of_picture(style, index, regions.shape[1]) for style in painting]
            shares = content.new_tensor(
                [[style.weight * covers(style, region) for region in range(regions.shape[1])] for style in alone]
            )

            def energy_at(level: Size) -> Energy:
                return self.energy(encoder, picture, alone, shares, regions, level, coarser=size[0] / level[0])

            def after(run: Descent, losses: dict[str, Tensor]) -> None:
                step = (len(finished) * len(sizes) + run.level) * self.steps + run.step
                shown = run.average.value
                if len(content) > 1:
                    shown = torch.cat([*finished, resize(shown, size), content[index + 1 :]])
                self.report(step, total, shown, losses)

            start = self.start(picture, alone, regions, sizes[0])
            return descend(Descent(start, self._optimiser(), Average(0.0, start)), sizes, self.steps, energy_at, after)

        while len(finished) < len(content):
            finished.append(paint(len(finished)))
        return torch.cat(finished)

    def energy(
        self,
        encoder: Encoder,
        content: Tensor,
        styles: Sequence[Style],
        shares: Tensor,
        guides: Tensor,
        size: Size,
        coarser: float = 1.0,
    ) -> Energy:
        """Return what is minimised at one level.

        Args:
            encoder: whose features are compared.
            content: (1, 3, H, W).
            styles: each one picture, with guides (1, K, ·, ·).
            shares: (S, K), see `Field`.
            guides: (1, K, H, W).
            size: of the level.
            coarser: how much shorter its sides are than the finest level's.
        """
        generator = self.generator(content.device)
        layers, content_layers = self.chosen_layers(encoder), self.content_layers or (content_layer(encoder),)
        check_layers(self.name, encoder, content_layers, "content_layers")
        copies = (self.patch, self.rotations, self.scales)
        found = [
            patch_sources(encoder, self.scaled(style, size), layers, *copies, self.surface > 0) for style in styles
        ]
        small = resize(content, size)
        fields = {}
        for layer in layers:
            at = (size[0] // encoder.strides[layer], size[1] // encoder.strides[layer])
            regions = F.normalize(F.adaptive_avg_pool2d(guides, at), dim=1)
            fields[layer] = Field(
                [sources[layer] for sources in found], shares, regions, self.guide_weight, self.patch, generator
            )
        return Energy(
            encoder,
            fields,
            small,
            # As published: the content is a mean over positions, the field a sum, so that forms are found while the
            # picture is small, and then painted.
            content_weight=self.content_weight * coarser**2,
            content_layers=content_layers,
            surface=self.surface,
            smoothness=self.smoothness,
            rematch=self.rematch,
        )

    def start(self, content: Tensor, styles: Sequence[Style], guides: Tensor, size: Size) -> Tensor:
        """Return the picture (1, 3, h, w) that the coarsest level starts from."""
        generator = self.generator(content.device)
        if self.init == "patches":
            scaled = [self.scaled(style, size) for style in styles]
            regions = resize(guides, size)
            return random_blocks(scaled, regions, self.guide_weight, size, generator=generator)
        small = resize(content, size)
        return torch.empty_like(small).uniform_(generator=generator) if self.init == "noise" else small

    def scaled(self, style: Style, size: Size) -> Style:
        """Return a style whose strokes have the size that they should have in a picture of `size`."""
        return resized_style(style, size, self.style_scale, smallest=self.smallest)

    def _optimiser(self) -> Optimiser:
        return Adam(self.learning_rate) if self.optimiser == "adam" else LBFGS()


def level_sizes(size: Size, levels: int, smallest: int) -> list[Size]:
    """Return sizes from coarse to fine, each half the next, of which the shorter side is never below `smallest`.

    Example:
        >>> level_sizes((288, 384), 3, 16)
        [(72, 96), (144, 192), (288, 384)]
    """
    sizes = [(round(size[0] / 2**level), round(size[1] / 2**level)) for level in range(levels)]
    return [level for level in reversed(sizes) if min(level) >= min(smallest, *size)]
