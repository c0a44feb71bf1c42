"""Analogies: pictures of the same kind of thing exchange looks or colours, or an example shows what to do."""

from __future__ import annotations

from typing import ClassVar, Literal

import torch
from torch import Tensor

import impasto
from impasto import ParameterError, Weights
from impasto.functional.batches import batch_item
from impasto.functional.patches import NNF
from impasto.functional.resizing import resize, size_of
from impasto.networks import PRETRAINED, records

from .color import Report, color_transfer, neural_color
from .example import AnalogyByExample, image_analogy
from .fields import LEVEL_2, LEVEL_3, SMALLEST, Analogy, deep_analogy
from .parts import Part, PartwiseStylizer

__all__ = [
    "LEVEL_2",
    "LEVEL_3",
    "Analogy",
    "AnalogyByExample",
    "DeepAnalogy",
    "NeuralColor",
    "color_transfer",
    "deep_analogy",
    "image_analogy",
    "neural_color",
]

TASKS = {"photo-to-style": LEVEL_2, "style-to-photo": LEVEL_3, "photo-to-photo": LEVEL_3}
"""What content and style are, and the shares of the content's own features that suit them."""


class Correspondence(PartwiseStylizer):
    """Paint each part of the content after the part of the style that means the same; how, a subclass says."""

    smallest: ClassVar[int] = SMALLEST
    known_weights: ClassVar[tuple[Weights, ...]] = tuple(PRETRAINED.values())

    encoder: str = impasto.param(
        reads=True,
        default="slim19",
        help="encoder: slim19 (fastest), slim19-half, vgg19, another's name, or a checkpoint's path",
    )
    size: int = impasto.param(
        default=448,
        low=64,
        high=65_536,
        help="longer side in pixels at which parts are matched; larger pictures take the matches over",
    )
    iterations: int = impasto.param(
        default=3, low=1, high=1000, help="of PatchMatch at each layer; more follow fine texture and lose the meaning"
    )

    def weights(self) -> tuple[Weights, ...]:
        """Return the record of the encoder, unless it is a file or another plugin's."""
        return records(self.encoder)

    def paint(
        self,
        a: Tensor,
        b_prime: Tensor,
        guides: tuple[Tensor, Tensor] | None,
        report: Report,
        generator: torch.Generator,
    ) -> Tensor:
        """Return one picture (1, 3, H, W) painted after another one."""
        raise NotImplementedError

    def paint_part(
        self,
        result: Tensor,
        content: Tensor,
        index: int,
        part: Part,
        number: int,
        jobs: int,
        generator: torch.Generator,
    ) -> Tensor:
        """Return the pictures done so far with one more painted, where one style paints."""
        a, share = batch_item(content, index), batch_item(part.share, index)

        def with_part(picture: Tensor) -> Tensor:
            painted = batch_item(result, index) + share * (picture - a)
            return torch.cat([result[:index], painted, result[index + 1 :]])

        def report(step: int, steps: int, picture: Tensor, forward: NNF, backward: NNF) -> None:
            losses = {
                "forward": forward.distances.mean(),
                "backward": backward.distances.mean(),
                "inconsistency": forward.consistency(backward).mean(),
            }
            # Larger pictures are matched smaller.
            shown = with_part(resize(picture, size_of(a)))
            self.report(number * steps + step, jobs * steps, shown, losses)

        guides = None if part.guides is None else (batch_item(part.guides[0], index), batch_item(part.guides[1], index))
        return with_part(self.paint(a, batch_item(part.style.image, index), guides, report, generator))


class DeepAnalogy(Correspondence, name="analogy"):
    """Paint each part of the content with the part of the style that means the same (Liao et al. 2017)."""

    bytes_per_pixel: ClassVar[int] = 1300
    stroke: ClassVar[int] = 10

    task: Literal["photo-to-style", "style-to-photo", "photo-to-photo"] = impasto.param(
        default="photo-to-style",
        choices=tuple(TASKS),
        help="what content and style are; photo-to-photo takes the style's colours and keeps the content's detail",
    )
    blend: tuple[float, ...] = impasto.param(
        default=(),
        low=0,
        high=1,
        help="shares of the content's own features at relu4_1, 3_1, 2_1 and 1_1; none: those of the task",
    )
    steps: int = impasto.param(
        default=10, low=0, high=100_000, help="L-BFGS steps in search of the next layer's features"
    )

    def check(self) -> None:
        """Refuse a blend of too few or too many levels."""
        super().check()
        if len(self.blend) not in (0, len(LEVEL_2)):
            raise ParameterError(
                f"{self.name}: blend has {len(self.blend)} entr{'y' if len(self.blend) == 1 else 'ies'}\n"
                f"  what would work: 4, for relu4_1, relu3_1, relu2_1 and relu1_1, such as blend={LEVEL_2};"
                f" or blend=() for those of the task"
            )

    def paint(
        self,
        a: Tensor,
        b_prime: Tensor,
        guides: tuple[Tensor, Tensor] | None,
        report: Report,
        generator: torch.Generator,
    ) -> Tensor:
        """Return A′."""
        found = deep_analogy(
            a,
            b_prime,
            encoder=self.encoder,
            weights=self.blend or TASKS[self.task],
            size=self.size,
            steps=self.steps,
            iterations=self.iterations,
            guides=guides,
            report=lambda step, steps, now: report(step, steps, now.a_prime, now.forward, now.backward),
            generator=generator,
        )
        return color_transfer(a, found.a_prime) if self.task == "photo-to-photo" else found.a_prime


class NeuralColor(Correspondence, name="neural-color"):
    """Give each part of the content the colours of the part of the style that means the same (He et al. 2017)."""

    bytes_per_pixel: ClassVar[int] = 350

    def paint(
        self,
        a: Tensor,
        b_prime: Tensor,
        guides: tuple[Tensor, Tensor] | None,
        report: Report,
        generator: torch.Generator,
    ) -> Tensor:
        """Return the picture recoloured."""
        return neural_color(
            a,
            b_prime,
            encoder=self.encoder,
            size=self.size,
            iterations=self.iterations,
            guides=guides,
            report=report,
            generator=generator,
        )


@impasto.hookimpl
def impasto_stylizers() -> list[type[impasto.Stage]]:
    """Offer the stylizers."""
    return [AnalogyByExample, DeepAnalogy, NeuralColor]
