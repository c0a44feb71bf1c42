"""The stage: coarse to fine, each size matched once to the style's features and then painted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, ClassVar

import torch
from torch import Tensor

import impasto
from impasto import Encoder, Preset, Style, Weights
from impasto.functional.batches import batch_item
from impasto.functional.resizing import Size, resize, size_of
from impasto.networks import PRETRAINED, check_layers, encoder_memory, largest_stride, loss_layers, records
from impasto.optim import Average, Descent, descend
from impasto.stage import (
    CHECKPOINT_EVERY,
    Checkpoint,
    check_memory,
    covers,
    resized_style,
    run_identity,
    style_of_picture,
    styles_with_weight,
)

from .descent import PyramidAdam
from .hypercolumns import grid_layer
from .matching import Matcher
from .objective import Objective, rotated_copies
from .recoloring import recolor


class NNST(impasto.Stylizer, name="nnst"):
    """Paint each place of the content with the nearest features of the style (Kolkin et al. 2022).

    Example:
        >>> import impasto
        >>> pipe = impasto.Pipeline(NNST(encoder="slim19", steps=5))
        >>> pipe(impasto.samples.content("astronaut", 64), impasto.samples.style("mosaic", 64)).size
        (64, 64)
    """

    smallest: ClassVar[int] = 16
    reflection_padding: ClassVar[int] = 8
    stroke: ClassVar[int] = 10
    regional: ClassVar[bool] = True
    demo: ClassVar[Mapping[str, Any]] = {"encoder": "slim19", "steps": 20}
    presets: ClassVar[Mapping[str, Preset]] = {
        "face": Preset("keeps eyes and mouths where they are", coarsest=192, alpha=1.0),
        "wild": Preset("lets things of the painting appear in the photograph", alpha=0.3),
    }
    known_weights: ClassVar[tuple[Weights, ...]] = tuple(PRETRAINED.values())

    encoder: str = impasto.param(
        reads=True,
        default="slim19-half",
        help="encoder: slim19 (fastest), slim19-half, vgg19, another's name, or a checkpoint's path",
    )
    layers: tuple[str, ...] = impasto.param(
        default=(), help="what a place is compared by; empty: the encoder's style layers down to its content layer"
    )
    alpha: float = impasto.param(
        default=0.75,
        low=0,
        high=1,
        help="share of the content in what is matched, the rest being what was painted before; less is wilder",
    )
    coarsest: int = impasto.param(
        default=48,
        low=16,
        high=65_536,
        help="longer side in pixels to begin at, about, doubled from size to size; 96 or 192 keep faces",
    )
    steps: int = impasto.param(default=25, low=1, high=100_000, help="optimisation steps at each size")
    learning_rate: float = impasto.param(
        default=0.01, low=1e-4, high=1, help="of Adam, at each level of a pyramid, as a share of a pixel's range"
    )
    strokes: float = impasto.param(
        default=0.5,
        low=0,
        high=100,
        help="at the last size, how much each layer follows its own nearest features, which cleans strokes; 0: not",
    )
    smoothness: float = impasto.param(
        default=2.0, low=0, high=1e6, help="weight of the squared differences of neighbours, which takes away grain"
    )
    spread: float = impasto.param(
        default=0.5, low=0, high=10, help="how much features that many places want are put back, for more of the style"
    )
    rotations: int = impasto.param(default=0, low=0, high=3, help="copies of the style, each a quarter turn on")
    style_scale: float = impasto.param(
        default=1.0, low=0.1, high=4, help="size of the style's strokes: its area relative to the picture's"
    )
    guide_weight: float = impasto.param(
        default=1.0, low=0, high=100, help="what the same region adds to the cosine of two places, which is 1 at most"
    )
    colors: str = impasto.param(
        default="painted",
        choices=("painted", "moved"),
        help="painted: with the features; moved: the content's, moved to the style's mean and covariance",
    )
    checkpoint: str = impasto.param(
        default="",
        writes=True,
        help="file to keep a long run in until its picture is saved, and to go on from; empty: none",
    )

    def weights(self) -> tuple[Weights, ...]:
        """Return the record of the encoder, unless it is a file or another plugin's."""
        return records(self.encoder)

    def chosen_layers(self, encoder: Encoder) -> list[str]:
        """Return what places are compared by, shallow to deep."""
        layers = self.layers or loss_layers(encoder)
        check_layers(self.name, encoder, layers, "layers")
        return sorted(layers, key=list(encoder.layers).index)

    def stylize(self, content: Tensor, styles: Sequence[Style], guides: Tensor | None) -> Tensor:
        """Paint each picture of the batch by itself."""
        device, size = content.device, size_of(content)
        encoder = impasto.encoder(self.encoder, device=device)
        painting = styles_with_weight(self.name, styles)
        self._check_memory(encoder, size, len(painting), device)
        smallest = max(self.smallest, largest_stride(encoder, self.chosen_layers(encoder)))
        sizes = level_sizes(size, self.coarsest, smallest)
        generator = self.generator(device)
        checkpoint = Checkpoint(self.checkpoint, partial(run_identity, self, content, styles, guides))
        saved = checkpoint.load() or {"finished": [], "run": None, "began": None}
        finished = [image.to(device) for image in saved["finished"]]
        total = len(content) * len(sizes) * self.steps

        def paint(index: int) -> Tensor:
            picture = batch_item(content, index)
            regions = content.new_ones(1, 1, *size) if guides is None else batch_item(guides, index)
            alone = [style_of_picture(style, index, regions.shape[1]) for style in painting]
            start = resize(picture, sizes[0])
            run = Descent(start, PyramidAdam(self.learning_rate), Average(AVERAGE, start), generator=generator)
            began = start
            if saved["run"] is not None:
                run.restore(saved["run"])
                began = saved["began"].to(device)
                saved["run"] = None

            def keep() -> None:
                checkpoint.save({"finished": finished, "run": run.state(), "began": began})

            def objective_at(level: Size) -> Objective:
                nonlocal began
                if not run.step:
                    began = run.image
                return self.objective(
                    encoder,
                    resize(picture, level),
                    began if run.level else None,
                    alone,
                    resize(regions, level),
                    last=level == size,
                )

            def after(run: Descent, losses: dict[str, Tensor]) -> None:
                step = (index * len(sizes) + run.level) * self.steps + run.step
                shown = run.average.value
                if len(content) > 1:
                    shown = torch.cat([*finished, resize(shown, size), content[index + 1 :]])
                self.report(step, total, shown, losses)
                if step % CHECKPOINT_EVERY == 0:
                    keep()

            try:
                painted = descend(run, sizes, self.steps, objective_at, after)
            except KeyboardInterrupt:
                if run.whole:
                    keep()
                raise
            return recolor(painted, picture, alone, regions) if self.colors == "moved" else painted

        while len(finished) < len(content):
            finished.append(paint(len(finished)))
        checkpoint.finish({"finished": finished, "run": None, "began": None})
        return torch.cat(finished)

    def objective(
        self,
        encoder: Encoder,
        content: Tensor,
        start: Tensor | None,
        styles: Sequence[Style],
        guides: Tensor,
        *,
        last: bool,
    ) -> Objective:
        """Return what is minimised at one size.

        Args:
            encoder: whose features are compared.
            content: (1, 3, h, w), at this size.
            start: (1, 3, h, w), what was painted before; None at the coarsest size.
            styles: each one picture, with guides (1, K, ·, ·).
            guides: (1, K, h, w).
            last: whether this is the picture's own size, where strokes are painted.
        """
        layers = self.chosen_layers(encoder)
        scaled = [resized_style(style, size_of(content), self.style_scale, smallest=self.smallest) for style in styles]
        shares = content.new_tensor(
            [[style.weight * covers(style, region) for region in range(guides.shape[1])] for style in styles]
        )
        return Objective(
            encoder,
            layers,
            grid_layer(encoder, layers),
            [rotated_copies(encoder, style, layers, self.rotations) for style in scaled],
            guides,
            Matcher(shares, self.guide_weight, self.spread),
            content,
            start,
            alpha=self.alpha,
            strokes=self.strokes if last else 0.0,
            smoothness=self.smoothness,
            generator=self.generator(content.device),
        )

    def _check_memory(self, encoder: Encoder, size: Size, styles: int, device: torch.device) -> None:
        layers, pixels = self.chosen_layers(encoder), size[0] * size[1]
        width = 4 if torch.is_autocast_enabled(device.type) else 8
        kept = sum(4 * encoder.channels[layer] * pixels // encoder.strides[layer] ** 2 for layer in layers)
        columns = sum(encoder.channels[layer] for layer in layers) * pixels // 16 * 4
        copies = styles * (self.rotations + 1)
        needed = encoder_memory(encoder, layers, pixels, width // 2) + kept * (copies + 1) + columns * (copies + 6)
        remedies = [] if encoder.name == "slim19" else ["encoder='slim19', which is thinner"]
        check_memory(
            self.name,
            needed * 5 // 4 + TABLES,
            size,
            device,
            how=f" with the encoder {encoder.name}",
            remedies=[*remedies, *(["rotations=0"] if self.rotations else [])],
        )


AVERAGE = 0.8
"""Decay of the average over steps that is the picture: about the last five."""
TABLES = 300_000_000
"""Bytes of the tables of cosines, and of moments of small pictures."""


def level_sizes(size: Size, coarsest: int, smallest: int) -> list[Size]:
    """Return sizes from coarse to fine, each half the next: the longer side is about `coarsest` or more.

    Args:
        size: of the last.
        coarsest: of the longer side; within a tenth below counts.
        smallest: pixels that the shorter side has at least, the last size excepted.

    Example:
        >>> level_sizes((288, 384), 48, 16)
        [(36, 48), (72, 96), (144, 192), (288, 384)]
    """
    sizes = [size]
    while True:
        scale = 2 ** len(sizes)
        height, width = (round(side / scale) for side in size)
        if max(height, width) < 0.9 * coarsest or min(height, width) < smallest:
            return sizes[::-1]
        sizes.append((height, width))
